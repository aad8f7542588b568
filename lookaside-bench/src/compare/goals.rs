//! The goals that this project has set itself, judged by the fastest rounds.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use lookaside_core::{LookasideList, Status, adjust_depth};

use super::duels::OURS;
use super::results::Benchmark;
use crate::ground::machine;
use crate::ground::workload::Set;
use crate::{global, nodes, workloads};

/// The depth that a list falls to when it is idle.
const MINIMUM_DEPTH: usize = 4;

/// A ratio that shall be reached.
pub struct Goal {
    pub what: Cow<'static, str>,
    at_most: bool,
    bound: f64,
    ratio: f64,
}

/// The goals whose figures were measured.
pub fn goals(benchmarks: &[Benchmark]) -> Vec<Goal> {
    let lists = || benchmarks.iter().filter(|benchmark| benchmark.set() == Set::Lists);
    let of = |workload: &str| lists().find(|benchmark| benchmark.name() == workload);
    let ns = |workload: &str, contender: &str| of(workload)?.spread(contender, 0).map(|spread| spread.min);
    let ours = |workload: &str| ns(workload, "lookaside");
    let pair = |contender: &str| ns("pair", contender);
    let malloc = |workload: &str| of(workload)?.base(0);
    let kept = of("burst-idle").and_then(|benchmark| benchmark.spread("lookaside", 1)).map(|kept| kept.max);
    let processor_lists = machine::processors() + 1;
    let memory = benchmarks.iter().find(|benchmark| benchmark.name() == "memory-lists");
    let kib = |measure: usize| Some(memory?.spread("lookaside", measure)?.max / 1024.0);
    let mut goals: Vec<Goal> = [
        Goal::at_most("pair, to vec", 1.6, ours("pair"), pair("vec")),
        Goal::at_least("pair, the fastest malloc to it", 1.4, malloc("pair"), ours("pair")),
        Goal::at_least("batch128, the fastest malloc to it", 1.5, malloc("batch128"), ours("batch128")),
        Goal::at_most("pair-2t, to pair", 1.05, ours("pair-2t"), ours("pair")),
        Goal::at_least("handoff, the fastest malloc to it", 3.0, malloc("handoff"), ours("handoff")),
        Goal::at_most("pair through C, to the fastest malloc", 1.0, pair("lookaside-c"), malloc("pair")),
        Goal::at_most("pair inlined in C, to inlined in Rust", 1.1, pair("lookaside-c-inline"), ours("pair")),
        Goal::at_most("pair over own registration, to rseq of glibc", 1.1, pair("lookaside-own-rseq"), ours("pair")),
        Goal::at_most("pair over slots, to glibc", 0.5, pair("lookaside-slots"), pair("glibc")),
        Goal::at_most("pair over slots, to jemalloc", 1.0, pair("lookaside-slots"), pair("jemalloc")),
        Goal::at_most("bulk32 by lookaside-bulk, nanoseconds a block", 0.6, ns("bulk32", "lookaside-bulk"), Some(1.0)),
        Goal::at_most("pair by lookaside-cache, to vec", 1.1, pair("lookaside-cache"), pair("vec")),
        Goal::at_most("burst-idle, blocks kept, to lists", MINIMUM_DEPTH as f64, kept, Some(processor_lists as f64)),
        Goal::at_most("memory-lists, KiB of a list that was never used", 1.0, kib(1), Some(1.0)),
        // A page of a slab, and what is known of the list.
        Goal::at_most("memory-lists, KiB of a list that one processor used", 8.0, kib(0), Some(1.0)),
    ]
    .into_iter()
    .flatten()
    .collect();
    goals.extend(benchmarks.iter().filter(|benchmark| benchmark.set() == Set::Global).flat_map(goals_of_program));
    goals.extend(benchmarks.iter().filter(|benchmark| benchmark.set() == Set::Nodes).flat_map(goals_of_container));
    // Only where everything is compared.
    if lists().count() == workloads::ALL.iter().filter(|workload| workload.set == Set::Lists).count() {
        goals.extend(scan_goal());
    }
    goals
}

/// Of a program under the library's global allocator: its time, and its memory.
fn goals_of_program(benchmark: &Benchmark) -> impl Iterator<Item = Goal> + use<> {
    let min = |contender: &str, measure: usize| benchmark.spread(contender, measure).map(|spread| spread.min);
    let others = benchmark.outcomes.iter().map(|outcome| outcome.name).filter(|name| *name != OURS);
    let fastest = others.filter_map(|name| min(name, 0)).min_by(f64::total_cmp);
    let peak = benchmark.plan.measures().iter().position(|measure| measure.name == global::PEAK.name);
    let peak = |contender: &str| min(contender, peak?);
    let named = |what: &str| format!("{}, {what}", benchmark.name());
    [
        Goal::at_most(named("time to that on glibc"), 1.02, min(OURS, 0), min("system", 0)),
        Goal::at_most(named("time to the fastest of the others"), 1.05, min(OURS, 0), fastest),
        Goal::at_most(named("resident memory at its peak to that on mimalloc"), 1.2, peak(OURS), peak("mimalloc")),
    ]
    .into_iter()
    .flatten()
}

/// Of a container whose nodes are blocks: its time to those of others.
fn goals_of_container(benchmark: &Benchmark) -> impl Iterator<Item = Goal> + use<> {
    let min = |contender: &str| benchmark.spread(contender, 0).map(|spread| spread.min);
    let shared = nodes::SHARED.iter().filter_map(|name| min(name)).min_by(f64::total_cmp);
    let named = |what: &str| format!("{}, to {what}", benchmark.name());
    [
        Goal::at_most(named("the fastest that threads may share"), 1.0, min(OURS), shared),
        Goal::at_most(named(benchmark.plan.base.about), 1.2, min(OURS), benchmark.base(0)),
    ]
    .into_iter()
    .flatten()
}

impl Goal {
    fn at_most(what: impl Into<Cow<'static, str>>, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<Self> {
        let (what, ratio) = (what.into(), value? / to?);
        Some(Self { what, at_most: true, bound, ratio })
    }

    fn at_least(what: &'static str, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<Self> {
        let goal = Self::at_most(what, bound, value, to)?;
        Some(Self { at_most: false, ..goal })
    }
    pub fn reached(&self) -> bool {
        match self.at_most {
            true => self.ratio <= self.bound,
            false => self.ratio >= self.bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.reached() { "reached" } else { "not reached" };
        let bound = if self.at_most { "at most" } else { "at least" };
        write!(f, "{verdict:11}  {:.2}  {bound} {:.2}  {}", self.ratio, self.bound, self.what)
    }
}

fn scan_goal() -> Option<Goal> {
    let milliseconds = idle_scan_milliseconds().ok()?;
    Goal::at_most("milliseconds for a scan of 4,096 idle lists", 1.0, Some(milliseconds), Some(1.0))
}

/// Lists that exist during the measurement.
const LISTS: usize = 4096;
const SCANS: usize = 50;

/// The fastest scan of [`LISTS`] lists that were used once and are idle now, in milliseconds.
fn idle_scan_milliseconds() -> Result<f64, Status> {
    let lists: Vec<LookasideList> = (0..LISTS).map(|_| LookasideList::new(64)).collect::<Result<_, _>>()?;
    for list in &lists {
        let block = list.allocate().ok_or(Status::NO_MEMORY)?;
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    let scan = |_| {
        let start = Instant::now();
        adjust_depth();
        start.elapsed().as_secs_f64() * 1000.0
    };
    // The first ones still find traffic, and trim.
    (0..4).for_each(|_| adjust_depth());
    Ok((0..SCANS).map(scan).fold(f64::INFINITY, f64::min))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, spread};

    #[test]
    fn goals_follow_from_the_figures() {
        let all = [
            benchmark("pair", &[("vec", 1.0), ("lookaside", 1.5), ("glibc", 6.0), ("jemalloc", 2.0)]),
            benchmark("batch128", &[("lookaside", 2.0)]),
        ];
        assert_eq!(
            goals(&all).iter().map(Goal::to_string).collect::<Vec<_>>(),
            [
                "reached      1.50  at most 1.60  pair, to vec",
                "not reached  1.33  at least 1.40  pair, the fastest malloc to it",
            ]
        );
        assert!(goals(&[]).is_empty());
    }

    /// Time against glibc and the best, memory against mimalloc; each as far as there is something to compare.
    #[test]
    fn each_program_has_goals() {
        let mut query =
            benchmark("query", &[("system", 10.0), ("jemalloc", 8.0), ("mimalloc", 7.0), ("lookaside", 8.4)]);
        let texts = |benchmark: &Benchmark| {
            goals(std::slice::from_ref(benchmark)).iter().map(Goal::to_string).collect::<Vec<_>>()
        };
        let time = [
            "reached      0.84  at most 1.02  query, time to that on glibc",
            "not reached  1.20  at most 1.05  query, time to the fastest of the others",
        ];
        assert_eq!(texts(&query), time);
        for (outcome, kib) in query.outcomes.iter_mut().zip([1000.0, 1000.0, 2000.0, 2300.0]) {
            outcome.spreads[1] = spread(kib);
        }
        let memory = "reached      1.15  at most 1.20  query, resident memory at its peak to that on mimalloc";
        assert_eq!(texts(&query), [time[0], time[1], memory]);
        query.outcomes.truncate(1);
        assert_eq!(texts(&query), [""; 0]);
    }
}
