#!/usr/bin/env bash
# Builds what packaging/install.sh installs, into $BUILT. The variables are those of the Makefile.
#
# The archive is one object, of what the functions of lookaside.h need of the library and of Rust's standard library. Only
# those functions are global in it, so that a program may have another archive of Rust beside it. Neither library has
# debug information, most of which is that of the standard library; `cargo build --release` leaves both with it.
set -euo pipefail
cd "$(dirname "$0")/.."
# jemalloc, which the command compares, is built by a make, for which these are not meant.
unset MAKEFLAGS MFLAGS DESTDIR
mkdir -p "$BUILT"
output=$CARGO_TARGET_DIR/${TARGET:+$TARGET/}release
build() { "$CARGO" build --release $CARGO_FLAGS ${TARGET:+--target "$TARGET"} --target-dir "$CARGO_TARGET_DIR" "$@"; }

build -p lookaside-ffi
functions=$BUILT/functions object=$BUILT/lookaside.o
"${BINUTILS}objcopy" --strip-debug "$output/liblookaside.so" "$BUILT/liblookaside.so"
"${BINUTILS}nm" -D --defined-only "$BUILT/liblookaside.so" | awk '{ print $3 }' | LC_ALL=C sort > "$functions"
"${BINUTILS}ld" -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$functions") \
    -o "$object" "$output/liblookaside.a"
# Without LLVM's form of the same code, and names that nothing refers to any more, which a linker would look for.
"${BINUTILS}objcopy" --strip-unneeded -R .llvmbc -R .llvmcmd --keep-global-symbols="$functions" "$object"
rm -f "$BUILT/liblookaside.a"
"${BINUTILS}ar" crs "$BUILT/liblookaside.a" "$object"

if [[ $COMMAND != no ]]; then
    # A run of its own, which brings the libraries in another form.
    build --bin lookaside --features lookaside-bench/compare
    "${BINUTILS}objcopy" --strip-debug "$output/lookaside" "$BUILT/lookaside"
fi
