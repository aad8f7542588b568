#!/usr/bin/env bash
# Miri over the engine without rseq: each pointer may be used for what it is used for, and threads do not race.
# LOOKASIDE_TEST_MIRI_SEEDS="0 1 2" runs several schedules, each under two models of aliasing, in half an hour. Skips
# everything where the nightly toolchain has no Miri. Miri runs no assembly, so the sections are not among it; what else
# it lacks is in lookaside-core/src/platform/miri.rs.
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

for seed in ${LOOKASIDE_TEST_MIRI_SEEDS:-0}; do
    miri "-Zmiri-strict-provenance -Zmiri-seed=$seed" --skip exposed
    # The other model of aliasing, when several schedules are asked for.
    if [[ -n ${LOOKASIDE_TEST_MIRI_SEEDS-} ]]; then
        miri "-Zmiri-strict-provenance -Zmiri-tree-borrows -Zmiri-seed=$seed" --skip exposed
    fi
done
# What keeps addresses in words.
miri "-Zmiri-permissive-provenance" exposed
