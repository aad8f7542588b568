//! Tuning of one processor list or shared list: when the rule runs, and on what (theory §5).

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::Counters;
use super::depth::{self, Traffic};
use crate::wdk::MINIMUM_DEPTH;

/// When the depth of a list changes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tuning {
    /// Every second by the clock, and at once after 64 misses. Counts frees as well as allocates, gives surplus
    /// blocks back, and goes to the minimum when idle for two scans.
    #[default]
    Default = 0,
    /// Windows' schedule: allocates alone, general lists every third second, the processor lists of
    /// pairs in rotation; blocks above the depth stay until later frees meet them.
    Windows = 1,
    /// Only by `adjust_depth`.
    Manual = 2,
}

/// Misses of one list that run the rule for it at once.
pub const MISSES_PER_DEMAND: u64 = 64;

/// Scans without traffic after which a list goes to the minimum depth.
const IDLE_SCANS: u32 = 2;

/// The state of tuning of one list. Written under the list's `manage` lock, so Relaxed everywhere; `target` is read by
/// any thread.
#[derive(Debug)]
pub struct Tuner {
    /// The depth that the list deserves; 0 while a processor list was never used.
    target: AtomicU32,
    idle_scans: AtomicU32,
    at_scan: Marks,
    at_demand: Marks,
}

/// Totals at the last visit, modulo 2^32 as in Windows.
#[derive(Debug)]
struct Marks {
    total_allocates: AtomicU32,
    allocate_misses: AtomicU32,
    total_frees: AtomicU32,
    free_misses: AtomicU32,
}

impl Marks {
    const fn new() -> Marks {
        Marks {
            total_allocates: AtomicU32::new(0),
            allocate_misses: AtomicU32::new(0),
            total_frees: AtomicU32::new(0),
            free_misses: AtomicU32::new(0),
        }
    }

    /// What happened since the last call: allocates, frees.
    fn advance(&self, now: &Counters) -> (Traffic, Traffic) {
        let since = |mark: &AtomicU32, total: u64| {
            let total = total as u32;
            u64::from(total.wrapping_sub(mark.swap(total, Relaxed)))
        };
        (
            Traffic {
                total: since(&self.total_allocates, now.total_allocates),
                misses: since(&self.allocate_misses, now.allocate_misses),
            },
            Traffic {
                total: since(&self.total_frees, now.total_frees),
                misses: since(&self.free_misses, now.free_misses),
            },
        )
    }
}

impl Tuner {
    pub const fn new() -> Tuner {
        Tuner {
            target: AtomicU32::new(0),
            idle_scans: AtomicU32::new(0),
            at_scan: Marks::new(),
            at_demand: Marks::new(),
        }
    }

    pub fn target(&self) -> u32 {
        self.target.load(Relaxed)
    }

    pub fn set_target(&self, depth: u32) {
        self.target.store(depth, Relaxed);
    }

    /// Begins a period of the scan with these totals.
    pub fn begin_period(&self, now: &Counters) {
        self.at_scan.advance(now);
    }

    /// Runs the rule for a scan, `period` seconds after the one before. Returns the new target.
    pub fn scan(&self, now: &Counters, tuning: Tuning, maximum: u32, period: u64) -> u32 {
        let (allocates, frees) = self.at_scan.advance(now);
        let depth = self.target();
        let mut target = depth::next(depth, maximum, allocates, period);
        if tuning != Tuning::Windows {
            target = target.max(depth::next(depth, maximum, frees, period));
            let idle = allocates.total == 0 && frees.total == 0;
            let idle_scans = if idle { self.idle_scans.load(Relaxed).saturating_add(1) } else { 0 };
            self.idle_scans.store(idle_scans, Relaxed);
            if idle_scans >= IDLE_SCANS {
                target = maximum.min(MINIMUM_DEPTH.into());
            }
        }
        self.set_target(target);
        target
    }

    /// Runs the rule after [`MISSES_PER_DEMAND`] misses: the rule with a period of one second, which may only raise.
    /// Returns the new target.
    pub fn demand(&self, now: &Counters, maximum: u32) -> u32 {
        let (allocates, frees) = self.at_demand.advance(now);
        let depth = self.target();
        let raised = depth::next(depth, maximum, allocates, 1).max(depth::next(depth, maximum, frees, 1));
        self.set_target(raised.max(depth));
        self.target()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(total_allocates: u64, allocate_misses: u64, total_frees: u64, free_misses: u64) -> Counters {
        Counters { total_allocates, allocate_misses, total_frees, free_misses, ..Counters::default() }
    }

    #[test]
    fn windows_looks_at_allocates_alone() {
        let tuner = Tuner::new();
        tuner.set_target(4);
        assert_eq!(tuner.scan(&counters(0, 0, 1000, 1000), Tuning::Windows, 256, 3), 4);
        assert_eq!(tuner.scan(&counters(1000, 300, 1000, 1000), Tuning::Windows, 256, 3), 34);
        assert_eq!(tuner.scan(&counters(2000, 600, 1000, 1000), Tuning::Windows, 256, 3), 64);
    }

    #[test]
    fn default_looks_at_the_busier_side() {
        let tuner = Tuner::new();
        tuner.set_target(4);
        assert_eq!(tuner.scan(&counters(0, 0, 1000, 1000), Tuning::Default, 256, 1), 34);
        assert_eq!(tuner.scan(&counters(1000, 1000, 1000, 1000), Tuning::Default, 256, 1), 64);
    }

    #[test]
    fn two_idle_scans_lead_to_the_minimum() {
        let tuner = Tuner::new();
        tuner.set_target(200);
        let at_rest = counters(1000, 0, 1000, 0);
        assert_eq!(tuner.scan(&at_rest, Tuning::Default, 256, 1), 199);
        assert_eq!(tuner.scan(&at_rest, Tuning::Default, 256, 1), 189);
        assert_eq!(tuner.scan(&at_rest, Tuning::Default, 256, 1), 4);
        tuner.set_target(200);
        assert_eq!(tuner.scan(&counters(1001, 1, 1000, 0), Tuning::Default, 256, 1), 190);
    }

    #[test]
    fn demand_only_raises_and_leaves_the_scan_its_marks() {
        let tuner = Tuner::new();
        tuner.set_target(100);
        assert_eq!(tuner.demand(&counters(1_000_000, 64, 0, 0), 256), 100);
        assert_eq!(tuner.demand(&counters(1_000_100, 128, 0, 0), 256), 130);
        assert_eq!(tuner.scan(&counters(1_000_100, 128, 0, 0), Tuning::Default, 256, 1), 129);
    }

    #[test]
    fn marks_wrap_with_the_counters() {
        let tuner = Tuner::new();
        tuner.set_target(4);
        let before = u64::from(u32::MAX) - 10;
        tuner.scan(&counters(before, before, 0, 0), Tuning::Windows, 256, 3);
        tuner.set_target(4);
        assert_eq!(tuner.scan(&counters(before + 1000, before + 300, 0, 0), Tuning::Windows, 256, 3), 34);
    }
}
