#!/usr/bin/env bash
# Every dependency has a licence that deny.toml allows, and the libraries depend on nothing that docs/dependencies.md does not
# name. With cargo-deny installed also looks for advisories; skips them without it.
set -euo pipefail
cd "$(dirname "$0")/.."
allowed=$(sed -n 's/^allow = \[\(.*\)\]/\1/p' deny.toml | tr -d '" ' | tr ',' '|')

# licences: lines "CRATE|LICENCE"; a crate passes if one side of an OR is allowed, with or without an exception.
licences() { cargo tree --workspace --target all --prefix none --format '{p}|{l}' | sed 's/ v[^|]*//; s/ (\*)$//; /^$/d' | sort -u; }
bad=$(licences | grep -vE "\|(.* OR |.*/)?\(?($allowed)( WITH [A-Za-z-]+)?(\)? AND ($allowed))*\)?( OR .*|/.*)?$" || true)
[[ -z $bad ]] || { printf 'licences that deny.toml does not allow:\n%s\n' "$bad" >&2; exit 1; }

# For the systems that they are for: serde_core names its macros for a target that does not exist.
systems=(--target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-musl)
needed=$(cargo tree -p lookaside-core -p lookaside-ffi --all-features -e normal,build "${systems[@]}" --prefix none --format '{p}')
for crate in $(awk '!/^lookaside/ { print $1 }' <<< "$needed" | sort -u); do
    grep -q "^| \`$crate\`" docs/dependencies.md || { echo "docs/dependencies.md does not name $crate" >&2; exit 1; }
done

if cargo deny --version >/dev/null 2>&1; then
    cargo deny check
else
    echo "SKIP: advisories, since cargo-deny is not installed"
fi
