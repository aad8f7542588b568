//! The command line: each command has its arguments and its help in its own module.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lookaside_core::hooks::switches;

#[cfg(feature = "compare")]
use crate::matrix;
use crate::{compare, record, replay, tags, tune};

/// Lookaside lists: replay recorded programs over them, and compare them with allocators.
///
/// Without a command: replays the trace of a real program over lists by size class, on all processors, and prints the lists'
/// report and a table of times beside those of malloc and its rivals.
#[derive(Parser)]
#[command(name = "lookaside", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Compare(compare::Compare),
    Replay(replay::Replay),
    Tags(tags::Tags),
    Record(record::Record),
    Tune(tune::Tune),
    /// Print the environment variables that the library and this command read
    // A table keeps its lines, whatever the terminal's width.
    #[command(after_long_help = switches::Table.to_string(), term_width = 0)]
    Switches,
    /// One round of one contender in this process; `compare` starts it
    #[cfg(feature = "compare")]
    #[command(hide = true)]
    Round {
        workload: String,
        contender: String,
        size: usize,
    },
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    match command {
        #[cfg(feature = "compare")]
        Some(Command::Round { .. }) => switches::report_nothing(),
        // The command that takes over does.
        #[cfg(not(feature = "compare"))]
        Some(Command::Compare(_)) => switches::report_nothing(),
        _ => switches::report_unknown(),
    }
    let success = |()| ExitCode::SUCCESS;
    let done = match command {
        None => replay::run(&replay::Replay::default()).map(success),
        Some(Command::Compare(arguments)) => compare::run(&arguments).map(success),
        Some(Command::Replay(arguments)) => replay::run(&arguments).map(success),
        Some(Command::Tags(arguments)) => tags::run(&arguments).map(success),
        Some(Command::Record(arguments)) => record::run(&arguments).map(ExitCode::from),
        Some(Command::Tune(arguments)) => tune::run(&arguments).map(success),
        Some(Command::Switches) => print_switches().map(success),
        #[cfg(feature = "compare")]
        Some(Command::Round { workload, contender, size }) => {
            matrix::serve_round(&workload, &contender, size).map(success)
        }
    };
    match done {
        Ok(code) => code,
        // The reader of the output has seen enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lookaside: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_switches() -> anyhow::Result<()> {
    Ok(write!(io::stdout(), "{}", switches::Table)?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::workload::Set;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_choose_sets() {
        let sets = |line: &str| match Cli::try_parse_from(line.split(' ')).map(|cli| cli.command) {
            Ok(Some(Command::Compare(compare))) => {
                let sets = Set::ALL.into_iter().filter(|&set| compare.runs(set));
                sets.map(Set::name).collect::<Vec<_>>().join(", ")
            }
            _ => panic!("{line}"),
        };
        assert_eq!(sets("lookaside compare"), "lists");
        assert_eq!(sets("lookaside compare --latency --global"), "latency, global");
        assert_eq!(sets("lookaside compare --lists --global"), "lists, global");
        assert_eq!(sets("lookaside compare --workload larson"), "foreign");
        assert_eq!(sets("lookaside compare --workload json,pair"), "lists, global");
        assert_eq!(sets("lookaside compare --memory --workload pair"), "memory");
        assert_eq!(sets("lookaside compare --all --size 32"), "lists, foreign, memory, latency, global, pools, nodes");
    }

    #[test]
    fn names_and_sizes_are_checked() {
        let parses = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
        assert!(parses("lookaside compare --workload pair,handoff --contender vec glibc --size 64"));
        assert!(!parses("lookaside compare --workload pear"));
        assert!(!parses("lookaside compare --contender malloc"));
        assert!(!parses("lookaside compare --size 8"));
        assert!(!parses("lookaside compare --size 4097"));
        assert!(parses("lookaside compare --size 4096"));
        assert!(!parses("lookaside compare --rounds 0"));
        assert!(parses("lookaside compare --global --workload json --contender system"));
        assert!(!parses("lookaside compare --global --size 64"));
        assert!(!parses("lookaside compare --all --pools"));
        assert!(parses("lookaside tags") && parses("lookaside replay") && parses("lookaside replay git-pack"));
        assert!(parses("lookaside record -o x -- ls -l"));
        assert!(!parses("lookaside record"));
    }
}
