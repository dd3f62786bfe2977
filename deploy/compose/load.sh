#!/bin/sh
# Runs at every start, between the database and the broker: the newest directory goes into the ledger, and what the broker
# is to load comes out of it. Run again it changes nothing.
set -eu

ROOT=${BUREAUNET_ROOT:-/srv}

bureaunet-gateway participant load "$ROOT/network/directory.cbor"
bureaunet-gateway broker definitions --out "$ROOT/broker-definitions/definitions.json"
