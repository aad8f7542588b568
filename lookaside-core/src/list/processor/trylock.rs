//! The engine `trylock`: a part for each processor, behind a lock that is tried once and never awaited.
//!
//! A thread that finds the lock taken (it was moved to another processor in the middle, or a closer works here) misses.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Exclusive, Part};
use crate::platform;
use crate::wdk::Parts;

/// One compare-and-exchange and one plain store around each operation.
#[derive(Debug)]
pub struct TryLock;

impl Exclusive for TryLock {
    type Entered = ();

    fn current() -> u32 {
        platform::current()
    }

    fn has_part() -> bool {
        true
    }

    #[inline(always)]
    unsafe fn enter(parts: &Parts) -> Option<(Part, ())> {
        let processor = platform::current();
        if processor >= parts.processors {
            return None;
        }
        // SAFETY: `parts` are those of an initialised list, and the number is in range.
        let part = unsafe { Part::of(parts, processor) };
        try_lock(part).then_some((part, ()))
    }

    #[inline(always)]
    fn leave(part: Part, (): ()) {
        part.unlock();
    }

    fn keep_out(part: Part, _number: u32) -> bool {
        // An operation takes some nanoseconds, but its thread may have been preempted.
        platform::wait_unwoken(|| try_lock(part).then_some(()));
        true
    }
}

fn try_lock(part: Part) -> bool {
    // Acquire pairs with the Release in Part::unlock.
    part.lock.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
}
