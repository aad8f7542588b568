#!/usr/bin/env bash
# The Rust code is as rustfmt writes it. Skips C and C++, which have no formatter here.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
