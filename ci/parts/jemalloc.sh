# For benchmarks, which unwind, and for builds without optimisation, for which cargo would build jemalloc once more: has them
# take the archive that was built for the command, if it was.
archives=("${CARGO_TARGET_DIR:-target}"/release/build/tikv-jemalloc-sys-*/out/lib/libjemalloc_pic.a)
[[ ! -e ${archives[0]} ]] || { JEMALLOC_OVERRIDE=$(realpath "${archives[0]}") && export JEMALLOC_OVERRIDE; }
