//! What the simulation needs to know, measured on this machine; and what it has to foretell.
//!
//! A round is short, and the fastest of many counts: other programs can only make it longer. Where two threads contend
//! that is not so, since one that is interrupted leaves the other alone: there the median counts, of the rounds in which
//! nobody was.

use std::hint;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use lookaside_core::{LookasideList, Topology, Tuning};

use super::costs::Costs;
use crate::machine;
use crate::workloads::team::team;
use crate::workloads::{clock, touch};

/// Bytes of a block.
const SIZE: usize = 64;
/// Sizes of batches that are measured; 63 is the library's largest.
pub const BATCHES: [u32; 4] = [1, 8, 32, 63];
/// Rounds of each measurement.
const ROUNDS: u32 = 60;
/// Assumed, for want of more processors: a line's journeys between processors that are near each other and between others.
/// The two processors of one virtual machine were seen at both distances, hours apart (`docs/scaling.md`).
const NEAR: f64 = 40.0;
const FAR: f64 = 190.0;

/// Threads that do nothing but trips to the shared list.
pub struct TripRate {
    pub threads: u32,
    pub batch: u32,
    /// Trips in a microsecond, of all threads together.
    pub rate: f64,
    /// A cache line's journey to the other processor at that time: a virtual machine's processors wander.
    pub line: f64,
}

/// Measures everything.
pub fn measure() -> anyhow::Result<(Costs, Vec<TripRate>)> {
    let costs = costs()?;
    let mut trips = Vec::new();
    for threads in [1, 2, 4, 8] {
        for batch in BATCHES {
            trips.extend(trip_rate(threads, batch)?);
        }
    }
    Ok((costs, trips))
}

fn fastest(mut round: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The straight line through points, by least squares: its height at 0, and its slope. Neither is below 0.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let slope = slope.max(0.0);
    ((y - slope * x).max(0.0), slope)
}

fn costs() -> anyhow::Result<Costs> {
    machine::pin(0);
    let hit = {
        let list = LookasideList::builder(SIZE).build().context("a list")?;
        fastest(|| {
            const PAIRS: u32 = 20_000;
            let took = clock(|| {
                for _ in 0..PAIRS {
                    let block = touch(list.allocate().map_or(ptr::null_mut(), NonNull::as_ptr));
                    // SAFETY: the list handed it out, and did not fail: it holds a block after the first round.
                    unsafe { list.free(NonNull::new_unchecked(block)) };
                }
            });
            nanoseconds(took) / f64::from(PAIRS)
        })
    };
    // One block under the lock, and nothing else.
    let section_of_one = {
        let list = LookasideList::builder(SIZE).topology(Topology::General).build().context("a general list")?;
        fastest(|| swing_time(&list, 1, 2_000)) / 2.0
    };
    let here: Vec<(f64, f64)> = BATCHES
        .iter()
        .map(|&batch| anyhow::Ok((f64::from(batch), Trips::alone(batch)?)))
        .collect::<anyhow::Result<_>>()?;
    let (journey, away, away_block) = away(&here)?;
    let (trip, trip_block) = line(&here);
    // Each block of a batch is copied twice, once of these under the lock.
    let section_block = trip_block / 2.0;
    let section = (section_of_one - section_block).max(0.0);
    let pool = {
        let list = LookasideList::builder(SIZE).initial_depth(1).maximum_depth(1).batch(1).tuning(Tuning::Manual);
        let list = list.build().context("a list without depth")?;
        // Two of them stay in the lists.
        fastest(|| swing_time(&list, 64, 50) * 64.0 / 62.0)
    };
    let held = AtomicU64::new(1);
    Ok(Costs {
        hit,
        miss: (trip - section).max(0.0),
        miss_block: trip_block / 2.0,
        section,
        section_block,
        away,
        away_block,
        line: journey,
        look: each(10_000, || {
            hint::black_box(held.load(Ordering::Relaxed));
            hint::spin_loop();
        }),
        // SAFETY: it takes nothing.
        give_way: each(500, || _ = unsafe { libc::sched_yield() }),
        sleep: each(20, || std::thread::sleep(Duration::from_micros(1))),
        pool,
        crowd: 0.5,
        near: NEAR,
        far: FAR,
    })
}

/// A line's journey, and what a trip costs more whose lines are another processor's: for itself, and for each block.
///
/// A virtual machine's processors wander. So each round of trips stands between two journeys that agree, and what counts
/// is how many journeys long the trips were, the median of all rounds.
fn away(here: &[(f64, f64)]) -> anyhow::Result<(f64, f64, f64)> {
    if machine::processors() < 2 {
        anyhow::bail!("the costs between processors cannot be measured on one: use --costs");
    }
    let mut lines = Vec::new();
    let mut points = Vec::new();
    for (&batch, &(blocks, trip)) in BATCHES.iter().zip(here) {
        let trips = Trips::new(batch, 2)?;
        let hits = fastest(|| swing_time(&trips.roomy, 2 * trips.batch, 200)) * 2.0 * trips.batch as f64;
        let mut lengths = Vec::new();
        for _ in 0..3 * ROUNDS {
            let before = by_turns(|| || ());
            let turn = by_turns(|| {
                let mut out = trips.out();
                let trips = &trips;
                move || swing(&trips.list, &mut out)
            });
            let (Some(before), Some(turn), Some(after)) = (before, turn, by_turns(|| || ())) else { continue };
            if steady(before, after) {
                let line = (before + after) / 2.0;
                lines.push(line);
                // A turn's own journey tells the other that it is its turn.
                lengths.push((turn - hits - 2.0 * trip - line) / line);
            }
        }
        points.push((blocks, median(&mut lengths).context("this machine is too busy to measure journeys")?));
    }
    let journey = median(&mut lines).context("this machine is too busy to measure journeys")?;
    let (own, block) = line(&points);
    Ok((journey, own * journey, block * journey))
}

fn median(figures: &mut [f64]) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Whether two journeys are of processors as far apart.
fn steady(before: f64, after: f64) -> bool {
    before.max(after) <= 1.25 * before.min(after)
}

/// Two threads do something by turns: nanoseconds of a turn; nothing if one of them was interrupted.
fn by_turns<W: FnMut()>(member: impl Fn() -> W + Sync) -> Option<f64> {
    const WARM_UP: u64 = 40;
    const TURNS: u64 = 300;
    let word = AtomicU64::new(0);
    let play = |thread: u64| {
        machine::pin(thread as usize);
        let mut work = member();
        let mut turns = |from: u64, to: u64| {
            for turn in from..to {
                // Acquire and Release: one thread's work ends before the other's begins.
                while word.load(Ordering::Acquire) != 2 * turn + thread {}
                work();
                word.store(2 * turn + thread + 1, Ordering::Release);
            }
        };
        turns(0, WARM_UP);
        let before = interruptions();
        let took = clock(|| turns(WARM_UP, WARM_UP + TURNS));
        (interruptions() == before).then_some(took)
    };
    let [first, second] = thread::scope(|scope| {
        let play = &play;
        [0, 1].map(|thread| scope.spawn(move || play(thread))).map(|thread| thread.join().expect("it only counts"))
    });
    Some(nanoseconds(first?.min(second?)) / (2 * TURNS) as f64)
}

/// Nanoseconds of one of many.
fn each(count: u32, mut what: impl FnMut()) -> f64 {
    fastest(|| nanoseconds(clock(|| (0..count).for_each(|_| what()))) / f64::from(count))
}

/// Allocates `blocks` blocks, and frees them, so many times: nanoseconds for a block's pair of calls.
fn swing_time(list: &LookasideList, blocks: usize, times: u32) -> f64 {
    let mut out = vec![NonNull::dangling(); blocks];
    let took = clock(|| (0..times).for_each(|_| swing(list, &mut out)));
    nanoseconds(took) / f64::from(times) / blocks as f64
}

#[inline(never)]
fn swing(list: &LookasideList, out: &mut [NonNull<u8>]) {
    for place in &mut *out {
        *place = list.allocate().expect("memory for some blocks");
    }
    for block in &*out {
        // SAFETY: the list handed it out above.
        unsafe { list.free(*block) };
    }
}

/// A list whose processor lists keep one batch, so that each swing of two batches makes two trips to the shared list, one to
/// fetch and one to bring.
struct Trips {
    list: LookasideList,
    /// One that serves the same calls without a trip.
    roomy: LookasideList,
    batch: usize,
}

impl Trips {
    fn new(batch: u32, threads: usize) -> anyhow::Result<Trips> {
        let build = |depth: usize| {
            let depth = u16::try_from(depth)?;
            let builder = LookasideList::builder(SIZE).maximum_depth(4096).initial_depth(depth).tuning(Tuning::Manual);
            let list = builder.batch(batch as u16).build().context("a list")?;
            list.prefill((2 * batch as usize + 1) * (threads + machine::processors())).context("blocks")?;
            anyhow::Ok(list)
        };
        let batch = batch as usize;
        Ok(Trips { list: build(batch)?, roomy: build(2 * batch + 1)?, batch })
    }

    fn out(&self) -> Vec<NonNull<u8>> {
        vec![NonNull::dangling(); 2 * self.batch]
    }

    /// Nanoseconds of one trip of a thread that is alone.
    fn alone(batch: u32) -> anyhow::Result<f64> {
        let trips = Trips::new(batch, 1)?;
        let swing = |list| fastest(|| swing_time(list, 2 * trips.batch, 200)) * 2.0 * trips.batch as f64;
        Ok((swing(&trips.list) - swing(&trips.roomy)) / 2.0)
    }
}

/// The rate of so many threads together; nothing where no round was undisturbed, or the processors wandered meanwhile.
fn trip_rate(threads: u32, batch: u32) -> anyhow::Result<Option<TripRate>> {
    let trips = Trips::new(batch, threads as usize)?;
    let swings = 20_000 / (batch + 3);
    let before = journey();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let disturbed = AtomicU64::new(0);
        let took = team(threads as usize, swings.into(), |_| {
            let (trips, disturbed, mut out) = (&trips, &disturbed, trips.out());
            move |swings| {
                let before = interruptions();
                (0..swings).for_each(|_| swing(&trips.list, &mut out));
                disturbed.fetch_add(interruptions() - before, Ordering::Relaxed);
            }
        });
        // Where threads share processors they take turns there anyway.
        if threads as usize > machine::processors() || disturbed.into_inner() == 0 {
            rates.push(f64::from(2 * swings) * f64::from(threads) / (nanoseconds(took) / 1e3));
        }
    }
    let line = journey();
    let steady = threads == 1 || steady(before, line);
    Ok(median(&mut rates).filter(|_| steady).map(|rate| TripRate { threads, batch, rate, line }))
}

/// A cache line's journey to the other processor; 0 where there is none, or it is too busy.
fn journey() -> f64 {
    if machine::processors() < 2 {
        return 0.0;
    }
    let mut rounds: Vec<f64> = (0..ROUNDS).filter_map(|_| by_turns(|| || ())).collect();
    median(&mut rounds).unwrap_or(0.0)
}

/// How often this thread had to leave its processor.
fn interruptions() -> u64 {
    // SAFETY: zeroes are a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: there is room for the answer.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    usage.ru_nivcsw.try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let (height, slope) = line(&[(1.0, 12.0), (8.0, 26.0), (32.0, 74.0)]);
        assert!((height - 10.0).abs() < 1e-9 && (slope - 2.0).abs() < 1e-9, "{height} {slope}");
    }

    /// Each swing makes two trips, neither of which reaches the pool.
    #[test]
    fn swings_make_two_trips() {
        for batch in BATCHES {
            let trips = Trips::new(batch, 1).expect("a list");
            std::thread::spawn(move || {
                machine::pin(0);
                let mut out = trips.out();
                (0..10).for_each(|_| swing(&trips.list, &mut out));
                let before = trips.list.statistics();
                (0..100).for_each(|_| swing(&trips.list, &mut out));
                let after = trips.list.statistics();
                assert_eq!(after.processor.allocate_misses - before.processor.allocate_misses, 100, "{batch}");
                assert_eq!(after.processor.free_misses - before.processor.free_misses, 100, "{batch}");
                assert_eq!(after.pool_allocates, before.pool_allocates, "{batch}");
            })
            .join()
            .expect("the counts agree");
        }
    }
}
