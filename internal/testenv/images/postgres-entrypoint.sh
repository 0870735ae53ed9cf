#!/bin/bash
# Keeps what DocuVault uses of the official image's entry point: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA and the
# scripts of /docker-entrypoint-initdb.d, which an empty folder runs once, on a server that listens to nobody else.
set -euo pipefail
case ${1:-} in postgres) shift ;; -*) ;; *) exec "$@" ;; esac
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown postgres: "$PGDATA" /var/run/postgresql
	chmod 700 "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" postgres "$@"
fi
user=${POSTGRES_USER:-postgres} db=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	: "${POSTGRES_PASSWORD:?set a password for the superuser}"
	initdb -D "$PGDATA" -U "$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >/dev/null
	[ "$db" = postgres ] || psql -q -v ON_ERROR_STOP=1 -U "$user" -d postgres -c "CREATE DATABASE \"$db\""
	for script in /docker-entrypoint-initdb.d/*; do
		case $script in
		*.sh) . "$script" ;;
		*.sql) psql -q -v ON_ERROR_STOP=1 --no-psqlrc -U "$user" -d "$db" -f "$script" ;;
		esac
	done
	pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
	echo 'PostgreSQL init process complete; ready for start up.'
fi
exec postgres -c listen_addresses='*' "$@"
