//! Locks that need no memory, survive `fork` by being reset, and sleep in the kernel when they must (theory §9.1).

#[cfg(test)]
mod model;

use core::hint;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicU32, compiler_fence};

use super::clock::milliseconds;
use super::membarrier::barrier_everywhere;
use super::system_call::system_call;
use super::thread::yield_now;

const FREE: u32 = 0;
const HELD: u32 = 1;

const NO_ONE_WAITS: u32 = 0;
const SOMEONE_WAITS: u32 = 1;

/// How often a waiting thread looks again before it lets others run: a little longer than a batch takes to move.
const SPINS: u32 = 100;
/// How often it lets others run before it sleeps.
const YIELDS: u32 = 8;
/// Both, for computing what waiting costs.
pub const LOCK_WAIT: (u32, u32) = (SPINS, YIELDS);

/// A mutex of two words, for sections of some nanoseconds. Lock order: theory §9.
///
/// A release is a plain store and a plain load; only one that finds a waiter makes a system call. So an uncontended
/// section has one locked instruction, which on a list's slow path is what costs most.
#[derive(Debug)]
pub struct Lock {
    state: AtomicU32,
    // Set before a thread sleeps, cleared by a release that wakes: what sleepers sleep on.
    waiters: AtomicU32,
}

/// Holds a [`Lock`] until it is dropped.
#[derive(Debug)]
pub struct Guard<'a>(&'a Lock);

impl Lock {
    /// Makes a free lock.
    pub const fn new() -> Lock {
        Lock { state: AtomicU32::new(FREE), waiters: AtomicU32::new(NO_ONE_WAITS) }
    }

    /// Takes the lock; waits while another thread holds it.
    #[inline]
    pub fn lock(&self) -> Guard<'_> {
        self.try_lock().unwrap_or_else(|| self.wait(barrier_everywhere))
    }

    /// Takes the lock if no one holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        // Acquire pairs with the Release in Guard::drop. Relaxed on failure: nothing was learnt.
        self.state.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok().then(|| Guard(self))
    }

    /// Returns whether a thread holds the lock at this moment.
    pub fn is_held(&self) -> bool {
        // Acquire pairs with the Release in Guard::drop: a caller that finds it free sees what its last holder did.
        self.state.load(Acquire) != FREE
    }

    /// Makes the lock free in the child of a fork, where neither its holder nor its waiters exist. Writes only what is
    /// set, so that pages stay shared with the parent.
    pub fn reset_after_fork(&self) {
        for word in [&self.state, &self.waiters] {
            // Relaxed: the child has one thread.
            if word.load(Relaxed) != 0 {
                word.store(0, Relaxed);
            }
        }
    }

    /// Waits for the lock. `barrier` returns whether every other thread has passed a full barrier meanwhile.
    #[cold]
    fn wait(&self, barrier: impl Fn() -> bool) -> Guard<'_> {
        // Relaxed: only a hint whether trying is worth it.
        let attempt = || if self.state.load(Relaxed) == FREE { self.try_lock() } else { None };
        let mut naps = Naps::new();
        loop {
            if let Some(guard) = look_often(attempt) {
                return guard;
            }
            // Relaxed: the barrier is between this and the last look (theory §9.1).
            self.waiters.store(SOMEONE_WAITS, Relaxed);
            let limit = if barrier() { None } else { Some(naps.next()) };
            if let Some(guard) = attempt() {
                return guard;
            }
            sleep_while(self.waiters.as_ptr(), SOMEONE_WAITS, limit, Sharing::Private);
        }
    }

    #[cold]
    fn wake(&self) {
        // Relaxed: a thread that is about to sleep compares the word in the kernel, before or after the wake.
        self.waiters.store(NO_ONE_WAITS, Relaxed);
        wake_all(self.waiters.as_ptr(), Sharing::Private);
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire of the next holder.
        self.0.state.store(FREE, Release);
        // The compiler keeps the order of the two; where the processor does not, a waiter's barrier does (theory §9.1).
        compiler_fence(SeqCst);
        if self.0.waiters.load(Relaxed) != NO_ONE_WAITS {
            self.0.wake();
        }
    }
}

/// Calls `attempt` until it returns something, or long enough that waiting in the kernel costs less.
pub fn look_often<T>(attempt: impl Fn() -> Option<T>) -> Option<T> {
    for round in 0..=YIELDS {
        if round != 0 {
            yield_now();
        }
        for _ in 0..SPINS {
            if let Some(found) = attempt() {
                return Some(found);
            }
            hint::spin_loop();
        }
    }
    None
}

/// Waits until `attempt` returns something, where no one wakes: sleeps in between, so that a thread of any priority
/// gets on.
#[cold]
pub fn wait_unwoken<T>(attempt: impl Fn() -> Option<T>) -> T {
    let mut naps = Naps::new();
    loop {
        if let Some(found) = look_often(&attempt) {
            return found;
        }
        naps.sleep();
    }
}

/// Sleeps that no one ends early, each longer than the last, up to a millisecond.
#[derive(Debug)]
pub struct Naps {
    microseconds: u64,
}

impl Naps {
    const FIRST: u64 = 50;
    const LONGEST: u64 = 1000;

    pub fn new() -> Naps {
        Naps { microseconds: Self::FIRST }
    }

    /// Sleeps.
    pub fn sleep(&mut self) {
        sleep_while(&mut 0, 0, Some(self.next()), Sharing::Private);
    }

    /// How long to sleep.
    fn next(&mut self) -> u64 {
        let now = self.microseconds;
        self.microseconds = (2 * now).min(Self::LONGEST);
        now
    }
}

/// A counter that threads can sleep on until it changes or a time comes.
#[derive(Debug)]
pub struct Event(AtomicU32);

impl Event {
    /// Makes an event that was never signalled.
    pub const fn new() -> Event {
        Event(AtomicU32::new(0))
    }

    /// Returns what to hand to [`Event::wait_until`].
    pub fn count(&self) -> u32 {
        // Acquire pairs with the Release in signal.
        self.0.load(Acquire)
    }

    /// Wakes every thread that waits.
    pub fn signal(&self) {
        // Release pairs with the Acquire in count.
        self.0.fetch_add(1, Release);
        wake_all(self.0.as_ptr(), Sharing::Private);
    }

    /// Sleeps until the event is signalled after `seen` was read, or the monotonic clock reaches
    /// `deadline` in milliseconds.
    pub fn wait_until(&self, seen: u32, deadline: u64) {
        while self.count() == seen {
            match deadline.saturating_sub(milliseconds()) {
                0 => return,
                left => _ = sleep_while(self.0.as_ptr(), seen, Some(left.saturating_mul(1000)), Sharing::Private),
            }
        }
    }
}

/// Which threads may sleep on a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// This process's.
    Private,
    /// Also those of other processes that map the word's memory.
    Shared,
}

/// Sleeps while the word has this value, until woken or for this many microseconds, and for no reason at times. Returns
/// false if the word had another value.
pub fn sleep_while(word: *mut u32, value: u32, limit: Option<u64>, sharing: Sharing) -> bool {
    let time = limit
        .map(|limit| libc::timespec { tv_sec: (limit / 1_000_000) as _, tv_nsec: (limit % 1_000_000 * 1000) as _ });
    let time = time.as_ref().map_or(0, |time| core::ptr::from_ref(time).expose_provenance());
    futex(libc::FUTEX_WAIT, word, value, time, sharing) != -libc::EAGAIN as isize
}

/// Wakes every thread that sleeps on the word.
pub fn wake_all(word: *mut u32, sharing: Sharing) {
    futex(libc::FUTEX_WAKE, word, i32::MAX as u32, 0, sharing);
}

fn futex(operation: i32, word: *mut u32, value: u32, time: usize, sharing: Sharing) -> isize {
    let private = if sharing == Sharing::Private { libc::FUTEX_PRIVATE_FLAG } else { 0 };
    let [word, operation] = [word.expose_provenance(), (operation | private) as usize];
    // SAFETY: the kernel reads the word, and where that is gone fails; it reads the time, which `sleep_while` keeps.
    unsafe { system_call(libc::SYS_futex, [word, operation, value as usize, time, 0, 0]) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::membarrier;
    use super::*;
    use core::cell::UnsafeCell;
    use std::eprintln;

    /// Ends the process where a test would wait for ever.
    fn with_alarm(test: impl FnOnce()) {
        static RUNNING: AtomicU32 = AtomicU32::new(0);
        const SECONDS: u32 = 3600;
        RUNNING.fetch_add(1, Relaxed);
        // SAFETY: no handler is set, so that the signal ends the process.
        unsafe { libc::alarm(SECONDS) };
        test();
        if RUNNING.fetch_sub(1, Relaxed) == 1 {
            // SAFETY: it takes the alarm back.
            unsafe { libc::alarm(0) };
        }
    }

    /// Some sections are so long that waiters fall asleep.
    #[test]
    fn one_holder_at_a_time() {
        struct Shared(Lock, UnsafeCell<u64>);
        // SAFETY: the cell is reached under the lock alone.
        unsafe impl Sync for Shared {}
        let shared = Shared(Lock::new(), UnsafeCell::new(0));
        membarrier::register();
        let work = || {
            let shared = &shared;
            for round in 0..50_000 {
                let _guard = shared.0.lock();
                // SAFETY: the lock is held.
                unsafe { *shared.1.get() += 1 };
                if round % 500 == 0 {
                    Naps::new().sleep();
                }
            }
        };
        with_alarm(|| std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(work))));
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

    fn waits(lock: &Lock) -> bool {
        lock.waiters.load(Relaxed) == SOMEONE_WAITS
    }

    /// Here the releases find waiters that sleep without a limit, so that a wake that is not made hangs.
    #[test]
    fn a_release_wakes_who_sleeps() {
        if !membarrier::register() {
            return eprintln!("SKIP: this kernel has no membarrier for restartable sequences");
        }
        let lock = Lock::new();
        let wake = |waiters| {
            let guard = lock.lock();
            std::thread::scope(|scope| {
                for _ in 0..waiters {
                    scope.spawn(|| drop(lock.lock()));
                }
                while !waits(&lock) {
                    yield_now();
                }
                // Those that sleep by now are woken; those that do not find it free.
                std::thread::sleep(core::time::Duration::from_millis(5));
                drop(guard);
            });
        };
        with_alarm(|| (1..4).for_each(wake));
    }

    /// Without a barrier a wake may be lost.
    #[test]
    fn a_waiter_without_a_barrier_needs_no_wake() {
        let lock = Lock::new();
        core::mem::forget(lock.lock());
        let release_without_a_wake = || {
            std::thread::scope(|scope| {
                scope.spawn(|| drop(lock.wait(|| false)));
                while !waits(&lock) {
                    yield_now();
                }
                lock.state.store(FREE, Release);
            });
        };
        with_alarm(release_without_a_wake);
    }

    #[test]
    fn the_child_of_a_fork_finds_no_one_waiting() {
        let lock = Lock::new();
        core::mem::forget(lock.lock());
        lock.waiters.store(SOMEONE_WAITS, Relaxed);
        lock.reset_after_fork();
        assert!(!lock.is_held());
        assert!(!waits(&lock));
    }

    #[test]
    fn naps_grow_to_a_millisecond() {
        let mut naps = Naps::new();
        assert_eq!([(); 7].map(|()| naps.next()), [50, 100, 200, 400, 800, 1000, 1000]);
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
