#!/usr/bin/env bash
# Prints the code of a page in a language under a heading: ci/block.sh PAGE HEADING LANGUAGE. Fails where there is none.
# Not a check, but of use to some.
set -euo pipefail
awk -v heading="$2" -v fence="\`\`\`$3" '/^#+ / && !inside { here = ($0 == heading) }
    /^```/ { inside = here && $0 == fence; next } inside' "$1" | grep '' || { echo "$1 has no $3 under \"$2\"" >&2; exit 1; }
