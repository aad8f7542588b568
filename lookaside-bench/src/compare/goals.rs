//! The goals that this project has set itself, judged by the fastest rounds.

use std::fmt::Display;

use super::duels::OURS;
use super::results::Benchmark;
use crate::ground::workload::Set;
use crate::{global, nodes};

/// The goals whose figures were measured, a line each.
pub fn goals(benchmarks: &[Benchmark]) -> Vec<String> {
    let mut goals = goals_of_lists(benchmarks);
    for benchmark in benchmarks {
        goals.extend(match benchmark.set() {
            Set::Global => goals_of_program(benchmark),
            Set::Nodes => goals_of_container(benchmark),
            _ => Vec::new(),
        });
    }
    goals
}

fn goals_of_lists(benchmarks: &[Benchmark]) -> Vec<String> {
    let of = |workload: &str| benchmarks.iter().find(|benchmark| benchmark.name() == workload);
    let min = |workload: &str, contender: &str| Some(of(workload)?.spread(contender, 0)?.min);
    let max = |workload: &str, measure: usize| Some(of(workload)?.spread(OURS, measure)?.max);
    let (ours, pair) = (|workload: &str| min(workload, OURS), |contender: &str| min("pair", contender));
    let malloc = |workload: &str| of(workload)?.base(0);
    let kib = |measure: usize| Some(max("memory-lists", measure)? / 1024.0);
    let p99 = |contender: &str| Some(of("latency-misses")?.spread(contender, 1)?.min);
    let goals = [
        at_most("pair, to vec", 1.6, ours("pair"), pair("vec")),
        at_least("pair, the fastest malloc to it", 1.4, malloc("pair"), ours("pair")),
        at_least("batch128, the fastest malloc to it", 1.5, malloc("batch128"), ours("batch128")),
        at_most("pair-2t, to pair", 1.05, ours("pair-2t"), ours("pair")),
        at_least("handoff, the fastest malloc to it", 3.0, malloc("handoff"), ours("handoff")),
        at_most("pair through C, to the fastest malloc", 1.0, pair("lookaside-c"), malloc("pair")),
        at_most("pair inlined in C, to inlined in Rust", 1.1, pair("lookaside-c-inline"), ours("pair")),
        at_most("pair over own registration, to rseq of glibc", 1.1, pair("lookaside-own-rseq"), ours("pair")),
        at_most("pair over slots, to glibc", 0.5, pair("lookaside-slots"), pair("glibc")),
        at_most("pair over slots, to jemalloc", 1.0, pair("lookaside-slots"), pair("jemalloc")),
        at_most("bulk32 by lookaside-bulk, nanoseconds a block", 0.6, min("bulk32", "lookaside-bulk"), Some(1.0)),
        at_most("pair by lookaside-cache, to vec", 1.1, pair("lookaside-cache"), pair("vec")),
        at_most("burst-idle, to the fastest malloc", 1.5, ours("burst-idle"), malloc("burst-idle")),
        at_most("p99 of latency-misses, to glibc", 1.0, p99(OURS), p99("glibc")),
        at_most("memory-lists, KiB of a list that was never used", 1.0, kib(1), Some(1.0)),
        // A page of a slab, and what is known of the list.
        at_most("memory-lists, KiB of a list that one processor used", 8.0, kib(0), Some(1.0)),
    ];
    goals.into_iter().flatten().collect()
}

/// Of a program under the library's global allocator: its time, and its memory.
fn goals_of_program(benchmark: &Benchmark) -> Vec<String> {
    let min = |contender: &str, measure: usize| Some(benchmark.spread(contender, measure)?.min);
    let others = benchmark.outcomes.iter().map(|outcome| outcome.name).filter(|name| *name != OURS);
    let fastest = others.filter_map(|name| min(name, 0)).min_by(f64::total_cmp);
    let peak = benchmark.plan.workload.measures.iter().position(|measure| measure.name == global::PEAK.name);
    let peak = |contender: &str| min(contender, peak?);
    let named = |what: &str| format!("{}, {what}", benchmark.name());
    let goals = [
        at_most(named("time to that on glibc"), 1.02, min(OURS, 0), min("system", 0)),
        at_most(named("time to the fastest of the others"), 1.05, min(OURS, 0), fastest),
        at_most(named("resident memory at its peak to that on mimalloc"), 1.2, peak(OURS), peak("mimalloc")),
    ];
    goals.into_iter().flatten().collect()
}

/// Of a container whose nodes are blocks: its time to those of others.
fn goals_of_container(benchmark: &Benchmark) -> Vec<String> {
    let min = |contender: &str| Some(benchmark.spread(contender, 0)?.min);
    let shared = nodes::SHARED.iter().filter_map(|name| min(name)).min_by(f64::total_cmp);
    let named = |what: &str| format!("{}, to {what}", benchmark.name());
    let goals = [
        at_most(named("the fastest that threads may share"), 1.0, min(OURS), shared),
        at_most(named(benchmark.plan.base.about), 1.2, min(OURS), benchmark.base(0)),
    ];
    goals.into_iter().flatten().collect()
}

/// A ratio that shall be no larger than a bound.
fn at_most(what: impl Display, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<String> {
    let ratio = value? / to?;
    Some(judged(ratio <= bound, ratio, "at most", bound, &what))
}

/// A ratio that shall be no smaller.
fn at_least(what: impl Display, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<String> {
    let ratio = value? / to?;
    Some(judged(ratio >= bound, ratio, "at least", bound, &what))
}

fn judged(reached: bool, ratio: f64, side: &str, bound: f64, what: &dyn Display) -> String {
    format!("{}reached: {ratio:.2} ({side} {bound:.2}), {what}", if reached { "" } else { "not " })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, spread};

    #[test]
    fn goals_follow_from_the_figures() {
        let pair = benchmark("pair", &[("vec", 1.0), ("lookaside", 1.5), ("glibc", 6.0), ("jemalloc", 2.0)]);
        let expected = [
            "reached: 1.50 (at most 1.60), pair, to vec",
            "not reached: 1.33 (at least 1.40), pair, the fastest malloc to it",
        ];
        assert_eq!(goals(&[pair, benchmark("batch128", &[("lookaside", 2.0)])]), expected);
    }

    /// Time against glibc and the best, memory against mimalloc; each as far as there is something to compare.
    #[test]
    fn each_program_has_goals() {
        let mut query =
            benchmark("query", &[("system", 10.0), ("jemalloc", 8.0), ("mimalloc", 7.0), ("lookaside", 8.4)]);
        for (outcome, kib) in query.outcomes.iter_mut().zip([1000.0, 1000.0, 2000.0, 2300.0]) {
            outcome.spreads[1] = spread(kib);
        }
        let expected = [
            "reached: 0.84 (at most 1.02), query, time to that on glibc",
            "not reached: 1.20 (at most 1.05), query, time to the fastest of the others",
            "reached: 1.15 (at most 1.20), query, resident memory at its peak to that on mimalloc",
        ];
        assert_eq!(goals(&[query.clone()]), expected);
        query.outcomes.remove(2);
        assert_eq!(
            goals(&[query]),
            [
                "reached: 0.84 (at most 1.02), query, time to that on glibc",
                "reached: 1.05 (at most 1.05), query, time to the fastest of the others"
            ]
        );
    }
}
