#!/usr/bin/env bash
# The programs in C and C++ of the README and of docs/ compile and link by the very commands of docs/linking.md, run, and
# print what the README says. Those in Rust are doctests of lookaside-core: here it is only checked that each page is one.
# Skips the other commands, which other checks run.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD target=$(realpath -m "${CARGO_TARGET_DIR:-target}") scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
programs="program.c|README.md|### C|
program.cpp|README.md|### C++|
wdk.c|README.md|### The WDK's names|-Wno-multichar
inlined.c|docs/programs.md|### Compiled into the program|
lists.c|docs/programs.md|### All lists as data|
containers.cpp|docs/cpp.md|## Containers|
objects.cpp|docs/cpp.md|## Objects|
resources.cpp|docs/cpp.md|## Polymorphic memory resources|
links.c|docs/programs.md|### Structures in a WDK list|-Wno-multichar"
fail() { echo "$1" >&2; exit 1; }
block() { "$root/ci/block.sh" "$@"; }
without_addresses() { sed -E 's/0x[0-9a-f]{16}/ADDRESS/'; } # They differ from run to run.

[[ $(cat README.md docs/*.md | grep -cxE '```(c|cpp)') == $(wc -l <<< "$programs") ]] || fail "not every program is run here"
for page in $(grep -lx '```rust' README.md docs/*.md); do
    grep -qF "../../$page\"" lookaside-core/src/lib.rs || fail "the programs of $page are no doctests of lookaside-core"
done
cargo build --release -p lookaside-ffi
while IFS='|' read -r name page heading _; do block "$page" "$heading" "${name#*.}" > "$scratch/$name"; done <<< "$programs"
block docs/linking.md '# Compiling and linking in C and C++' sh > "$scratch/commands"
block README.md '### C' text | without_addresses > "$scratch/expected"
cd "$scratch" && ln -s "$root/include" include && ln -s "$target" target
bash -euxo pipefail commands
for program in ./program-static ./program-shared; do # On one processor, since the report counts those that were used.
    taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')" $program | without_addresses | diff expected -
done
while IFS='|' read -r name _ _ flags; do # By the command for the static library.
    sed -e :a -e '/\\$/N; s/\\\n//; ta' commands |
        sed -nE "s/-o program-(static|cpp) program\.${name#*.} /$flags -o run $name /p" | bash -euxo pipefail
    ./run
done <<< "$programs"
