#!/usr/bin/env bash
# Under Valgrind's memcheck the C and C++ examples and the core's life-cycle tests have no error and no leak: over the
# heap, as users have them, and with the lists' own code at work. Skips the rseq engine, since Valgrind has no rseq, and
# everything where Valgrind is not installed. What the other tools report is a test of lookaside-ffi.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

if ! command -v valgrind >/dev/null; then
    echo "SKIP: valgrind is not installed"
    exit 0
fi

# memcheck LEAKS PROGRAM ARGUMENTS...: runs the program; errors, and leaks of these kinds, fail.
memcheck() {
    echo "--- memcheck $2" >&2
    valgrind --quiet --error-exitcode=99 --suppressions=ci/valgrind.supp --leak-check=full \
        --show-leak-kinds="$1" --errors-for-leak-kinds="$1" "${@:2}"
}

cargo build --release -p lookaside-ffi
out=$target/c-examples/valgrind
make -C c-examples LINK=static LIBDIR="$target/release" OUT="$out" all
for example in driver record_cache control_blocks packet_pool routes connections pool_tracker threads report pairs cplusplus; do
    memcheck definite,indirect,possible "$out/$example" >/dev/null
    LOOKASIDE_ENGINE=trylock memcheck definite,indirect,possible "$out/$example" >/dev/null
done
# This one also checks that its lists kept blocks.
LOOKASIDE_ENGINE=trylock memcheck definite,indirect,possible "$out/callbacks" >/dev/null

# Cargo prints where it put the test. Rust's own tables and threads are held by pointers to their middle.
# Of the whole workspace, as it was built for all tests.
life=$(cargo test --workspace --test life --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
LOOKASIDE_ENGINE=trylock LOOKASIDE_TEST_LIVES=400 memcheck definite,indirect "$life" --test-threads=1
