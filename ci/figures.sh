#!/usr/bin/env bash
# ci/figures.sh [ARGUMENTS OF compare]: measures, and writes the section of this machine's model of processor in
# docs/figures.md; sections of other models stay as they are. Takes some minutes on a machine that does nothing else, less
# with --quick. FEATURES=snmalloc,tcmalloc adds contenders; REPORT=DIR keeps the report, or uses the one that is there already.
# Not a check, so .ci/run skips it.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/figures.md
features=${FEATURES:+--features lookaside-bench/${FEATURES//,/,lookaside-bench/}}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
report=${REPORT:-$scratch/report}
if [[ ! -e $report/figures.csv ]]; then
    # shellcheck disable=SC2086 # No features are no words.
    cargo run --quiet --release $features -- compare --lists --global --report "$report" "$@" > "$scratch/text"
fi
# Of report.md: table SET, the first table of that set; fact NAME, what the line with this name says.
table() { sed -n "/^## The set $1\$/,/^###/ { /^|/p }" "$report/report.md"; }
fact() { sed -n "s/^- $1: //p" "$report/report.md"; }

{
    echo "## $(fact Machine | sed -E 's/, [0-9]+ processors.*//; s/\((R|TM)\)//g; s/ (Processor|CPU|@.*[0-9]GHz)//g')"
    printf '\nThe smallest (and the median) of interleaved rounds, by\n`cargo run --release%s -- %s`.\n' "${features:+ $features}" \
        "$(fact Command | sed -E 's/^`lookaside //; s/`$//; s/ --report(=| )[^ ]+//')"
    printf 'Nanoseconds for one allocate plus one free of %s bytes:\n\n' "$(fact 'Bytes in a block' | cut -d , -f 1)"
    table lists
    printf '\nWhole programs, each with another global allocator: %s\n%s\n\n' \
        "SQLite's trace in nanoseconds per operation; JSON, its queries, Rust's syntax and regex in milliseconds;" \
        "a tree and a map in nanoseconds per change of both, a server per command; peak is KiB of memory:"
    table global
    printf '\nMeasured on %s.\n' "$(fact Date | cut -d ' ' -f 1)"
    for what in Machine Engine Versions; do echo "$what: $(fact $what)."; done
} > "$scratch/section"
awk -v section="$scratch/section" '
    function put() { while ((getline line < section) > 0) print line; print ""; done = 1 }
    BEGIN { getline heading < section; close(section) }
    /^(## |<!-- figures: end)/ { inside = $0 == heading; if (inside || (/end/ && !done)) put() }
    !inside' "$page" > "$scratch/page"
cat "$scratch/page" > "$page"
LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test --quiet -p lookaside-bench --test all front::
