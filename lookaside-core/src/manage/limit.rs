//! One bound for what all lists together keep, which scans enforce.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::{registry, switches};
use crate::list::{HOTTEST, Surplus};
use crate::platform;

/// No bound.
pub const NO_LIMIT: u64 = u64::MAX;
/// The environment was not looked at yet.
const UNKNOWN: u64 = u64::MAX - 1;

static LIMIT: AtomicU64 = AtomicU64::new(UNKNOWN);

/// Sets how many bytes all lists together may keep; `u64::MAX` for no limit, which is the default. `LOOKASIDE_LIMIT`
/// does the same.
///
/// Scans enforce it: when lists keep more, those that were used least since the scan before give up all that they keep,
/// one after the other, and a depth that tunes itself begins anew. So between two scans they may keep more. Lists with a
/// free routine of the program's do so at their next miss, since it runs on the program's threads alone. What callers
/// hold does not count.
///
/// Any thread, at any time. O(1); while there is a limit a scan looks at every list.
///
/// ```
/// lookaside_core::set_limit(64 << 20);
/// assert_eq!(lookaside_core::limit(), 64 << 20);
/// ```
pub fn set_limit(bytes: u64) {
    // Relaxed: a number alone. The one number that means something else counts as no limit.
    LIMIT.store(if bytes == UNKNOWN { NO_LIMIT } else { bytes }, Relaxed);
}

/// Returns how many bytes all lists together may keep; `u64::MAX` for no limit.
#[must_use]
pub fn limit() -> u64 {
    // Relaxed: as above.
    let limit = LIMIT.load(Relaxed);
    if limit != UNKNOWN {
        return limit;
    }
    let asked = switches::LIMIT.value().and_then(switches::parse_bytes).unwrap_or(NO_LIMIT);
    // A call of `set_limit` meanwhile counts.
    match LIMIT.compare_exchange(UNKNOWN, asked, Relaxed, Relaxed) {
        Ok(_) => asked,
        Err(set) => set,
    }
}

/// Has lists give up blocks until they keep no more than the limit: a part of a scan. The caller holds no lock.
pub fn enforce() {
    match limit() {
        NO_LIMIT => {}
        limit => keep(kept(), limit),
    }
}

/// Has lists give up half of what they keep. The caller holds no lock.
pub fn halve() {
    let kept = kept();
    keep(kept, kept / 2);
}

/// Returns how many bytes all lists together keep.
fn kept() -> u64 {
    registry::walk(|record| record.list().kept_bytes()).sum()
}

/// Has the lists that were used least give up blocks, until all together keep no more than this.
fn keep(mut kept: u64, limit: u64) {
    for heat in 0..=HOTTEST {
        if kept <= limit {
            return;
        }
        let name = |record: &Record| (record.list().heat() == heat).then(|| (record.index, record.generation()));
        for (index, generation) in registry::walk(name).flatten() {
            if kept <= limit {
                return;
            }
            let Some(before) = registry::look_at(index, generation, |record| record.list().give_up()) else { continue };
            // The pool works with no lock held.
            let taken = || registry::look_at(index, generation, |record| record.list().take_kept()).flatten();
            core::iter::from_fn(taken).for_each(Surplus::give_back);
            let after = registry::look_at(index, generation, |record| {
                record.list().give_memory_back(true);
                record.list().kept_bytes()
            });
            kept = kept.saturating_sub(before.saturating_sub(after.unwrap_or(0)));
        }
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&LIMIT);
}
