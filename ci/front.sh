#!/usr/bin/env bash
# The figures of the README and its chart, docs/figures.svg, are those of docs/figures.md: a column for each model of
# processor there, the smallest figure of the workload pair. `ci/front.sh --update` writes both.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Writes the table to standard output, and the chart to the file that `svg` names.
awk -v svg="$scratch/figures.svg" -f ci/front.awk docs/figures.md > "$scratch/table"
awk -v table="$scratch/table" '
    /^<!-- front: begin/ { print; while ((getline line < table) > 0) print line; inside = 1 }
    /^<!-- front: end/ { inside = 0 }
    !inside' README.md > "$scratch/README.md"

if [[ ${1-} == --update ]]; then
    cat "$scratch/README.md" > README.md
    cat "$scratch/figures.svg" > docs/figures.svg
elif ! diff README.md "$scratch/README.md" || ! diff docs/figures.svg "$scratch/figures.svg"; then
    echo "README.md or docs/figures.svg is not what docs/figures.md says: run ci/front.sh --update" >&2
    exit 1
fi
