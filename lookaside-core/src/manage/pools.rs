//! What the pools hold: statistics and report.

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::registry;
use crate::platform;
use crate::pool::{self, PoolKind, PoolStatistics};

/// The most of the process heap that lists were seen to hold.
static HEAP_PEAK: AtomicU64 = AtomicU64::new(0);

/// Notes what all live lists together hold of the process heap, in bytes.
pub fn note_heap_use(bytes: u64) {
    HEAP_PEAK.fetch_max(bytes, Relaxed);
}

/// A look at one of the library's pools. O(1), but for the process heap, which is asked list by list: O(lists *
/// processors).
///
/// Nobody is stopped for longer than it takes to read the numbers. Pools that no list was made over yet hold nothing.
#[must_use]
pub fn pool_statistics(kind: PoolKind) -> PoolStatistics {
    if kind != PoolKind::Heap {
        return pool::statistics(kind);
    }
    let mut sum = PoolStatistics::default();
    registry::walk(|record| record.pair().heap_use()).flatten().for_each(|held| sum.add(&held));
    note_heap_use(sum.used);
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
