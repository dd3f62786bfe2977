/* The floor of a relay: librabbitmq, one thread, no security above TLS, nothing recorded.
 *
 *   relay HOST PORT CA CERTIFICATE KEY ITEMS BATCH SOURCE[,SOURCE...] EXCHANGE ROUTING_KEY
 *
 * Takes messages from the sources on one connection, publishes each on another (persistent, mandatory, confirms on),
 * waits until a batch is confirmed, and acknowledges the batch with one word. Prints JSON: [[time, items, CPU], ...].
 */
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static void must(int good, const char *what) {
  if (!good) {
    fprintf(stderr, "relay: %s failed\n", what);
    exit(1);
  }
}

static void answered(amqp_connection_state_t connection, const char *what) {
  must(amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL, what);
}

static amqp_connection_state_t dial(char **argument) {
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_ssl_socket_new(connection);
  must(socket != NULL, "making a socket");
  must(amqp_ssl_socket_set_cacert(socket, argument[3]) == 0, "reading the authority");
  must(amqp_ssl_socket_set_key(socket, argument[4], argument[5]) == 0, "reading the certificate");
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  must(amqp_socket_open(socket, argument[1], atoi(argument[2])) == 0, "connecting");
  amqp_rpc_reply_t reply = amqp_login(connection, "/", 0, 131072, 60, AMQP_SASL_METHOD_EXTERNAL, "gateway");
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) fprintf(stderr, "%s\n", amqp_error_string2(reply.library_error));
  must(reply.reply_type == AMQP_RESPONSE_NORMAL, "logging in");
  amqp_channel_open(connection, 1);
  answered(connection, "opening a channel");
  return connection;
}

static void mark(int items) {
  struct rusage used;
  struct timespec now;
  getrusage(RUSAGE_SELF, &used);
  clock_gettime(CLOCK_MONOTONIC, &now);
  printf("%s[%.6f,%d,%.6f]", items ? "," : "[", now.tv_sec + now.tv_nsec / 1e9, items,
         used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

/* Count what is confirmed, each once: a word for many may name some that were confirmed alone. */
static void confirmed(amqp_connection_state_t connection, int upto, int *seen, uint64_t *last, char *known) {
  while (*seen < upto) {
    amqp_frame_t frame;
    must(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "waiting for confirmations");
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    must(frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "having everything confirmed");
    amqp_basic_ack_t *ack = frame.payload.method.decoded;
    for (uint64_t tag = ack->multiple ? *last + 1 : ack->delivery_tag; tag <= ack->delivery_tag; tag++) {
      *seen += !known[tag];
      known[tag] = 1;
    }
    if (ack->multiple) *last = ack->delivery_tag;
    amqp_maybe_release_buffers(connection);
  }
}

int main(int count, char **argument) {
  must(count == 11, "reading the command line");
  int items = atoi(argument[6]), batch = atoi(argument[7]), done = 0;
  amqp_connection_state_t in = dial(argument), out = dial(argument);
  amqp_basic_qos(in, 1, 0, (uint16_t)(4 * batch), 0);
  answered(in, "setting the prefetch");
  for (char *name = strtok(argument[8], ","); name != NULL; name = strtok(NULL, ",")) {
    amqp_basic_consume(in, 1, amqp_cstring_bytes(name), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    answered(in, "consuming");
  }
  amqp_confirm_select(out, 1);
  answered(out, "asking for confirmations");
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = 2;
  uint64_t last = 0, tag = 0;
  int seen = 0;
  char *known = calloc((size_t)items + 1, 1);
  must(known != NULL, "having memory");
  mark(0);
  while (done < items) {
    int size = items - done < batch ? items - done : batch;
    for (int at = 0; at < size; at++) {
      amqp_envelope_t envelope;
      amqp_maybe_release_buffers(in);
      must(amqp_consume_message(in, &envelope, NULL, 0).reply_type == AMQP_RESPONSE_NORMAL, "taking a message");
      must(amqp_basic_publish(out, 1, amqp_cstring_bytes(argument[9]), amqp_cstring_bytes(argument[10]), 1, 0,
                              &properties, envelope.message.body) == AMQP_STATUS_OK, "publishing");
      tag = envelope.delivery_tag;
      amqp_destroy_envelope(&envelope);
    }
    done += size;
    confirmed(out, done, &seen, &last, known);
    must(amqp_basic_ack(in, 1, tag, 1) == 0, "acknowledging");
    mark(done);
  }
  printf("]\n");
  amqp_connection_close(in, AMQP_REPLY_SUCCESS);
  amqp_connection_close(out, AMQP_REPLY_SUCCESS);
  return 0;
}
