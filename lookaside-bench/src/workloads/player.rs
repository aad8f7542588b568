//! Workloads by the pair, for harnesses that decide themselves how many they want: criterion and Callgrind.

use std::time::Duration;

use anyhow::bail;

use super::random::WorkingSet;
use super::team::team;
use super::{Workload, batch, bulk, burst, clock, handoff, pair};
use crate::contenders::Contender;

/// Plays so many pairs on each thread, and answers how long they took.
pub type Player = Box<dyn FnMut(u64) -> Duration>;

/// Pairs after which about as many places of a random set are full as ever will be.
const SETTLED: u64 = 1024;

/// A workload of one thread, whichever number of them is asked for.
pub fn alone<C: Contender + 'static>(workload: Workload, size: usize, threads: usize) -> anyhow::Result<Player> {
    if threads != 1 {
        bail!("it cannot be shared by threads");
    }
    if workload == Workload::BurstIdle {
        // A new one for each round: growth is part of the figure.
        drop(C::new(size)?);
        return Ok(Box::new(move |pairs| bursts::<C>(size, pairs)));
    }
    let contender = C::new(size)?;
    Ok(match workload {
        Workload::Bulk(8) => Box::new(move |pairs| clock(|| bulk::run::<C, 8>(&contender, pairs))),
        Workload::Bulk(32) => Box::new(move |pairs| clock(|| bulk::run::<C, 32>(&contender, pairs))),
        Workload::Bulk(128) => Box::new(move |pairs| clock(|| bulk::run::<C, 128>(&contender, pairs))),
        Workload::Pair => Box::new(move |pairs| clock(|| pair::run(&contender, pairs))),
        Workload::Batch128 => Box::new(move |pairs| clock(|| batch::run(&contender, pairs))),
        Workload::Random => Box::new(move |pairs| {
            let mut set = settled(&contender, 0);
            clock(|| set.run(pairs))
        }),
        _ => bail!("{workload:?} is not made of pairs on one thread"),
    })
}

/// A workload that each of so many threads does for itself; the handoff is always one of two.
pub fn together<C: Contender + Sync + 'static>(
    workload: Workload,
    size: usize,
    threads: usize,
) -> anyhow::Result<Player> {
    if workload == Workload::Handoff {
        let contender = C::new(size)?;
        return Ok(Box::new(move |pairs| handoff::run(&contender, pairs)));
    }
    if threads == 1 {
        return alone::<C>(workload, size, 1);
    }
    let contender = C::new(size)?;
    Ok(match workload {
        Workload::Bulk(32) => {
            Box::new(move |pairs| team(threads, pairs, |_| |pairs| bulk::run::<C, 32>(&contender, pairs)))
        }
        Workload::Pair => Box::new(move |pairs| team(threads, pairs, |_| |pairs| pair::run(&contender, pairs))),
        Workload::Batch128 => Box::new(move |pairs| team(threads, pairs, |_| |pairs| batch::run(&contender, pairs))),
        Workload::Random => Box::new(move |pairs| {
            team(threads, pairs, |thread| {
                let mut set = settled(&contender, thread);
                move |pairs| set.run(pairs)
            })
        }),
        _ => bail!("{workload:?} is not made of pairs on each thread"),
    })
}

/// As many rounds of bursts as so many pairs want, less what the last one had too many of.
fn bursts<C: Contender>(size: usize, pairs: u64) -> Duration {
    let rounds = pairs.div_ceil(burst::PAIRS).max(1);
    let of_round = |_| C::new(size).map_or(0.0, |contender| burst::run(&contender));
    let mean = (0..rounds).map(of_round).sum::<f64>() / rounds as f64;
    Duration::from_secs_f64(mean * 1e-9 * pairs as f64)
}

fn settled<C: Contender>(contender: &C, thread: usize) -> WorkingSet<'_, C> {
    let mut set = WorkingSet::new(contender, thread);
    set.run(SETTLED);
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders;

    /// Whatever the number of threads, a player does what it is told and takes time for it.
    #[test]
    fn players_play() {
        let list = contenders::by_name("lookaside").expect("the list is a contender");
        for workload in [Workload::Pair, Workload::Batch128, Workload::Random] {
            for threads in [1, 3] {
                let mut player = (list.player)(workload, 64, threads).expect("a list serves any number of threads");
                assert!(player(2048) > Duration::ZERO, "{workload:?}");
            }
        }
        let mut handoff = (list.player)(Workload::Handoff, 64, 2).expect("a list can be shared");
        assert!(handoff(2048) > Duration::ZERO);
        for workload in [Workload::Bulk(8), Workload::Bulk(32), Workload::Bulk(128), Workload::BurstIdle] {
            let mut player = (list.player)(workload, 64, 1).expect("a list plays it on one thread");
            assert!(player(2048) > Duration::ZERO, "{workload:?}");
        }
        assert!((list.player)(Workload::BurstIdle, 64, 2).is_err());
    }

    #[test]
    fn what_cannot_be_shared_is_refused() {
        let vec = contenders::by_name("vec").expect("the limit is a contender");
        assert!((vec.player)(Workload::Pair, 64, 2).is_err());
        assert!((vec.player)(Workload::Handoff, 64, 2).is_err());
    }
}
