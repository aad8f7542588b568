#!/usr/bin/env bash
# ci/platforms.sh [--long]: every promised target builds, and is tested where it can run: musl, and aarch64 under qemu-user,
# there with --long by some more tests. Elsewhere one message ends the build, and a port lacks one floor. Names each target
# that it skips; tests name what an emulator has not.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/platforms LOOKASIDE_TEST_OPERATIONS=200000 LOOKASIDE_TEST_LIVES=2000 LOOKASIDE_TEST_FORKS=20
# can TARGET COMMAND=PACKAGE...: whether the target can be built, and the commands are there.
can() {
    local target=$1 command
    [[ -d $(rustc --print target-libdir --target "$target") ]] || rustup target add "$target" >/dev/null 2>&1 ||
        { echo "SKIP: there is no standard library for $target"; return 1; }
    for command in "${@:2}"; do
        command -v "${command%=*}" >/dev/null || apt-get install -y --no-install-recommends "${command#*=}" >/dev/null 2>&1 ||
            { echo "SKIP: $target needs ${command%=*}, of the package ${command#*=}"; return 1; }
    done
}
musl=x86_64-unknown-linux-musl arm=aarch64-unknown-linux-gnu
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
# Tests run themselves again by the emulator too.
export LOOKASIDE_TEST_EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu" LOOKASIDE_TEST_CLOSINGS=500 LOOKASIDE_TEST_THREADS=400 PROPTEST_CASES=10
if can $arm aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu qemu-aarch64=qemu-user; then
    names=(aliasing closing environment fork heap registration slots tags tcmalloc threads verified_program)
    [[ ${1-} != --long ]] || names+=(all life priorities small_pool_model)
    cargo test -q --target $arm -p lookaside-core --lib "${names[@]/#/--test=}" \
        --config "target.$arm.linker='aarch64-linux-gnu-gcc'" --config "target.$arm.runner='$LOOKASIDE_TEST_EMULATOR'"
fi
if can aarch64-unknown-linux-musl qemu-aarch64=qemu-user; then
    cargo test -q --target aarch64-unknown-linux-musl -p lookaside-core --lib \
        --config "target.aarch64-unknown-linux-musl.linker='rust-lld'" --config "target.aarch64-unknown-linux-musl.runner='qemu-aarch64'"
    cargo check -q --target aarch64-unknown-linux-musl -p lookaside-ffi
fi
for target in x86_64-pc-windows-gnu aarch64-apple-darwin; do
    can $target || continue
    errors=$(cargo check -q --target $target -p lookaside-core 2>&1 || true)
    [[ $(grep -c '^error: lookaside-core.*runs on 64-bit Linux: x86_64-' <<<"$errors") == 1 ]] || { echo "$errors"; exit 1; }
    errors=$(RUSTFLAGS="--cfg lookaside_port" cargo check -q --target $target -p lookaside-core 2>&1 || true)
    ! grep -- '--> lookaside-core/' <<<"$errors" | grep -v src/platform/ || exit 1
done
