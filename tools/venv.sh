#!/usr/bin/env bash
# Makes a virtual environment in the folder given, with the first Python here that is new enough.
# Where the venv module is not complete (Debian ships it apart), installs it as root, or says the command.
set -euo pipefail

folder=${1:?usage: tools/venv.sh FOLDER}

new_enough() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
  if new_enough "$candidate"; then python=$candidate && break; fi
done
if [ -z "$python" ]; then
  echo "bureaunet needs Python 3.11 or later, and found none on PATH." >&2
  exit 1
fi

make_it() { rm -rf "$folder" && "$python" -m venv "$folder"; }

if ! make_it >/dev/null 2>&1; then
  install=(apt-get install --yes --no-install-recommends "$python-venv")
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$python -m venv failed. Run this, then make again:  sudo ${install[*]}" >&2
    exit 1
  fi
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive "${install[@]}"
  make_it
fi
