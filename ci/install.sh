#!/usr/bin/env bash
# What `make install` leaves is found in each way that docs/install.md names: in an empty folder the programs of the README
# build by the very commands of that page, and run. The archive links beside that of another Rust compiler, the command
# works, and `make uninstall` leaves no file. Skips the ways whose tools, and the archive whose compiler, are not there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD scratch=$(mktemp -d) soname=liblookaside.so.$(sed -n 's/^version = "\(.*\)\..*"$/\1/p' Cargo.toml)
trap 'rm -rf "$scratch"' EXIT
source ci/parts/way.sh
uninstall() { make "${@:2}" uninstall && [[ -z $(find "$1" ! -type d) ]] || fail "left: $(find "$1" ! -type d)"; }

prefix=$scratch/usr && make PREFIX="$prefix" install
mkdir "$scratch/run" && cp -P "$prefix/lib/$soname"* "$scratch/run"
way 'With pkg-config' sh pkg-config PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
way 'With CMake' cmake cmake CMAKE_PREFIX_PATH="$prefix"
way 'By name' sh cc CPATH="$prefix/include" LIBRARY_PATH="$prefix/lib"
"$prefix/bin/lookaside" compare --rounds 1 --workload pair --contender vec lookaside-c
uninstall "$prefix" PREFIX="$prefix"

stage=$scratch/stage places=(DESTDIR="$scratch/stage" PREFIX=/opt/l LIBDIR=/opt/l/lib64 INCLUDEDIR=/opt/l/include/lookaside)
make "${places[@]}" install
way 'With pkg-config' sh pkg-config PKG_CONFIG_SYSROOT_DIR="$stage" PKG_CONFIG_PATH="$stage/opt/l/lib64/pkgconfig"
way 'With CMake' cmake cmake lookaside_DIR="$stage/opt/l/lib64/cmake/lookaside"
uninstall "$stage" "${places[@]}"

stage=$scratch/cargo-c
if command -v cargo-cinstall >/dev/null; then
    $(ci/block.sh docs/install.md '## With cargo-c' text) --locked --prefix /opt/l --destdir "$stage"
    rm -r "$scratch/run" && mkdir "$scratch/run" && cp -P "$stage/opt/l/lib/$soname"* "$scratch/run"
fi
way 'With cargo-c' sh cargo-cinstall PKG_CONFIG_SYSROOT_DIR="$stage" PKG_CONFIG_PATH="$stage/opt/l/lib/pkgconfig"
