# Functions of ci/guests.sh: a Linux of Debian's in a machine of qemu's, with programs of ours. Packages are fetched by
# apt and unpacked, not installed, so they may be another architecture's.

work=${CARGO_TARGET_DIR:-target}/guests
mkdir -p "$work"
work=$(cd "$work" && pwd)

# skip WHAT WHY: says that something is not tested here.
skip() { echo "SKIP: $1: $2"; }

# of_apt ARCH SUITE TOOL ARGUMENTS...: apt's tools with lists of their own. SUITE is one of Debian's beside the machine's
# own, or empty.
of_apt() {
    local arch=$1 suite=$2 tool=$3 lists=$work/apt-$1-$2
    mkdir -p "$lists/state/lists/partial" "$lists/cache/archives/partial"
    : >"$lists/status"
    local options=(-q -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State=$lists/state"
        -o "Dir::State::status=$lists/status" -o "Dir::Cache=$lists/cache" -o "APT::Sandbox::User=root")
    if [[ -n $suite ]]; then
        local mirror
        mirror=$(apt-get indextargets --format "\$(REPO_URI)" | grep '/debian/$' | head -1)
        echo "deb $mirror $suite main" >"$lists/sources"
        options+=(-o "Dir::Etc::sourcelist=$lists/sources" -o "Dir::Etc::sourceparts=-")
    fi
    "$tool" "${options[@]}" "${@:4}"
}

# fetch ARCH SUITE PACKAGE PATTERN FILE: writes the file of a package that matches the pattern.
fetch() {
    local folder
    folder=$(mktemp -d "$work/package-XXXX")
    (cd "$folder" && of_apt "$1" "$2" apt-get download "$3") >/dev/null 2>&1 &&
        dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -xO --wildcards "$4" >"$5.part" && mv "$5.part" "$5"
    local result=$?
    rm -rf "$folder" "$5.part"
    return $result
}

# kernel ARCH: puts Debian's kernel for clouds, and busybox, into the folder, unless they are there.
kernel() {
    [[ -s $work/kernel-$1 && -s $work/busybox-$1 ]] && return
    local package
    of_apt "$1" "" apt-get update >/dev/null 2>&1 || return
    package=$(of_apt "$1" "" apt-cache depends "linux-image-cloud-$1" | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p')
    [[ -n $package ]] && fetch "$1" "" "$package" './boot/vmlinuz-*' "$work/kernel-$1" &&
        fetch "$1" "" busybox-static ./bin/busybox "$work/busybox-$1"
}

# programs TARGET ROOT: builds the tests and the program with inlined calls, and puts them into the guest's folder.
programs() {
    local compiler=cc executable built=${CARGO_TARGET_DIR:-target} target=()
    # For this processor, what other checks build as well.
    if [[ $1 != "$(uname -m)"-* ]]; then target=(--target "$1") built=$built/$1; fi
    [[ $1 == aarch64-* ]] && compiler=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    cargo test -q --release --no-run "${target[@]}" -p lookaside-core --test all --test closing --test fork --test threads \
        --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | while read -r executable; do
        cp "$executable" "$2/tests/$(basename "$executable" | sed 's/-[0-9a-f]*$//')"
    done
    cargo build -q --release "${target[@]}" -p lookaside-ffi
    local library=$built/release/liblookaside.a abi=lookaside-ffi/tests/c_abi
    "$compiler" -O2 -Iinclude -I"$abi" "$abi/inlined.c" "$abi/inlined_other.c" "$library" \
        -lgcc_s -lutil -lrt -lpthread -lm -ldl -o "$2/tests/inlined"
    "$compiler" -O2 -DSLOW -Iinclude -I"$abi" "$abi/inlined.c" "$abi/inlined_other.c" "$library" \
        -lgcc_s -lutil -lrt -lpthread -lm -ldl -o "$2/tests/inlined-slow"
    # The loader under its own name, the libraries where it looks for them.
    local loader
    loader=$(readelf -l "$2/tests/inlined" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    mkdir -p "$2$(dirname "$loader")" "$2/lib"
    cp "$(file_of "$compiler" "$(basename "$loader")")" "$2$loader"
    for library in libc.so.6 libm.so.6 libgcc_s.so.1; do cp "$(file_of "$compiler" "$library")" "$2/lib/"; done
}

# unsound VERSION: on AArch64 Linux 6.19 does not restart sequences, and 7.0, up to 7.0.13, does for signals alone. The
# first list finds that out; with the engine forced, blocks are lost.
unsound() {
    local package root=$work/root-arm64 kernel=$work/kernel-$1 what="Linux $1, which does not restart sequences"
    [[ -d $root/tests ]] || { skip "$what" "no guest on AArch64"; return; }
    if [[ ! -s $kernel ]]; then
        of_apt arm64 trixie-backports apt-get update >/dev/null 2>&1 || true
        package=$(of_apt arm64 trixie-backports apt-cache search "^linux-binary-$1\..*-cloud-arm64$" | cut -d' ' -f1 |
            sort -V | tail -1)
        [[ -n $package ]] && fetch arm64 trixie-backports "$package" './boot/vmlinuz-*' "$kernel" ||
            { skip "$what" "Debian has none that can be fetched"; return; }
    fi
    cp ci/guest/run-unsound "$root/tests/run"
    pack "$root" "$work/disk-unsound"
    boot arm64 4 "$kernel" "$work/disk-unsound"
}

# file_of COMPILER LIBRARY: where a library of that compiler's is.
file_of() { readlink -f "$("$1" -print-file-name="$2")"; }

# pack ROOT FILE: makes the guest's memory disk.
pack() { (cd "$1" && find . | cpio -o -H newc --quiet | gzip -1) >"$2"; }

# boot ARCH PROCESSORS KERNEL DISK: runs the guest, prints what it prints, and fails unless all passed. Emulated, which
# takes some minutes; KVM does not have each of these machines everywhere.
boot() {
    local machine=(qemu-system-x86_64 -machine "q35,accel=tcg") console=ttyS0
    [[ $1 == arm64 ]] && machine=(qemu-system-aarch64 -machine "virt,accel=tcg,gic-version=max") && console=ttyAMA0
    "${machine[@]}" -cpu max -smp "$2" -m 2048 -nographic -no-reboot -kernel "$3" -initrd "$4" \
        -append "console=$console rdinit=/init quiet panic=-1 mitigations=off" </dev/null | sed -u 's/\r$//' | tee "$4.log"
    grep -q "^guest: all passed" "$4.log"
}
