#!/bin/sh
# Run one of the web interface's npm scripts with the Node that tools/setup.sh found or brought in.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:$PWD/.setup/node/bin
cd web && npm run --silent "$1"
