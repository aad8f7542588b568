# For scripts that build for other targets.
# can TARGET COMMAND=PACKAGE...: whether the target can be built, and the commands are there.
can() {
    local target=$1 command
    [[ -d $(rustc --print target-libdir --target "$target") ]] || rustup target add "$target" >/dev/null 2>&1 ||
        { echo "SKIP: there is no standard library for $target"; return 1; }
    for command in "${@:2}"; do
        command -v "${command%=*}" >/dev/null || apt-get install -y --no-install-recommends "${command#*=}" >/dev/null 2>&1 ||
            { echo "SKIP: $target needs ${command%=*}, of the package ${command#*=}"; return 1; }
    done
}
