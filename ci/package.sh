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
cargo package --allow-dirty -p lookaside-core -p lookaside-ffi
