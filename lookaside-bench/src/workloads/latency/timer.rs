//! A timer for single calls: the processor's time stamp counter where it runs evenly, else the system's clock.
//!
//! Both ends wait for what came before them, so that an interval holds the call, all of it, and beside it only the timer's
//! own cost, which is measured in the same way and taken off.

use std::time::{Duration, Instant};

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

    /// A sleep is at least as long by either clock, and no two looks at it go backwards.
    #[test]
    fn clocks_keep_time() {
        for clock in [Clock::new(), Clock { counter: false, epoch: Instant::now() }] {
            let from = clock.start();
            std::thread::sleep(Duration::from_millis(30));
            let took = (clock.stop() - from) as f64 * clock.tick();
            // The tick was measured over 20 ms, in which this thread may have been kept waiting between its two clocks.
            assert!(took > 25e6, "{took}");
            assert!((0..1000).all(|_| clock.start() <= clock.stop()));
        }
    }
}
