//! Which thread has which slot, over the engine `slots`: threads that end, that are too many, that sleep, and that fork.
//! Each test has a process of its own, since slots are the process's.
//!
//! `LOOKASIDE_TEST_THREADS` sets how many threads are made and ended (default 10,000).

mod common;

use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::thread::{scope, spawn};

use common::processes::{child_starts_threads, give, in_child, in_own_process, take, this_test};
use common::{assert_identities, engines};
use lookaside_core::{EngineKind, LookasideList, Tuning};

/// The depth of each part that was ever used.
const DEPTH: u16 = 8;

/// Runs the body in a process of its own, if there the engine can be had.
fn with_slots(test: &str, body: impl FnOnce()) {
    if engines().contains(&EngineKind::Slots) {
        in_own_process(test, body);
    }
}

/// A list whose parts are as deep as they may be, and tuned by no one.
fn list() -> LookasideList {
    let builder = LookasideList::builder(64).engine(EngineKind::Slots).tuning(Tuning::Manual);
    builder.maximum_depth(DEPTH).initial_depth(DEPTH).build().unwrap()
}

/// How many parts of the list were ever used.
fn parts(list: &LookasideList) -> u64 {
    list.statistics().processor.depth / u64::from(DEPTH)
}

/// Puts some blocks into the calling thread's part; returns them, the last in last.
fn fill(list: &LookasideList) -> Vec<NonNull<u8>> {
    let mut blocks = take(list, 3);
    give(list, blocks.clone());
    // The first miss found the thread without a slot, and its division may have had blocks.
    blocks = take(list, 3);
    give(list, blocks.clone());
    blocks
}

/// Waits until the system has forgotten a thread that was joined: its end goes on for a moment.
fn await_end_of(thread: libc::pid_t) {
    // SAFETY: signal 0 is none.
    while unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) } == 0 {
        std::thread::yield_now();
    }
}

/// Runs the body in a thread, and waits for its end.
fn in_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let (thread, result) = scope(|scope| {
        // SAFETY: no argument; it cannot fail.
        scope.spawn(|| (unsafe { libc::gettid() }, body())).join().unwrap()
    });
    await_end_of(thread);
    result
}

#[test]
fn threads_come_and_go() {
    with_slots(this_test!(), || {
        const AT_ONCE: usize = 4;
        let threads: usize = std::env::var("LOOKASIDE_TEST_THREADS").map_or(10_000, |count| count.parse().unwrap());
        let list = list();
        give(&list, take(&list, 20));
        for _ in 0..threads / AT_ONCE {
            let ended: Vec<_> = scope(|scope| {
                let work = || {
                    give(&list, take(&list, 20));
                    // SAFETY: no argument; it cannot fail.
                    unsafe { libc::gettid() }
                };
                let running: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
                running.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            ended.into_iter().for_each(await_end_of);
        }
        assert!(parts(&list) <= AT_ONCE as u64 + 1, "slots of threads that ended are taken again: {}", parts(&list));
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(statistics.list.total_allocates, 20 + (threads / AT_ONCE * AT_ONCE * 20) as u64);
        assert_eq!(statistics.outstanding, 0);
        println!("{threads} threads made and ended, {} parts used", parts(&list));
    });
}

#[test]
fn a_threads_blocks_are_inherited() {
    with_slots(this_test!(), || {
        let list = list();
        let left = in_thread(|| fill(&list).iter().map(|block| block.addr().get()).collect::<HashSet<_>>());
        let statistics = list.statistics().processor;
        let found = in_thread(|| {
            let blocks = take(&list, 3);
            let found = blocks.iter().map(|block| block.addr().get()).collect::<HashSet<_>>();
            give(&list, blocks);
            found
        });
        assert_eq!(found, left);
        assert_eq!(list.statistics().processor.depth, statistics.depth, "no other part was used");
    });
}

/// The last destructor of a thread's data, which runs after every other, has a list that works as before.
#[test]
fn a_call_in_the_last_destructor_works() {
    thread_local!(static ROUNDS: Cell<usize> = const { Cell::new(0) });
    static LIST: AtomicUsize = AtomicUsize::new(0);
    static KEY: AtomicUsize = AtomicUsize::new(0);
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn destructor(value: *mut c_void) {
        // SAFETY: the list outlives the thread.
        let list = unsafe { &*std::ptr::with_exposed_provenance::<LookasideList>(LIST.load(Relaxed)) };
        let misses = || list.statistics().processor.allocate_misses;
        let before = misses();
        give(list, take(list, 2));
        assert_eq!(misses(), before, "the thread still has its slot");
        CALLS.fetch_add(1, Relaxed);
        // Set once more, so that the system calls the destructor again, after those of all others, as long as it does.
        // SAFETY: the key exists.
        unsafe { libc::pthread_setspecific(KEY.load(Relaxed) as libc::pthread_key_t, value) };
    }
    with_slots(this_test!(), || {
        let list = list();
        LIST.store((&raw const list).expose_provenance(), Relaxed);
        let mut key = 0;
        // SAFETY: the place is valid, and the destructor is a function of this program.
        assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(destructor)) }, 0);
        KEY.store(key as usize, Relaxed);
        in_thread(|| {
            // SAFETY: the key exists.
            unsafe { libc::pthread_setspecific(key, (&raw const KEY).cast()) };
            ROUNDS.set(1);
            fill(&list);
        });
        assert!(CALLS.load(Relaxed) >= 4, "POSIX has at least 4 rounds: {CALLS:?}");
        assert_eq!(list.statistics().outstanding, 0);
    });
}

/// More threads at once than there are slots: those beyond do without, and no block is lost.
#[test]
fn threads_may_be_more_than_slots() {
    with_slots(this_test!(), || {
        let list = list();
        let slots = list.statistics().processors as usize;
        let all = Barrier::new(slots + 20);
        scope(|scope| {
            for _ in 0..slots + 20 {
                scope.spawn(|| {
                    give(&list, take(&list, 20));
                    // So that all of them are there at once.
                    all.wait();
                    (0..10).for_each(|_| give(&list, take(&list, 20)));
                    all.wait();
                });
            }
        });
        assert_eq!(parts(&list), slots as u64);
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!((statistics.outstanding, statistics.list.total_allocates), (0, (slots as u64 + 20) * 11 * 20));
        list.flush();
        assert_eq!(list.statistics().list.current_depth, 0);
    });
}

/// Nothing but what it was asked for comes from the pool, since it has nowhere to keep more.
#[test]
fn a_thread_without_a_slot_gets_what_it_asks_for() {
    with_slots(this_test!(), || {
        let list = LookasideList::builder(64).engine(EngineKind::Slots).tuning(Tuning::Manual).initial_depth(256);
        let list = list.build().unwrap();
        let slots = list.statistics().processors as usize;
        let all = Barrier::new(slots + 1);
        let came = scope(|scope| {
            // One after the other, so that each finds the slots free to be looked at.
            for _ in 0..slots {
                let (taken, is_taken) = channel();
                let (list, all) = (&list, &all);
                scope.spawn(move || {
                    give(list, take(list, 1));
                    taken.send(()).unwrap();
                    all.wait();
                });
                is_taken.recv().unwrap();
            }
            list.flush();
            let before = list.statistics().pool_allocates;
            let mut blocks = take(&list, 100);
            let mut run = [std::ptr::null_mut(); 50];
            let count = list.allocate_many(&mut run);
            blocks.extend(run[..count].iter().map(|block| NonNull::new(*block).unwrap()));
            let came = list.statistics().pool_allocates - before;
            give(&list, blocks);
            all.wait();
            came
        });
        assert_eq!(came, 150);
        assert_identities(&list.statistics());
    });
}

#[test]
fn a_sleeping_threads_blocks_can_be_taken() {
    with_slots(this_test!(), || {
        let list = list();
        let (filled, is_filled) = channel();
        let (go_on, may_go_on) = channel::<()>();
        scope(|scope| {
            let list = &list;
            scope.spawn(move || {
                fill(list);
                filled.send(()).unwrap();
                may_go_on.recv().unwrap();
                fill(list);
            });
            is_filled.recv().unwrap();
            assert!(list.statistics().processor.current_depth > 0);
            list.flush();
            assert_eq!(list.statistics().list.current_depth, 0);
            go_on.send(()).unwrap();
        });
        assert!(list.statistics().processor.current_depth > 0);
        assert_identities(&list.statistics());
    });
}

/// The child of a fork has the forking thread's slot, also in the child's child; the slots of the parent's other threads are
/// free there, with what is in them.
#[test]
fn the_child_of_a_fork_has_its_threads_slot() {
    if !child_starts_threads() {
        return;
    }
    with_slots(this_test!(), || {
        let list: &'static LookasideList = Box::leak(Box::new(list()));
        let own = fill(list);
        let (filled, is_filled) = channel();
        // It waits for what no one sends.
        let (_go_on, may_go_on) = channel::<()>();
        spawn(move || {
            filled.send(fill(list).iter().map(|block| block.addr().get()).collect::<HashSet<_>>()).unwrap();
            may_go_on.recv()
        });
        let others = is_filled.recv().unwrap();
        let used = parts(list);
        let is_right = || {
            let block = list.allocate().unwrap();
            let hit = block == own[2];
            give(list, vec![block]);
            let inherited = in_thread(|| {
                let blocks = take(list, 3);
                let found = blocks.iter().map(|block| block.addr().get()).collect::<HashSet<_>>();
                give(list, blocks);
                found
            });
            hit && inherited == others && parts(list) == used
        };
        in_child(|| {
            in_child(is_right);
            is_right()
        });
        // The parent's other thread has its own.
        assert!(in_thread(|| take(list, 1).iter().all(|block| !others.contains(&block.addr().get()))));
    });
}
