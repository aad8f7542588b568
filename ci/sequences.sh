#!/usr/bin/env bash
# The sequences of the optimised library have the instructions of their golden files; ci/test.sh has looked at those of
# the other build. In a folder of its own, since tests and the command cannot have one optimised library. Skips those of
# AArch64 where its compiler or Rust's library for it is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/sequences
rustup target add aarch64-unknown-linux-gnu >/dev/null 2>&1 || true
cargo test --release -p lookaside-ffi --test c_abi sequences
