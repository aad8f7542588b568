//! What becomes of all lists in the child of a fork (theory §7).
//!
//! No lock is held across a fork, for that could deadlock with other libraries' handlers. Instead the child makes the
//! registry sound from what it finds: records are only ever added, and all else can be counted anew.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};

use super::record::RecordState;
use super::{attention, balance, choice, pools, registry, verifier};
use crate::list::activity;
use crate::{platform, pool};

/// Keeps the library loaded, and registers the handler for forks. Returns whether there was memory for it.
pub fn prepare_for_forks() -> bool {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    // Without a lock, which a fork could leave held: two threads may both register the handler, and it may run twice.
    if !REGISTERED.load(Relaxed) {
        // With this option the sections leave no mark behind, and the object may go (theory §2.7).
        if cfg!(not(lookaside_unload)) {
            platform::stay_loaded();
        }
        REGISTERED.store(platform::at_fork(after_fork_in_child), Relaxed);
    }
    REGISTERED.load(Relaxed)
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Returns how many forks are between the first process with a list and this one.
pub fn forks() -> u32 {
    FORKS.load(Relaxed)
}

extern "C" fn after_fork_in_child() {
    FORKS.fetch_add(1, Relaxed);
    pool::repair_after_fork();
    choice::repair_after_fork();
    platform::slots::repair_after_fork();
    verifier::repair_after_fork();
    registry::free_lock_after_fork();
    let miss = balance::has_thread();
    // Lists at rest are not looked at: the child may never use them, and has nothing to give back of them.
    let wanted = if miss { activity::ACTIVE | activity::SHARED_POOL } else { activity::SHARED_POOL };
    let lists = registry::all_with(wanted).filter(|record| record.state() != RecordState::Free);
    lists.for_each(|record| record.list().prepare_child(miss));
    // All else waits for the first call that needs it, so that a child that only calls `exec` does not pay for it.
    attention::ask_for_repair(repair_records);
}

/// Returns whether this is the child of a fork whose records are still as the fork found them, so that locks of threads
/// that do not exist may be held.
pub fn is_child_unrepaired() -> bool {
    attention::is_asked(attention::CHILD)
}

/// In the child of a fork: makes the records and queues sound. The first call does it; others wait.
#[cold]
fn repair_records() {
    if !attention::begin_repair() {
        return platform::wait_unwoken(|| (!is_child_unrepaired()).then_some(()));
    }
    balance::repair_after_fork();
    repair_all();
    attention::clear(attention::CHILD | attention::REPAIRING);
}

fn repair_all() {
    let guard = registry::lock();
    for record in registry::all() {
        record.life.reset_after_fork();
        if record.state() != RecordState::Free {
            record.list().repair_after_fork();
            record.list().forget_sharers();
        }
    }
    registry::repair_after_fork(&guard);
    // Not those that a thread of the parent was just making.
    let live = registry::all().filter(|record| record.state() == RecordState::Live);
    live.for_each(|record| record.list().count_as_sharer());
    pools::repair_after_fork(registry::all());
    // Without a list that needs scans there is no thread to join.
    balance::stop_if_unwanted(&guard);
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&FORKS);
}
