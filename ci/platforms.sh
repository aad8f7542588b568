#!/usr/bin/env bash
# Every promised target builds, and is tested where it can run: here musl, by ci/emulated.sh what another processor runs.
# Elsewhere one message ends the build, and a port lacks one floor. Names each target that it skips.
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/parts/can.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/platforms LOOKASIDE_TEST_OPERATIONS=200000 LOOKASIDE_TEST_LIVES=2000 LOOKASIDE_TEST_FORKS=20
musl=x86_64-unknown-linux-musl
if can $musl musl-gcc=musl-tools; then
    cargo test -q --target $musl -p lookaside-core --lib --test all --test environment --test fork --test life --test registration --test tcmalloc
    cargo build -q --target $musl -p lookaside-ffi
    # The unwinder that Rust has for musl, also in the place of the shared one, which Debian has not.
    unwind=$(rustc --print target-libdir --target $musl)/self-contained/libunwind.a
    mkdir -p "$CARGO_TARGET_DIR/unwind" && echo "INPUT($unwind)" >"$CARGO_TARGET_DIR/unwind/libgcc_s.so"
    make -s -C c-examples run CC="musl-gcc -static" LINK=static CXX_EXAMPLES= LIBDIR="$CARGO_TARGET_DIR/$musl/debug" \
        OUT="$CARGO_TARGET_DIR/examples" STATIC_NEEDS="$unwind" >/dev/null
    RUSTFLAGS="-C target-feature=-crt-static -L native=$CARGO_TARGET_DIR/unwind" \
        cargo test -q --target $musl -p lookaside-core --lib --test registration --config "target.$musl.linker='musl-gcc'"
fi
for target in x86_64-pc-windows-gnu aarch64-apple-darwin; do
    can $target || continue
    errors=$(cargo check -q --target $target -p lookaside-core 2>&1 || true)
    [[ $(grep -c '^error: lookaside-core.*runs on 64-bit Linux: x86_64-' <<<"$errors") == 1 ]] || { echo "$errors"; exit 1; }
    errors=$(RUSTFLAGS="--cfg lookaside_port" cargo check -q --target $target -p lookaside-core 2>&1 || true)
    ! grep -- '--> lookaside-core/' <<<"$errors" | grep -v src/platform/ || exit 1
done
