//! What can be said on the command line.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use lookaside_core::hooks::switches;

use crate::jobs::{self, Set};
use crate::{compare, contenders, trace, tune, workloads};

/// Lookaside lists: replay recorded programs over them, and compare them with allocators.
///
/// Without a command: replays the trace of a real program over lists by size class, on all processors, and prints the lists'
/// report and a table of times beside those of malloc and its rivals.
#[derive(Parser)]
#[command(name = "lookaside", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Compare(Compare),
    /// Replay one recorded trace over lookaside lists and over their rivals
    Replay {
        #[arg(help = about_trace(trace::DEFAULT))]
        trace: Option<PathBuf>,
    },
    /// Replay a trace through tagged small-pool calls and print the usage by tag, as poolmon shows it
    ///
    /// Three tables: when the most blocks are allocated, at the program's end, and when all are freed. The tag of a block is the
    /// thread that allocated it and the largest size of its size class: "0 1M" are blocks of thread 0 up to 1 MiB.
    Tags {
        #[arg(help = about_trace(trace::DEFAULT))]
        trace: Option<PathBuf>,
        /// Print the rows as one JSON array, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Run a program and record what it allocates and frees
    ///
    /// Its threads are recorded, and what it executes in its own place; its children are only named. Ctrl-C and SIGTERM end the
    /// program, and keep the trace. The exit status is the program's, or 128 + N after signal N.
    Record(Record),
    Tune(tune::Tune),
    /// Print the environment variables that the library and this command read
    // A table keeps its lines, whatever the terminal's width.
    #[command(after_long_help = switches::Table.to_string(), term_width = 0)]
    Switches,
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
/// What is compared, an allocator, a pool or a way to call a list, is a contender. Workloads come in sets, which the flags from
/// --lists to --pools choose; without one, --lists is run, or the workloads that --workload names. Contenders take turns by
/// rounds, each in a process of its own with a warm-up before it is timed. Tables name the units of their figures.
#[derive(Args)]
pub struct Compare {
    /// Few rounds, and only the best known contenders: the set --lists takes less than a minute
    #[arg(long)]
    pub quick: bool,
    /// Print the figures as one JSON array, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Write index.html, report.md, figures.csv and figures.json into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Lists beside allocators and pools, on workloads of one size of block
    #[arg(long)]
    pub lists: bool,
    /// Published workloads of others: larson, xmalloc, mstress, packet pools, ...
    #[arg(long)]
    pub foreign: bool,
    /// Memory that is resident, instead of time
    #[arg(long)]
    pub memory: bool,
    /// Percentiles of single calls, hits and misses
    #[arg(long)]
    pub latency: bool,
    /// Whole programs on several global allocators
    #[arg(long, conflicts_with = "size")]
    pub global: bool,
    /// The library's special, nonpaged and paged pools beside the same work by hand
    #[arg(long, conflicts_with = "size")]
    pub pools: bool,
    /// All of these sets
    #[arg(long, conflicts_with_all = ["lists", "foreign", "memory", "latency", "global", "pools"])]
    pub all: bool,
    /// Only these workloads; without a flag that names a set, of whichever set they are
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(workload_names()))]
    pub workload: Vec<String>,
    /// Only these contenders
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(contender_names()))]
    pub contender: Vec<String>,
    /// Fail where the fastest round of one of these is slower than that of the fastest malloc
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(contender_names()))]
    pub ahead: Vec<String>,
    /// Rounds of each contender in each workload [default: 25, with --quick up to 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Bytes in a block [default: 64]
    #[arg(long, value_parser = block_size)]
    pub size: Option<usize>,
}

impl Compare {
    /// Whether this set is to be run: where no flag names one, those of the workloads that are named, or else our own.
    #[must_use]
    pub fn runs(&self, set: Set) -> bool {
        let asked = |set| match set {
            Set::Lists => self.lists,
            Set::Foreign => self.foreign,
            Set::Memory => self.memory,
            Set::Latency => self.latency,
            Set::Global => self.global,
            Set::Pools => self.pools,
        };
        match &self.workload[..] {
            _ if self.all || asked(set) => true,
            _ if Set::ALL.into_iter().any(asked) => false,
            [] => set == Set::Lists,
            names => names.iter().any(|name| jobs::set_of(name) == Some(set)),
        }
    }

    /// The names of those that are.
    #[must_use]
    pub fn sets(&self) -> String {
        Set::ALL.into_iter().filter(|&set| self.runs(set)).map(Set::name).collect::<Vec<_>>().join(", ")
    }
}

/// What help says of the argument that names a trace, with what is taken without it.
pub fn about_trace(default: &str) -> String {
    let names = trace::built_in_names();
    format!("A file that `lookaside record` wrote, or a built-in trace: {names} [default: {default}]")
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

/// The arguments of `lookaside record`.
#[derive(Args)]
pub struct Record {
    /// The file for the trace
    #[arg(long, short, default_value = "lookaside.trace")]
    pub output: PathBuf,
    /// Stop recording after this number of allocations and frees
    #[arg(long, default_value_t = trace::DEFAULT_LIMIT, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    if matches!(command, Some(Command::Round { .. })) {
        switches::report_nothing();
    } else {
        switches::report_unknown();
    }
    let success = |()| ExitCode::SUCCESS;
    let done = match command {
        None => trace::run_replay(None).map(success),
        Some(Command::Compare(arguments)) => compare::run(&arguments).map(success),
        Some(Command::Replay { trace }) => trace::run_replay(trace.as_deref()).map(success),
        Some(Command::Tags { trace, json }) => trace::run_tags(trace.as_deref(), json).map(success),
        Some(Command::Record(record)) => {
            trace::run_record(&record.program, &record.output, record.limit).map(ExitCode::from)
        }
        Some(Command::Tune(arguments)) => tune::run(&arguments).map(success),
        Some(Command::Switches) => print_switches().map(success),
        Some(Command::Round { job, contender, size }) => compare::serve_round(&job, &contender, size).map(success),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output has seen enough, as `head` does.
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

/// Accepts the sizes that every contender serves.
fn block_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 16..=contenders::LARGEST) => Ok(size),
        _ => Err(format!("a whole number from 16 to {}", contenders::LARGEST)),
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
    fn flags_choose_sets() {
        let sets = |line: &str| match Cli::try_parse_from(line.split(' ')).map(|cli| cli.command) {
            Ok(Some(Command::Compare(compare))) => compare.sets(),
            _ => panic!("{line}"),
        };
        assert_eq!(sets("lookaside compare"), "lists");
        assert_eq!(sets("lookaside compare --latency --global"), "latency, global");
        assert_eq!(sets("lookaside compare --lists --global"), "lists, global");
        assert_eq!(sets("lookaside compare --workload larson"), "foreign");
        assert_eq!(sets("lookaside compare --workload json,pair"), "lists, global");
        assert_eq!(sets("lookaside compare --memory --workload pair"), "memory");
        assert_eq!(sets("lookaside compare --all --size 32"), "lists, foreign, memory, latency, global, pools");
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
