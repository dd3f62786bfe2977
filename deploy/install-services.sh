#!/usr/bin/env bash
# Installs the Debian packages whose programs the tests and `make demo LINK=amqp` start themselves. No service is
# started: policy-rc.d forbids it while packages are set up. PostgreSQL is not here, it comes as a Python package.
#
#   deploy/install-services.sh [rabbitmq-server] [docker-compose] [softhsm2] [chromium] [prometheus]      (all, if none is named)
#   deploy/install-services.sh librabbitmq-dev gcc libc6-dev                      (what `make bench` compiles with)
set -euo pipefail

policy=/usr/sbin/policy-rc.d

installed() {
  case $1 in
    rabbitmq-server) [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] ;;
    chromium) [ -x /usr/bin/chromium ] ;;
    prometheus) command -v promtool >/dev/null ;;
    librabbitmq-dev) [ -e /usr/include/amqp.h ] ;;  # `make bench`: the relay in C
    gcc) command -v gcc >/dev/null ;;
    libc6-dev) [ -e /usr/include/stdio.h ] ;;
    softhsm2) command -v softhsm2-util >/dev/null ;;
    docker-compose) command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 ;;
    *) echo "install-services: unknown package: $1" >&2 && exit 2 ;;
  esac
}

missing=()
for package in "${@:-rabbitmq-server docker-compose softhsm2 chromium prometheus}"; do
  for name in $package; do
    installed "$name" || missing+=("$name")
  done
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Not installed: ${missing[*]}. There is no apt-get here: install them by this system's own means." >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Not installed: ${missing[*]}. Run this, then make again:  sudo $PWD/deploy/install-services.sh ${missing[*]}" >&2
  exit 1
fi

if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
elif "$policy" rabbitmq-server start >/dev/null 2>&1; then
  echo "install-services: $policy exists and lets services start; make it answer 101 first." >&2
  exit 1
fi

echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet=2 update >&2
apt-get --quiet=2 --option DPkg::Lock::Timeout=120 install --yes --no-install-recommends "${missing[@]}" >/dev/null
for name in "${missing[@]}"; do
  installed "$name" || { echo "install-services: $name is still not there" >&2 && exit 1; }
done
