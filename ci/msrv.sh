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

if command -v rustup >/dev/null && rustup toolchain list | grep -q "^$oldest"; then
    check cargo "+$oldest"
elif [[ -x /usr/bin/rustc && -x /usr/bin/cargo && $(/usr/bin/rustc --version) == "rustc $oldest."* ]]; then
    RUSTC=/usr/bin/rustc check /usr/bin/cargo
else
    echo "SKIP: there is no Rust $oldest"
fi
