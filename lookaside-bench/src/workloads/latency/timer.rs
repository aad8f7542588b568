//! A timer for single calls: the processor's time stamp counter where it runs evenly, else the system's clock.
//!
//! Both ends wait for what came before them, so that an interval holds the call, all of it, and beside it only the timer's
//! own cost, which is measured in the same way and taken off.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where times come from. A difference of two is in ticks.
pub trait Clock {
    /// Before a call.
    fn start() -> u64;

    fn stop() -> u64;

    fn tick() -> f64;
}

/// The processor's counter; there is one where [`has_counter`] says so.
#[cfg(target_arch = "x86_64")]
pub struct Counter;

/// There is none here.
#[cfg(not(target_arch = "x86_64"))]
pub type Counter = System;

/// The system's monotonic clock, in nanoseconds.
pub struct System;

/// Whether the processor's counter runs evenly, whatever the processor does.
pub fn has_counter() -> bool {
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

#[cfg(target_arch = "x86_64")]
impl Clock for Counter {
    #[inline(always)]
    fn start() -> u64 {
        use std::arch::x86_64::{_mm_lfence, _rdtsc};
        // SAFETY: every x86-64 processor has these instructions.
        unsafe {
            _mm_lfence();
            let ticks = _rdtsc();
            _mm_lfence();
            ticks
        }
    }

    #[inline(always)]
    fn stop() -> u64 {
        use std::arch::x86_64::{__rdtscp, _mm_lfence};
        let mut processor = 0;
        // SAFETY: `has_counter` found the instruction.
        unsafe {
            let ticks = __rdtscp(&raw mut processor);
            _mm_lfence();
            ticks
        }
    }

    fn tick() -> f64 {
        static TICK: OnceLock<f64> = OnceLock::new();
        *TICK.get_or_init(|| {
            let (since, from) = (Instant::now(), Self::start());
            std::thread::sleep(Duration::from_millis(20));
            let (took, ticks) = (since.elapsed(), Self::stop() - from);
            took.as_secs_f64() * 1e9 / ticks as f64
        })
    }
}

impl Clock for System {
    #[inline(always)]
    fn start() -> u64 {
        static EPOCH: OnceLock<Instant> = OnceLock::new();
        EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    #[inline(always)]
    fn stop() -> u64 {
        Self::start()
    }

    fn tick() -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sleep is at least as long by this clock, and no two looks at it go backwards.
    fn keeps_time<K: Clock>() {
        let from = K::start();
        std::thread::sleep(Duration::from_millis(30));
        let took = (K::stop() - from) as f64 * K::tick();
        // The tick was measured over 20 ms, in which this thread may have been kept waiting between its two clocks.
        assert!(took > 25e6, "{took}");
        assert!((0..1000).all(|_| K::start() <= K::stop()));
    }

    #[test]
    fn clocks_keep_time() {
        keeps_time::<System>();
        if has_counter() {
            keeps_time::<Counter>();
        }
    }
}
