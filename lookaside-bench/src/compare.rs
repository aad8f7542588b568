//! `lookaside compare`: plays every contender in every workload and job, round by round, and prints what came out.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};

use crate::cli;
use crate::contenders;
use crate::jobs::{self, Rows, Set};
use crate::machine;
use crate::report;
use crate::rounds::{self, Stage};
use crate::table;
use crate::workloads::{self, Workload};

/// Rounds of each contender in each workload.
const ROUNDS: u32 = 25;
/// The same with `--quick`.
const QUICK_ROUNDS: u32 = 5;
/// Fewer than this are few.
const FEW: u32 = 10;
/// The time for all of them with `--quick`, which few contenders do not need and many exceed by their first round.
const QUICK: Duration = Duration::from_secs(45);
/// Bytes in a block.
const DEFAULT_SIZE: usize = 64;
/// The most rounds of a workload that idles.
const IDLE_ROUNDS: u32 = 5;

/// Does what the arguments say.
pub fn run(arguments: &cli::Compare) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("lookaside: built without optimisation, so these figures say nothing: use `cargo run --release`");
    }
    let plays = |name: &str| match arguments.contender.is_empty() {
        true => !arguments.quick || !contenders::BESIDE.contains(&name),
        false => chosen(&arguments.contender, name),
    };
    let mut plan = Rows::plan(|set| arguments.runs(set), plays);
    plan.retain(|rows| chosen(&arguments.workload, rows.name));
    check(&plan, arguments)?;

    // Before anything is measured, so that a folder that cannot be written costs nobody an hour.
    let folder = arguments.report.as_deref().map(report::Folder::create).transpose()?;
    let comparison = play(plan, arguments)?;
    if let Some(folder) = folder {
        eprintln!("lookaside: the report is {}", folder.write(&comparison)?.display());
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        comparison.session.warnings.iter().for_each(|warning| eprintln!("lookaside: {warning}"));
        writeln!(out, "{:#}", report::data::json(&comparison.rows))?;
    } else {
        write!(out, "{}", table::text(&comparison))?;
    }
    let behind = behind(&comparison.rows, &arguments.ahead);
    if !behind.is_empty() {
        bail!("slower than the fastest malloc: {}", behind.join(", "));
    }
    Ok(())
}

/// Whether the plan is what the names and flags ask for.
fn check(plan: &[Rows], arguments: &cli::Compare) -> anyhow::Result<()> {
    for name in &arguments.workload {
        let set = jobs::set_of(name).context("no such workload")?;
        ensure!(
            arguments.runs(set),
            "{name} is a workload of the set {0}: add --{0}, or name no set: a workload that is named brings its own",
            set.name()
        );
    }
    let elsewhere = || {
        let all = Rows::plan(|_| true, |name| chosen(&arguments.contender, name));
        let sets = Set::ALL.into_iter().filter(|&set| all.iter().any(|rows| rows.set == set));
        sets.map(|set| format!("--{}", set.name())).collect::<Vec<_>>().join(", ")
    };
    ensure!(
        !plan.is_empty(),
        "no contender that is named takes part in these workloads; the sets in which one does: {}",
        elsewhere()
    );
    ensure!(
        arguments.size.is_none() || plan.iter().any(|rows| rows.sized),
        "--size has no effect: these workloads have blocks of sizes of their own"
    );
    Ok(())
}

/// The workloads in which one of these contenders is slower than the fastest malloc, by the fastest rounds, or cannot
/// be compared with it.
fn behind(rows: &[Rows], ahead: &[String]) -> Vec<String> {
    let each = rows.iter().flat_map(|rows| ahead.iter().map(move |name| (rows, name)));
    each.filter_map(|(rows, name)| match rows.ratio(name, 0) {
        Some(..=1.0) => None,
        Some(ratio) => Some(format!("{name} in {} ({ratio:.2})", rows.name)),
        None => Some(format!("{name} in {} (not measured)", rows.name)),
    })
    .collect()
}

/// What was played.
#[derive(Debug)]
pub struct Comparison {
    /// Where, when and how.
    pub session: Session,
    /// The rows, with their outcomes.
    pub rows: Vec<Rows>,
    /// The journeys of a cache line to another processor and back, in nanoseconds, as they were between the workloads.
    pub crossings: Vec<f64>,
}

/// Where, when and how something was played.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The beginning, by UTC.
    pub date: String,
    /// The command that did it.
    pub command: String,
    /// The machine, with its load at the beginning.
    pub machine: String,
    /// The engine of the contender `lookaside`.
    pub engine: &'static str,
    /// The versions of everything.
    pub versions: String,
    /// Bytes in a block, where a workload has them.
    pub size: usize,
    /// Why little may be made of the figures.
    pub warnings: Vec<String>,
}

impl Session {
    fn begin(size: usize, rounds: u32, quick: bool) -> Self {
        let arguments: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let mut warnings = Vec::new();
        if cfg!(debug_assertions) {
            warnings.push("Built without optimisation: these figures say nothing.".into());
        }
        if rounds < FEW {
            warnings.push(format!("Few rounds (at most {rounds}): the figures are rough."));
        }
        if quick {
            let skipped = contenders::BESIDE.join(", ");
            warnings.push(format!("With --quick these are skipped, unless they are named: {skipped}."));
        }
        warnings.extend(machine::busy());
        Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now())
                .to_string()
                .replace('T', " ")
                .replace('Z', " UTC"),
            command: format!("lookaside {}", arguments.join(" ")),
            machine: machine::describe(),
            engine: machine::engine(),
            versions: machine::versions(),
            size,
            warnings,
        }
    }
}

fn play(mut plan: Vec<Rows>, arguments: &cli::Compare) -> anyhow::Result<Comparison> {
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    let block = arguments.size.unwrap_or(DEFAULT_SIZE);
    let session = Session::begin(block, rounds, arguments.quick);
    let rounds_of = |rows: &Rows| if rows.lingers { rounds.min(IDLE_ROUNDS) } else { rounds };
    let total: u64 = plan.iter().map(|rows| u64::from(rounds_of(rows)) * rows.entrants.len() as u64).sum();
    let progress = rounds::progress(total);
    let start = Instant::now();
    let jobs = plan.len() as u32;
    let mut told = HashSet::new();
    let mut crossings = Vec::from_iter(workloads::crossing());
    for (rows, played) in plan.iter_mut().zip(0..) {
        // What one job saves is the others'.
        let left = || QUICK.saturating_sub(start.elapsed()) / (jobs - played);
        let time = (arguments.quick && arguments.rounds.is_none()).then(left);
        let size = if rows.sized { block } else { 0 };
        let stage = Stage::new(rows.name, rows.measures, size, rounds_of(rows), time, rows.lingers)?;
        (rows.outcomes, rows.left_out) = stage.play(&rows.entrants, &progress)?;
        for left in &rows.left_out {
            // One reason once, however many workloads miss the same contender.
            if told.insert((left.name, left.reason.clone())) {
                progress.suspend(|| eprintln!("lookaside: {} is skipped: {}", left.name, left.reason));
            }
        }
        crossings.extend(workloads::crossing());
    }
    progress.finish_and_clear();
    Ok(Comparison { session, rows: plan, crossings })
}

/// Plays one round in this process, which `compare` started for it.
pub fn serve_round(job: &str, contender: &str, size: usize) -> anyhow::Result<()> {
    match Workload::by_name(job) {
        Some(workload) => {
            let contender = contenders::by_name(contender).context("no such contender")?;
            (contender.serve)(workload, size)
        }
        None => jobs::serve_round(job, contender),
    }
}

/// Whether a name is among those asked for; all are when none was.
fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::rows;

    #[test]
    fn contenders_behind_the_fastest_malloc_are_named() {
        let all = [
            rows("pair", &[("vec", 1.0), ("lookaside", 2.0), ("glibc", 6.0), ("jemalloc", 2.0)]),
            rows("batch128", &[("lookaside", 2.1), ("glibc", 4.0), ("jemalloc", 2.0)]),
            rows("pair-2t", &[("glibc", 4.0)]),
        ];
        let names = ["lookaside".to_owned(), "vec".to_owned()];
        assert_eq!(behind(&all, &names[..1]), ["lookaside in batch128 (1.05)", "lookaside in pair-2t (not measured)"]);
        assert_eq!(behind(&all[..1], &names), [""; 0]);
        assert_eq!(behind(&all, &[]), [""; 0]);
    }
}
