//! Locks that need no memory, survive `fork` by being reset, and sleep when they must.

use core::hint;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::milliseconds;

const FREE: u32 = 0;
const HELD: u32 = 1;
const AWAITED: u32 = 2;

/// How often a waiting thread looks again before it sleeps: a little longer than a batch takes to move.
const SPINS: u32 = 100;

/// A mutex in one word. Lock order: theory §9.
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

    /// Takes the lock, sleeping while another thread holds it.
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

    /// Lets go of a lock whose guard was forgotten.
    ///
    /// # Safety
    /// This thread holds the lock.
    pub unsafe fn unlock(&self) {
        drop(Guard(self));
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
        for _ in 0..SPINS {
            if self.0.load(Relaxed) == FREE {
                if let Some(guard) = self.try_lock() {
                    return guard;
                }
            }
            hint::spin_loop();
        }
        // Acquire pairs with the Release in Guard::drop.
        while self.0.swap(AWAITED, Acquire) != FREE {
            futex_wait(&self.0, AWAITED, None);
        }
        Guard(self)
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire of the next holder.
        if self.0.0.swap(FREE, Release) == AWAITED {
            // One: it marks the lock as awaited and so wakes the next.
            futex_wake(&self.0.0, 1);
        }
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
        futex_wake(&self.0, libc::c_int::MAX);
    }

    /// Sleeps until the event is signalled after `seen` was read, or the monotonic clock reaches
    /// `deadline` in milliseconds.
    pub fn wait_until(&self, seen: u32, deadline: u64) {
        while self.count() == seen && milliseconds() < deadline {
            futex_wait(&self.0, seen, Some(deadline));
        }
    }
}

fn futex_wait(word: &AtomicU32, expected: u32, deadline: Option<u64>) {
    let time = deadline.map(|milliseconds| libc::timespec {
        tv_sec: (milliseconds / 1000) as i64,
        tv_nsec: (milliseconds % 1000 * 1_000_000) as i64,
    });
    let time = time.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word lives as long as the borrow and the time is null or valid. Every reason to
    // return (woken, changed, interrupted, time) is met by the caller's loop.
    unsafe {
        let all = libc::FUTEX_BITSET_MATCH_ANY;
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, time, core::ptr::null::<u32>(), all);
    }
}

fn futex_wake(word: &AtomicU32, sleepers: libc::c_int) {
    // SAFETY: the kernel only compares the address.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, sleepers) };
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
        std::thread::scope(|scope| {
            scope.spawn(|| event.wait_until(seen, u64::MAX / 2));
            event.signal();
        });
        assert_ne!(event.count(), seen);
    }
}
