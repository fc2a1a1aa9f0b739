#!/bin/sh
# The files of a release: sh scripts/release.sh FOLDER VERSION [ENGINE…]
# dbstash-<engine>-linux-{x64,arm64}[-musl].gz and SHA256SUMS. One machine compiles for all targets.
set -eu

mkdir -p "$1"
folder=$(cd "$1" && pwd)
version=$2
shift 2
cd "$(dirname "$0")/.."
for target in linux-x64 linux-arm64 linux-x64-musl linux-arm64-musl; do
  bun scripts/build.ts "$@" --target "bun-$target" --outdir "$folder/$target" --version "$version"
  for file in "$folder/$target"/*; do
    # Without a name and time, so that the same program has the same checksum.
    gzip --best --no-name --stdout "$file" >"$folder/${file##*/}-$target.gz"
  done
  rm -r "${folder:?}/$target"
done
cd "$folder"
sha256sum dbstash-*.gz >SHA256SUMS
