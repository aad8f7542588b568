#!/usr/bin/env bash
# Every contender of other projects hands out blocks as it should and runs: those of crates, and of those in C and C++ the
# ones whose packages are installed. The tests name what is missing, with its package. snmalloc is built where cmake is
# installed.
#
# DPDK's package needs 200 others, for drivers that a mempool does without. So its headers and static libraries are unpacked
# into a folder of the target's; skipped where apt-get cannot fetch the package.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

peers=$target/peers
if [[ -e /usr/include/dpdk/rte_mempool.h ]]; then
    echo "DPDK is installed"
elif [[ ! -e /usr/include/bsd/string.h || ! -e /usr/include/numa.h ]]; then
    echo "SKIP: DPDK: libbsd-dev and libnuma-dev are not installed"
elif [[ -e $peers/usr/include/dpdk/rte_mempool.h ]]; then
    export LOOKASIDE_PEERS=$peers/usr
elif rm -rf "$peers" && mkdir -p "$peers" && (cd "$peers" && apt-get download libdpdk-dev) &&
    dpkg-deb --extract "$peers"/libdpdk-dev_*.deb "$peers"; then
    export LOOKASIDE_PEERS=$peers/usr
else
    rm -rf "$peers"
    echo "SKIP: DPDK: its package cannot be fetched"
fi

features=()
if command -v cmake >/dev/null; then
    features=(--features snmalloc)
else
    echo "SKIP: snmalloc: cmake is not installed"
fi
report=$(mktemp)
trap 'rm -f "$report"' EXIT
cargo test -p lookaside-bench "${features[@]}" --test contenders -- --show-output | tee "$report"
cargo test -p lookaside-bench "${features[@]}" --test all -- pools_of_others
# What is installed has to build, which the tests do not demand: a machine may have another version.
! grep "could not be built" "$report"
