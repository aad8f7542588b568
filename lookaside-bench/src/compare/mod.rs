//! `lookaside compare`: measures every contender in every workload, round by round, and prints what came out.

mod chart;
mod data;
mod duels;
mod goals;
mod html;
mod markdown;
mod report;
mod results;
mod table;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::ground::contender::LARGEST;
use crate::ground::files::Output;
use crate::ground::machine;
use crate::ground::text::distinct;
use crate::ground::workload::{Set, Workload};
use crate::matrix::{self, Plan};
use crate::rounds::{self, Runner};
use crate::workloads;
use results::{Benchmark, Comparison, Conditions};

/// Rounds of each contender in each workload.
const ROUNDS: u32 = 25;
const QUICK_ROUNDS: u32 = 5;
/// Fewer than this are few.
const FEW: u32 = 10;
/// The time for all of them with `--quick`, which few contenders do not need and many exceed by their first round.
const QUICK: Duration = Duration::from_secs(45);
/// Bytes in a block.
const DEFAULT_SIZE: usize = 64;
/// The most rounds of a workload that idles.
const IDLE_ROUNDS: u32 = 5;

/// Time the workloads on lookaside lists and on their rivals
///
/// What is compared, an allocator, a pool or a way to call a list, is a contender. Workloads come in sets, which the flags from
/// --lists to --nodes choose; without one, --lists is run, or the workloads that --workload names. Contenders take turns by
/// rounds, each in a process of its own with a warm-up before it is timed. Tables name the units of their figures.
#[derive(Args)]
pub struct Compare {
    /// Few rounds, and only the best known contenders: the set --lists takes less than a minute
    #[arg(long)]
    quick: bool,
    /// Print the figures as one JSON array, and nothing else
    #[arg(long)]
    json: bool,
    /// Write index.html, report.md, figures.csv and figures.json into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
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
    workload: Vec<String>,
    /// Only these contenders
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(contender_names()))]
    contender: Vec<String>,
    /// Fail where the fastest round of one of these is slower than that of the fastest malloc
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(contender_names()))]
    ahead: Vec<String>,
    /// Rounds of each contender in each workload [default: 25, with --quick up to 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Bytes in a block [default: 64]
    #[arg(long, value_parser = block_size)]
    size: Option<usize>,
}

impl Compare {
    /// Whether this set is to be run: where no flag names one, those of the workloads that are named, or else our own.
    pub fn runs(&self, set: Set) -> bool {
        let asked = |set| match set {
            Set::Lists => self.lists,
            Set::Foreign => self.foreign,
            Set::Memory => self.memory,
            Set::Latency => self.latency,
            Set::Global => self.global,
            Set::Pools => self.pools,
            Set::Nodes => self.nodes,
        };
        match &self.workload[..] {
            _ if self.all || asked(set) => true,
            _ if Set::ALL.into_iter().any(asked) => false,
            [] => set == Set::Lists,
            names => names.iter().any(|name| set_of(name) == Some(set)),
        }
    }

    /// Whether this contender is to run: without names all do, but for the less known with `--quick`.
    fn wants(&self, name: &str) -> bool {
        match self.contender.is_empty() {
            true => !self.quick || matrix::contender(name).is_none_or(|entry| !entry.about().beside),
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
    distinct(matrix::ALL.iter().map(|entry| entry.about().name).chain(of_jobs))
}

fn set_of(name: &str) -> Option<Set> {
    matrix::workloads().find(|workload| workload.name == name).map(|workload| workload.set)
}

/// Accepts the sizes that every contender serves.
fn block_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 16..=LARGEST) => Ok(size),
        _ => Err(format!("a whole number from 16 to {LARGEST}")),
    }
}

/// Does what the arguments say.
///
/// # Errors
///
/// When they do not fit each other, a round fails, something cannot be written, or a contender of `--ahead` is behind.
pub fn run(arguments: &Compare) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("lookaside: built without optimisation, so these figures say nothing: use `cargo run --release`");
    }
    let mut plans = Plan::all(|set| arguments.runs(set), |name| arguments.wants(name));
    plans.retain(|plan| chosen(&arguments.workload, plan.workload.name));
    check(&plans, arguments)?;

    // Before anything is measured, so that a folder that cannot be written costs no one an hour.
    let folder = arguments.report.as_deref().map(Folder::create).transpose()?;
    let comparison = measure(plans, arguments)?;
    if let Some(folder) = folder {
        eprintln!("lookaside: the report is {}", folder.write(&comparison)?.display());
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        comparison.conditions.warnings.iter().for_each(|warning| eprintln!("lookaside: {warning}"));
        writeln!(out, "{:#}", data::json(&comparison.benchmarks))?;
    } else {
        write!(out, "{}", table::text(&comparison))?;
    }
    let behind = behind(&comparison.benchmarks, &arguments.ahead);
    if !behind.is_empty() {
        bail!("slower than the fastest malloc: {}", behind.join(", "));
    }
    Ok(())
}

/// Whether the plan is what the names and flags ask for.
fn check(plans: &[Plan], arguments: &Compare) -> Result<()> {
    for name in &arguments.workload {
        let set = set_of(name).context("no such workload")?;
        ensure!(
            arguments.runs(set),
            "{name} is a workload of the set {0}: add --{0}, or name no set: a workload that is named brings its own",
            set.name()
        );
    }
    let elsewhere = || {
        let all = Plan::all(|_| true, |name| chosen(&arguments.contender, name));
        let sets = Set::ALL.into_iter().filter(|&set| all.iter().any(|plan| plan.workload.set == set));
        sets.map(|set| format!("--{}", set.name())).collect::<Vec<_>>().join(", ")
    };
    ensure!(
        !plans.is_empty(),
        "no contender that is named takes part in these workloads; the sets in which one does: {}",
        elsewhere()
    );
    ensure!(
        arguments.size.is_none() || plans.iter().any(|plan| plan.sized),
        "--size has no effect: these workloads have blocks of sizes of their own"
    );
    Ok(())
}

/// The workloads in which one of these contenders is slower than the fastest malloc, by the fastest rounds, or cannot
/// be compared with it.
fn behind(benchmarks: &[Benchmark], ahead: &[String]) -> Vec<String> {
    let each = benchmarks.iter().flat_map(|benchmark| ahead.iter().map(move |name| (benchmark, name)));
    each.filter_map(|(benchmark, name)| match benchmark.ratio(name, 0) {
        Some(..=1.0) => None,
        Some(ratio) => Some(format!("{name} in {} ({ratio:.2})", benchmark.name())),
        None => Some(format!("{name} in {} (not measured)", benchmark.name())),
    })
    .collect()
}

/// Why the figures will be less than they seem.
fn warnings(rounds: u32, quick: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push("Built without optimisation: these figures say nothing.".into());
    }
    if rounds < FEW {
        warnings.push(format!("Few rounds (at most {rounds}): the figures are rough."));
    }
    if quick {
        let beside = matrix::ALL.iter().map(|entry| entry.about()).filter(|about| about.beside);
        let names: Vec<&str> = beside.map(|about| about.name).collect();
        warnings.push(format!("With --quick these are skipped, unless they are named: {}.", names.join(", ")));
    }
    warnings.extend(machine::busy());
    warnings
}

fn measure(plans: Vec<Plan>, arguments: &Compare) -> Result<Comparison> {
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    let block = arguments.size.unwrap_or(DEFAULT_SIZE);
    let conditions = Conditions::now(block, warnings(rounds, arguments.quick));
    let rounds_of = |workload: &Workload| if workload.lingers { rounds.min(IDLE_ROUNDS) } else { rounds };
    let total = plans.iter().map(|plan| u64::from(rounds_of(plan.workload)) * plan.cases.len() as u64).sum();
    let progress = rounds::progress(total);
    let start = Instant::now();
    let count = plans.len() as u32;
    let mut reported = HashSet::new();
    let mut crossings = Vec::from_iter(workloads::crossing());
    let mut benchmarks = Vec::new();
    for (plan, done) in plans.into_iter().zip(0..) {
        // What one workload saves is the others'.
        let left = || QUICK.saturating_sub(start.elapsed()) / (count - done);
        let time = (arguments.quick && arguments.rounds.is_none()).then(left);
        let size = if plan.sized { block } else { 0 };
        let runner = Runner { workload: plan.workload, size, rounds: rounds_of(plan.workload), time };
        let (outcomes, skipped) = runner.run(&plan.cases, &progress)?;
        for skipped in &skipped {
            // One reason once, however many workloads miss the same contender.
            if reported.insert((skipped.name, skipped.reason.clone())) {
                progress.suspend(|| eprintln!("lookaside: {} is skipped: {}", skipped.name, skipped.reason));
            }
        }
        benchmarks.push(Benchmark::new(plan, outcomes, skipped));
        crossings.extend(workloads::crossing());
    }
    progress.finish_and_clear();
    Ok(Comparison { conditions, benchmarks, crossings })
}

/// The files of a report, the page first.
const FILES: [&str; 4] = ["index.html", "report.md", "figures.csv", "figures.json"];

/// Where a report goes.
struct Folder([Output; FILES.len()]);

impl Folder {
    /// Makes the folder if it is not there, and opens its files.
    fn create(folder: &Path) -> Result<Self> {
        let cannot = || format!("no report can be written to {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        let files: Result<Vec<Output>> = FILES.iter().map(|name| Output::open(&folder.join(name))).collect();
        let files = files.with_context(cannot)?.try_into();
        Ok(Self(files.expect("there is an output for each name")))
    }

    /// Writes the four files, and returns where the page is.
    fn write(self, comparison: &Comparison) -> Result<PathBuf> {
        let goals = goals::goals(&comparison.benchmarks);
        let [page, markdown, csv, json] = self.0;
        let place = page.path().to_owned();
        json.write(format!("{:#}\n", data::document(comparison, &goals)))?;
        csv.write(data::csv(&comparison.benchmarks))?;
        markdown.write(markdown::report(comparison, &goals))?;
        page.write(html::page(comparison, &goals))?;
        Ok(place)
    }
}

/// Whether a name is among those asked for; all are when none was.
fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use results::tests::benchmark;

    #[test]
    fn contenders_behind_the_fastest_malloc_are_named() {
        let all = [
            benchmark("pair", &[("vec", 1.0), ("lookaside", 2.0), ("glibc", 6.0), ("jemalloc", 2.0)]),
            benchmark("batch128", &[("lookaside", 2.1), ("glibc", 4.0), ("jemalloc", 2.0)]),
            benchmark("pair-2t", &[("glibc", 4.0)]),
        ];
        let names = ["lookaside".to_owned(), "vec".to_owned()];
        assert_eq!(behind(&all, &names[..1]), ["lookaside in batch128 (1.05)", "lookaside in pair-2t (not measured)"]);
        assert_eq!(behind(&all[..1], &names), [""; 0]);
        assert_eq!(behind(&all, &[]), [""; 0]);
    }
}
