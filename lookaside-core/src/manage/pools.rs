//! What the pools hold: statistics and report.

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::registry;
use crate::platform;
use crate::pool::{self, PoolKind, PoolStatistics};

/// The most of the process heap that lists were seen to hold, in bytes.
static HEAP_PEAK: AtomicU64 = AtomicU64::new(0);
/// What the live lists together held when scans last looked at each, in bytes.
static HEAP_NOTED: AtomicU64 = AtomicU64::new(0);

/// Notes what a list holds of the process heap, in bytes: 0 when it ends.
pub fn note_heap_use(record: &Record, bytes: u64) {
    // Relaxed: they are numbers alone. Several threads may look at a list at once.
    let before = record.heap_noted.swap(bytes, Relaxed);
    HEAP_NOTED.fetch_add(bytes.wrapping_sub(before), Relaxed);
}

/// In the child of a fork, which may have come between the two changes above: adds up anew what was noted.
pub fn repair_after_fork(noted: impl Iterator<Item = &'static Record>) {
    let sum = noted.fold(0u64, |sum, record| sum.wrapping_add(record.heap_noted.load(Relaxed)));
    HEAP_NOTED.store(sum, Relaxed);
}

/// Notes what all lists together hold, after a scan.
pub fn note_heap_peak() {
    HEAP_PEAK.fetch_max(HEAP_NOTED.load(Relaxed), Relaxed);
}

/// Returns the numbers of one of the library's pools. O(1), but for the process heap, which is asked list by list:
/// O(lists * processors).
///
/// No one is stopped for longer than it takes to read the numbers. Pools that no list was made over yet hold nothing.
#[must_use]
pub fn pool_statistics(kind: PoolKind) -> PoolStatistics {
    if kind != PoolKind::Heap {
        return pool::statistics(kind);
    }
    let mut sum = PoolStatistics::default();
    registry::walk(|record| record.list().heap_use()).flatten().for_each(|held| sum.add(&held));
    HEAP_PEAK.fetch_max(sum.used, Relaxed);
    PoolStatistics { peak: HEAP_PEAK.load(Relaxed), ..sum }
}

/// Writes a table of all pools, a row each, and the limit of locked memory. Nothing is allocated; `out` may take its
/// time.
pub fn pool_report(out: &mut dyn fmt::Write) -> fmt::Result {
    let head = ["Used", "Peak", "Reserved", "Locked", "Limit", "Blocks", "Failures", "Fallbacks", "Lost"];
    write!(out, "{:<22}", "Pool")?;
    head.iter().try_for_each(|name| write!(out, " {name:>12}"))?;
    writeln!(out)?;
    for kind in PoolKind::ALL {
        let PoolStatistics { used, reserved, locked, peak, limit, blocks, failures, fallbacks, lost } =
            pool_statistics(kind);
        write!(out, "{:<22}", kind.name())?;
        let row = [used, peak, reserved, locked, limit, blocks, failures, fallbacks, lost];
        row.iter().try_for_each(|number| write!(out, " {number:>12}"))?;
        writeln!(out)?;
    }
    match platform::lock_limit() {
        u64::MAX => writeln!(out, "Locked memory: no limit (RLIMIT_MEMLOCK)"),
        bytes => writeln!(
            out,
            "Locked memory: limit {bytes} bytes (RLIMIT_MEMLOCK, ulimit -l), which CAP_IPC_LOCK lifts; best-effort lists \
             do without"
        ),
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&HEAP_PEAK);
    platform::own_value(&HEAP_NOTED);
}
