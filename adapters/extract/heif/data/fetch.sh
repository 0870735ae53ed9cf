#!/usr/bin/env bash
# Obtains the decoder again, and fails unless it is the bytes that are here. Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
module=$(go mod download -json github.com/gen2brain/heic@v0.4.5 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
gunzip -c "$module/lib/heif.wasm.gz" >heif.wasm
sha256sum -c "$here/SHA256SUMS"
install -m 0644 heif.wasm "$module/lib/LICENSE.libheif" "$module/lib/LICENSE.libde265" "$here"
