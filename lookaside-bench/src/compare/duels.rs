//! Who is faster than whom: each of our ways in beside each contender that is not ours, in each measure that compares.

use super::results::Benchmark;
use crate::ground::measure::Better;
use crate::matrix;

/// The contender that figures of lists are those of, where nothing else is said.
pub const OURS: &str = "lookaside";

/// Whether a contender is one of this library's ways in.
pub fn is_ours(name: &str) -> bool {
    ["lookaside", "general", "small-pool", "wdm"]
        .iter()
        .any(|ours| name.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// Whether ours are compared with it: others' contenders, but for the one that allocates nothing.
pub fn is_peer(name: &str) -> bool {
    !is_ours(name) && matrix::contender(name).is_none_or(|entry| entry.about().only.is_none())
}

/// How one of ours compares in a measure of a workload, peer by peer.
pub struct Standing<'a> {
    pub benchmark: &'a Benchmark,
    pub measure: usize,
    pub name: &'static str,
    /// Those that were better, the best first.
    pub behind: Vec<Peer>,
    /// Those that were not, the nearest first.
    pub ahead: Vec<Peer>,
}

/// A peer beside one of ours.
pub struct Peer {
    pub name: &'static str,
    /// The ratio of the worse figure to the better, by their best rounds; 1 at the least.
    pub factor: f64,
    /// The same by the medians; below 1 where the medians say the opposite.
    pub by_median: f64,
}

/// All of them, ours in each workload in the order of the contenders.
pub fn standings(benchmarks: &[Benchmark]) -> Vec<Standing<'_>> {
    let mut all = Vec::new();
    for benchmark in benchmarks {
        for (measure, about) in benchmark.plan.measures().iter().enumerate() {
            let ours = benchmark.outcomes.iter().map(|outcome| outcome.name).filter(|name| is_ours(name));
            if about.better != Better::Neither {
                all.extend(ours.filter_map(|name| standing(benchmark, measure, name)));
            }
        }
    }
    all
}

fn standing<'a>(benchmark: &'a Benchmark, measure: usize, name: &'static str) -> Option<Standing<'a>> {
    let better = benchmark.plan.measures()[measure].better;
    let ours = benchmark.spread(name, measure)?;
    let (mut behind, mut ahead) = (Vec::new(), Vec::new());
    for outcome in benchmark.outcomes.iter().filter(|outcome| is_peer(outcome.name)) {
        let Some(theirs) = outcome.spreads[measure] else { continue };
        // Above 1 where the peer is the better one.
        let lead = |ours: f64, theirs: f64| if better == Better::More { theirs / ours } else { ours / theirs };
        let (by_best, by_median) = (lead(ours.best(better), theirs.best(better)), lead(ours.median, theirs.median));
        // Two zeroes are equal.
        let (by_best, by_median) = if by_best.is_nan() { (1.0, 1.0) } else { (by_best, by_median) };
        let name = outcome.name;
        if by_best > 1.0 {
            behind.push(Peer { name, factor: by_best, by_median });
        } else {
            ahead.push(Peer { name, factor: 1.0 / by_best, by_median: 1.0 / by_median });
        }
    }
    behind.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    ahead.sort_by(|a, b| a.factor.total_cmp(&b.factor));
    Some(Standing { benchmark, measure, name, behind, ahead })
}

/// Peers with their factors, in a line.
pub fn listed(peers: &[Peer]) -> String {
    match peers {
        [] => "-".into(),
        peers => {
            let one = |peer: &Peer| format!("{} ({})", peer.name, times(peer.factor));
            peers.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A factor as a text; against nothing at all there is none.
pub fn times(factor: f64) -> String {
    if factor.is_finite() { format!("{factor:.2}") } else { "\u{221E}".into() }
}

/// Why a contender wins, where that is known.
pub fn why_peer(name: &str) -> Option<&'static str> {
    let why = match name {
        "vec" | "boost-pool" | "foonathan" => "one thread owns it: it need not be safe to share",
        "tls-vec" => {
            "each thread keeps what it frees, for itself alone: no other thread gets it, and nothing bounds all together"
        }
        _ => return None,
    };
    Some(why)
}

/// Why peers win a workload, where that is known.
pub fn why_workload(name: &str) -> Option<&'static str> {
    let why = match name {
        "burst-idle" => {
            "a new list tunes itself from nothing, and pays its way down besides the pool's price until it is deep enough"
        }
        "cache-thrash" | "cache-scratch" => {
            "blocks of 16 bytes are malloc's, and several fit into a cache line: those that two processors' lists were given \
             side by side stay with them, while a malloc's thread gets others as it goes; lists made with an alignment of 64 \
             never share a line"
        }
        "special" | "special-many" => "each block has a guarded page of its own, which malloc does not give",
        "nonpaged" => "the memory is locked, which malloc's is not",
        _ => return None,
    };
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, with_measures};
    use crate::ground::measure::Measure;
    use crate::rounds::{Outcome, Spread};

    #[test]
    fn ours_are_known_by_their_names() {
        for name in ["lookaside", "lookaside-c", "general", "small-pool-tagged", "wdm-general", "lookaside-arenas"] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["vec", "slist-turns", "glibc", "by-hand", "wdmalloc", "generally"] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn every_peer_is_ahead_or_behind() {
        let benchmarks = [benchmark(
            "pair",
            &[("vec", 1.0), ("lookaside", 2.0), ("glibc", 8.0), ("arrayqueue", 2.0), ("wdm", 16.0)],
        )];
        let standings = standings(&benchmarks);
        let found: Vec<_> = standings
            .iter()
            .map(|standing| {
                let factors = |peers: &[Peer]| peers.iter().map(|peer| (peer.name, peer.factor)).collect::<Vec<_>>();
                (standing.name, factors(&standing.behind), factors(&standing.ahead))
            })
            .collect();
        assert_eq!(
            found,
            [
                ("lookaside", vec![("vec", 2.0)], vec![("arrayqueue", 1.0), ("glibc", 4.0)]),
                ("wdm", vec![("vec", 16.0), ("arrayqueue", 8.0), ("glibc", 2.0)], vec![]),
            ]
        );
        assert_eq!(standings[0].behind[0].by_median, 1.5);
        assert_eq!([times(1.5), times(1.0 / 0.0)], ["1.50", "\u{221E}"]);
    }

    /// Where more is better the larger figure wins.
    #[test]
    fn the_direction_of_a_measure_counts() {
        const RATE: &[Measure] = &[Measure::more("rate", "1/s", "calls in a second")];
        let outcome =
            |name, min, median, max| Outcome { name, rounds: 1, spreads: vec![Some(Spread { min, median, max })] };
        let outcomes = vec![outcome("glibc", 1.0, 2.0, 10.0), outcome("lookaside", 2.0, 3.0, 5.0)];
        let benchmarks = [with_measures(RATE, outcomes)];
        let standings = standings(&benchmarks);
        let glibc = &standings[0].behind[0];
        assert_eq!((glibc.factor, glibc.by_median), (2.0, 2.0 / 3.0));
    }
}
