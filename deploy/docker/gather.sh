#!/bin/sh
# usage: gather.sh PROGRAMS OUT
#
# Makes OUT/NAME for every program in the folder PROGRAMS: the whole root of its image, with the shared
# libraries it is linked with. What glibc and OpenSSL look for by themselves is a handful of files.
set -eu
umask 022
programs=$1
out=$2

# Everything under the path the loader told, symbolic links followed.
copy_with_libraries() {
  program=$1
  root=$2
  mkdir -p "$root/usr/bin"
  cp "$program" "$root/usr/bin/"
  libraries=$(ldd "$program")
  case $libraries in
    *"not found"*)
      printf 'gather.sh: libraries of %s are missing:\n%s\n' "$program" "$libraries" >&2
      exit 1
      ;;
  esac
  printf '%s\n' "$libraries" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | while read -r library; do
    # The loader itself has to be executable.
    install -D -m 0755 "$library" "$root$library"
  done
}

write_settings() {
  root=$1
  mkdir -p "$root/etc/ssl/certs" "$root/usr/lib/ssl"
  printf 'root:x:0:0:root:/:/usr/sbin/nologin\ntopgun:x:10001:10001:TopGun:/:/usr/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\ntopgun:x:10001:\n' >"$root/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
  # Where curl and gRPC look, and a link where OpenSSL does.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
}

for program in "$programs"/*; do
  root=$out/${program##*/}
  copy_with_libraries "$program" "$root"
  write_settings "$root"
done
