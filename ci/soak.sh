#!/usr/bin/env bash
# ci/soak.sh [OPERATIONS]: many threads on one list, optimised, with this number of operations on each engine (10^8),
# and one closing of a busy processor list for every 10,000 of them; and one round for every 2 * 10^6 of threads beside
# forks, scans and refused memory. No block is lost or in two places, and what is in memory does not grow.
# Skips the other tests, and the rseq engine where the system has none.
set -euo pipefail
cd "$(dirname "$0")/.."

export LOOKASIDE_TEST_OPERATIONS=${1:-100000000}
export LOOKASIDE_TEST_CLOSINGS=$((LOOKASIDE_TEST_OPERATIONS / 10000))
export LOOKASIDE_TEST_ROUNDS=$((LOOKASIDE_TEST_OPERATIONS / 2000000))
cargo test --release -p lookaside-core --test threads --test closing --test soak -- --nocapture
