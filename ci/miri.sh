#!/usr/bin/env bash
# Miri over the engine without rseq: each pointer may be used for what it is used for, and threads do not race.
# LOOKASIDE_TEST_MIRI_SEEDS="0 1 2" runs several schedules, each under two models of aliasing, in half an hour. Without it
# the tests with the most calls run under a model that looks at what is shared by whole objects, not by bytes, which takes
# a tenth of the time. Skips everything where the nightly toolchain has no Miri. Miri runs no assembly, so the sections are
# not among it; what else it lacks is in lookaside-core/src/platform/miri.rs.
set -euo pipefail
cd "$(dirname "$0")/.."

rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 || true
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "SKIP: there is no nightly toolchain with Miri"
    exit 0
fi
if ! cargo +nightly miri setup >/dev/null 2>&1; then
    echo "SKIP: Miri's standard library cannot be built here"
    exit 0
fi

# miri FLAGS ARGUMENTS...: runs the tests so. Threads of the library's may outlive a test.
miri() {
    MIRIFLAGS="-Zmiri-num-cpus=2 -Zmiri-ignore-leaks -Zmiri-isolation-error=hide $1" \
        cargo +nightly miri test -q -p lookaside-core --test aliasing -- "${@:2}"
}

for seed in ${LOOKASIDE_TEST_MIRI_SEEDS-}; do
    miri "-Zmiri-strict-provenance -Zmiri-seed=$seed" --skip exposed
    miri "-Zmiri-strict-provenance -Zmiri-tree-borrows -Zmiri-seed=$seed" --skip exposed
done
if [[ -z ${LOOKASIDE_TEST_MIRI_SEEDS-} ]]; then
    many=(every_call_of_a_list threads_share_lists lists_come_and_go_beside_scans)
    miri "-Zmiri-strict-provenance -Zmiri-tree-borrows -Zmiri-tree-borrows-no-precise-interior-mut" "${many[@]}"
    miri "-Zmiri-strict-provenance" --skip exposed "${many[@]/#/--skip=}"
fi
# What keeps addresses in words.
miri "-Zmiri-permissive-provenance" exposed
