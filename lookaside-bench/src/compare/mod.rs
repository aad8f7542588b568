//! `lookaside compare`: measures every contender in every workload, round by round, and prints what came out.

mod arguments;
mod chart;
mod duels;
mod figures;
mod goals;
mod page;
mod report;
mod results;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use crate::ground::files::Output;
use crate::ground::machine;
use crate::ground::workload::{Set, Workload};
use crate::matrix::{self, Plan};
use crate::rounds::{self, Runner};
pub use arguments::Compare;
use arguments::{chosen, set_of};
use results::{Benchmark, Comparison};

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

/// Does what the arguments say.
///
/// # Errors
///
/// When they do not fit each other, a round fails, something cannot be written, or a contender of `--ahead` is behind.
pub fn run(arguments: &Compare) -> Result<()> {
    let mut plans = Plan::all(|set| arguments.runs(set), |name| arguments.wants(name));
    plans.retain(|plan| chosen(&arguments.workload, plan.workload.name));
    check(&plans, arguments)?;

    // Before anything is measured, so that a folder that cannot be written costs no one an hour.
    let files = arguments.report.as_deref().map(open_files).transpose()?;
    let comparison = measure(plans, arguments)?;
    let (goals, figures) = (goals::goals(&comparison.benchmarks), figures::figures(&comparison.benchmarks));
    if let Some([page, markdown, csv, json]) = files {
        let place = page.path().display().to_string();
        json.write(serde_json::to_string_pretty(&figures)? + "\n")?;
        csv.write(figures::csv(&figures))?;
        markdown.write(report::markdown(&comparison, &goals, false))?;
        page.write(page::page(&report::markdown(&comparison, &goals, true)))?;
        eprintln!("lookaside: the report is {place}");
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&figures)?)?;
    } else {
        write!(out, "{}", report::text(&comparison, &goals))?;
    }
    let behind = behind(&comparison.benchmarks, &arguments.ahead);
    ensure!(behind.is_empty(), "slower than the fastest malloc: {}", behind.join(", "));
    Ok(())
}

/// Makes the folder of a report if it is not there, and opens its files.
fn open_files(folder: &Path) -> Result<[Output; 4]> {
    let cannot = || format!("no report can be written to {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let open = |name| Output::open(&folder.join(name)).with_context(cannot);
    Ok([open("index.html")?, open("report.md")?, open("figures.csv")?, open("figures.json")?])
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

/// Where, when and how is measured from now on; `ci/figures.sh` reads these lines.
fn facts(block: usize) -> Vec<String> {
    let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    vec![
        format!("Date: {}", date.replace('T', " ").replace('Z', " UTC")),
        format!("Command: `lookaside {}`", arguments.collect::<Vec<_>>().join(" ")),
        format!("Machine: {}", machine::describe()),
        format!("Engine: {}", machine::engine()),
        format!("Versions: {}", matrix::versions()),
        format!("Bytes in a block: {block}, where a workload names no other size"),
    ]
}

/// Why the figures will be less than they seem.
fn warnings(rounds: u32, quick: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push("Built without optimisation: these figures say nothing, use `cargo run --release`.".into());
    }
    if rounds < FEW {
        warnings.push(format!("Few rounds (at most {rounds}): the figures are rough."));
    }
    if quick {
        let beside = matrix::ALL.iter().filter(|entry| entry.about.beside);
        let names: Vec<&str> = beside.map(|entry| entry.about.name).collect();
        warnings.push(format!("With --quick these are skipped, unless they are named: {}.", names.join(", ")));
    }
    warnings.extend(machine::busy());
    warnings
}

fn measure(plans: Vec<Plan>, arguments: &Compare) -> Result<Comparison> {
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    let block = arguments.size.unwrap_or(DEFAULT_SIZE);
    let (mut facts, warnings) = (facts(block), warnings(rounds, arguments.quick));
    warnings.iter().for_each(|warning| eprintln!("lookaside: {warning}"));
    let rounds_of = |workload: &Workload| if workload.lingers { rounds.min(IDLE_ROUNDS) } else { rounds };
    let total = plans.iter().map(|plan| u64::from(rounds_of(plan.workload)) * plan.cases.len() as u64).sum();
    let progress = rounds::progress(total);
    let start = Instant::now();
    let count = plans.len() as u32;
    let mut reported = HashSet::new();
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
    }
    progress.finish_and_clear();
    facts.extend(warnings);
    Ok(Comparison { facts, benchmarks })
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
