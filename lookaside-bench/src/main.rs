//! The command `lookaside`.

/// Chooses the allocator that a program of `compare --global` runs on.
#[cfg(feature = "compare")]
#[global_allocator]
static HEAP: lookaside_bench::global::switch::Switch = lookaside_bench::global::switch::Switch;

fn main() -> std::process::ExitCode {
    lookaside_bench::cli::main()
}
