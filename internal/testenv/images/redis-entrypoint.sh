#!/bin/sh
# Keeps what DocuVault uses of the official image's entry point: options alone mean redis-server with them, and root becomes redis.
set -e
case ${1:-} in -*|*.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	chown redis: .
	exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
exec "$@"
