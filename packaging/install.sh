#!/usr/bin/env bash
# Installs what packaging/build.sh made, or removes it: packaging/install.sh install|uninstall. The variables are those of
# the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
shared=liblookaside.so soname=liblookaside.so.${version%.*} package=$LIBDIR/cmake/lookaside

# files: a line "MODE SOURCE FOLDER [NAME]" for each file.
files() {
    printf "644 %s $INCLUDEDIR\n" include/*
    echo "755 $BUILT/$shared $LIBDIR $shared.$version"
    echo "644 $BUILT/liblookaside.a $LIBDIR"
    echo "644 packaging/lookaside.pc.in $LIBDIR/pkgconfig"
    printf "644 %s $package\n" packaging/*.cmake.in
    printf "644 %s $MANDIR/man3\n" packaging/man/*.3
    printf "644 %s $DOCDIR\n" LICENSE-*
    [[ $1 == all || $COMMAND != no ]] || return 0
    echo "755 $BUILT/lookaside $BINDIR"
    printf "644 %s $MANDIR/man1\n" packaging/man/*.1
    echo "644 packaging/completions/lookaside.bash $DATADIR/bash-completion/completions lookaside"
    echo "644 packaging/completions/_lookaside $DATADIR/zsh/site-functions"
    echo "644 packaging/completions/lookaside.fish $DATADIR/fish/vendor_completions.d"
}

# fill TEMPLATE: the template with what is between @ replaced, and folders below $PREFIX named by the prefix.
fill() {
    local below='${prefix}/'
    sed -e "s|@VERSION@|$version|; s|@SONAME@|$soname|; s|@PREFIX@|$PREFIX|" \
        -e "s|@LIBDIR@|${LIBDIR/#"$PREFIX/"/$below}|; s|@INCLUDEDIR@|${INCLUDEDIR/#"$PREFIX/"/$below}|" \
        -e "s|@INCLUDE_FROM_PACKAGE@|$(realpath -ms --relative-to="$package" "$INCLUDEDIR")|" "$1"
}

case $1 in
install)
    files chosen | while read -r mode source folder name; do
        place=$DESTDIR$folder/${name:-$(basename "$source" .in)}
        case $source in
        *.in) fill "$source" | install -Dm "$mode" /dev/stdin "$place" ;;
        *) install -Dm "$mode" "$source" "$place" ;;
        esac
    done
    ln -sf "$shared.$version" "$DESTDIR$LIBDIR/$soname"
    ln -sf "$soname" "$DESTDIR$LIBDIR/$shared"
    # The loader finds libraries by a cache, which root writes by a program that is not on every path.
    PATH=$PATH:/usr/sbin:/sbin
    if [[ -z $DESTDIR && $(id -u) == 0 ]] && command -v ldconfig >/dev/null; then ldconfig; fi
    ;;
uninstall)
    files all | while read -r _ source folder name; do rm -f "$DESTDIR$folder/${name:-$(basename "$source" .in)}"; done
    rm -f "$DESTDIR$LIBDIR/$soname" "$DESTDIR$LIBDIR/$shared"
    rmdir "$DESTDIR$package" "$DESTDIR$DOCDIR" 2>/dev/null || true
    ;;
*) echo "usage: make install, or make uninstall" >&2; exit 2 ;;
esac
