#!/bin/sh
# Runs once, as root and without a network, before everything else: makes the gateways' keys, the authority with its
# network file and certificates, the broker's certificate, the homes of everybody in an exercise, and all passwords, each
# in the volume of those who need it. Run again it changes nothing. Only what is in `network` is public; the authority's
# keys and their passphrase stay in volumes that no running service mounts: move both away, to two places.
set -eu

ROOT=${BUREAUNET_ROOT:-/srv}
RABBITMQ=999 # the user ids of the images
POSTGRES=999
GATEWAY=10001

cd "$ROOT"
if [ -e authority/done ]; then
  echo "init: done before"
  exit 0
fi
if [ -e authority/begun ]; then
  echo "init: it was cut off half-way; remove the volumes and begin again: docker compose down --volumes" >&2
  exit 1
fi
touch authority/begun
umask 077

secret() {
  python -c 'import secrets; print(secrets.token_urlsafe(32), end="")' >"$1"
}

secret gateway-secrets/passphrase
secret gateway-secrets/database-password
secret authority-passphrase/passphrase
secret registry/password
cp gateway-secrets/database-password database/password
cp registry/password database/registry-password

set --
for url in $BUREAUNET_GATEWAYS; do
  host=${url#https://}
  set -- "$@" --host "${host%:*}"
done
bureaunet-gateway init --home gateway --origin "$BUREAUNET_ORIGIN" "$@"
bureaunet-gateway authority init --home authority --service gateway/service-request.cbor \
  --name "A network for exercises" --exercise
bureaunet-gateway init --home gateway --complete --network authority/network.bn \
  --certificate authority/certificates/gateway.pem --ca authority/ca.pem

host=${BUREAUNET_BROKER_URL#amqps://}
bureaunet-gateway broker request --host "${host%:*}" --key broker/server.key --out broker/server.csr
bureaunet-gateway authority server-certificate --home authority broker/server.csr --out broker/server.pem
cp authority/ca.pem broker/ca.pem

bureaunet exercise enrol "$BUREAUNET_EXERCISE" --homes exercise/homes --link amqp
bureaunet-gateway authority approve --home authority exercise/homes/*/request.cbor
set --
for url in $BUREAUNET_GATEWAYS; do
  set -- "$@" --gateway "$url"
done
bureaunet exercise enrol "$BUREAUNET_EXERCISE" --homes exercise/homes --complete --network authority/network.bn \
  --certificates authority/certificates --ca authority/ca.pem "$@" --broker "$BUREAUNET_BROKER_URL"

cp authority/network.bn authority/ca.pem authority/directory.cbor network
chmod 755 network broker-definitions
chmod 644 network/*
if [ "$(id -u)" = 0 ]; then
  chown -R "$RABBITMQ" broker
  chown "$POSTGRES" database/registry-password
  chown -R "$GATEWAY" gateway gateway-secrets network exercise registry broker-definitions state-1 state-2
fi
touch authority/done
