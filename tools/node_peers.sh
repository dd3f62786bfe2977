#!/usr/bin/env bash
# Installs the Node packages that tests compare with, or pins them again. Node is the machine's where that is new
# enough, otherwise the wheel's, in .venv-peers. Afterwards .venv-peers/bin/node is the one that tests start.
set -euo pipefail

action=${1:?usage: tools/node_peers.sh install|lock}
cd "$(dirname "$0")/.."
bin=$PWD/.venv-peers/bin

new_enough() {
  command -v "$1" >/dev/null && command -v "$2" >/dev/null &&
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

if new_enough node npm; then
  npm=$(command -v npm)
  ln -sf "$(command -v node)" "$bin/node"
else
  "$bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/peers/requirements-node.txt
  npm=$bin/npm
  export PATH=$bin:$PATH
fi

cd tests/peers
case $action in
  install) "$npm" ci --ignore-scripts --no-audit --no-fund --loglevel=error ;;
  lock)
    "$npm" install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error
    # A list of versions and hashes holds no address, not even where to send money.
    "$bin/node" -e 'const fs = require("fs"), name = "package-lock.json", lock = JSON.parse(fs.readFileSync(name));
      for (const one of Object.values(lock.packages)) delete one.funding;
      fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n")'
    ;;
  *) echo "unknown action: $action" >&2 && exit 2 ;;
esac
