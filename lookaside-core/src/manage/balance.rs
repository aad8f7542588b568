//! The balance set manager: who scans once a second while there are lists (theory §5.3).
//!
//! In a process with several threads it is a thread of its own. A process that has one thread keeps it: there a call
//! that misses, makes a list or asks for a report scans when a second has gone by.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64};

use super::{attention, limit, pools, pressure, registry};
use crate::list::Surplus;
use crate::platform::{
    Event, Guard, Thread, coarse_milliseconds, is_single_threaded, is_single_threaded_at_a_glance, milliseconds,
    name_thread, own_value, stop_clock,
};
use crate::wdk::Status;

/// Milliseconds between two scans.
const PERIOD: u64 = 1000;
/// The most lists that one call visits, so that no call waits for a scan of thousands. The next
/// call goes on.
const VISITS_PER_CALL: usize = 1024;

/// How many calls that miss do not look at the clock, after two looks within one of its ticks.
const SKIPPED_CALLS: u32 = 31;

/// States of the thread.
const NONE: u32 = 0;
const STARTING: u32 = 1;
const RUNNING: u32 = 2;

struct Manager {
    state: AtomicU32,
    // Under the registry's lock.
    thread: UnsafeCell<Option<Thread>>,
    // A thread runs while this is what it was when the thread was started.
    epoch: AtomicU32,
    stop: Event,
    /// Steps of Windows' rotation.
    step: AtomicU64,
    /// When a call begins the next scan, in milliseconds of the clock.
    next_by_call: AtomicU64,
    /// When a call looked at the clock last.
    looked_by_call: AtomicU64,
    /// The first record that the scan by calls has not come to yet; 0 when it is finished.
    rest_by_call: AtomicU32,
    /// Whether the program asked for the thread, however few threads it has.
    asked: AtomicBool,
    /// Why the system gave no thread the last time; 0 if it was not asked, or gave one.
    refused: AtomicI32,
    /// Whether scans are left to [`adjust_depth`].
    held: AtomicBool,
}

// SAFETY: the cell is reached under the registry's lock alone.
unsafe impl Sync for Manager {}

static MANAGER: Manager = Manager {
    state: AtomicU32::new(NONE),
    thread: UnsafeCell::new(None),
    epoch: AtomicU32::new(0),
    stop: Event::new(),
    step: AtomicU64::new(0),
    next_by_call: AtomicU64::new(0),
    looked_by_call: AtomicU64::new(0),
    rest_by_call: AtomicU32::new(0),
    asked: AtomicBool::new(false),
    refused: AtomicI32::new(0),
    held: AtomicBool::new(false),
};

/// Runs one scan now: the tuning rule over every list, whatever its tuning, as ExAdjustLookasideDepth does in Windows.
///
/// A list with [`Tuning::Default`](crate::Tuning) or `Manual` is visited; for lists with `Windows` the rotation goes
/// one step on. In a program with one thread, whose lists no thread scans, a timer of its event loop may call it once a
/// second. O(lists).
pub fn adjust_depth() {
    attention::attend_at_once();
    let step = MANAGER.step.fetch_add(1, Relaxed);
    scan(step, true, 0, |_| true);
}

/// Starts the thread that scans the lists once a second, also in a process that has one thread, and for lists with
/// `Tuning::Manual`.
///
/// Without this call the thread is started as soon as the process has a second thread and a list that is tuned; until
/// then calls scan. If there is no list yet, the first one starts it. It ends with the last list, and is started
/// again with the next. Returns SUCCESS, or INSUFFICIENT_RESOURCES if the system gives no thread: then calls scan, and
/// the thread is tried again once a second.
pub fn start_balance_thread() -> Status {
    attention::attend_at_once();
    // Relaxed: read by calls that come later.
    MANAGER.asked.store(true, Relaxed);
    MANAGER.refused.store(0, Relaxed);
    see_to_scans();
    if MANAGER.refused.load(Relaxed) == 0 { Status::SUCCESS } else { Status::INSUFFICIENT_RESOURCES }
}

/// Leaves the scans to [`adjust_depth`] and the clock to `advance_clock`, for measurements whose seconds are not the
/// system's.
pub fn hold_scans() {
    stop_clock();
    // Relaxed: called before there is a list, so before there is a thread.
    MANAGER.held.store(true, Relaxed);
}

/// Who scans the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannedBy {
    /// The balance set manager's thread.
    Thread,
    /// Calls, since the process has one thread.
    Calls,
    /// Calls, since the system gave no thread, for the reason with this error number.
    CallsFor(c_int),
    /// No one: there is no list, or all are tuned by hand.
    NoOne,
}

impl fmt::Display for ScannedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScannedBy::Thread => f.write_str("thread"),
            ScannedBy::Calls => f.write_str("calls (the process has one thread)"),
            ScannedBy::CallsFor(error) => write!(f, "calls (a thread could not be started: error {error})"),
            ScannedBy::NoOne => f.write_str("no one (no list tunes itself)"),
        }
    }
}

/// Returns who scans the lists at present.
pub fn scanned_by() -> ScannedBy {
    attention::attend_at_once();
    if MANAGER.state.load(Acquire) == RUNNING {
        return ScannedBy::Thread;
    }
    match MANAGER.refused.load(Relaxed) {
        _ if !attention::is_asked(attention::SCAN) => ScannedBy::NoOne,
        0 => ScannedBy::Calls,
        error => ScannedBy::CallsFor(error),
    }
}

/// After a list was made: sees to it that someone scans. The caller holds no lock.
pub fn see_to_scans() {
    {
        // All that changes who scans holds the lock, so that calls are not asked to beside a thread.
        let guard = registry::lock();
        if MANAGER.state.load(Acquire) == RUNNING || !is_wanted(&guard) {
            return;
        }
        if !attention::is_asked(attention::SCAN) {
            MANAGER.next_by_call.store(coarse_milliseconds() + PERIOD, Relaxed);
            attention::ask_for_scans(scan_by_call);
        }
    }
    if MANAGER.asked.load(Relaxed) || !is_single_threaded() {
        start();
    }
}

/// Whether there is a list to scan.
fn is_wanted(guard: &Guard<'_>) -> bool {
    registry::tuned(guard) != 0 || MANAGER.asked.load(Relaxed) && registry::live(guard) != 0
}

/// Starts the thread, if there is none; the caller holds no lock. If the system gives none, calls go on scanning.
fn start() {
    // Acquire pairs with the Release of the call that ended the last thread.
    if MANAGER.state.compare_exchange(NONE, STARTING, Acquire, Relaxed).is_err() {
        return;
    }
    let epoch = MANAGER.epoch.load(Relaxed);
    // SAFETY: the argument is a number, not an address.
    let started = unsafe { Thread::start(run, ptr::without_provenance_mut(epoch as usize)) };
    MANAGER.refused.store(*started.as_ref().err().unwrap_or(&0), Relaxed);
    let Ok(thread) = started else { return MANAGER.state.store(NONE, Release) };
    let guard = registry::lock();
    if is_wanted(&guard) {
        // SAFETY: the lock is held.
        unsafe { *MANAGER.thread.get() = Some(thread) };
        MANAGER.state.store(RUNNING, Release);
        attention::clear(attention::SCAN);
        return;
    }
    // The last list went meanwhile.
    end_epoch();
    drop(guard);
    thread.join();
    MANAGER.state.store(NONE, Release);
}

/// After a list was deleted, with the registry's lock held: no one needs to scan if it was the last. Returns the
/// thread, to be joined without the lock.
pub fn stop_if_unwanted(guard: &Guard<'_>) -> Option<Thread> {
    if is_wanted(guard) {
        return None;
    }
    attention::clear(attention::SCAN);
    // One that is just being started ends by itself.
    if MANAGER.state.load(Relaxed) != RUNNING {
        return None;
    }
    end_epoch();
    // SAFETY: the lock is held.
    let thread = unsafe { (*MANAGER.thread.get()).take() };
    // Last, so that a thread that a late call starts now is of the next epoch.
    MANAGER.state.store(NONE, Release);
    thread
}

fn end_epoch() {
    // Release pairs with the Acquire in run.
    MANAGER.epoch.fetch_add(1, Release);
    MANAGER.stop.signal();
}

/// A call's part, where no thread scans: starts the thread if the process has several by now, else scans if a second
/// has gone by.
fn scan_by_call() {
    let single = is_single_threaded_at_a_glance();
    if single == Some(false) && MANAGER.refused.load(Relaxed) == 0 {
        start();
        if MANAGER.state.load(Acquire) == RUNNING {
            return;
        }
    }
    let now = coarse_milliseconds();
    // Relaxed, here and below: hints, which calls of two threads may disturb.
    if MANAGER.looked_by_call.swap(now, Relaxed) == now {
        attention::skip(SKIPPED_CALLS);
    }
    let next = MANAGER.next_by_call.load(Relaxed);
    let due = now >= next;
    // Where a system call is needed to know, or the system gave no thread before, once a second is enough.
    if due && (MANAGER.asked.load(Relaxed) || !single.unwrap_or_else(is_single_threaded)) {
        start();
        if MANAGER.state.load(Acquire) == RUNNING {
            return;
        }
    }
    // Relaxed: both pick one of several calls.
    let begins = due && MANAGER.next_by_call.compare_exchange(next, now + PERIOD, Relaxed, Relaxed).is_ok();
    let rest = if MANAGER.rest_by_call.load(Relaxed) != 0 { MANAGER.rest_by_call.swap(0, Relaxed) } else { 0 };
    if !begins && rest == 0 || MANAGER.held.load(Relaxed) {
        return;
    }
    let step = if rest == 0 { MANAGER.step.fetch_add(1, Relaxed) } else { MANAGER.step.load(Relaxed).wrapping_sub(1) };
    let mut visits = 0;
    scan(step, false, rest, |index| {
        visits += 1;
        if visits > VISITS_PER_CALL {
            MANAGER.rest_by_call.store(index, Relaxed);
        }
        visits <= VISITS_PER_CALL
    });
}

/// In the child of a fork, by the one call that repairs: there is no thread.
pub fn repair_after_fork() {
    // First, so that the child of another fork here finds the state or the wish.
    if has_thread() {
        MANAGER.next_by_call.store(coarse_milliseconds() + PERIOD, Relaxed);
        attention::ask_for_scans(scan_by_call);
    }
    // Release: as above.
    MANAGER.state.store(NONE, Release);
    MANAGER.epoch.fetch_add(1, Relaxed);
    // The handle means nothing here, and is dropped without a join.
    // SAFETY: the other calls that reach the cell wait for this one.
    unsafe { *MANAGER.thread.get() = None };
    MANAGER.rest_by_call.store(0, Relaxed);
    attention::skip(0);
}

/// Returns whether a thread scanned in the parent: in the child of a fork, before `repair_after_fork`.
pub fn has_thread() -> bool {
    MANAGER.state.load(Relaxed) != NONE
}

extern "C" fn run(epoch: *mut c_void) -> *mut c_void {
    let epoch = epoch.addr() as u32;
    // Acquire pairs with the Release in end_epoch.
    let goes_on = || MANAGER.epoch.load(Acquire) == epoch;
    name_thread(c"lookaside-scan");
    let mut next = milliseconds() + PERIOD;
    loop {
        let seen = MANAGER.stop.count();
        if !goes_on() {
            return ptr::null_mut();
        }
        let now = milliseconds();
        if now < next {
            MANAGER.stop.wait_until(seen, next);
        } else {
            if !MANAGER.held.load(Relaxed) {
                let step = MANAGER.step.fetch_add(1, Relaxed);
                scan(step, false, 0, |_| goes_on());
            }
            // A late tick (the process was stopped, the machine asleep) is one tick, not many.
            next = (next + PERIOD).max(now + PERIOD / 2);
        }
    }
}

/// A scan from a record on: of all lists that may have something to do, or by hand of all lists. `goes_on` is asked
/// with each record's number before its list is visited; when it says no, the scan ends.
fn scan(step: u64, by_hand: bool, from: u32, mut goes_on: impl FnMut(u32) -> bool) {
    let due = if by_hand { None } else { Some(step) };
    let visits = registry::visit(from, due, |record| {
        if !goes_on(record.index) {
            return None;
        }
        let scanned = record.list().scan(step, by_hand);
        if let Some(scanned) = scanned {
            pools::note_use(record, scanned.pool_bytes);
        }
        Some((scanned, record.index, record.generation()))
    });
    for (scanned, index, generation) in visits.map_while(|visit| visit) {
        let Some(scanned) = scanned else { continue };
        if scanned.surplus {
            // The pool works with no lock held.
            let taken = || registry::look_at(index, generation, |record| record.list().take_surplus()).flatten();
            core::iter::from_fn(taken).for_each(Surplus::give_back);
        }
        registry::look_at(index, generation, |record| record.list().give_memory_back(scanned.idle));
    }
    pools::note_peaks();
    limit::enforce();
    pressure::relieve();
}

/// For tools that look for races.
pub fn own_statics() {
    own_value(&MANAGER);
}
