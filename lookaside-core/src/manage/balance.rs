//! The balance set manager: the thread that scans once a second while there are lists (theory §5.3).

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use super::{pools, registry};
use crate::list::Surplus;
use crate::platform::{Event, Guard, Thread, milliseconds, schedule_ordinarily};

const PERIOD: u64 = 1000;

struct Manager {
    // Under the registry's lock.
    thread: UnsafeCell<Option<Thread>>,
    // A thread runs while this is what it was when the thread was started.
    epoch: AtomicU32,
    stop: Event,
    /// Steps of Windows' rotation.
    step: AtomicU64,
    /// Set in the child of a fork, where the thread does not exist.
    restart: AtomicBool,
    /// Whether the thread leaves the lists alone.
    held: AtomicBool,
}

// SAFETY: the cell is reached under the registry's lock alone.
unsafe impl Sync for Manager {}

static MANAGER: Manager = Manager {
    thread: UnsafeCell::new(None),
    epoch: AtomicU32::new(0),
    stop: Event::new(),
    step: AtomicU64::new(0),
    restart: AtomicBool::new(false),
    held: AtomicBool::new(false),
};

/// Runs one scan now: the tuning rule over every list, whatever its tuning, as ExAdjustLookasideDepth does in Windows.
///
/// A list with [`Tuning::Default`](crate::Tuning) or `Manual` is visited; for lists with `Windows` the rotation goes
/// one step on.
pub fn adjust_depth() {
    scan(true);
}

/// Leaves the scans to [`adjust_depth`], for measurements whose seconds are not the clock's.
pub fn hold_scans() {
    // Relaxed: called before there is a list, so before there is a thread.
    MANAGER.held.store(true, Relaxed);
}

/// Starts the thread if there is none. Without one the depths stay as they are; the next list tries again.
/// With the registry's lock held.
pub fn start(_guard: &Guard<'_>) {
    // SAFETY: the lock is held.
    let thread = unsafe { &mut *MANAGER.thread.get() };
    if thread.is_none() {
        let epoch = MANAGER.epoch.load(Relaxed);
        // SAFETY: the argument is a number, not an address.
        *thread = unsafe { Thread::start(run, ptr::without_provenance_mut(epoch as usize)) };
    }
}

/// Tells the thread to end; answers it, to be joined without the lock.
pub fn stop(_guard: &Guard<'_>) -> Option<Thread> {
    // Release pairs with the Acquire in run.
    MANAGER.epoch.fetch_add(1, Release);
    MANAGER.stop.signal();
    // SAFETY: the lock is held.
    unsafe { (*MANAGER.thread.get()).take() }
}

/// Starts the thread again in the child of a fork, when a list there first misses.
#[inline]
pub fn ensure_running() {
    if MANAGER.restart.load(Relaxed) {
        restart();
    }
}

#[cold]
#[inline(never)]
fn restart() {
    if MANAGER.restart.swap(false, Relaxed) {
        let guard = registry::lock();
        if registry::live(&guard) != 0 {
            start(&guard);
        }
    }
}

/// In the child of a fork: there is no thread.
pub fn repair_after_fork(guard: &Guard<'_>) {
    // The handle means nothing here, and is dropped without a join.
    // SAFETY: the lock is held, and the child has one thread.
    unsafe { *MANAGER.thread.get() = None };
    MANAGER.restart.store(registry::live(guard) != 0, Relaxed);
    MANAGER.epoch.fetch_add(1, Relaxed);
}

extern "C" fn run(epoch: *mut c_void) -> *mut c_void {
    let epoch = epoch.addr() as u32;
    schedule_ordinarily();
    let mut next = milliseconds() + PERIOD;
    loop {
        let seen = MANAGER.stop.count();
        // Acquire pairs with the Release in stop.
        if MANAGER.epoch.load(Acquire) != epoch {
            return ptr::null_mut();
        }
        let now = milliseconds();
        if now < next {
            MANAGER.stop.wait_until(seen, next);
        } else {
            if !MANAGER.held.load(Relaxed) {
                scan(false);
            }
            // A late tick (the process was stopped, the machine asleep) is one tick, not many.
            next = (next + PERIOD).max(now + PERIOD / 2);
        }
    }
}

fn scan(by_hand: bool) {
    let step = MANAGER.step.fetch_add(1, Relaxed);
    let mut heap_bytes = 0;
    for (scanned, index, generation) in
        registry::walk(|record| (record.pair().scan(step, by_hand), record.index, record.generation()))
    {
        heap_bytes += scanned.heap_bytes;
        if scanned.surplus {
            // The pool works with no lock held.
            let taken = || registry::look_at(index, generation, |record| record.pair().take_surplus()).flatten();
            core::iter::from_fn(taken).for_each(Surplus::give_back);
        }
    }
    pools::note_heap_use(heap_bytes);
}
