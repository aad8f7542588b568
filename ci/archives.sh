#!/usr/bin/env bash
# The archive that `make install` installs has no global names but the functions of lookaside.h, and links beside an archive
# that another Rust compiler made. Skips the latter where there is one Rust alone. Installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
make COMMAND=no
built=${CARGO_TARGET_DIR:-target}/install/host
nm -g --defined-only "$built/liblookaside.a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort | diff "$built/functions" -

other=
for rustc in /usr/bin/rustc "rustup run nightly rustc"; do
    version=$($rustc --version 2>/dev/null) && [[ $version != "$(rustc --version)" ]] && other=$rustc
done
[[ -n $other ]] || { echo "SKIP: an archive of another Rust compiler, since there is none"; exit; }
ci/block.sh README.md '### C' c > "$scratch/program.c"
cat > "$scratch/other.rs" <<'RUST'
/// Allocates and unwinds, each with its own archive's part of Rust.
#[no_mangle]
pub extern "C" fn other() -> bool {
    std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(7))).is_err()
}
RUST
cat > "$scratch/both.c" <<'C'
#include <stdbool.h>
#define main lookaside_program
#include "program.c"
#undef main
bool other(void);
int main(void) { return lookaside_program() || !other(); }
C
$other --crate-type staticlib -o "$scratch/libother.a" "$scratch/other.rs"
cc -Iinclude -o "$scratch/both" "$scratch/both.c" "$built/liblookaside.a" "$scratch/libother.a"
"$scratch/both"
