# For ci/install.sh, which sets root, scratch and soname: a way to build programs on what is installed.
fail() { echo "$1" >&2; exit 1; }
# way HEADING LANGUAGE TOOL VARIABLE=VALUE ...: builds programs as the page says under that heading, and runs them.
way() (
    command -v "$3" >/dev/null || { echo "SKIP: $1, since there is no $3"; exit; }
    cd "$(mktemp -d -p "$scratch")"
    "$root/ci/block.sh" "$root/README.md" '### C' c > program.c
    "$root/ci/block.sh" "$root/README.md" '### C++' cpp > program.cpp
    "$root/ci/block.sh" "$root/docs/install.md" "## $1" "$2" > CMakeLists.txt
    export "${@:4}"
    if [[ $3 == cmake ]]; then cmake . && cmake --build .; else bash -euxo pipefail CMakeLists.txt; fi
    export LD_LIBRARY_PATH=$scratch/run # With the file and the name that the loader looks for, as packages divide them.
    for program in program-{shared,static}{,-cpp}; do
        "./$program"
        loaded=$(ldd "$program" 2>&1 | grep -F "$soname => " || true)
        [[ $program == *static* && -z $loaded || $program == *shared* && $loaded == *"$scratch"* ]] || fail "$program: $loaded"
    done
)
