#!/bin/sh
# Installs dbstash for one or more engines: sh install.sh pg [mongo mysql mariadb redis]
#   DBSTASH_VERSION     such as 1.0.0; by default the newest release
#   DBSTASH_FOLDER      where the executables go; by default /usr/local/bin
#   DBSTASH_REPOSITORY  whose releases they are: OWNER/NAME on GitHub
#   DBSTASH_RELEASES    the whole address of the releases, for a mirror
# Each executable is checked against the release's SHA256SUMS before it is put in its place.
set -eu

main() {
  [ $# -gt 0 ] || fail 'name the engines to install: pg, mongo, mysql, mariadb, redis'
  target=$(target)
  folder=${DBSTASH_FOLDER:-/usr/local/bin}
  repository=${DBSTASH_REPOSITORY:-viperadnan/dbstash}
  releases=${DBSTASH_RELEASES:-https://github.com/$repository/releases}
  if [ -n "${DBSTASH_VERSION:-}" ]; then
    from=$releases/download/v${DBSTASH_VERSION#v}
  else
    from=$releases/latest/download
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  fetch "$from/SHA256SUMS" "$work/SHA256SUMS"
  for engine in "$@"; do install_engine "$engine"; done
}

install_engine() {
  name=dbstash-$1-$target.gz
  grep -E "^[0-9a-f]{64}  $name\$" "$work/SHA256SUMS" >"$work/sum" || fail "this release has no $name"
  fetch "$from/$name" "$work/$name"
  (cd "$work" && sha256sum -c sum >/dev/null 2>&1) || fail "$name is not what SHA256SUMS says it is"
  mkdir -p "$folder"
  # Beside its place first, and renamed: one that runs at this moment is not disturbed.
  new=$folder/.dbstash-$1.new
  gunzip -c "$work/$name" >"$new" || fail "can't write to $folder: run this as root, or set DBSTASH_FOLDER"
  chmod 755 "$new"
  version=$("$new" --version) || { rm -f "$new"; fail "$name does not run here (on Alpine it needs: apk add libstdc++)"; }
  mv "$new" "$folder/dbstash-$1"
  echo "$version: $folder/dbstash-$1"
}

# What the names of the release's files end in.
target() {
  [ "$(uname -s)" = Linux ] || fail 'dbstash runs on Linux'
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no dbstash for $(uname -m)" ;;
  esac
  # musl's ldd says its name, on stderr; glibc's does not.
  case $(ldd --version 2>&1) in
    *musl*) echo "linux-$machine-musl" ;;
    *) echo "linux-$machine" ;;
  esac
}

fetch() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --output "$2" "$1" || fail "can't fetch $1"
  else
    wget -q -O "$2" "$1" || fail "can't fetch $1"
  fi
}

fail() {
  echo "error: $1" >&2
  exit 1
}

main "$@"
