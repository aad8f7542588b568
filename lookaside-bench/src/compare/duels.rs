//! Who is faster than whom: ours beside each contender that is not ours, in each measure that compares.

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
fn is_peer(name: &str) -> bool {
    !is_ours(name) && matrix::contender(name).is_none_or(|entry| entry.about.only.is_none())
}

/// How ours did in a measure of a workload: the contender [`OURS`], or where that has no part each of ours.
pub struct Duel {
    /// The workload, the measure and the contender.
    pub what: String,
    /// The peers that are better, the best first, with how many times better their best round is.
    pub lost: Vec<String>,
    /// How many peers are not.
    pub won: usize,
}

/// All of them, in the order of workloads.
pub fn duels(benchmarks: &[Benchmark]) -> Vec<Duel> {
    let mut duels = Vec::new();
    for benchmark in benchmarks {
        let names = || benchmark.outcomes.iter().map(|outcome| outcome.name);
        let alone = names().any(|name| name == OURS);
        for (index, measure) in benchmark.plan.workload.measures.iter().enumerate() {
            let best = |name: &str| Some(benchmark.spread(name, index)?.best(measure.better));
            let ours = names().filter(|name| if alone { *name == OURS } else { is_ours(name) });
            for (name, ours) in ours.filter_map(|name| Some((name, best(name)?))) {
                // Above 1 where the peer is better.
                let lead = |theirs: f64| if measure.better == Better::More { theirs / ours } else { ours / theirs };
                let peers = names().filter(|name| is_peer(name)).filter_map(|peer| Some((peer, lead(best(peer)?))));
                let (mut better, others): (Vec<_>, Vec<_>) = peers.partition(|peer| peer.1 > 1.0);
                better.sort_by(|a, b| b.1.total_cmp(&a.1));
                let lost = better.iter().map(|(peer, lead)| format!("{peer} ({lead:.2})")).collect();
                let what = format!("{}, {}, {name}", benchmark.name(), measure.name);
                if measure.better != Better::Neither {
                    duels.push(Duel { what, lost, won: others.len() });
                }
            }
        }
    }
    duels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, with_measures};
    use crate::ground::measure::Measure;
    use crate::ground::spread::Spread;
    use crate::rounds::Outcome;

    #[test]
    fn ours_are_known_by_their_names() {
        for name in ["lookaside", "lookaside-c", "general", "small-pool-tagged", "wdm-general", "lookaside-arenas"] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["vec", "slist-turns", "glibc", "by-hand", "wdmalloc", "generally"] {
            assert!(!is_ours(name), "{name}");
        }
    }

    /// Where more is better the larger figure wins.
    #[test]
    fn every_peer_wins_or_loses_by_the_direction_of_the_measure() {
        const RATE: &[Measure] = &[Measure::more("rate", "1/s", "calls in a second")];
        let figures = [("vec", 1.0), ("lookaside", 2.0), ("glibc", 8.0), ("arrayqueue", 2.0), ("wdm", 0.5)];
        let outcome =
            |name, min, median, max| Outcome { name, rounds: 1, spreads: vec![Some(Spread { min, median, max })] };
        let outcomes = vec![outcome("glibc", 1.0, 2.0, 10.0), outcome("wdm", 2.0, 3.0, 5.0)];
        let found = duels(&[benchmark("pair", &figures), with_measures(RATE, outcomes)]);
        let found: Vec<_> = found.iter().map(|duel| (duel.what.as_str(), duel.lost.join(", "), duel.won)).collect();
        let expected = [("pair, ns, lookaside", "vec (2.00)".into(), 2), ("pair, rate, wdm", "glibc (2.00)".into(), 0)];
        assert_eq!(found, expected);
    }
}
