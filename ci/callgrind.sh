#!/usr/bin/env bash
# Counts the instructions of every way into the library under Callgrind, and compares with the table in
# docs/instructions.md: a count that is more than 1 % above it fails. `ci/callgrind.sh --update` writes the table anew;
# then it is committed with what changed it. Skips everything where there is no Valgrind, where the runner of
# iai-callgrind cannot be installed, and on other processors than x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
table=docs/instructions.md

if [[ $(uname -sm) != "Linux x86_64" ]]; then
    echo "SKIP: the table is of Linux on x86-64"
    exit 0
fi
if ! command -v valgrind >/dev/null; then
    echo "SKIP: valgrind is not installed"
    exit 0
fi

# The runner, which must be of exactly the version of the library.
version=$(awk '/^name = "iai-callgrind"$/ { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)
tools=$target/tools/iai-callgrind-$version
if [[ ! -x $tools/bin/iai-callgrind-runner ]]; then
    if ! cargo install iai-callgrind-runner --version "$version" --locked --root "$tools" \
        --target-dir "$tools/build"; then
        echo "SKIP: iai-callgrind-runner $version cannot be installed"
        exit 0
    fi
    rm -rf "$tools/build"
fi

counts=$target/callgrind
rm -rf "$counts"
PATH=$tools/bin:$PATH IAI_CALLGRIND_HOME=$counts \
    cargo bench -p lookaside-benches --features callgrind --bench instructions

# The pairs that each way plays, as the benchmark has them.
pairs=$(sed -n 's/^pub const PAIRS: u64 = \([0-9 *]*\);$/\1/p' lookaside-bench/benches/instructions.rs)
names=$(sed -n 's/^#\[bench::\([a-z0-9_]*\)(.*/\1/p' lookaside-bench/benches/instructions.rs)
# Lines "NAME COUNT", in the order of the benchmark.
measured=$(
    while read -r name; do
        # Callgrind writes a file for each thread. Only the benchmark's counts while it is on.
        find "$counts" -path "*/pairs.$name/*.out" -exec cat {} + |
            awk -v name="$name" -v pairs="$((pairs))" '
                /^totals:/ { sum += $2 }
                END { if (sum > 0) printf "%s %.1f\n", name, sum / pairs }'
    done <<<"$names"
)
# A way in that counted nothing must not leave the table unseen.
if [[ $(cut -d' ' -f1 <<<"$measured") != "$names" ]]; then
    echo "nothing was counted for: $(grep -vxFf <(cut -d' ' -f1 <<<"$measured") <<<"$names" | xargs)" >&2
    exit 1
fi

# The table of such lines: a row for each way in, a column for each engine.
written=$(
    awk '
        function row(name) { if (!(name in seen)) { seen[name] = 1; order[++rows] = name } }
        { name = $1; column = "both" }
        name ~ /_rseq$/ { sub(/_rseq$/, "", name); column = "rseq" }
        name ~ /_portable$/ { sub(/_portable$/, "", name); column = "portable" }
        { gsub(/_/, "-", name); row(name); count[name, column] = $2 }
        function cell(name, column) {
            if ((name, "both") in count) return count[name, "both"]
            return (name, column) in count ? count[name, column] : "-"
        }
        END {
            print "| way in | rseq | portable |\n|---|---|---|"
            for (i = 1; i <= rows; i++) print "| " order[i] " | " cell(order[i], "rseq") " | " cell(order[i], "portable") " |"
        }' <<<"$measured"
)
made_by="Counted with $(rustc --version), $(getconf GNU_LIBC_VERSION) and $(valgrind --version)."

if [[ ${1-} == --update ]]; then
    TABLE=$written MADE_BY=$made_by awk '
        /^<!-- counts: begin -->$/ { print; print ENVIRON["TABLE"] "\n\n" ENVIRON["MADE_BY"]; inside = 1; next }
        /^<!-- counts: end -->$/ { inside = 0 }
        !inside { print }' "$table" > "$counts/table"
    cat "$counts/table" > "$table"
    echo "$table is written"
    exit 0
fi

# Both tables, row by row. A row that one of them lacks fails as well.
echo "$written"
awk '
    /^\| [a-z0-9-]+ \| [0-9.-]+ \| [0-9.-]+ \|$/ {
        gsub(/[| ]+/, " ")
        if (FNR == NR) { rseq[$1] = $2; portable[$1] = $3; next }
        if (!($1 in rseq)) { print $1 ": not in the committed table"; failed = 1; next }
        judge($1 " (rseq)", rseq[$1], $2); judge($1 " (portable)", portable[$1], $3)
        delete rseq[$1]
    }
    function judge(name, was, is) {
        if (was == is) return
        if (was == "-" || is == "-" || is > was * 1.01) { verdict = "RISEN"; failed = 1 }
        else verdict = is > was ? "risen by less than 1 %" : "fallen"
        print name ": " was " -> " is ", " verdict
    }
    END {
        for (name in rseq) { print name ": not counted any more"; failed = 1 }
        exit failed
    }' "$table" - <<<"$written" || {
    echo "$table: $(sed -n 's/^Counted with/counted with/p' "$table")" >&2
    echo "Here: $made_by" >&2
    echo "If the change is meant, commit the table that ci/callgrind.sh --update writes with it." >&2
    exit 1
}
