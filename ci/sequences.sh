#!/usr/bin/env bash
# The sequences of the optimised library have the instructions of their golden files; ci/test.sh has looked at those of
# the other build. Comes last, since tests and the command cannot have one optimised library. Skips nothing on x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --release -p lookaside-ffi --test c_abi sequences
