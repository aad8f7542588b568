//! What the contenders are put through.
//!
//! A workload is a file with constants that describe it, with functions that are generic over the contender, and a line for
//! each constant in the lists below. Inner loops are never inlined, so each pair of workload and contender is a function of
//! its own, in which only the contender's calls are inlined; all around them is compiled once. Every block is made opaque to
//! the compiler and written to before it is freed. The first measure is the time of one allocate plus one free, unless the
//! workload says otherwise.

mod batch;
mod bulk;
mod burst;
mod crossing;
mod foreign;
mod handoff;
mod latency;
mod memory;
mod pair;
mod random;

use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};

pub use batch::work as batch;
pub use crossing::crossing;
pub use memory::{LISTS as MEMORY_LISTS, end as memory_end};
pub use pair::work as pair;
pub use random::WorkingSet;

use crate::ground::contender::{Blocks, Contender, Make};
use crate::ground::machine;
use crate::ground::measure::{Figures, Made, NS, ROUND, clock, print, print_absent, timed};
use crate::ground::team::{Work, team};
use crate::ground::workload::{Set, Workload};
use foreign::{false_sharing, larson, lru, mempool, mstress, packets, rptest, shbench, xmalloc};

/// How long the timed part of a round takes where threads outnumber processors, and each has to get its turns.
const LONG_ROUND: Duration = Duration::from_millis(60);
/// Time for two scans of the balance set manager, and some.
const IDLE: Duration = Duration::from_millis(3200);
/// Pairs after which about as many places of a random set are full as ever will be.
const SETTLED: u64 = 1024;

/// The list: each workload's constant, whether it takes one thread or several, whether it asks for runs of blocks, and what
/// does it.
macro_rules! workloads {
    ($($constant:path: $threads:ident $($in_runs:ident)? |$blocks:ident| $run:expr;)*) => {
        /// Every workload, in the order of tables.
        pub const ALL: &[Workload] = &[$($constant),*];

        /// Runs a workload of one thread.
        pub fn alone<C: Contender>(workload: &Workload, blocks: &Blocks<C>) -> anyhow::Result<Figures> {
            $(if workload.name == $constant.name {
                return workloads!(@alone $threads $blocks = blocks; $run);
            })*
            bail!("there is no workload {}", workload.name)
        }

        /// Runs any workload.
        pub fn together<C: Contender + Sync>(workload: &Workload, blocks: &Blocks<C>) -> anyhow::Result<Figures> {
            $(if workload.name == $constant.name {
                let $blocks = blocks;
                return $run;
            })*
            bail!("there is no workload {}", workload.name)
        }

        /// Runs a workload that asks for runs of blocks. Contenders that run no other are compiled for these alone.
        pub fn in_runs<C: Contender + Sync>(workload: &Workload, blocks: &Blocks<C>) -> anyhow::Result<Figures> {
            $($(if workload.name == $constant.name {
                ensure!($constant.$in_runs, "it asks for single blocks");
                let $blocks = blocks;
                return $run;
            })?)*
            bail!("there is no workload {} of runs", workload.name)
        }
    };
    (@alone one $blocks:ident = $given:ident; $run:expr) => {{
        let $blocks = $given;
        $run
    }};
    (@alone several $blocks:ident = $given:ident; $run:expr) => { Err(anyhow!("it cannot be shared by threads")) };
}

workloads! {
    pair::PAIR: one |blocks| steady(pair(blocks));
    batch::BATCH128: one |blocks| steady(batch(blocks));
    random::RANDOM: one |blocks| steady(random::work(blocks, 0, 0));
    pair::PAIR_2T: several |blocks| ns(side_by_side(ROUND, 2, &|_| pair(blocks)));
    random::RANDOM_2T: several |blocks| ns(side_by_side(ROUND, 2, &|thread| random::work(blocks, thread, 0)));
    handoff::HANDOFF: several |blocks| handoff(blocks);
    random::OVERSUBSCRIBED: several |blocks| ns(oversubscribed(&|thread| random::work(blocks, thread, 0)));
    burst::BURST_IDLE: one |blocks| ns(burst::run(blocks));
    bulk::BULK8: one runs |blocks| steady(bulk::work::<C, 8>(blocks));
    bulk::BULK32: one runs |blocks| steady(bulk::work::<C, 32>(blocks));
    bulk::BULK128: one runs |blocks| steady(bulk::work::<C, 128>(blocks));
    memory::BURST: one |blocks| Ok(memory::burst(blocks));
    memory::FRAGMENTS: one |blocks| Ok(memory::fragments(blocks));
    memory::LISTS: one |_blocks| Err(anyhow!("it makes its contenders itself"));
    memory::HANDOFF: several |blocks| memory::hand_over(blocks);
    larson::LARSON: several |blocks| ns(larson::run(blocks));
    xmalloc::XMALLOC: several |blocks| ns(xmalloc::run(blocks));
    false_sharing::CACHE_THRASH: several |blocks| Ok(false_sharing::thrash(blocks));
    false_sharing::CACHE_SCRATCH: several |blocks| Ok(false_sharing::scratch(blocks));
    shbench::SH6: several |blocks| ns(shbench::run(blocks, false));
    shbench::SH8: several |blocks| ns(shbench::run(blocks, true));
    mstress::MSTRESS: several |blocks| ns(mstress::run(blocks));
    rptest::RPTEST: several |blocks| ns(rptest::run(blocks));
    mempool::MEMPOOL_1C: one runs |blocks| Ok(mempool::one_core(blocks));
    mempool::MEMPOOL_2C: several runs |blocks| Ok(mempool::two_cores(blocks));
    packets::PACKETS: several |blocks| packets::run(blocks).and_then(ns);
    lru::LRU: one |blocks| ns(lru::run(blocks));
    latency::HITS: several |blocks| Ok(latency::run(blocks, true, 1));
    latency::HITS_OVER: several |blocks| Ok(latency::run(blocks, true, latency::CROWD));
    latency::MISSES: several |blocks| Ok(latency::run(blocks, false, 1));
    latency::MISSES_OVER: several |blocks| Ok(latency::run(blocks, false, latency::CROWD));
}
pub fn by_name(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

fn ns(nanoseconds: f64) -> anyhow::Result<Figures> {
    Ok(vec![(NS.name, nanoseconds)])
}

/// The time of a pair on this thread.
fn steady(mut work: Work<'_>) -> anyhow::Result<Figures> {
    ns(timed(ROUND, &mut |pairs| clock(|| work(pairs))))
}

/// The time of a pair of which each half is another thread's.
pub fn handoff<C: Contender + Sync>(blocks: &Blocks<C>) -> anyhow::Result<Figures> {
    ns(timed(ROUND, &mut |pairs| handoff::run(blocks, pairs)))
}

/// The time of a pair on each of several threads at once.
fn side_by_side<'a>(round: Duration, threads: usize, member: &(dyn Fn(usize) -> Work<'a> + Sync)) -> f64 {
    timed(round, &mut |pairs| team(threads, pairs, member))
}

/// The same for four threads on each processor, of which one at a time has its turn.
fn oversubscribed<'a>(member: &(dyn Fn(usize) -> Work<'a> + Sync)) -> f64 {
    side_by_side(LONG_ROUND, 4 * machine::processors(), member) / 4.0
}

/// Runs a workload with a contender.
pub type Run<C> = fn(&Workload, &Blocks<C>) -> anyhow::Result<Figures>;

/// Runs one round and prints what it found. A contender that cannot be had is reported instead.
pub fn serve<C: Contender>(
    workload: &Workload,
    size: usize,
    start: fn(),
    make: Make<C>,
    run: Run<C>,
) -> anyhow::Result<()> {
    let mut blocks = None;
    let found = (|| {
        if workload.set == Set::Memory {
            memory::resident()?;
        }
        if workload.name == memory::LISTS.name {
            return memory::lists(make, size);
        }
        let make = || Blocks::new(make, workload.block_size(size));
        let made = match workload.set {
            Set::Memory => {
                start();
                memory::weighed(make)?
            }
            _ => make()?,
        };
        run(workload, blocks.insert(made))
    })();
    answer(workload, found, &mut || blocks.as_ref()?.source().kept())?;
    blocks.iter().for_each(memory::end);
    Ok(())
}

/// Prints what a round found, and what it finds after it has idled.
fn answer(
    workload: &Workload,
    found: anyhow::Result<Figures>,
    kept: &mut dyn FnMut() -> Option<u64>,
) -> anyhow::Result<()> {
    match found {
        Ok(figures) => print(&figures)?,
        Err(reason) => return Ok(print_absent(&reason)?),
    }
    if workload.lingers && workload.set == Set::Memory {
        print(&memory::rest(workload))?;
    } else if workload.lingers {
        thread::sleep(IDLE);
        print(&kept().map(|kept| ("kept", kept as f64)).into_iter().collect::<Figures>())?;
    }
    Ok(())
}

/// The work of a thread, by workloads that are made of pairs.
fn work_of<'a, C: Contender>(workload: &Workload, blocks: &'a Blocks<C>, thread: usize) -> Option<Work<'a>> {
    Some(match workload.name {
        "pair" => pair(blocks),
        "batch128" => batch(blocks),
        "random" => random::work(blocks, thread, SETTLED),
        "bulk8" => bulk::work::<C, 8>(blocks),
        "bulk32" => bulk::work::<C, 32>(blocks),
        "bulk128" => bulk::work::<C, 128>(blocks),
        _ => return None,
    })
}

/// A workload of one thread by the pair, for harnesses that decide themselves how many they want: criterion and Callgrind.
pub fn routine_alone<C: Contender + 'static>(
    workload: &'static Workload,
    size: usize,
    threads: usize,
    make: Make<C>,
) -> Made {
    ensure!(threads == 1, "it cannot be shared by threads");
    let blocks = Blocks::new(make, size)?;
    if workload.name == burst::BURST_IDLE.name {
        return Ok(Box::new(move |pairs| burst::fresh(&blocks, size, pairs)));
    }
    ensure!(work_of(workload, &blocks, 0).is_some(), "{} is not made of pairs on one thread", workload.name);
    Ok(Box::new(move |pairs| work_of(workload, &blocks, 0).map_or(Duration::ZERO, |mut work| clock(|| work(pairs)))))
}

/// A workload that each of several threads does for itself; the handoff is always one of two.
pub fn routine_together<C: Contender + Sync + 'static>(
    workload: &'static Workload,
    size: usize,
    threads: usize,
    make: Make<C>,
) -> Made {
    if workload.name == handoff::HANDOFF.name {
        return routine_handoff(size, make);
    }
    if threads == 1 {
        return routine_alone(workload, size, 1, make);
    }
    let blocks = Blocks::new(make, size)?;
    ensure!(work_of(workload, &blocks, 0).is_some(), "{} is not made of pairs on each thread", workload.name);
    Ok(Box::new(move |pairs| {
        team(threads, pairs, &|thread| work_of(workload, &blocks, thread).expect("it was found above"))
    }))
}

/// The workload handoff by the pair, on two threads.
pub fn routine_handoff<C: Contender + Sync + 'static>(size: usize, make: Make<C>) -> Made {
    let blocks = Blocks::new(make, size)?;
    Ok(Box::new(move |pairs| handoff::run(&blocks, pairs)))
}
