#!/bin/sh
# Lays the C interface out below PREFIX as a system's libraries are: headers, shared and static library,
# pkg-config file.
#
#   install.sh PREFIX [FOLDER]
#
# FOLDER holds libuniultra_c.so and libuniultra_c.a; without it, both are built first.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "expected PREFIX [FOLDER]" >&2
  exit 2
fi
mkdir -p -- "$1"
prefix=$(CDPATH='' cd -- "$1" && pwd)
if [ $# -eq 2 ]; then
  built=$(CDPATH='' cd -- "$2" && pwd)
else
  cd -- "$here/../.."
  cargo build --locked --release -p uniultra-capi
  built=${CARGO_TARGET_DIR:-$PWD/target}/release
fi
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml" | head -n 1)
# As build.rs writes it into the library.
soname=libuniultra_c.so.0

install -d "$prefix/include" "$prefix/lib/pkgconfig"
install -m 644 "$here/include/uniultra.h" "$here/include/uniultra.hpp" "$prefix/include"
install -m 755 "$built/libuniultra_c.so" "$prefix/lib/libuniultra_c.so.$version"
install -m 644 "$built/libuniultra_c.a" "$prefix/lib"
ln -sf "libuniultra_c.so.$version" "$prefix/lib/$soname"
ln -sf "$soname" "$prefix/lib/libuniultra_c.so"
sed -e "s|@version@|$version|" "$here/pkgconfig/uniultra_c.pc.in" \
  > "$prefix/lib/pkgconfig/uniultra_c.pc"
echo "uniultra_c $version: $prefix"
