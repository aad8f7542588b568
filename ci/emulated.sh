#!/usr/bin/env bash
# ci/emulated.sh [--long]: tests of the core on AArch64 under qemu-user; with --long the slower ones too: all but `stepping`,
# which has x86-64's trap flag, `footprint`, which would measure the emulator, and `soak`, which does so beside forks. Names
# each target that it skips; tests name what an emulator has not.
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/parts/can.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/platforms LOOKASIDE_TEST_OPERATIONS=200000 LOOKASIDE_TEST_LIVES=2000
export LOOKASIDE_TEST_FORKS=20 LOOKASIDE_TEST_CLOSINGS=500 LOOKASIDE_TEST_THREADS=400 PROPTEST_CASES=10
export LOOKASIDE_TEST_MODEL_CASES=10 LOOKASIDE_TEST_SPECIAL_BLOCKS=2000
# Tests run themselves again by the emulator too.
export LOOKASIDE_TEST_EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu"
gnu=aarch64-unknown-linux-gnu musl=aarch64-unknown-linux-musl

if can $gnu aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu qemu-aarch64=qemu-user; then
    names=(aliasing closing environment fork heap model pools registration slots small_pool_model tags tcmalloc threads)
    names+=(verified verified_program)
    [[ ${1-} != --long ]] || names+=(all global_life life priorities scans)
    tests() {
        cargo test -q --target $gnu -p lookaside-core "$@" --config "target.$gnu.linker='aarch64-linux-gnu-gcc'" \
            --config "target.$gnu.runner='$LOOKASIDE_TEST_EMULATOR'"
    }
    tests --lib "${names[@]/#/--test=}"
    # Its children make lists, and start a thread for them, which they can where the parent has no other.
    RUST_TEST_THREADS=1 tests --test=faults
fi
if can $musl qemu-aarch64=qemu-user; then
    cargo test -q --target $musl -p lookaside-core --lib \
        --config "target.$musl.linker='rust-lld'" --config "target.$musl.runner='qemu-aarch64'"
    cargo check -q --target $musl -p lookaside-ffi
fi
