#!/usr/bin/env bash
# The documentation builds without a warning, and links to nothing that is not there. Skips the dependencies' own.
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --features lookaside-bench/compare
