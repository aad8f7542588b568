#!/usr/bin/env bash
# What prose names exists: files of this repository (`in/backquotes.rs`), switches of the environment (LOOKASIDE_...)
# and sections of the theory (theory §n). Skips names without a slash, and what prose says about them.
set -euo pipefail
cd "$(dirname "$0")/.."

prose=(README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md docs/*.md
    c-examples/README.md lookaside-bench/traces/README.md)
top='(\.ci|ci|include|docs|c-examples|lookaside-core|lookaside-ffi|lookaside-bench)'
theory=lookaside-core/src/theory.rs
checked=0
missing=0

# check KIND NAME COMMAND...: complains unless the command succeeds.
check() {
    checked=$((checked + 1))
    if ! "${@:3}" >/dev/null; then
        echo "prose names a $1 that does not exist: $2" >&2
        missing=1
    fi
}

while read -r path; do
    check file "$path" test -e "$path"
done < <(grep -hoE "\`$top/[A-Za-z0-9_./-]+\`" "${prose[@]}" | tr -d '`' | sort -u)

while read -r switch; do
    check switch "$switch" grep -rqwF "$switch" lookaside-core lookaside-ffi lookaside-bench include
done < <(grep -hoP '(?<![A-Z_])LOOKASIDE_[A-Z][A-Z_]*[A-Z](?![A-Z_])' "${prose[@]}" | sort -u)

while read -r section; do
    check section "theory §$section" grep -qE "^//! #+ ${section//./\\.}\.? " "$theory"
done < <(grep -hoE 'theory §[0-9]+(\.[0-9]+)?' "${prose[@]}" | sed 's/.*§//' | sort -u)

echo "$checked names checked"
((checked > 20 && missing == 0))
