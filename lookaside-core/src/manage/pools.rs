//! What the pools hold: statistics and report.

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::{attention, registry};
use crate::platform;
use crate::pool::{self, PoolKind, PoolStatistics, slab};

/// What lists hold of a pool that does not count it itself, in bytes.
#[derive(Debug)]
struct Noted {
    /// What the live lists together held when scans last looked at each.
    now: AtomicU64,
    /// The most that they were seen to hold.
    peak: AtomicU64,
}

static HEAP: Noted = Noted::new();
static SLABS: Noted = Noted::new();
/// The most that the nonpaged pools were seen to hold, in bytes.
static NONPAGED_PEAKS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

impl Noted {
    const fn new() -> Noted {
        Noted { now: AtomicU64::new(0), peak: AtomicU64::new(0) }
    }

    fn of(kind: PoolKind) -> Option<&'static Noted> {
        match kind {
            PoolKind::Heap => Some(&HEAP),
            PoolKind::Slabs => Some(&SLABS),
            _ => None,
        }
    }
}

/// Notes what a list holds of such a pool, in bytes: 0 when it ends.
pub fn note_use(record: &Record, bytes: u64) {
    // Relaxed: they are numbers alone. Several threads may look at a list at once.
    let before = record.pool_noted.swap(bytes, Relaxed);
    if let Some(noted) = record.list().counted_pool().and_then(Noted::of) {
        noted.now.fetch_add(bytes.wrapping_sub(before), Relaxed);
    }
}

/// In the child of a fork, which may have come between the two changes above: adds up anew what was noted.
pub fn repair_after_fork(records: impl Iterator<Item = &'static Record>) {
    [&HEAP, &SLABS].into_iter().for_each(|noted| noted.now.store(0, Relaxed));
    for record in records.filter(|record| record.pool_noted.load(Relaxed) != 0) {
        if let Some(noted) = record.list().counted_pool().and_then(Noted::of) {
            noted.now.fetch_add(record.pool_noted.load(Relaxed), Relaxed);
        }
    }
    pool::count_shares_after_fork();
}

/// Notes what all lists together hold, after a scan.
pub fn note_peaks() {
    [&HEAP, &SLABS].into_iter().for_each(|noted| _ = noted.peak.fetch_max(noted.now.load(Relaxed), Relaxed));
    if slab::has_nonpaged() {
        for kind in [PoolKind::NonPaged, PoolKind::NonPagedBestEffort] {
            see_peak(kind, &mut pool::statistics(kind));
        }
    }
}

/// Puts the most that a nonpaged pool was seen to hold into its numbers.
fn see_peak(kind: PoolKind, seen: &mut PoolStatistics) {
    let peak = match kind {
        PoolKind::NonPaged => &NONPAGED_PEAKS[0],
        PoolKind::NonPagedBestEffort => &NONPAGED_PEAKS[1],
        _ => return,
    };
    // Relaxed: a number alone.
    seen.peak = seen.peak.max(peak.fetch_max(seen.peak, Relaxed));
}

/// Returns the numbers of one of the library's pools. O(1), but for the process heap and slabs, for which each list is
/// asked: O(lists * processors); and for the nonpaged pools O(memory that lists hold of them), by units of 64 KiB.
///
/// No one is stopped for longer than it takes to read the numbers. Pools that no list was made over yet hold nothing.
#[must_use]
pub fn pool_statistics(kind: PoolKind) -> PoolStatistics {
    // In the child of a fork slabs may have to be counted anew.
    attention::attend_at_once();
    let mut sum = pool::statistics(kind);
    see_peak(kind, &mut sum);
    if let Some(noted) = Noted::of(kind) {
        registry::walk(|record| record.list().pool_use(kind)).flatten().for_each(|held| sum.add(&held));
        noted.peak.fetch_max(sum.used, Relaxed);
        sum.peak = noted.peak.load(Relaxed);
    }
    sum
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
    platform::own_value(&HEAP);
    platform::own_value(&SLABS);
    platform::own_value(&NONPAGED_PEAKS);
}
