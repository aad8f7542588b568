#!/usr/bin/env bash
# What prose names exists: files of this repository (`in/backquotes.rs`, or linked), switches of the environment
# (LOOKASIDE_...) and sections of the theory (theory §n). And pages and comments are in plain English, without the words that
# CONTRIBUTING.md lists. Skips names without a slash, and files that `plain` does not name yet.
set -euo pipefail
cd "$(dirname "$0")/.."
prose=(./*.md docs/*.md packaging/man/lookaside.3 c-examples/README.md lookaside-bench/traces/README.md)
plain=(./*.md Makefile docs .github .ci/run ci packaging c-examples include lookaside-core lookaside-ffi lookaside-bench/[!Ct]*)
top='(\.ci|ci|include|docs|packaging|c-examples|lookaside-core|lookaside-ffi|lookaside-bench)'
words='tells?|told|nobody|everybody|whoever|answer(s|ed)?|so (many|much)|as many as|plays?|played|left out|(is|are) short of'
words+='|(stands?|stood) (in|on|at|behind|beside|above|before|alone|there|apart)|(way|way of (its|their)) own'
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
while IFS=: read -r page path; do
    check link "$path in $page" test -e "$(dirname "$page")/$path"
done < <(grep -oP '\]\(\K(?!http)[^)#]+' "${prose[@]}" | sort -u)
while read -r switch; do
    check switch "$switch" grep -rqwF "$switch" lookaside-core lookaside-ffi lookaside-bench include
done < <(grep -hoP '(?<![A-Z_])LOOKASIDE_[A-Z][A-Z_]*[A-Z](?![A-Z_])' "${prose[@]}" | sort -u)
while read -r section; do
    check section "theory §$section" grep -qE "^//! #+ ${section//./\\.}\.? " lookaside-core/src/theory.rs
done < <(grep -hoE 'theory §[0-9]+(\.[0-9]+)?' "${prose[@]}" | sed 's/.*§//' | sort -u)

# Of code, what is behind a comment's sign or a quotation mark.
dialect=$(grep -rniP "((//|/\*|^ \*|#|\").*)\b($words)\b" "${plain[@]}" --include='*.'{sh,c,cpp,h,rs,yml} --include=run --include=Makefile
    grep -rniP "^(?!  \| ~~).*\b($words)\b" "${plain[@]}" --include='*.'{md,3}) || true
[[ -z $dialect ]] || { printf 'not in plain English:\n%s\n' "$dialect" >&2; missing=1; }
echo "$checked names checked, and the words of $(find "${plain[@]}" -type f | wc -l) files"
((checked > 20 && missing == 0))
