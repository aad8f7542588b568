#!/usr/bin/env bash
# The command does its jobs: the comparisons with few rounds, and the main job. Skips judging the figures: a machine
# that is busy with other things has none worth judging.
set -euo pipefail
cd "$(dirname "$0")/.."

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT
cargo run --release
cargo run --release -- tags
cargo run --release -- tune --svg "$report/tune.svg"
# Of the command that this one has cargo build.
cargo run --release -- compare --quick --report "$report"
ls "$report"/{index.html,report.md,figures.csv,figures.json}
cargo run --release -- compare --global --rounds 2
cargo run --release -- compare --pools --rounds 2
cargo run --release -- compare --nodes --rounds 1
