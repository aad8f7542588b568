#!/usr/bin/env bash
# The command does its two jobs: the comparison with few rounds, and the main job. Skips judging the figures: a machine
# that is busy with other things has none worth judging.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo run --release -- compare --quick
cargo run --release
