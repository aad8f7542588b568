#!/usr/bin/env bash
# The README's programs in C and C++ compile and link by the very commands that stand under its heading "Linking", run,
# and print what it says. Skips the Rust program, which is a doctest of lookaside-core, and the other commands, which
# other checks run.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

# block LANGUAGE HEADING: what stands in that language under that heading of the README.
block() {
    awk -v fence="\`\`\`$1" -v heading="$2" '
        /^#+ / && !inside { here = ($0 == heading) }
        /^```/ { inside = here && $0 == fence; next }
        inside' README.md
}

# Addresses differ from run to run.
without_addresses() { sed -E 's/0x[0-9a-f]{16}/ADDRESS/'; }

cargo build --release -p lookaside-ffi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
block c "### C" > "$scratch/program.c"
block text "### C" | without_addresses > "$scratch/expected"
block c "### The WDK's names" > "$scratch/wdk.c"
block c "### Compiled into the program" > "$scratch/inlined.c"
block cpp "### C++" > "$scratch/program.cpp"
block sh "## Linking" > "$scratch/commands"
for file in program.c expected wdk.c inlined.c program.cpp commands; do
    test -s "$scratch/$file" || { echo "README.md has no $file any more" >&2; exit 1; }
done
ln -s "$root/include" "$scratch/include"
ln -s "$target" "$scratch/target"
cd "$scratch"
bash -euxo pipefail commands
for program in program-static program-shared; do
    # On one processor, since the report counts the processors that were used.
    taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')" "./$program" | without_addresses | diff expected -
done
./program-cpp
# As the static program, by its own command with another source.
as_static() { sed -e :a -e '/\\$/N; s/\\\n//; ta' commands | sed -n "s/program-static program\.c/$1 ${2:-} $1.c/p"; }
bash -euxo pipefail -c "$(as_static wdk -Wno-multichar)"
bash -euxo pipefail -c "$(as_static inlined)"
./wdk
./inlined
