#!/usr/bin/env bash
# The C and C++ examples build and run against the optimised library, shared and static.
# Skips the comparison with c-examples/expected, which `cargo test` makes.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

cargo build --release -p lookaside-ffi
for link in shared static; do
    make -C c-examples LINK="$link" LIBDIR="$target/release" OUT="$target/c-examples/$link" run
done
