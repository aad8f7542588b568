#!/usr/bin/env bash
# ci/figures.sh [ARGUMENTS OF compare]: measures, and writes the figures into the README between its two markers.
# Takes some minutes on a machine that does nothing else, less with --quick. FEATURES=snmalloc adds that contender;
# REPORT=DIR keeps the report that the tables are from, or takes them from the one that is there already.
# No check, so .ci/run skips it.
set -euo pipefail
cd "$(dirname "$0")/.."
begin='<!-- figures: begin -->'
end='<!-- figures: end -->'
features=${FEATURES:+--features lookaside-bench/$FEATURES}
grep -qxF "$begin" README.md && grep -qxF "$end" README.md || { echo "README.md has no markers" >&2; exit 1; }

# table SET DIGITS: the set's rows of figures.csv as a table, a column a workload, by the first measure of each.
table() {
    awk -F, -v set="$1" -v digits="$2" '
        function shown(x) { return sprintf(x < 99.95 ? "%." digits "f" : "%.0f", x) }
        NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next }
        $at["set"] == set {
            workload = $at["workload"]; contender = $at["contender"]
            if (!(workload in measure)) { measure[workload] = $at["measure"]; head[++columns] = workload }
            if ($at["measure"] != measure[workload]) next
            if (!(contender in row)) { row[contender] = ++rows; side[rows] = contender }
            cell[contender, workload] = shown($at["min"]) " (" shown($at["median"]) ")"
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
            if (rows == 0) { print "the report has nothing of the set " set > "/dev/stderr"; exit 1 }
        }' "$report/figures.csv"
}

# fact NAME: what figures.json has by that name, which stands on a line of its own.
fact() { sed -n "s/^  \"$1\": \"\\{0,1\\}\\(.*[^\",]\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" "$report/figures.json"; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
report=${REPORT:-$scratch/report}
sets='--lists --global'
[[ " $* " == *" --all "* ]] && sets=
if [[ ! -e $report/figures.csv ]]; then
    # shellcheck disable=SC2086 # no features and no sets are no words
    cargo run --quiet --release $features -- compare $sets --report "$report" "$@" > "$scratch/text"
fi
# By the words of the command that made the report, without the folder.
command="cargo run --release${features:+ $features} -- $(fact command | sed -E 's/^lookaside //; s/ --report(=| )[^ ]+//')"

{
    echo "$begin"
    echo "The smallest (and the median) of interleaved rounds, by \`$command\`,"
    echo "with \`--report DIR\` for a page with charts. Nanoseconds for one allocate plus one free of $(fact size) bytes:"
    echo
    table lists 1
    echo
    echo "Whole programs with another global allocator each: SQLite's trace in nanoseconds an operation, serde_json and regex in"
    echo "milliseconds, a tree and a map in nanoseconds a change of both:"
    echo
    table global 2
    echo
    echo "Measured on $(fact date | cut -d ' ' -f 1)."
    for what in machine engine versions; do
        echo "${what^}: $(fact $what)."
    done
    echo "$end"
} > "$scratch/table"

awk -v begin="$begin" -v end="$end" -v table="$scratch/table" '
    $0 == begin { while ((getline line < table) > 0) print line; inside = 1 }
    !inside
    $0 == end { inside = 0 }' README.md > "$scratch/README.md"
cat "$scratch/README.md" > README.md
cat "$scratch/table"
