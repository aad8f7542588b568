#!/usr/bin/env bash
# Every benchmark of criterion runs, each once. Skips measuring: `cargo bench` does that, for as long as it takes.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/parts/jemalloc.sh
cargo bench --profile dev --workspace --bench times -- --test
