#!/usr/bin/env bash
# No lint has anything to say about any target of any crate.
# Skips the features snmalloc and tcmalloc: the one needs cmake, the other takes minutes to build.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --workspace --all-targets -- -D warnings
# The command as it is without what tests need: the feature `compare`.
cargo clippy -p lookaside-bench -- -D warnings
