//! The command `lookaside`.

use lookaside_bench::global::switch::Switch;

#[global_allocator]
static HEAP: Switch = Switch;

fn main() -> std::process::ExitCode {
    lookaside_bench::cli::main()
}
