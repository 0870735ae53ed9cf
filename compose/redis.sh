#!/bin/sh
# Starts Redis with the password of REDISCLI_AUTH, which redis-cli reads too. It goes in by standard input: a command line can be
# read by every user of the machine.
set -eu
password=$(printf '%s' "$REDISCLI_AUTH" | sed 's/[\\"]/\\&/g')
exec docker-entrypoint.sh redis-server - "$@" <<CONFIG
protected-mode no
requirepass "$password"
CONFIG
