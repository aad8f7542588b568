#!/usr/bin/env bash
# The closing of other processors' lists, in a build whose sections pause where a closer can come between. What the
# ordinary build meets in days, this one meets in seconds (CONTRIBUTING.md).
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="${RUSTFLAGS:-} --cfg lookaside_slow_sections"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/slow-sections"
cargo test -p lookaside-core --test closing --test threads --test fork
