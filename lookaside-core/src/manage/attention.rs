//! What a call that leaves the fast path has to see to first. Who asks for attention says what is to be done, since
//! that is above this.

use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicPtr, AtomicU32};

use crate::platform::own_value;

/// The process is the child of a fork, and its records are as the fork found them.
pub const CHILD: u32 = 1;
/// No thread scans, so calls do.
pub const SCAN: u32 = 2;
/// A call is repairing the records; others wait.
pub const REPAIRING: u32 = 4;

static ATTENTION: AtomicU32 = AtomicU32::new(0);
/// How many calls need not look whether a scan is due, where calls scan.
static SKIPS: AtomicU32 = AtomicU32::new(0);
static REPAIR: Routine = Routine(AtomicPtr::new(null_mut()));
static SCAN_BY_CALL: Routine = Routine(AtomicPtr::new(null_mut()));

/// A function, set before it is asked for.
struct Routine(AtomicPtr<()>);

impl Routine {
    fn set(&self, routine: fn()) {
        // Relaxed: published with the bit that asks for it, and always the same.
        self.0.store(routine as *mut (), Relaxed);
    }

    fn call(&self) {
        let routine = self.0.load(Relaxed);
        // SAFETY: the bit that asks for it was set after the function, which is never taken away.
        unsafe { transmute::<*mut (), fn()>(routine)() };
    }
}

/// Repairs the records of a forked child, and scans if a scan is due and no thread scans. The caller holds no lock.
#[inline]
pub fn attend() {
    // Acquire pairs with the AcqRel in `clear`: a caller that finds a repair done sees what it did.
    let attention = ATTENTION.load(Acquire);
    if attention != 0 {
        // Relaxed, here and below: a hint, which calls of two threads may disturb.
        let skips = SKIPS.load(Relaxed);
        if skips != 0 && attention == SCAN {
            SKIPS.store(skips - 1, Relaxed);
        } else {
            attend_to(attention);
        }
    }
}

/// [`attend`] in a call that is rare: looks in any case whether a scan is due.
pub fn attend_at_once() {
    // Acquire: as above.
    let attention = ATTENTION.load(Acquire);
    if attention != 0 {
        attend_to(attention);
    }
}

/// In the middle of a call, after code of the user's, which may have forked. The caller holds no lock.
pub fn repair_if_child() {
    if is_asked(CHILD) {
        attend();
    }
}

/// Sets how many of the next calls need not look whether a scan is due.
pub fn skip(calls: u32) {
    SKIPS.store(calls, Relaxed);
}

#[cold]
#[inline(never)]
fn attend_to(attention: u32) {
    if attention & CHILD != 0 {
        REPAIR.call();
    }
    // The repair may have asked for scans.
    if is_asked(SCAN) {
        SCAN_BY_CALL.call();
    }
}

/// Returns whether some of these are asked for.
pub fn is_asked(what: u32) -> bool {
    ATTENTION.load(Acquire) & what != 0
}

/// Asks calls to scan by this function.
pub fn ask_for_scans(scan: fn()) {
    SCAN_BY_CALL.set(scan);
    ATTENTION.fetch_or(SCAN, AcqRel);
}

/// In the child of a fork, while it has one thread: asks for the repair by this function, also where the parent was at
/// it.
pub fn ask_for_repair(repair: fn()) {
    REPAIR.set(repair);
    ATTENTION.store(ATTENTION.load(Relaxed) & !REPAIRING | CHILD, Relaxed);
}

/// Returns whether this call is the one that repairs.
pub fn begin_repair() -> bool {
    let begin = |asked: u32| (asked & (CHILD | REPAIRING) == CHILD).then_some(asked | REPAIRING);
    ATTENTION.fetch_update(AcqRel, Acquire, begin).is_ok()
}

/// Asks for it no more.
pub fn clear(what: u32) {
    ATTENTION.fetch_and(!what, AcqRel);
}

/// For tools that look for races.
pub fn own_statics() {
    own_value(&ATTENTION);
    own_value(&SKIPS);
    own_value(&REPAIR);
    own_value(&SCAN_BY_CALL);
}
