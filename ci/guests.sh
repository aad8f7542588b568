#!/usr/bin/env bash
# ci/guests.sh [--long]: tests of the core, a soak with closings, and inlined calls under kernels in machines of qemu's: on
# AArch64 with 4 processors, and on x86-64 with 16, where L has divisions; and on kernels that do not restart sequences.
# --long does fifty times as much. Skips what cannot be installed or fetched. What it fetches stays in the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/guest/machine.sh
times=1
[[ ${1-} == --long ]] && times=50

if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends qemu-system-arm qemu-system-x86 \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross cpio >/dev/null 2>&1 || true
fi

# guest ARCH TARGET QEMU COMPILER PROCESSORS
guest() {
    command -v "$3" >/dev/null || { skip "$1" "no $3"; return; }
    command -v "$4" >/dev/null || { skip "$1" "no $4"; return; }
    command -v cpio >/dev/null || { skip "$1" "no cpio"; return; }
    rustup target add "$2" >/dev/null 2>&1 || true
    [[ -d $(rustc --print target-libdir --target "$2") ]] || { skip "$1" "no standard library for $2"; return; }
    kernel "$1" || { skip "$1" "Debian's kernel cannot be fetched"; return; }
    local root=$work/root-$1
    rm -rf "$root" && mkdir -p "$root"/{bin,dev,proc,sys,tests,tmp}
    programs "$2" "$root"
    install -m 755 "$work/busybox-$1" "$root/bin/busybox"
    install -m 755 ci/guest/init "$root/init"
    sed "s/^times=.*/times=$times/" ci/guest/run >"$root/tests/run"
    pack "$root" "$work/disk-$1"
    boot "$1" "$5" "$work/kernel-$1" "$work/disk-$1"
}

guest arm64 aarch64-unknown-linux-gnu qemu-system-aarch64 aarch64-linux-gnu-gcc 4
guest amd64 x86_64-unknown-linux-gnu qemu-system-x86_64 cc 16
unsound 6.19
unsound 7.0
