#!/usr/bin/env bash
# All tests, by the very command that the README names. Skips nothing; ci/soak.sh runs one of them for longer.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --workspace
