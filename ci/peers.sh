#!/usr/bin/env bash
# Every contender of other projects hands out blocks as it should and runs: those of crates, and of those in C and C++ the
# ones whose packages are installed. The tests name what is missing, with its package. Google's tcmalloc is
# built, which takes minutes, and snmalloc where cmake is installed.
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

features=(--features tcmalloc)
if command -v cmake >/dev/null; then features=(--features tcmalloc,snmalloc); else echo "SKIP: snmalloc: cmake is not installed"; fi
report=$(mktemp)
trap 'rm -f "$report"' EXIT
tests() { cargo test -p lookaside-bench "${features[@]}" "$@" -- --show-output | tee "$report"; }
tests --test contenders
# What is installed has to build, which the tests do not demand: a machine may have another version.
! grep "could not be built" "$report"
tests --test all pools_of_others
tests --test all googles_tcmalloc
tests --test google_tcmalloc
# It has its caches for each processor only in a process without glibc's rseq.
GLIBC_TUNABLES=glibc.pthread.rseq=0 tests --test contenders google_tcmalloc
! grep skipped "$report"
