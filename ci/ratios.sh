#!/usr/bin/env bash
# Lists, in Rust and inlined into C, are faster than the fastest malloc: one pair, batches of 128, and pairs of two
# threads, all in one run. Prints the processor's name and all ratios, those of calls of the C library too. What has lost
# is measured again, three times at most, since a machine may be busy with other things: only the fastest of many
# interleaved rounds count. Skips everything where the lists have no restartable sequences.
set -euo pipefail
cd "$(dirname "$0")/.."

compare="cargo run --release -- compare"
if $compare --rounds 1 --workload pair --contender lookaside | grep -E "^- Engine: (slots|trylock)"; then
    echo "SKIP: no restartable sequences here"
    exit 0
fi
for attempt in 1 2 3; do
    echo "--- attempt $attempt"
    if $compare --workload pair batch128 pair-2t --ahead lookaside lookaside-c-inline \
        --contender lookaside lookaside-c-inline lookaside-c vec jemalloc mimalloc glibc; then
        exit 0
    fi
done
exit 1
