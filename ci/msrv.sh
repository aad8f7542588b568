#!/usr/bin/env bash
# The core and the C library build with the oldest compiler that Cargo.toml promises. Skips the tests and the command,
# whose dependencies need newer ones, and everything where that compiler is neither a toolchain of rustup nor at
# /usr/bin (Debian's rustc-web and cargo-web). Installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/msrv

check() {
    echo "with $("$@" --version)"
    "$@" check --locked -p lookaside-core -p lookaside-ffi --lib
}

# By its whole name: rustup does not take 1.85 for 1.85.0.
toolchain=$(rustup toolchain list 2>/dev/null | grep -oE "^$oldest[.-][^ ]*" | head -n 1 || true)
if [[ -n $toolchain ]] && cargo "+$toolchain" --version >/dev/null 2>&1; then
    check cargo "+$toolchain"
elif [[ -x /usr/bin/rustc && -x /usr/bin/cargo && $(/usr/bin/rustc --version) == "rustc $oldest."* ]]; then
    RUSTC=/usr/bin/rustc check /usr/bin/cargo
else
    echo "SKIP: there is no Rust $oldest"
fi
