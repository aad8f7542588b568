#!/usr/bin/env bash
# ci/soak.sh [OPERATIONS]: many threads on one list, optimised, for so many operations on each engine (50,000,000).
# No block is lost or handed out twice. Skips the other tests, and the rseq engine where the system has none.
set -euo pipefail
cd "$(dirname "$0")/.."

export LOOKASIDE_SOAK_OPERATIONS=${1:-50000000}
cargo test --release -p lookaside-core --test threads -- --nocapture
