#!/usr/bin/env bash
# Counts the instructions of every way into the library under Callgrind, and compares with the table in
# docs/instructions.md: a count that is more than 1 % above it fails. `ci/callgrind.sh --update` writes the table anew;
# then it is committed with what changed it. Skips everything where there is no Valgrind, where the runner of
# iai-callgrind cannot be installed, and on other processors than x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

[[ $(uname -sm) == "Linux x86_64" ]] || { echo "SKIP: the table is of Linux on x86-64"; exit 0; }
command -v valgrind >/dev/null || { echo "SKIP: valgrind is not installed"; exit 0; }

# The runner, which must be of exactly the version of the library.
version=$(sed -n '/^name = "iai-callgrind"$/{n;s/[^0-9.]//gp}' Cargo.lock)
tools=$target/tools/iai-callgrind-$version
if [[ ! -x $tools/bin/iai-callgrind-runner ]]; then
    cargo install --debug iai-callgrind-runner --version "$version" --locked --root "$tools" --target-dir "$tools/build" ||
        { echo "SKIP: iai-callgrind-runner $version cannot be installed"; exit 0; }
    rm -rf "$tools/build"
fi

counts=$target/callgrind
rm -rf "$counts"
# From the root: for its package alone cargo chooses other features, and builds the rivals anew.
cargo build --release --features lookaside-benches/callgrind --bin instructions
PATH=$tools/bin:$PATH IAI_CALLGRIND_HOME=$counts "$target/release/instructions"

pairs=$(sed -n 's/^pub const PAIRS: u64 = \([0-9 *]*\);$/\1/p' lookaside-bench/benches/instructions.rs)
made_by="Counted with $(rustc --version), $(getconf GNU_LIBC_VERSION) and $(valgrind --version)."
update=()
[[ ${1-} != --update ]] || update=("$made_by")
if ! cargo run -q -p lookaside-benches --bin counts -- "$counts" "$((pairs))" "${update[@]}"; then
    echo "$(sed -n 's/^Counted with/The committed table was counted with/p' docs/instructions.md) Here: $made_by" >&2
    echo "If the change is meant, commit the table that ci/callgrind.sh --update writes with it." >&2
    exit 1
fi
