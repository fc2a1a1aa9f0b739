#!/bin/sh
# From a bare machine (Debian or Ubuntu with Node.js and npm) to a running demo or test:
#   sh scripts/bootstrap.sh demo|test|check [arguments for the script]
# `check` needs Bun and the packages alone.
# Everything that is downloaded or built stays in one cache folder outside the checkout.
set -eu

bun_version=1.4.5
what=${1:-}
case $what in
  demo | test | check) shift ;;
  *) echo "usage: sh scripts/bootstrap.sh demo|test|check" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."
DBSTASH_CACHE=${DBSTASH_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/dbstash}
export DBSTASH_CACHE
mkdir -p "$DBSTASH_CACHE"

case $(uname -s)-$(uname -m) in
  Linux-x86_64) package=@oven/bun-linux-x64 ;;
  Linux-aarch64 | Linux-arm64) package=@oven/bun-linux-aarch64 ;;
  *) echo "error: no Bun for $(uname -s) on $(uname -m) here; Linux on x86_64 or aarch64 is needed" >&2; exit 1 ;;
esac

# One at a time: two would remove each other's half-made folders.
exec 9>"$DBSTASH_CACHE/bootstrap.lock"
if ! flock --nonblock 9; then
  echo "[setup] another set-up is on in $DBSTASH_CACHE; waiting for its end"
  flock 9
fi

# The npm package `bun` fetches its executable in a postinstall script; the platform's own package is the executable.
bun_home=$DBSTASH_CACHE/bun-$bun_version
bun_bin=$bun_home/node_modules/$package/bin
if [ ! -x "$bun_bin/bun" ]; then
  echo "[setup] Bun $bun_version into $bun_home (about 40 MB to download, 10 s)"
  fresh=$bun_home.new-$$
  trap 'rm -rf "$fresh"' EXIT
  mkdir -p "$fresh"
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error "$package@$bun_version"
  [ "$("$fresh/node_modules/$package/bin/bun" --version)" = "$bun_version" ]
  rm -rf "$bun_home"
  mv "$fresh" "$bun_home"
  trap - EXIT
fi
PATH=$bun_bin:$PATH
export PATH

# A copy of the lock file tells whether what lies in node_modules was installed from it.
if ! cmp -s bun.lock node_modules/.installed-from; then
  echo "[setup] the packages of bun.lock into node_modules (5 s)"
  bun install --frozen-lockfile
  cp bun.lock node_modules/.installed-from
fi
exec 9>&-

[ "$what" = check ] && exec bun run check "$@"

bun scripts/setup.ts "$what"
exec bun "scripts/$what.ts" "$@"
