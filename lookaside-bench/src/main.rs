//! The command `lookaside`.

fn main() -> std::process::ExitCode {
    lookaside_bench::cli::main()
}
