//! The handler after `fork`, and what it has to look at.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// A part of the library whose locks the child of a fork may find held. One that was never used is not looked at, since
/// each page that the child touches costs the fork a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildRepairs {
    /// The pools that are not the process heap.
    Pools = 1,
    /// The verifier.
    Verifier = 2,
}

static USED: AtomicU32 = AtomicU32::new(0);

use super::system_call::keep_errno;

/// Registers a handler that runs in the child of every fork. Returns whether there was memory for it.
pub fn at_fork(child: unsafe extern "C" fn()) -> bool {
    // SAFETY: the handler is a function of this library, which is never unloaded.
    keep_errno(|| unsafe { libc::pthread_atfork(None, None, Some(child)) == 0 })
}

/// Notes that this part is used from now on; before its first lock is taken.
pub fn note_used(part: ChildRepairs) {
    // Relaxed: a fork in this thread sees it; one in another thread sees it, or a part that was not used yet.
    if !was_used(part) {
        USED.fetch_or(part as u32, Relaxed);
    }
}

/// Returns whether this part was ever used.
pub fn was_used(part: ChildRepairs) -> bool {
    USED.load(Relaxed) & part as u32 != 0
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&USED);
}
