//! What a fork leaves of pools that other threads were changing.
//!
//! No lock is held across a fork (theory §7). And the child's memory is no picture of one moment: the kernel copies a
//! page at a time while other threads go on. So a structure that spans pages, as a heap does, can only be trusted in the
//! child if nobody changed it between the beginning of the fork and its end. This is found out without making
//! anybody wait: whoever takes a pool's lock while a fork is going on leaves a mark where the child sees it.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};

use crate::platform::{self, Guard, Lock};

/// Forks that are going on in this process.
static FORKING: AtomicU32 = AtomicU32::new(0);
/// Counts locks that were taken while a fork was going on. In a page that the child of that fork shares, so that it sees what
/// happened after its own pages were copied.
static TOUCHED: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());

/// What the thread that forks has seen before: its number, and the count of [`TOUCHED`] if every lock was free.
static FORKER: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);
const BUSY: u64 = u64::MAX;

/// A lock whose holders are noticed by forks.
#[derive(Debug)]
pub struct ForkLock(Lock);

impl ForkLock {
    pub const fn new() -> ForkLock {
        ForkLock(Lock::new())
    }

    pub fn lock(&self) -> Guard<'_> {
        let guard = self.0.lock();
        notice();
        guard
    }

    pub fn try_lock(&self) -> Option<Guard<'_>> {
        let guard = self.0.try_lock()?;
        notice();
        Some(guard)
    }

    pub fn reset_after_fork(&self) {
        self.0.reset_after_fork();
    }
}

/// After a lock was taken.
fn notice() {
    // Pairs with the fence in `before`: either that finds the lock held, or this finds a fork going on.
    fence(SeqCst);
    if FORKING.load(Relaxed) != 0 {
        if let Some(touched) = touched() {
            touched.fetch_add(1, SeqCst);
        }
    }
}

fn touched() -> Option<&'static AtomicU64> {
    // SAFETY: null, or a page that stays mapped.
    unsafe { TOUCHED.load(Relaxed).as_ref() }
}

/// Before a fork, on the thread that forks. `locks` are those of all pools.
pub fn before<'a>(mut locks: impl Iterator<Item = &'a ForkLock>) {
    if touched().is_none() {
        // Where there is no page, the child trusts nothing.
        TOUCHED.store(platform::map_shared(platform::page_size()).cast(), Relaxed);
    }
    FORKING.fetch_add(1, SeqCst);
    // Pairs with the fence in `notice`.
    fence(SeqCst);
    let seen = touched().map_or(BUSY, |touched| touched.load(SeqCst));
    FORKER.store(platform::this_thread(), Relaxed);
    SEEN.store(if locks.any(|lock| lock.0.is_held()) { BUSY } else { seen }, Relaxed);
}

/// After a fork, in the parent.
pub fn after_in_parent() {
    FORKING.fetch_sub(1, SeqCst);
}

/// What the child of a fork finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pools {
    /// This handler has run already for this fork.
    Done,
    /// Nobody changed them: they are as in the parent.
    Sound,
    /// Somebody may have.
    Torn,
}

/// After a fork, in the child.
pub fn after_in_child() -> Pools {
    if FORKING.swap(0, SeqCst) == 0 {
        return Pools::Done;
    }
    let seen = SEEN.load(Relaxed);
    // Another thread that forked at the same time may have written over what this one had seen.
    let ours = FORKER.load(Relaxed) == platform::this_thread();
    let sound = ours && seen != BUSY && touched().is_some_and(|touched| touched.load(SeqCst) == seen);
    // The page is the parent's. This process makes one of its own when it forks.
    let page = TOUCHED.swap(core::ptr::null_mut(), Relaxed);
    if !page.is_null() {
        // SAFETY: the child has one thread, and nothing leads to the page any more.
        unsafe { platform::unmap(page.cast(), platform::page_size()) };
    }
    if sound { Pools::Sound } else { Pools::Torn }
}
