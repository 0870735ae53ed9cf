#!/bin/sh
# Makes the bucket and the one key that api and worker use: a user with storage-policy.json, which reaches that bucket alone
# (D-15). Not a service account: those inherit from the administrator. May run again at any time; a changed MINIO_SECRET_KEY is
# taken over.
set -eu
: "${MINIO_BUCKET:?}" "${MINIO_ACCESS_KEY:?}" "${MINIO_SECRET_KEY:?}"
here=$(dirname "$0")
policy=docuvault-$MINIO_BUCKET

mc alias set vault "${MINIO_URL:-http://minio:9000}" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null
mc mb --ignore-existing "vault/$MINIO_BUCKET"
# The shell's own words alone: images that carry mc need not carry sed.
text=$(cat "$here/storage-policy.json")
while [ "$text" != "${text#*BUCKET}" ]; do text=${text%%BUCKET*}$MINIO_BUCKET${text#*BUCKET}; done
printf '%s' "$text" >/tmp/policy.json
mc admin policy create vault "$policy" /tmp/policy.json
mc admin user add vault "$MINIO_ACCESS_KEY" "$MINIO_SECRET_KEY"
case $(mc admin user info vault "$MINIO_ACCESS_KEY") in
*"$policy"*) ;;
*) mc admin policy attach vault "$policy" --user "$MINIO_ACCESS_KEY" ;;
esac
