#!/usr/bin/env bash
# Obtains the engine and the English data again, and fails unless they are the bytes that are here. Needs npm and apt-get.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent tesseract.js-core@7.0.0 >/dev/null
tar -xzf tesseract.js-core-7.0.0.tgz package/tesseract-core-simd-lstm.wasm
apt-get download -q tesseract-ocr-eng=1:4.1.0-2
dpkg-deb -x tesseract-ocr-eng_*.deb data
mv package/tesseract-core-simd-lstm.wasm tesseract.wasm
mv data/usr/share/tesseract-ocr/5/tessdata/eng.traineddata .
sha256sum -c "$here/SHA256SUMS"
install -m 0644 tesseract.wasm eng.traineddata "$here"
