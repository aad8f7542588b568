//! Whether memory that was given back to the system is zeroes when it is used again.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};

use crate::platform;

/// Pages that were given back may hold what they held before.
static STALE: AtomicBool = AtomicBool::new(false);

/// [`platform::discard`], noted where the pages may hold what they held before: where the system refuses, as for memory
/// that the program has locked, or does nothing.
///
/// # Safety
/// As for `platform::discard`.
pub unsafe fn discard(start: *mut u8, bytes: usize) {
    // SAFETY: as the caller promises.
    let gone = unsafe { platform::discard(start, bytes) };
    if !(gone && discard_clears()) {
        // Relaxed: to take the pages again needs a lock that is held here, or is taken after this.
        STALE.store(true, Relaxed);
    }
}

/// Returns whether pages that were given back may hold what they held before.
pub fn may_be() -> bool {
    STALE.load(Relaxed)
}

/// [`platform::discard_clears`], which is asked once.
fn discard_clears() -> bool {
    /// 0 unknown, 1 no, 2 yes.
    static CLEARS: AtomicU32 = AtomicU32::new(0);
    platform::own_value(&CLEARS);
    // Relaxed: the number alone matters, and is the same from every thread.
    match CLEARS.load(Relaxed) {
        0 => {
            let clears = platform::discard_clears();
            CLEARS.store(1 + u32::from(clears), Relaxed);
            clears
        }
        known => known == 2,
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&STALE);
}
