//! The arguments of `lookaside compare`, and what they choose.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::ground::contender::LARGEST;
use crate::ground::text::distinct;
use crate::ground::workload::Set;
use crate::matrix;

/// Time the workloads on lookaside lists and on their rivals
///
/// What is compared, an allocator, a pool or a way to call a list, is a contender. Workloads come in sets, which the flags from
/// --lists to --nodes choose; without one, --lists is run, or the workloads that --workload names. Contenders take turns by
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
    lists: bool,
    /// Published workloads of others: larson, xmalloc, mstress, false sharing, ...
    #[arg(long)]
    foreign: bool,
    /// Memory that is resident, instead of time
    #[arg(long)]
    memory: bool,
    /// Percentiles of single calls, hits and misses
    #[arg(long)]
    latency: bool,
    /// Whole programs on several global allocators
    #[arg(long, conflicts_with = "size")]
    global: bool,
    /// The library's special and nonpaged pools beside the same work by hand
    #[arg(long, conflicts_with = "size")]
    pools: bool,
    /// Containers of C++ with their nodes from several allocators and pools
    #[arg(long, conflicts_with = "size")]
    nodes: bool,
    /// All of these sets
    #[arg(long, conflicts_with_all = ["lists", "foreign", "memory", "latency", "global", "pools", "nodes"])]
    all: bool,
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
    pub fn runs(&self, set: Set) -> bool {
        let flags = [self.lists, self.foreign, self.memory, self.latency, self.global, self.pools, self.nodes];
        let asked = |set: Set| Set::ALL.into_iter().zip(flags).any(|flag| flag == (set, true));
        match &self.workload[..] {
            _ if self.all || asked(set) => true,
            _ if Set::ALL.into_iter().any(asked) => false,
            [] => set == Set::Lists,
            names => names.iter().any(|name| set_of(name) == Some(set)),
        }
    }

    /// Whether this contender is to run: without names all do, but for the less known with `--quick`.
    pub fn wants(&self, name: &str) -> bool {
        match self.contender.is_empty() {
            true => !self.quick || matrix::contender(name).is_none_or(|entry| !entry.about.beside),
            false => chosen(&self.contender, name),
        }
    }
}

fn workload_names() -> Vec<&'static str> {
    matrix::workloads().map(|workload| workload.name).collect()
}

/// The names of all contenders, without repetition.
fn contender_names() -> Vec<&'static str> {
    let of_jobs = matrix::jobs().flat_map(|job| job.cases).map(|case| case.name);
    distinct(matrix::ALL.iter().map(|entry| entry.about.name).chain(of_jobs))
}

/// The set of the workload of this name.
pub fn set_of(name: &str) -> Option<Set> {
    matrix::workloads().find(|workload| workload.name == name).map(|workload| workload.set)
}

/// Accepts the sizes that every contender serves.
fn block_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 16..=LARGEST) => Ok(size),
        _ => Err(format!("a whole number from 16 to {LARGEST}")),
    }
}

/// Whether a name is among those asked for; all are when none was.
pub fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}
