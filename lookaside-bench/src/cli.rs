//! What can be said on the command line.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::jobs::{self, Job};
use crate::{compare, contenders, global, pools, scale, trace, workloads};

/// Lookaside lists: replay recorded programs over them, and compare them with allocators.
///
/// Without a command: replays a real trace over lists by size class on all processors, prints the report, and a table
/// beside malloc and its rivals.
#[derive(Parser)]
#[command(name = "lookaside", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Compare(Compare),
    Scale(Scale),
    /// Replay one recorded trace over lookaside lists and over their rivals
    Replay {
        /// A trace that `lookaside record` wrote
        file: PathBuf,
    },
    /// Replay a trace through tagged small-pool calls and print the usage by tag, as poolmon shows it
    ///
    /// Three tables: when the most blocks are out, at the program's end, and when all is given back. The tag of a block is the
    /// number of the thread that allocated it, and the largest size of its size class.
    Tags {
        /// A trace that `lookaside record` wrote [default: the built-in one]
        file: Option<PathBuf>,
        /// Print the rows as one JSON array, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Run a program and record what it allocates and frees
    Record(Record),
    /// One round of one contender in this process; `compare` starts it
    #[command(hide = true)]
    Round {
        job: String,
        contender: String,
        size: usize,
    },
}

/// Time the workloads on lookaside lists and on their rivals
///
/// Every figure is nanoseconds for one allocate plus one free. Rounds are interleaved between the contenders, and each
/// is a process of its own with a warm-up before it is timed.
///
/// With --global the contenders are allocators that serve a whole program each, and the workloads are programs. With --pools
/// the library's pools are compared with what does their work without them. These tables name the units of their figures.
#[derive(Args)]
pub struct Compare {
    /// Few rounds: a minute or two for everything
    #[arg(long)]
    pub quick: bool,
    /// Print the figures as one JSON array, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Compare allocators of whole programs instead
    #[arg(long, conflicts_with = "size")]
    pub global: bool,
    /// Compare the library's pools with what programs do by hand instead
    #[arg(long, conflicts_with_all = ["size", "global"])]
    pub pools: bool,
    /// Only these workloads
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(workload_names()))]
    pub workload: Vec<String>,
    /// Only these contenders
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(contender_names()))]
    pub contender: Vec<String>,
    /// Rounds of each contender in each workload [default: 25, with --quick 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Bytes in a block
    #[arg(long, default_value_t = 64, value_parser = block_size)]
    pub size: usize,
}

impl Compare {
    /// The jobs to play instead of the workloads.
    pub fn jobs(&self) -> Option<&'static [Job]> {
        match (self.global, self.pools) {
            (true, _) => Some(global::PROGRAMS),
            (_, true) => Some(pools::JOBS),
            _ => None,
        }
    }
}

/// The names of all workloads of all tables, without repetition.
fn workload_names() -> Vec<&'static str> {
    workloads::names().chain(jobs::all().map(|job| job.name)).collect()
}

/// The names of all contenders of all tables, without repetition.
fn contender_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = contenders::names().collect();
    for contender in jobs::all().flat_map(|job| job.contenders) {
        if !names.contains(&contender.name) {
            names.push(contender.name);
        }
    }
    names
}

/// Simulate the lists on machines of up to 1,024 processors, from costs that are measured here
///
/// A simulation of events with the costs of this machine and the assumptions of docs/scaling.md: throughput and hit rates by
/// the number of processors, the batch and what the processors do with each other, beside the ideal, beside one shared list
/// alone, and with the shared list divided by groups of processors.
#[derive(Args)]
pub struct Scale {
    /// Fewer numbers of processors
    #[arg(long)]
    pub quick: bool,
    /// Print the figures as one JSON object, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Draw a chart for each pattern into this directory
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Read the costs from what --json printed, instead of measuring them
    #[arg(long, value_name = "FILE")]
    pub costs: Option<PathBuf>,
    /// Where the simulation's random numbers start
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What `lookaside record` is told.
#[derive(Args)]
pub struct Record {
    /// Where the trace goes
    #[arg(long, short, default_value = "lookaside.trace")]
    pub output: PathBuf,
    /// Stop recording after so many allocations and frees
    #[arg(long, default_value_t = trace::DEFAULT_LIMIT, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        None => trace::run_main_job(),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        Some(Command::Scale(arguments)) => scale::run(&arguments),
        Some(Command::Replay { file }) => trace::run_replay(&file),
        Some(Command::Tags { file, json }) => trace::run_tags(file.as_deref(), json),
        Some(Command::Record(record)) => trace::run_record(&record.program, &record.output, record.limit),
        Some(Command::Round { job, contender, size }) => compare::serve_round(&job, &contender, size),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lookaside: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Accepts the sizes that every contender serves by its fastest call.
fn block_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 16..=1024) => Ok(size),
        _ => Err("a whole number from 16 to 1024, where every contender has its fastest call".into()),
    }
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_and_sizes_are_checked() {
        let parses = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
        assert!(parses("lookaside compare --workload pair,handoff --contender vec glibc --size 64"));
        assert!(!parses("lookaside compare --workload pear"));
        assert!(!parses("lookaside compare --contender malloc"));
        assert!(!parses("lookaside compare --size 8"));
        assert!(!parses("lookaside compare --size 2048"));
        assert!(!parses("lookaside compare --rounds 0"));
        assert!(parses("lookaside compare --global --workload json --contender system"));
        assert!(!parses("lookaside compare --global --size 64"));
        assert!(!parses("lookaside compare --global --pools"));
        assert!(parses("lookaside tags"));
        assert!(parses("lookaside record -o x -- ls -l"));
        assert!(!parses("lookaside record"));
    }
}
