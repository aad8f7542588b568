#!/usr/bin/env bash
# The core and the C library can be packaged, with their licences, and build from their packages. Skips the command, which is
# not published, and tests, which need the whole repository.
set -euo pipefail
cd "$(dirname "$0")/.."

for crate in lookaside-core lookaside-ffi; do
    for file in LICENSE-APACHE LICENSE-MIT README.md; do
        cargo package --allow-dirty --list -p "$crate" | grep -qxF "$file" || { echo "$crate has no $file" >&2; exit 1; }
    done
done
# Cargo keeps the packaged core unpacked in its registry, and compiled, as long as the version is the same: the C library
# would be built with the core of an earlier run.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/packaged
rm -rf "$CARGO_TARGET_DIR" "${CARGO_HOME:-$HOME/.cargo}"/registry/src/-*/lookaside-core-*
cargo package --allow-dirty -p lookaside-core -p lookaside-ffi
