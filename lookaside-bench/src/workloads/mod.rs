//! What the contenders are put through.
//!
//! A workload is a constant that describes it, beside functions that are generic over the contender, and a line in the list
//! below. Inner loops are never inlined, so each pair of workload and contender is a function of
//! its own, in which only the contender's calls are inlined; all around them is compiled once. Every block is made opaque to
//! the compiler and written to before it is freed. The first measure is the time of one allocate plus one free, unless the
//! workload says otherwise.

mod foreign;
mod latency;
mod lists;
mod memory;

use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};

pub use lists::{WorkingSet, batch, pair};

use crate::ground::contender::{Blocks, Contender, Make};
use crate::ground::machine;
use crate::ground::measure::{Figures, Made, NS, ROUND, clock, print, print_absent, timed};
use crate::ground::team::{Work, team};
use crate::ground::workload::{Set, Workload};
use foreign::{false_sharing, larson, mstress, shbench, xmalloc};

/// How long the timed part of a round takes where threads outnumber processors, and each has to get its turns.
const LONG_ROUND: Duration = Duration::from_millis(60);
/// Time for two scans of the balance set manager, and some.
const IDLE: Duration = Duration::from_millis(3200);
/// Pairs after which about as many places of a random set are full as ever will be.
const SETTLED: u64 = 1024;

/// The list: each workload's constant, whether it takes one thread or several, and what does it.
macro_rules! workloads {
    ($($constant:path: $threads:ident |$blocks:ident| $run:expr;)*) => {
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
    };
    (@alone one $blocks:ident = $given:ident; $run:expr) => {{
        let $blocks = $given;
        $run
    }};
    (@alone several $blocks:ident = $given:ident; $run:expr) => { Err(anyhow!("it cannot be shared by threads")) };
}

workloads! {
    lists::PAIR: one |blocks| steady(pair(blocks));
    lists::BATCH128: one |blocks| steady(batch(blocks));
    lists::RANDOM: one |blocks| steady(lists::random(blocks, 0, 0));
    lists::PAIR_2T: several |blocks| ns(side_by_side(ROUND, 2, &|_| pair(blocks)));
    lists::RANDOM_2T: several |blocks| ns(side_by_side(ROUND, 2, &|thread| lists::random(blocks, thread, 0)));
    lists::HANDOFF: several |blocks| handoff(&lists::HANDOFF, blocks);
    lists::OVERSUBSCRIBED: several |blocks| ns(oversubscribed(&|thread| lists::random(blocks, thread, 0)));
    lists::BURST_IDLE: one |blocks| ns(lists::burst(blocks));
    lists::BULK8: one |blocks| in_runs(&lists::BULK8, blocks);
    lists::BULK32: one |blocks| in_runs(&lists::BULK32, blocks);
    lists::BULK128: one |blocks| in_runs(&lists::BULK128, blocks);
    memory::BURST: one |blocks| memory::burst(blocks);
    memory::FRAGMENTS: one |blocks| memory::fragments(blocks);
    memory::LISTS: one |_blocks| Err(anyhow!("it makes its contenders itself"));
    memory::HANDOFF: several |blocks| Ok(memory::hand_over(blocks));
    larson::LARSON: several |blocks| ns(larson::run(blocks));
    xmalloc::XMALLOC: several |blocks| ns(xmalloc::run(blocks));
    false_sharing::CACHE_THRASH: several |blocks| ns(false_sharing::thrash(blocks));
    false_sharing::CACHE_SCRATCH: several |blocks| ns(false_sharing::scratch(blocks));
    shbench::SH6: several |blocks| ns(shbench::run(blocks));
    mstress::MSTRESS: several |blocks| ns(mstress::run(blocks));
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

/// The time of a block in runs of this workload. What serves runs better than single blocks is compiled for these alone.
pub fn in_runs<C: Contender>(workload: &Workload, blocks: &Blocks<C>) -> anyhow::Result<Figures> {
    match workload.runs {
        true => steady(lists::in_runs(workload, blocks)),
        false => bail!("{} asks for single blocks", workload.name),
    }
}

/// The time of a pair of which each half is another thread's.
pub fn handoff<C: Contender + Sync>(_: &Workload, blocks: &Blocks<C>) -> anyhow::Result<Figures> {
    ns(timed(ROUND, &mut |pairs| lists::hand_off(blocks, pairs)))
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
pub fn serve<C: Contender + 'static>(
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
            return memory::lists(&|| Ok(Box::new(Blocks::new(make, size)?)));
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
    answer(workload, found, &mut || blocks.as_ref()?.source().kept())
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
    if workload.lingers && workload.set == Set::Lists {
        thread::sleep(IDLE);
        print(&kept().map(|kept| ("kept", kept as f64)).into_iter().collect::<Figures>())?;
    }
    Ok(())
}

/// The work of a thread, by workloads that are made of pairs.
fn work_of<'a, C: Contender>(workload: &Workload, blocks: &'a Blocks<C>, thread: usize) -> anyhow::Result<Work<'a>> {
    Ok(match workload.name {
        "pair" => pair(blocks),
        "batch128" => batch(blocks),
        "random" => lists::random(blocks, thread, SETTLED),
        _ if workload.runs => lists::in_runs(workload, blocks),
        name => bail!("{name} is not made of pairs on each thread"),
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
    drop(work_of(workload, &blocks, 0)?);
    Ok(Box::new(move |pairs| {
        let mut work = work_of(workload, &blocks, 0).expect("it was found above");
        clock(|| work(pairs))
    }))
}

/// The same on one thread or several, each of which does it for itself.
pub fn routine_together<C: Contender + Sync + 'static>(
    workload: &'static Workload,
    size: usize,
    threads: usize,
    make: Make<C>,
) -> Made {
    if threads == 1 {
        return routine_alone(workload, size, 1, make);
    }
    let blocks = Blocks::new(make, size)?;
    drop(work_of(workload, &blocks, 0)?);
    Ok(Box::new(move |pairs| {
        team(threads, pairs, &|thread| work_of(workload, &blocks, thread).expect("it was found above"))
    }))
}
