//! Threads of different real-time priorities on one processor get on with lists, whichever of them holds a lock.
//!
//! Each case runs in a process of its own, which an alarm ends if it hangs: then a thread that waits keeps the one that
//! it waits for from running.

mod common;

use std::sync::Barrier;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::processes::{again, case};
use common::stay_on_one_processor;
use lookaside_core::{EngineKind, LookasideList, SListEntry, SListHeader, Topology};

/// Priorities of SCHED_FIFO; 0 is an ordinary thread.
const PRIORITIES: [i32; 4] = [0, 10, 20, 30];
/// How often a real-time thread wakes and works.
const ROUNDS: u32 = 300;
/// The kernel lets ordinary threads run for 50 ms of each second, whatever real-time threads do. So a hang shows as
/// rounds that take a second each; all of them together take one when nothing hangs.
const ALARM_SECONDS: u32 = 60;

/// Gives the calling thread a priority; returns whether it may have that.
fn schedule(priority: i32) -> bool {
    // SAFETY: the parameter is zeroed, then given its one field that matters.
    unsafe {
        let mut parameter: libc::sched_param = std::mem::zeroed();
        parameter.sched_priority = priority;
        let policy = if priority == 0 { libc::SCHED_OTHER } else { libc::SCHED_FIFO };
        libc::sched_setscheduler(0, policy, &parameter) == 0
    }
}

/// Runs the work on threads of each priority, on one processor, in a process with this engine.
fn all_get_on(test: &str, engine: EngineKind, work: impl FnOnce() -> Box<dyn Fn() + Sync>) {
    let (name, ways) = match engine {
        EngineKind::TryLock => ("trylock", vec!["env", "LOOKASIDE_ENGINE=trylock"]),
        EngineKind::Slots => ("slots", vec!["env", "LOOKASIDE_ENGINE=slots"]),
        _ => ("rseq", vec!["env", "-u", "LOOKASIDE_ENGINE"]),
    };
    if case().is_none() {
        let output = again(test, name, &ways);
        print!("{}", String::from_utf8_lossy(&output.stderr));
        return assert!(output.status.success(), "{engine:?}: {output:?}");
    }
    if case().as_deref() != Some(name) {
        return;
    }
    if !schedule(1) || !schedule(0) {
        return eprintln!("SKIP: no right to real-time priorities: {}", std::io::Error::last_os_error());
    }
    // SAFETY: no handler is set, so that the signal ends the process.
    unsafe { libc::alarm(ALARM_SECONDS) };
    let work = work();
    stay_on_one_processor();
    let start = Barrier::new(PRIORITIES.len());
    let working = AtomicU32::new(PRIORITIES.len() as u32 - 1);
    std::thread::scope(|scope| {
        for priority in PRIORITIES {
            let (start, working, work) = (&start, &working, &work);
            scope.spawn(move || {
                start.wait();
                assert!(schedule(priority));
                if priority == 0 {
                    while working.load(Relaxed) != 0 {
                        work();
                    }
                    return;
                }
                for _ in 0..ROUNDS {
                    work();
                    std::thread::sleep(Duration::from_micros(1000 + 37 * priority as u64));
                }
                working.fetch_sub(1, Relaxed);
            });
        }
    });
}

fn pairs(list: &LookasideList) {
    for _ in 0..100 {
        let block = list.allocate().unwrap();
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
}

#[test]
fn on_an_slist() {
    all_get_on("on_an_slist", EngineKind::TryLock, || {
        let list: &SListHeader = Box::leak(Box::default());
        for _ in 0..64 {
            // SAFETY: the entry is never freed, and in this list alone.
            unsafe { list.push(Box::leak(Box::new(SListEntry::new()))) };
        }
        Box::new(|| {
            for _ in 0..300 {
                let entry = list.pop();
                if !entry.is_null() {
                    // SAFETY: the entry is this thread's.
                    unsafe { list.push(entry) };
                }
            }
        })
    });
}

/// All calls take the lock of the shared list.
fn on_a_general_list(test: &str, engine: EngineKind) {
    all_get_on(test, engine, || {
        let list = LookasideList::builder(64).topology(Topology::General).build().unwrap();
        Box::new(move || pairs(&list))
    });
}

#[test]
fn on_a_general_list_with_a_barrier() {
    on_a_general_list("on_a_general_list_with_a_barrier", EngineKind::Rseq);
}

#[test]
fn on_a_general_list_without_a_barrier() {
    on_a_general_list("on_a_general_list_without_a_barrier", EngineKind::TryLock);
}

/// Maintenance waits for the parts of trylock, for calls over slots, and for its own turn.
#[test]
fn on_a_pair_that_is_maintained() {
    for engine in [EngineKind::TryLock, EngineKind::Slots, EngineKind::Rseq] {
        all_get_on("on_a_pair_that_is_maintained", engine, || {
            let list = LookasideList::new(64).unwrap();
            Box::new(move || {
                pairs(&list);
                list.trim();
                list.flush();
            })
        });
    }
}
