#!/usr/bin/env bash
# Every promised target builds, and is tested where it can run: musl on this processor. Elsewhere the
# build ends with one message, and the platform's floor alone lacks something. Names what it skips: targets whose standard
# library, compiler or emulator is not there and cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/platforms
export LOOKASIDE_TEST_OPERATIONS=200000 LOOKASIDE_TEST_LIVES=2000 LOOKASIDE_TEST_FORKS=20

# can TARGET [COMMAND PACKAGE]...: whether the target can be built, and the commands are there.
can() {
    local target=$1
    shift
    [[ -d $(rustc --print target-libdir --target "$target") ]] || rustup target add "$target" >/dev/null 2>&1 ||
        { echo "SKIP: there is no standard library for $target"; return 1; }
    for ((; $# > 1; )); do
        command -v "$1" >/dev/null || apt-get install -y --no-install-recommends "$2" >/dev/null 2>&1 ||
            { echo "SKIP: $target needs $1, of the package $2"; return 1; }
        shift 2
    done
}

musl=x86_64-unknown-linux-musl
if can $musl musl-gcc musl-tools; then
    cargo test -q --target $musl -p lookaside-core --lib --test all --test environment --test fork --test life --test registration
    cargo build -q --target $musl -p lookaside-ffi
    # The unwinder that Rust has for musl, also in the place of the shared one, which Debian has not.
    unwind=$(rustc --print target-libdir --target $musl)/self-contained/libunwind.a
    mkdir -p "$CARGO_TARGET_DIR/unwind" && echo "INPUT($unwind)" >"$CARGO_TARGET_DIR/unwind/libgcc_s.so"
    make -s -C c-examples run CC="musl-gcc -static" LINK=static CXX_EXAMPLES= LIBDIR="$CARGO_TARGET_DIR/$musl/debug" \
        OUT="$CARGO_TARGET_DIR/examples" STATIC_NEEDS="$unwind" >/dev/null
    RUSTFLAGS="-C target-feature=-crt-static -L native=$CARGO_TARGET_DIR/unwind" \
        cargo test -q --target $musl -p lookaside-core --lib --test registration --config "target.$musl.linker='musl-gcc'"
fi
for target in aarch64-unknown-linux-gnu aarch64-unknown-linux-musl; do
    ! can $target || cargo check -q --target $target -p lookaside-core -p lookaside-ffi
done
for target in x86_64-pc-windows-gnu aarch64-apple-darwin; do
    can $target || continue
    errors=$(cargo check -q --target $target -p lookaside-core 2>&1 || true)
    [[ $(grep -c '^error: lookaside-core.*runs on 64-bit Linux: x86_64-' <<<"$errors") == 1 ]] || { echo "$errors"; exit 1; }
done
