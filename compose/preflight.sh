#!/bin/sh
# preflight.sh NAME...: refuses to go on while one of the named variables is empty or still has .env.example's placeholder in it,
# and names every such variable. Values are never printed.
set -eu
wrong=0
for name in "$@"; do
	eval "value=\${$name-}"
	case $value in
	'') wrong=1; echo "$name is not set" >&2 ;;
	*CHANGEME*) wrong=1; echo "$name still has the placeholder CHANGEME in it: choose a secret, for example with openssl rand -hex 32" >&2 ;;
	esac
done
exit $wrong
