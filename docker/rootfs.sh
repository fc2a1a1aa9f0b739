#!/bin/sh
# Gathers what goes into an image, in the stages of docker/Dockerfile.*:
#   rootfs.sh base          in a Debian: what every image has
#   rootfs.sh tools ENGINE  in the database's own image: its dump tools
#   rootfs.sh join          in the Debian again: the libraries of both in /out, which is then tried out
# Each leaves files/ (to be copied to /), lib/ (libraries by their names) and libc-version in /out.
# Any distribution with glibc and ldd will do; libraries are laid flat into /usr/lib and found by an ld.so.cache.
set -eu

# Programs of hooks. The real age, gzip, head, tar, tee and zstd, which a backup's bytes pass through, are no applets.
applets='sh ash awk base64 basename cat chmod cmp cp cut date dd df dirname du echo env expr false find grep gunzip
  hostname id kill ln ls md5sum mkdir mktemp mv nc nproc pgrep pkill printenv printf ps pwd readlink realpath rm rmdir
  sed seq sha256sum sleep sort stat sync tail test timeout touch tr true uname uniq wc wget which xargs zcat'

main() {
  what=$1
  shift
  mkdir -p /out/files/usr/bin /out/lib
  case $what in
    base) base ;;
    tools) tools "$1" ;;
    join) join ;;
  esac
}

base() {
  apt-get update -q
  apt-get install -qy --no-install-recommends age busybox-static ca-certificates tini tzdata zstd
  for program in age gzip head tar tee zstd busybox; do add_program "$program"; done
  add_file /usr/bin/tini-static tini
  # Lets a dump tool write much at a time into its pipe.
  large_writes=/usr/libexec/coreutils/libstdbuf.so
  mkdir -p "/out/files${large_writes%/*}"
  cp -L "$large_writes" "/out/files$large_writes"
  describe "$large_writes"
  add_c_library
  for applet in $applets; do ln -s busybox "/out/files/usr/bin/$applet"; done

  cd /out/files
  mkdir -p config etc/ssl/certs home/nonroot root tmp usr/lib usr/lib64 usr/local/bin usr/share var/tmp
  for link in bin lib lib64; do ln -s "usr/$link" "$link"; done
  ln -s usr/bin sbin
  cp -L /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
  cp -a /usr/share/zoneinfo usr/share/
  # Users and lookup as in the distroless images. Without nsswitch.conf glibc asks DNS before /etc/hosts.
  printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin \
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin >etc/passwd
  printf '%s\n' root:x:0: nobody:x:65534: nonroot:x:65532: >etc/group
  printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >etc/nsswitch.conf
  chmod 1777 tmp var/tmp
  chown 65532:65532 config home/nonroot
}

tools() {
  case $1 in
    pg) programs='pg_dump pg_dumpall pg_restore psql' ;;
    mongo) programs=mongodump ;;
    # The client answers dbstash's questions about the server before a dump.
    mysql) programs='mysqldump mysql' ;;
    mariadb) programs='mariadb-dump mariadb' ;;
    redis) programs=redis-cli ;;
    *) fail "no such engine: $1" ;;
  esac
  for program in $programs; do add_program "$program"; done
  # Client plugins are opened at login, so that ldd doesn't know them.
  for plugin in /usr/lib*/mysql/plugin/mysql_native_password.so \
    /usr/lib*/*/libmariadb3/plugin/caching_sha2_password.so /usr/lib*/*/libmariadb3/plugin/client_ed25519.so \
    /usr/lib*/*/libmariadb3/plugin/dialog.so /usr/lib*/*/libmariadb3/plugin/mysql_clear_password.so \
    /usr/lib*/*/libmariadb3/plugin/parsec.so /usr/lib*/*/libmariadb3/plugin/sha256_password.so; do
    [ -e "$plugin" ] || continue
    mkdir -p "/out/files${plugin%/*}"
    cp -L "$plugin" "/out/files$plugin"
    add_libraries "$plugin"
  done
  add_c_library
}

# The database's image leaves its /out in /tools, dbstash is in /dbstash.
join() {
  # glibc runs what was linked with an older one, not the reverse; and a newer one's distribution has newer libraries.
  newest=$(sort -V /tools/libc-version /out/libc-version | tail -n 1)
  if [ "$newest" = "$(cat /tools/libc-version)" ]; then order='/out/lib /tools/lib'; else order='/tools/lib /out/lib'; fi
  root=/joined
  mkdir -p "$root/usr/lib" "$root/usr/lib64" "$root/etc"
  cp -a /tools/files/. "$root/"
  for libraries in $order; do cp -a "$libraries/." "$root/usr/lib/"; done
  for loader in "$root"/usr/lib/ld-linux-*; do ln -s "../lib/${loader##*/}" "$root/usr/lib64/"; done
  echo /usr/lib >"$root/etc/ld.so.conf"
  try_out
}

# Nothing in the database's image may have been overlooked: each program starts in what the image will be.
try_out() {
  trial=/trial
  mkdir "$trial"
  cp -a /out/files/. "$trial/"
  cp -a "$root/." "$trial/"
  ldconfig -r "$trial"
  cp "$trial/etc/ld.so.cache" "$root/etc/"
  cp /dbstash "$trial/usr/local/bin/dbstash"
  for program in age gzip head tar tee zstd tini $(cd /tools/files/usr/bin && ls); do
    chroot "$trial" "$program" --version
  done
  # What several places take, and BusyBox's has not.
  chroot "$trial" tee --output-error=warn-nopipe </dev/null
  loader=$(find "$trial/usr/lib" -maxdepth 1 -name 'ld-linux-*')
  find "$trial/usr/lib" "$trial/usr/libexec" "$trial/usr/local/bin" -type f ! -name 'ld-linux-*' | while read -r file; do
    needed=$(chroot "$trial" "${loader#"$trial"}" --list "${file#"$trial"}" 2>&1) || fail "$file: $needed"
    case $needed in *'not found'*) fail "$file: $needed" ;; esac
  done
}

# The program itself, never a script of that name: Debian's /usr/bin/pg_dump is one in Perl.
add_program() {
  for candidate in /usr/lib/postgresql/*/bin/"$1" /usr/local/bin/"$1" /usr/bin/"$1" /bin/"$1"; do
    [ -f "$candidate" ] && [ "$(head -c 4 "$candidate" | tail -c 3)" = ELF ] || continue
    add_file "$candidate" "$1"
    add_libraries "$candidate"
    return
  done
  fail "no $1 in this image"
}

add_file() {
  cp -L "$1" "/out/files/usr/bin/$2"
  chmod 755 "/out/files/usr/bin/$2"
  describe "$1"
}

# The libraries of a program or of another library; a static program has none.
add_libraries() {
  needed=$(ldd "$1" 2>&1) || return 0
  case $needed in *'not found'*) fail "$1: $needed" ;; esac
  for library in $(echo "$needed" | awk '/=> \//{print $3} /^[ \t]*\//{print $1}'); do add_library "$library"; done
}

add_library() {
  [ ! -e "/out/lib/${1##*/}" ] || return 0
  cp -L "$1" "/out/lib/${1##*/}"
  chmod 755 "/out/lib/${1##*/}"
  describe "$1"
}

# All of glibc that programs link to, since its parts work only with each other; also for programs of other stages.
add_c_library() {
  c_library=$(ldd "$(command -v env)" | awk '/libc\.so\.6 =>/{print $3}')
  loader=$(ldd "$(command -v env)" | awk '/ld-linux/{print $1}')
  add_library "$loader"
  for name in libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 libresolv.so.2 librt.so.1; do
    [ ! -e "${c_library%/*}/$name" ] || add_library "${c_library%/*}/$name"
  done
  ldd --version | awk 'NR == 1 {print $NF}' >/out/libc-version
}

# Debian's notes about the file's package, for scanners (where distroless images have them), and its licence.
describe() {
  command -v dpkg-query >/dev/null || return 0
  real=$(readlink -f "$1")
  owner=$(dpkg-query --search "$real" 2>/dev/null || dpkg-query --search "${real#/usr}" 2>/dev/null) || return 0
  package=${owner%%:*}
  [ ! -e "/out/files/var/lib/dpkg/status.d/$package" ] || return 0
  mkdir -p /out/files/var/lib/dpkg/status.d "/out/files/usr/share/doc/$package"
  dpkg-query --status "$package" >"/out/files/var/lib/dpkg/status.d/$package"
  cp -L "/usr/share/doc/$package/copyright" "/out/files/usr/share/doc/$package/" || return 0
}

fail() {
  echo "error: $1" >&2
  exit 1
}

main "$@"
