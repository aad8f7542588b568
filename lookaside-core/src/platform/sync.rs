//! Locks that need no memory, survive `fork` by being reset, and sleep when they must.

use core::hint;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::clock::{by_system, milliseconds};
use super::thread::{sleep_microseconds, yield_now};

const FREE: u32 = 0;
const HELD: u32 = 1;

/// How often a waiting thread looks again before it lets others run: a little longer than a batch takes to move.
const SPINS: u32 = 100;
/// How often it lets others run before it sleeps, so that a holder of lower priority gets a processor too.
const YIELDS: u32 = 8;
/// Both, for whoever computes what waiting costs.
pub const LOCK_WAIT: (u32, u32) = (SPINS, YIELDS);

/// A mutex in one word, for sections of some nanoseconds. Lock order: theory §9.
///
/// Letting go is a plain store: a waiter is not woken but looks again. That spares each uncontended section one of two
/// locked instructions, which on a list's slow path is what is paid most for.
#[derive(Debug)]
#[repr(transparent)]
pub struct Lock(AtomicU32);

/// Holds a [`Lock`] until it is dropped.
#[derive(Debug)]
pub struct Guard<'a>(&'a Lock);

impl Lock {
    /// A free lock.
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(FREE))
    }

    /// Takes the lock; waits while another thread holds it.
    #[inline]
    pub fn lock(&self) -> Guard<'_> {
        self.try_lock().unwrap_or_else(|| self.wait())
    }

    /// Takes the lock if nobody holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        // Acquire pairs with the Release in Guard::drop. Relaxed on failure: nothing was learnt.
        self.0.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok().then(|| Guard(self))
    }

    /// Whether somebody holds the lock at this moment.
    pub fn is_held(&self) -> bool {
        // Acquire pairs with the Release in Guard::drop: whoever finds it free sees what its last holder did.
        self.0.load(Acquire) != FREE
    }

    /// Makes the lock free in the child of a fork, where its holder does not exist. Writes only to a
    /// lock that is held, so that pages stay shared with the parent.
    pub fn reset_after_fork(&self) {
        // Relaxed: the child has one thread.
        if self.0.load(Relaxed) != FREE {
            self.0.store(FREE, Relaxed);
        }
    }

    #[cold]
    fn wait(&self) -> Guard<'_> {
        // Relaxed: only a hint whether trying is worth it.
        wait_for(|| if self.0.load(Relaxed) == FREE { self.try_lock() } else { None })
    }
}

/// Calls `attempt` until it gives something: looks often, then lets other threads run, then sleeps in between.
pub fn wait_for<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut round = 0;
    loop {
        for _ in 0..SPINS {
            if let Some(found) = attempt() {
                return found;
            }
            hint::spin_loop();
        }
        if round < YIELDS {
            round += 1;
            yield_now();
        } else {
            sleep_microseconds(1);
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire of the next holder.
        self.0.0.store(FREE, Release);
    }
}

/// A counter that threads can sleep on until it changes or a time comes.
#[derive(Debug)]
pub struct Event(AtomicU32);

impl Event {
    /// An event that was never signalled.
    pub const fn new() -> Event {
        Event(AtomicU32::new(0))
    }

    /// What to hand to [`Event::wait_until`].
    pub fn count(&self) -> u32 {
        // Acquire pairs with the Release in signal.
        self.0.load(Acquire)
    }

    /// Wakes every thread that waits.
    pub fn signal(&self) {
        // Release pairs with the Acquire in count.
        self.0.fetch_add(1, Release);
        futex_wake(&self.0);
    }

    /// Sleeps until the event is signalled after `seen` was read, or the monotonic clock reaches
    /// `deadline` in milliseconds.
    pub fn wait_until(&self, seen: u32, deadline: u64) {
        while self.count() == seen && milliseconds() < deadline {
            futex_wait(&self.0, seen, deadline);
        }
    }
}

fn futex_wait(word: &AtomicU32, expected: u32, deadline: u64) {
    let deadline = by_system(deadline);
    let time = libc::timespec {
        tv_sec: (deadline / 1000).try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: (deadline % 1000 * 1_000_000) as libc::c_long,
    };
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word lives as long as the borrow and the time is valid. Every reason to return (woken, changed,
    // interrupted, time) is met by the caller's loop.
    unsafe {
        let all = libc::FUTEX_BITSET_MATCH_ANY;
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, &time, core::ptr::null::<u32>(), all);
    }
}

fn futex_wake(word: &AtomicU32) {
    // SAFETY: the kernel only compares the address.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, libc::c_int::MAX)
    };
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::cell::UnsafeCell;

    #[test]
    fn one_holder_at_a_time() {
        struct Shared(Lock, UnsafeCell<u64>);
        // SAFETY: the cell is reached under the lock alone.
        unsafe impl Sync for Shared {}
        let shared = Shared(Lock::new(), UnsafeCell::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let shared = &shared;
                    for _ in 0..50_000 {
                        let _guard = shared.0.lock();
                        // SAFETY: the lock is held.
                        unsafe { *shared.1.get() += 1 };
                    }
                });
            }
        });
        assert_eq!(shared.1.into_inner(), 200_000);
    }

    #[test]
    fn a_held_lock_cannot_be_taken() {
        let lock = Lock::new();
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn an_event_wakes_its_sleeper_and_ends_by_time() {
        let event = Event::new();
        let seen = event.count();
        event.wait_until(seen, milliseconds() + 1);
        // Seconds that pass for the library alone are not waited for.
        crate::platform::advance_clock(3_600_000);
        event.wait_until(seen, milliseconds() + 1);
        std::thread::scope(|scope| {
            scope.spawn(|| event.wait_until(seen, u64::MAX / 2));
            event.signal();
        });
        assert_ne!(event.count(), seen);
    }
}
