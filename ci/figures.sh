#!/usr/bin/env bash
# ci/figures.sh [ARGUMENTS OF compare]: measures, and writes the figures into the README between its two markers.
# Takes some minutes on a machine that does nothing else, less with --quick. FEATURES=snmalloc adds that contender.
# No check, so .ci/run skips it.
set -euo pipefail
cd "$(dirname "$0")/.."
begin='<!-- figures: begin -->'
end='<!-- figures: end -->'
features=${FEATURES:+--features lookaside-bench/$FEATURES}
grep -qxF "$begin" README.md && grep -qxF "$end" README.md || { echo "README.md has no markers" >&2; exit 1; }

# shellcheck disable=SC2086 # no features are no words
lookaside() { cargo run --quiet --release $features -- "$@"; }

# table DIGITS: the rows of a comparison's JSON as a table, a column a workload.
table() {
    awk -v digits="$1" '
        # The JSON is printed with one value to a line.
        function value() { sub(/^[^:]*: */, ""); gsub(/[",]/, ""); return $0 }
        function shown(x) { return sprintf(x < 99.95 ? "%." digits "f" : "%.0f", x) }
        /"workload":/ { workload = value() }
        /"contender":/ { contender = value() }
        /"min":/ { min = value() }
        /"median":/ { median = value() }
        /^ *}/ {
            if (!(workload in column)) { column[workload] = ++columns; head[columns] = workload }
            if (!(contender in row)) { row[contender] = ++rows; side[rows] = contender }
            # The first of a workload's measures.
            if (!((contender, workload) in cell)) cell[contender, workload] = shown(min) " (" shown(median) ")"
        }
        END {
            line = "| |"; rule = "|---|"
            for (c = 1; c <= columns; c++) { line = line " " head[c] " |"; rule = rule "---|" }
            print line "\n" rule
            for (r = 1; r <= rows; r++) {
                name = side[r] == "lookaside" ? "**lookaside**" : side[r]
                line = "| " name " |"
                for (c = 1; c <= columns; c++) {
                    key = side[r] SUBSEP head[c]
                    line = line " " (key in cell ? cell[key] : "-") " |"
                }
                print line
            }
            if (rows == 0) exit 1
        }'
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
command="cargo run --release${features:+ $features} -- compare"
lookaside compare --json "$@" > "$scratch/lists.json"
lookaside compare --global --json "$@" > "$scratch/programs.json"
# The JSON names no machine; the text does.
lookaside compare --rounds 1 --workload pair --contender vec > "$scratch/text"

{
    echo "$begin"
    echo "Nanoseconds for one allocate plus one free of 64 bytes, by \`$command${*:+ $*}\`:"
    echo
    table 1 < "$scratch/lists.json"
    echo
    echo "Whole programs with another global allocator each, by \`$command --global${*:+ $*}\`: SQLite's trace in nanoseconds an"
    echo "operation, serde_json and regex in milliseconds, a tree and a map in nanoseconds a change of both:"
    echo
    table 2 < "$scratch/programs.json"
    echo
    echo "Measured on $(date -u +%F)."
    grep -E '^(Machine|Engine|Versions): ' "$scratch/text" | sed 's/$/./'
    echo "$end"
} > "$scratch/table"

awk -v begin="$begin" -v end="$end" -v table="$scratch/table" '
    $0 == begin { while ((getline line < table) > 0) print line; inside = 1 }
    !inside
    $0 == end { inside = 0 }' README.md > "$scratch/README.md"
cat "$scratch/README.md" > README.md
cat "$scratch/table"
