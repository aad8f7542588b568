//! How long a single call takes: not the mean of many, but p50, p99, p99.9 and the longest of all, while every processor
//! has the same to do, and while each has more threads than one.
//!
//! Every call is timed alone. The interval also holds the timer, whose own cost is the median of as many empty intervals,
//! taken in the same round; it is taken off every figure, and stated. So are the steps in which the timer counts, which are
//! longer than a hit on some machines: percentiles are read off as from classes of that width, and what differs by less than
//! a step is the same. A thread that was interrupted within a call shows in
//! the longest ones, as it would in a program. Every block is written to between its calls.
//!
//! Hits and misses are kept apart by what is done: few blocks, out and in at random, or bursts beyond what any cache holds.
//! A contender that counts its misses reports more: how many calls of the first kind missed after all, and, by one thread that
//! looks at the count after every call, how long exactly those calls take that missed. That look leaves them somewhat slower.

mod timer;

use std::ptr;
use std::sync::Mutex;

use hdrhistogram::Histogram;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::machine;
use crate::ground::measure::{Figures, Measure, touch};
use crate::ground::random::Random;
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};
use timer::Clock;

/// Few blocks, out and in, on every processor.
pub const HITS: Workload = latency(
    "latency-hits",
    HITTING,
    "single calls, allocates and frees at random in 32 places, a thread on every processor",
);
/// The same with more threads than processors.
pub const HITS_OVER: Workload =
    latency("latency-hits-over", HITTING, "latency-hits with four threads for each processor");
/// Bursts on every processor.
pub const MISSES: Workload = latency(
    "latency-misses",
    MISSING,
    "single calls in bursts of 4096 blocks out, then in, a thread on every processor",
);
/// The same with more threads than processors.
pub const MISSES_OVER: Workload =
    latency("latency-misses-over", MISSING, "latency-misses with four threads for each processor");

const fn latency(name: &'static str, measures: &'static [Measure], about: &'static str) -> Workload {
    Workload { measures, ..Workload::shared(Set::Latency, name, about) }
}

/// Blocks that a thread has out at most while it hits.
const FEW: usize = 32;
/// Blocks of a burst, which is longer than what a cache of any contender that has a bound keeps.
const BURST: usize = 4096;
/// Calls that each thread times.
const CALLS: u64 = 100_000;
/// Threads for each processor where there are too many.
pub const CROWD: usize = 4;

const P50: Measure =
    Measure::less("p50", "ns", "nanoseconds that half of the calls do not exceed, without the timer's");
const P99: Measure = Measure::less("p99", "ns", "99 of 100 calls");
const P999: Measure = Measure::less("p99.9", "ns", "999 of 1000 calls");
const MAX: Measure = Measure::less("max", "ns", "the longest call");
const TIMER: Measure = Measure::beside("timer", "ns", "the timer's own cost, which was taken off each");
const STEP: Measure = Measure::beside("step", "ns", "the steps in which the timer counts");

const HITTING: &[Measure] = &[
    P50,
    P99,
    P999,
    MAX,
    TIMER,
    STEP,
    Measure::beside("missed", "calls", "calls of a million that missed after all, where the blocks counts them"),
];

const MISSING: &[Measure] = &[
    P50,
    P99,
    P999,
    MAX,
    TIMER,
    STEP,
    Measure::less("missed-p50", "ns", "half of the calls that missed by the blocks's count, on one thread"),
    Measure::less("missed-p99", "ns", "99 of 100 of them"),
    Measure::less("missed-p99.9", "ns", "999 of 1000 of them"),
    Measure::less("missed-max", "ns", "the longest of them"),
];

/// Runs one round: hits or misses, on as many threads for each processor.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>, hit: bool, threads: usize) -> Figures {
    let clock = Clock::new();
    let calls = |random: &mut Random, count: u64, times: &mut Histogram<u64>| match hit {
        true => hits(blocks, clock, random, count, times),
        false => bursts(blocks, clock, count, &mut |ticks| times.saturating_record(ticks)),
    };
    let (all, before) = times_of(threads * machine::processors(), &calls, &|| blocks.source().misses());
    let after = blocks.source().misses();
    let scale = Scale::of(clock);
    let mut figures = scale.figures([P50.name, P99.name, P999.name, MAX.name], &all);
    figures.push((TIMER.name, scale.timer * scale.tick));
    figures.push((STEP.name, scale.step * scale.tick));
    if !hit {
        let names = ["missed-p50", "missed-p99", "missed-p99.9", "missed-max"];
        let times = missed(blocks, clock).filter(|times| !times.is_empty());
        figures.extend(times.into_iter().flat_map(|times| scale.figures(names, &times)));
    } else if let Some((before, after)) = before.zip(after) {
        figures.push(("missed", (after - before) as f64 * 1e6 / all.len() as f64));
    }
    figures
}

/// Does timed calls and notes their times.
type Calls<'a> = dyn Fn(&mut Random, u64, &mut Histogram<u64>) + Sync + 'a;

/// The times of all threads, and how many misses there were before the first of them.
fn times_of(
    threads: usize,
    calls: &Calls<'_>,
    misses: &(dyn Fn() -> Option<u64> + Sync),
) -> (Histogram<u64>, Option<u64>) {
    let (all, before) = (Mutex::new(histogram()), Mutex::new(None));
    team(threads, CALLS, &|thread| {
        let (mut times, mut random) = (histogram(), Random::new(thread));
        let (all, before) = (&all, &before);
        Box::new(move |count| {
            // What is timed to warm up is not kept.
            let warm = count == CALLS;
            if warm {
                times.reset();
                lock(before).get_or_insert_with(misses);
            }
            calls(&mut random, count, &mut times);
            if warm {
                lock(all).add(&times).expect("all histograms have the same bounds");
            }
        })
    });
    let unlocked = "no thread panicked";
    (all.into_inner().expect(unlocked), before.into_inner().expect(unlocked).flatten())
}

/// A random one of few places is filled if it is empty and emptied if it is full.
#[inline(never)]
fn hits<C: Contender>(blocks: &Blocks<C>, clock: Clock, random: &mut Random, calls: u64, times: &mut Histogram<u64>) {
    let mut places = [ptr::null_mut::<u8>(); FEW];
    for _ in 0..calls {
        let place = &mut places[random.below(FEW)];
        if place.is_null() {
            *place = allocate(blocks, clock, |ticks| times.saturating_record(ticks));
        } else {
            // SAFETY: the block was handed out when the place was filled, and leaves it now.
            unsafe { free(blocks, clock, *place, |ticks| times.saturating_record(ticks)) };
            *place = ptr::null_mut();
        }
    }
    for block in places.into_iter().filter(|block| !block.is_null()) {
        // SAFETY: the block was handed out when its place was filled.
        unsafe { free(blocks, clock, block, |ticks| times.saturating_record(ticks)) };
    }
}

/// Many blocks out, then all in, the oldest first.
#[inline(never)]
fn bursts<C: Contender>(blocks: &Blocks<C>, clock: Clock, calls: u64, done: &mut dyn FnMut(u64)) {
    let mut burst = Vec::with_capacity(BURST);
    for _ in 0..calls.div_ceil(2 * BURST as u64) {
        for _ in 0..BURST {
            burst.push(allocate(blocks, clock, &mut *done));
        }
        for block in burst.drain(..) {
            // SAFETY: the block was handed out above, and is given back once.
            unsafe { free(blocks, clock, block, &mut *done) };
        }
    }
}

/// One allocate, and how many ticks it took.
#[inline(always)]
fn allocate<C: Contender>(blocks: &Blocks<C>, clock: Clock, done: impl FnOnce(u64)) -> *mut u8 {
    let start = clock.start();
    let block = blocks.allocate();
    let stop = clock.stop();
    done(stop.saturating_sub(start));
    touch(block)
}

/// One free, and how many ticks it took.
///
/// # Safety
/// The block came from this contender, and no one else holds it.
#[inline(always)]
unsafe fn free<C: Contender>(blocks: &Blocks<C>, clock: Clock, block: *mut u8, done: impl FnOnce(u64)) {
    let start = clock.start();
    // SAFETY: as the caller says.
    unsafe { blocks.free(block) };
    let stop = clock.stop();
    done(stop.saturating_sub(start));
}

/// The calls of bursts that the contender counts as misses, by one thread; nothing if it does not count.
fn missed<C: Contender>(blocks: &Blocks<C>, clock: Clock) -> Option<Histogram<u64>> {
    let mut before = blocks.source().misses()?;
    let mut times = histogram();
    bursts(blocks, clock, CALLS, &mut |ticks| {
        let after = blocks.source().misses().unwrap_or(before);
        if after > before {
            times.saturating_record(ticks);
        }
        before = after;
    });
    Some(times)
}

/// A histogram of ticks, for anything up to minutes, exact to a thousandth.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 40, 3).expect("these bounds are in order")
}

/// From ticks to nanoseconds.
struct Scale {
    tick: f64,
    /// Ticks from one value that the timer can have to the next.
    step: f64,
    /// Ticks that the timer itself takes.
    timer: f64,
}

impl Scale {
    /// Measures the timer.
    fn of(clock: Clock) -> Self {
        let mut empty = histogram();
        for _ in 0..CALLS {
            let start = clock.start();
            let stop = clock.stop();
            empty.saturating_record(stop.saturating_sub(start));
        }
        let step = step(&empty) as f64;
        Self { tick: clock.tick(), step, timer: quantile(&empty, 0.5, step) }
    }

    /// The figures of these names: p50, p99, p99.9 and the longest.
    fn figures(&self, names: [&'static str; 4], times: &Histogram<u64>) -> Figures {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| quantile(times, share, self.step));
        let nanoseconds = |ticks: f64| (ticks - self.timer).max(0.0) * self.tick;
        names.into_iter().zip([p50, p99, p999, times.max() as f64].map(nanoseconds)).collect()
    }
}

/// The steps of a timer that found these intervals empty: what all lengths that are not rare are multiples of. One that is
/// rare may come from a clock that was set meanwhile.
fn step(empty: &Histogram<u64>) -> u64 {
    let common = empty.iter_recorded().filter(|class| class.count_at_value() * 1000 >= empty.len());
    let divisor = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    common.map(|class| class.value_iterated_to()).fold(0, divisor).max(1)
}

/// The value that a share of those in the histogram do not exceed, where each stands for a class around it: of this width,
/// but none reaches into the next, so that a larger share has no smaller value.
fn quantile(times: &Histogram<u64>, share: f64, width: f64) -> f64 {
    let wanted = share * times.len() as f64;
    let (mut below, mut last) = (0.0, f64::NEG_INFINITY);
    let mut classes =
        times.iter_recorded().map(|class| (class.value_iterated_to() as f64, class.count_at_value() as f64));
    let mut next = classes.next();
    while let Some((value, count)) = next {
        next = classes.next();
        if below + count >= wanted {
            let low = value - width.min(value - last) / 2.0;
            let high = value + width.min(next.map_or(width, |(next, _)| next - value)) / 2.0;
            return (low + (high - low) * (wanted - below) / count).min(times.max() as f64);
        }
        (below, last) = (below + count, value);
    }
    times.max() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::lookaside;
    use crate::ground::contender::CAPACITY;

    #[test]
    fn quantiles_are_read_off_within_a_class() {
        let mut times = histogram();
        times.record_n(20, 80).unwrap();
        times.record_n(30, 20).unwrap();
        assert_eq!(
            [0.0, 0.5, 0.8, 0.9, 1.0].map(|share| quantile(&times, share, 10.0)),
            [15.0, 21.25, 25.0, 30.0, 30.0]
        );
        assert_eq!(quantile(&times, 0.5, 0.0), 20.0);
        assert_eq!(quantile(&histogram(), 0.5, 1.0), 0.0);
    }

    /// Whatever the classes are, those closer together than a step too.
    #[test]
    fn a_larger_share_has_no_smaller_value() {
        let mut random = Random::new(1);
        for _ in 0..100 {
            let mut times = histogram();
            for _ in 0..1000 {
                times.record(20 + (random.below(30) * random.below(30)) as u64).unwrap();
            }
            let values: Vec<f64> = (0..=1000).map(|share| quantile(&times, f64::from(share) / 1000.0, 10.0)).collect();
            assert!(values.is_sorted() && values[1000] <= times.max() as f64, "{values:?}");
        }
    }

    /// A timer that counts ticks one by one has steps of one, however long an empty interval is.
    #[test]
    fn steps_are_not_the_cost() {
        let of = |lengths: &[u64]| {
            let mut empty = histogram();
            lengths.iter().for_each(|&length| empty.record_n(length, 1000).unwrap());
            empty.record(53).unwrap();
            step(&empty)
        };
        assert_eq!([of(&[52, 78]), of(&[30, 32, 37]), of(&[40, 44]), of(&[0, 52, 78]), of(&[0])], [26, 1, 4, 26, 1]);
    }

    #[test]
    fn hits_hit_and_bursts_miss() {
        const { assert!(BURST >= 2 * CAPACITY) };
        let list = Blocks::new(lookaside::pair, 64).expect("a list can always be had");
        let figures = run(&list, true, 1);
        let of_million = figures.iter().find(|figure| figure.0 == "missed").expect("lists count").1;
        assert!(of_million < 1e4, "{of_million} of a million");

        let misses = || list.source().misses().unwrap();
        let (before, mut calls) = (misses(), 0);
        bursts(&list, Clock::new(), CALLS, &mut |_| calls += 1);
        let misses = misses() - before;
        assert!(calls >= CALLS && misses > calls / 100, "{misses} of {calls}");
        // Those are counted, and no others.
        let counted = missed(&list, Clock::new()).expect("lists count").len();
        assert!(counted > CALLS / 100 && counted < CALLS, "{counted}");
    }
}
