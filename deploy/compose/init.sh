#!/bin/sh
# Runs once, as root, before everything else: makes the authority, the gateways' keys, the broker's certificates and
# definitions and the database's password, each in the volume of the one service that needs it. Run again it changes
# nothing. Only the network file is public; the authority's keys stay in a volume that no running service mounts.
set -eu

RABBITMQ=999   # the user ids of the images
GATEWAY=10001

if [ -e /srv/authority/done ]; then
  echo "init: done before"
  exit 0
fi
umask 077

bureaunet-gateway authority init --folder /srv/authority
bureaunet-gateway init --folder /srv/gateway --authority /srv/authority \
  --network-file /srv/network/network.cbor \
  --url https://gateway-1:8443 --url https://gateway-2:8443 \
  --amqp amqps://broker:5671

bureaunet-gateway broker definitions --folder /srv/gateway --out /srv/broker/definitions.json
bureaunet-gateway broker certificate --authority /srv/authority --host broker --out /srv/broker

python -c 'import secrets; print(secrets.token_urlsafe(32), end="")' >/srv/database/password
cp /srv/database/password /srv/gateway/database-password

chown -R "$RABBITMQ" /srv/broker
chown -R "$GATEWAY" /srv/gateway /srv/network /srv/exercise
chmod 755 /srv/network
chmod 644 /srv/network/*
touch /srv/authority/done
