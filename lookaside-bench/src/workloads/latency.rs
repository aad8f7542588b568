//! How long a single call takes: not the mean of many, but p50, p99, p99.9 and the longest of all, while every processor
//! has the same to do, and while each has more threads than one.
//!
//! Every call is timed alone. The interval also holds the timer, whose own cost is the median of the same number of empty
//! intervals, taken in the same round; it is taken off every figure, and stated. So are the steps in which the timer counts,
//! which are longer than a hit on some machines: percentiles are read off as from classes of that width, and what differs by
//! less than a step is the same. A thread that was interrupted within a call shows in the longest ones, as it would in a
//! program. Every block is written to between its calls.
//!
//! The timer is the processor's time stamp counter where it runs evenly, else the system's clock. Both ends wait for what came
//! before them, so that an interval holds the call, all of it.
//!
//! Hits and misses are kept apart by what is done: few blocks, out and in at random, or bursts beyond what any cache holds.

use std::ptr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::machine;
use crate::ground::measure::{Figures, Measure, touch};
use crate::ground::random::Random;
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};

pub const HITS: Workload =
    latency("latency-hits", "single calls, allocates and frees at random in 32 places, a thread on every processor");
pub const HITS_OVER: Workload = latency("latency-hits-over", "latency-hits with four threads for each processor");
pub const MISSES: Workload =
    latency("latency-misses", "single calls in bursts of 4096 blocks out, then in, a thread on every processor");
pub const MISSES_OVER: Workload = latency("latency-misses-over", "latency-misses with four threads for each processor");

const fn latency(name: &'static str, about: &'static str) -> Workload {
    Workload { measures: MEASURES, ..Workload::shared(Set::Latency, name, about) }
}

/// Blocks that a thread has out at most while it hits.
const FEW: usize = 32;
/// Blocks of a burst, which is longer than what a cache of any contender that has a bound keeps.
const BURST: usize = 4096;
/// Calls that each thread times.
const CALLS: u64 = 100_000;
/// Threads for each processor where there are too many.
pub const CROWD: usize = 4;

const MEASURES: &[Measure] = &[
    Measure::less("p50", "ns", "nanoseconds that half of the calls do not exceed, without the timer's"),
    Measure::less("p99", "ns", "99 of 100 calls"),
    Measure::less("p99.9", "ns", "999 of 1000 calls"),
    Measure::less("max", "ns", "the longest call"),
    Measure::beside("timer", "ns", "the timer's own cost, which was taken off each"),
    Measure::beside("step", "ns", "the steps in which the timer counts"),
];

/// Runs one round: hits or misses, on this number of threads for each processor.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>, hit: bool, threads: usize) -> Figures {
    let (clock, all) = (Clock::new(), Mutex::new(histogram()));
    let calls = if hit { hits::<C> } else { bursts::<C> };
    team(threads * machine::processors(), CALLS, &|thread| {
        let (all, mut times, mut random) = (&all, histogram(), Random::new(thread));
        Box::new(move |count| {
            times.reset();
            calls(blocks, clock, &mut random, count, &mut times);
            // What is timed to warm up is not kept.
            if count == CALLS {
                lock(all).add(&times).expect("all histograms have the same bounds");
            }
        })
    });
    let all = lock(&all);
    figures(clock, &all)
}

/// A random one of few places is filled if it is empty and emptied if it is full.
#[inline(never)]
fn hits<C: Contender>(blocks: &Blocks<C>, clock: Clock, random: &mut Random, calls: u64, times: &mut Histogram<u64>) {
    let mut places = [ptr::null_mut::<u8>(); FEW];
    for _ in 0..calls {
        let place = &mut places[random.below(FEW)];
        if place.is_null() {
            *place = touch(noted(clock, times, || blocks.allocate()));
        } else {
            // SAFETY: the block was handed out when the place was filled, and leaves it now.
            noted(clock, times, || unsafe { blocks.free(*place) });
            *place = ptr::null_mut();
        }
    }
    for block in places.into_iter().filter(|block| !block.is_null()) {
        // SAFETY: the block was handed out when its place was filled.
        noted(clock, times, || unsafe { blocks.free(block) });
    }
}

/// Many blocks out, then all in, the oldest first.
#[inline(never)]
fn bursts<C: Contender>(blocks: &Blocks<C>, clock: Clock, _: &mut Random, calls: u64, times: &mut Histogram<u64>) {
    let mut burst = Vec::with_capacity(BURST);
    for _ in 0..calls.div_ceil(2 * BURST as u64) {
        for _ in 0..BURST {
            burst.push(touch(noted(clock, times, || blocks.allocate())));
        }
        for block in burst.drain(..) {
            // SAFETY: the block was handed out above, and is given back once.
            noted(clock, times, || unsafe { blocks.free(block) });
        }
    }
}

/// Does one call, and notes how many ticks it took.
#[inline(always)]
fn noted<T>(clock: Clock, times: &mut Histogram<u64>, call: impl FnOnce() -> T) -> T {
    let start = clock.start();
    let found = call();
    note(times, clock.stop().saturating_sub(start));
    found
}

/// Compiled once, and not for each call that is timed.
#[inline(never)]
fn note(times: &mut Histogram<u64>, ticks: u64) {
    times.saturating_record(ticks);
}

/// A histogram of ticks, for anything up to minutes, exact to a thousandth.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 40, 3).expect("these bounds are in order")
}

/// The percentiles, less the timer's cost, which is measured here.
fn figures(clock: Clock, times: &Histogram<u64>) -> Figures {
    let mut empty = histogram();
    (0..CALLS).for_each(|_| noted(clock, &mut empty, || ()));
    let (tick, step) = (clock.tick(), step(&empty) as f64);
    let timer = quantile(&empty, 0.5, step);
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| quantile(times, share, step));
    let calls = [p50, p99, p999, times.max() as f64].map(|ticks| (ticks - timer).max(0.0));
    let all = calls.into_iter().chain([timer, step]);
    MEASURES.iter().zip(all).map(|(measure, ticks)| (measure.name, ticks * tick)).collect()
}

/// The value that a share of those in the histogram do not exceed, where each is in the middle of a class of this width, but
/// none reaches into the next, so that a larger share has no smaller value.
fn quantile(times: &Histogram<u64>, share: f64, width: f64) -> f64 {
    let wanted = share * times.len() as f64;
    let (mut below, mut last) = (0.0, f64::NEG_INFINITY);
    let mut classes =
        times.iter_recorded().map(|class| (class.value_iterated_to() as f64, class.count_at_value() as f64)).peekable();
    while let Some((value, count)) = classes.next() {
        if below + count >= wanted {
            let low = value - width.min(value - last) / 2.0;
            let high = value + width.min(classes.peek().map_or(width, |next| next.0 - value)) / 2.0;
            return (low + (high - low) * (wanted - below) / count).min(times.max() as f64);
        }
        (below, last) = (below + count, value);
    }
    times.max() as f64
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

/// Where times come from. A difference of two is in ticks.
#[derive(Clone, Copy)]
pub struct Clock {
    /// Whether it is the processor's counter; otherwise it is the system's monotonic clock, in nanoseconds.
    counter: bool,
    epoch: Instant,
}

impl Clock {
    pub fn new() -> Self {
        Self { counter: has_counter(), epoch: Instant::now() }
    }

    /// Before a call.
    #[inline(always)]
    pub fn start(self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if self.counter {
            use std::arch::x86_64::{_mm_lfence, _rdtsc};
            // SAFETY: every x86-64 processor has these instructions.
            return unsafe {
                _mm_lfence();
                let ticks = _rdtsc();
                _mm_lfence();
                ticks
            };
        }
        self.nanoseconds()
    }

    /// After it.
    #[inline(always)]
    pub fn stop(self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if self.counter {
            use std::arch::x86_64::{__rdtscp, _mm_lfence};
            let mut processor = 0;
            // SAFETY: `has_counter` found the instruction.
            return unsafe {
                let ticks = __rdtscp(&raw mut processor);
                _mm_lfence();
                ticks
            };
        }
        self.nanoseconds()
    }

    #[cold]
    #[inline(never)]
    fn nanoseconds(self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// Measures how many nanoseconds a tick has.
    pub fn tick(self) -> f64 {
        if !self.counter {
            return 1.0;
        }
        let (since, from) = (Instant::now(), self.start());
        std::thread::sleep(Duration::from_millis(20));
        let (took, ticks) = (since.elapsed(), self.stop() - from);
        took.as_secs_f64() * 1e9 / ticks as f64
    }
}

/// Whether the processor has a counter that runs evenly, whatever the processor does.
fn has_counter() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        const POWER: u32 = 0x8000_0007;
        const EXTENDED: u32 = 0x8000_0001;
        __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & 1 << 8 != 0 && __cpuid(EXTENDED).edx & 1 << 27 != 0
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn quantiles_are_read_off_within_a_class() {
        let mut times = histogram();
        times.record_n(20, 80).unwrap();
        times.record_n(30, 20).unwrap();
        let quantiles = [0.0, 0.5, 0.8, 0.9, 1.0].map(|share| quantile(&times, share, 10.0));
        assert_eq!(quantiles, [15.0, 21.25, 25.0, 30.0, 30.0]);
        assert_eq!((quantile(&times, 0.5, 0.0), quantile(&histogram(), 0.5, 1.0)), (20.0, 0.0));
    }
}
