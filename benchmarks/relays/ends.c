/* Both ends of a link at a set pace, with librabbitmq: they take little of the cores that are measured.
 *
 *   ends send HOST PORT FOLDER RATE URGENCY NAME[,NAME...]
 *       publishes what FOLDER/bodies holds (each: number of the NAME as one byte, length as four in the machine's order,
 *       bytes), over each NAME's own connection, without waiting for anything; at the end for the broker's confirmation
 *       of each, as one that is not confirmed may be lost. Prints when the first one was due.
 *   ends take HOST PORT FOLDER QUEUE NAME COUNT
 *       takes COUNT messages but for receipts, and writes them into FOLDER/taken.NAME (each: seconds as a double,
 *       length, bytes). Prints `ready` once it may come. Acknowledges some at once, as recipients do.
 *
 * FOLDER/tls has NAME.ca, NAME.crt and NAME.key. Times are of CLOCK_MONOTONIC.
 */
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64, LARGEST = 1 << 20, PATIENCE = 60, PREFETCH = 512, TOGETHER = 64 };

static void must(int good, const char *what) {
  if (!good) {
    fprintf(stderr, "ends: %s failed\n", what);
    exit(1);
  }
}

static void replied(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  int library = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION;
  fprintf(stderr, "ends: %s failed: %s\n", what, library ? amqp_error_string2(reply.library_error) : "refused");
  exit(1);
}

static double now(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return moment.tv_sec + moment.tv_nsec / 1e9;
}

static void until(double moment) {
  struct timespec at = {(time_t)moment, (long)((moment - (time_t)moment) * 1e9)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static const char *file(const char *folder, const char *name, const char *ending) {
  static char paths[3][1024];
  static int turn;
  char *path = paths[turn++ % 3];
  snprintf(path, sizeof paths[0], "%s/%s%s", folder, name, ending);
  return path;
}

static amqp_connection_state_t dial(const char *host, const char *port, const char *folder, const char *name) {
  char base[128];
  snprintf(base, sizeof base, "tls/%s", name);
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_ssl_socket_new(connection);
  must(socket != NULL, "making a socket");
  must(amqp_ssl_socket_set_cacert(socket, file(folder, base, ".ca")) == 0, "reading the authority");
  must(amqp_ssl_socket_set_key(socket, file(folder, base, ".crt"), file(folder, base, ".key")) == 0,
       "reading the certificate");
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  must(amqp_socket_open(socket, host, atoi(port)) == 0, "connecting");
  replied(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_EXTERNAL, name), "logging in");
  amqp_channel_open(connection, 1);
  replied(amqp_get_rpc_reply(connection), "opening a channel");
  return connection;
}

/* Wait until the broker took all of them, in whatever order. */
static void confirmed(amqp_connection_state_t connection, uint64_t sent) {
  char *sure = calloc(sent + 1, 1);
  must(sure != NULL, "having memory for the confirmations");
  for (uint64_t left = sent, below = 1; left > 0;) {
    amqp_frame_t frame;
    struct timeval patience = {PATIENCE, 0};
    amqp_maybe_release_buffers(connection);
    must(amqp_simple_wait_frame_noblock(connection, &frame, &patience) == AMQP_STATUS_OK, "waiting for a confirmation");
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    must(frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "having all taken by the broker");
    amqp_basic_ack_t *ack = frame.payload.method.decoded;
    must(ack->delivery_tag <= sent, "reading a confirmation");
    for (uint64_t tag = ack->multiple ? below : ack->delivery_tag; tag <= ack->delivery_tag; tag++) {
      left -= !sure[tag];
      sure[tag] = 1;
    }
    while (below <= sent && sure[below]) below++;
  }
  free(sure);
}

static void send_all(char **said) {
  const char *folder = said[4], *urgency = said[6];
  double rate = atof(said[5]);
  char *names[MOST];
  amqp_connection_state_t connections[MOST];
  uint64_t sent[MOST];
  int known = 0;
  for (char *name = strtok(said[7], ","); name != NULL; name = strtok(NULL, ",")) {
    must(known < MOST, "having room for so many senders");
    names[known] = name;
    connections[known] = dial(said[2], said[3], folder, name);
    amqp_confirm_select(connections[known], 1);
    replied(amqp_get_rpc_reply(connections[known]), "asking for confirmations");
    sent[known++] = 0;
  }
  FILE *bodies = fopen(file(folder, "bodies", ""), "rb");
  must(bodies != NULL, "opening the bodies");
  static char body[LARGEST];
  double begun = now() + 0.2;
  printf("%.6f\n", begun);
  fflush(stdout);
  uint8_t who;
  uint32_t size;
  for (long at = 0; fread(&who, 1, 1, bodies) == 1; at++) {
    must(fread(&size, sizeof size, 1, bodies) == 1 && size <= LARGEST && who < known, "reading a body's head");
    must(fread(body, 1, size, bodies) == size, "reading a body");
    char exchange[80];
    snprintf(exchange, sizeof exchange, "submit.%s", names[who]);
    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_USER_ID_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.delivery_mode = 2;
    properties.type = amqp_cstring_bytes("envelope");
    properties.user_id = amqp_cstring_bytes(names[who]);
    properties.message_id = amqp_cstring_bytes("paced");
    until(begun + at / rate);
    amqp_bytes_t bytes = {size, body};
    must(amqp_basic_publish(connections[who], 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(urgency), 0, 0,
                            &properties, bytes) == AMQP_STATUS_OK,
         "publishing");
    sent[who]++;
  }
  for (int each = 0; each < known; each++) confirmed(connections[each], sent[each]);
  for (int each = 0; each < known; each++) amqp_connection_close(connections[each], AMQP_REPLY_SUCCESS);
}

static void take_all(char **said) {
  amqp_connection_state_t connection = dial(said[2], said[3], said[4], said[6]);
  amqp_basic_qos(connection, 1, 0, PREFETCH, 0);
  replied(amqp_get_rpc_reply(connection), "setting how much may come");
  amqp_basic_consume(connection, 1, amqp_cstring_bytes(said[5]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  replied(amqp_get_rpc_reply(connection), "consuming");
  char name[128];
  snprintf(name, sizeof name, "taken.%s", said[6]);
  FILE *taken = fopen(file(said[4], name, ""), "wb");
  must(taken != NULL, "opening what is taken");
  printf("ready\n");
  fflush(stdout);
  for (long left = atol(said[7]); left > 0;) {
    amqp_envelope_t envelope;
    struct timeval patience = {PATIENCE, 0};
    amqp_maybe_release_buffers(connection);
    replied(amqp_consume_message(connection, &envelope, &patience, 0), "taking a message");
    double moment = now();
    amqp_bytes_t type = envelope.message.properties.type, body = envelope.message.body;
    int typed = envelope.message.properties._flags & AMQP_BASIC_TYPE_FLAG;
    if (!typed || type.len != 7 || memcmp(type.bytes, "receipt", 7) != 0) {
      uint32_t size = (uint32_t)body.len;
      fwrite(&moment, sizeof moment, 1, taken);
      fwrite(&size, sizeof size, 1, taken);
      must(fwrite(body.bytes, 1, size, taken) == size, "writing what is taken");
      left--;
    }
    if (envelope.delivery_tag % TOGETHER == 0)
      must(amqp_basic_ack(connection, 1, envelope.delivery_tag, 1) == 0, "acknowledging");
    amqp_destroy_envelope(&envelope);
  }
  must(fclose(taken) == 0, "writing what is taken");
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
}

int main(int count, char **said) {
  must(count == 8, "reading the command line");
  if (strcmp(said[1], "send") == 0)
    send_all(said);
  else
    take_all(said);
  return 0;
}
