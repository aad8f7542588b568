#!/usr/bin/env bash
# Tests of the core with the library itself instrumented by AddressSanitizer: over the heap, as users get it there, and
# with rseq forced, so that the lists' own code is at work. Skips everything where there is no nightly Rust.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIP: no nightly Rust"
    exit 0
fi
export RUSTFLAGS=-Zsanitizer=address
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/sanitizers

# run TEST [MODULES...]: tests that may be run over either engine, or over the one that is asked for.
run() { cargo +nightly test -p lookaside-core --target x86_64-unknown-linux-gnu --test "$1" -- "${@:2}"; }

run heap
run all many:: typed:: allocator::
# What lists keep is led to by memory that the search for leaks does not look at.
export ASAN_OPTIONS=detect_leaks=0 LOOKASIDE_ENGINE=rseq
run life
run tags
run scans pairs::
run all cache:: many:: typed::
