//! Forks, also while other threads use the lists: the child's lists hold no block twice and go on working.
//!
//! `LOOKASIDE_SOAK_FORKS` sets how many (default 300).

mod common;

use std::collections::HashSet;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::engines;
use common::processes::{forks, in_child};
use lookaside_core::{
    AllocateCallback, LookasideList, Parameters, PoolType, RawList, Status, Tag, Topology, adjust_depth,
};

/// Takes blocks until the pool must have given some, and answers whether all are different; then gives them back.
fn is_sound(list: &LookasideList) -> bool {
    let blocks: Vec<NonNull<u8>> = (0..600).map(|_| list.allocate().unwrap()).collect();
    let different = blocks.iter().collect::<HashSet<_>>().len() == blocks.len();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe {
            block.write_bytes(0x5A, 64);
            list.free(block);
        }
    }
    list.trim();
    list.flush();
    adjust_depth();
    different && list.statistics().list.current_depth == 0
}

#[test]
fn the_child_of_a_quiet_process_has_everything() {
    for engine in engines() {
        let list = LookasideList::builder(64).engine(engine).build().unwrap();
        list.prefill(100).unwrap();
        in_child(|| list.statistics().list.current_depth == 100 && is_sound(&list));
        assert_eq!(list.statistics().list.current_depth, 100, "the parent's list is untouched");
    }
}

/// The balance set manager runs in the child too, once a list there has missed; also in the child of a child that never
/// used one.
#[test]
fn the_child_is_scanned() {
    let list = LookasideList::new(64).unwrap();
    in_child(|| is_scanned(&list));
    in_child(|| {
        in_child(|| is_scanned(&list));
        true
    });
}

fn is_scanned(list: &LookasideList) -> bool {
    let blocks: Vec<_> = (0..3000).map(|_| list.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    while list.statistics().list.current_depth > 8 {
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// A fork in another thread's callback, and in the callback itself: the child can delete the list all the same.
#[test]
fn the_child_of_a_callback_can_delete() {
    unsafe extern "C-unwind" fn forking(_: PoolType, size: usize, _: Tag, list: *mut RawList) -> *mut c_void {
        in_child(|| {
            // The block that this callback is about to give counts as out.
            // SAFETY: the child has one thread, and the list is live.
            unsafe { RawList::delete(list) == Status::PENDING }
        });
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }
    let mut list = RawList::zeroed();
    let parameters = Parameters { allocate: AllocateCallback::Ex(forking), ..Parameters::new(64) };
    // SAFETY: the object is ours, and the block is freed once.
    unsafe {
        assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
        let block = RawList::allocate(&list);
        RawList::free(&list, block);
        assert_eq!(RawList::delete(&mut list), Status::SUCCESS);
    }
}

/// Lists are first made while others fork: nobody hangs.
#[test]
fn the_first_list_may_be_made_beside_forks() {
    const CASE: &str = "LOOKASIDE_TEST_CASE";
    if std::env::var_os(CASE).is_none() {
        // In processes of their own, in which no list was made yet.
        for delay in [0, 100, 200, 400, 800, 1600] {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["the_first_list_may_be_made_beside_forks", "--exact"]).env(CASE, delay.to_string());
            assert!(command.output().unwrap().status.success());
        }
        return;
    }
    let delay = std::env::var(CASE).unwrap().parse().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| LookasideList::new(64).unwrap());
        std::thread::sleep(Duration::from_micros(delay));
        in_child(|| is_sound(&LookasideList::new(64).unwrap()));
    });
}

/// A pair over a shared list, and their child: that list ends after the pair there too, and not before.
#[test]
fn the_child_counts_who_shares_a_list() {
    let mut lists = Box::new([RawList::zeroed(), RawList::zeroed()]);
    let [lower, upper] = &mut *lists;
    let (lower, upper): (*mut RawList, *mut RawList) = (lower, upper);
    let general = Parameters { topology: Topology::General, ..Parameters::new(64) };
    let pair = Parameters { topology: Topology::Pair, shared: lower, ..general };
    // SAFETY: the lists stay where they are, and are each process's own.
    let delete_both = || unsafe {
        let busy = RawList::delete(lower);
        (busy, RawList::delete(upper), RawList::delete(lower))
            == (Status::DEVICE_BUSY, Status::SUCCESS, Status::SUCCESS)
    };
    // SAFETY: as above.
    unsafe {
        assert_eq!(RawList::initialize(lower, &general), Status::SUCCESS);
        assert_eq!(RawList::initialize(upper, &pair), Status::SUCCESS);
    }
    in_child(delete_both);
    in_child(|| {
        in_child(delete_both);
        true
    });
    assert!(delete_both());
}

#[test]
fn the_child_of_a_busy_process_has_sound_lists() {
    for engine in engines() {
        for (topology, divisions) in [(Topology::Pair, 1), (Topology::Pair, 4), (Topology::General, 1)] {
            let builder = LookasideList::builder(64).engine(engine).topology(topology);
            let list = builder.divisions(divisions).build().unwrap();
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (list, done) = (&list, &done);
                    scope.spawn(move || {
                        let mut held = Vec::new();
                        let mut run = [std::ptr::null_mut(); 40];
                        while !done.load(Relaxed) {
                            let count = list.allocate_many(&mut run[..thread * 13]);
                            // SAFETY: the blocks are of this list, and freed once.
                            unsafe { list.free_many(&run[..count]) };
                            for _ in 0..1 + thread * 20 {
                                held.extend(list.allocate());
                            }
                            for block in held.drain(..) {
                                // SAFETY: the block is of this list, and freed once.
                                unsafe { list.free(block) };
                            }
                            if thread == 3 {
                                list.trim();
                                list.flush();
                            }
                        }
                    });
                }
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    (0..forks() / 4).for_each(|_| in_child(|| is_sound(&list)));
                }));
                done.store(true, Relaxed);
                if let Err(panic) = result {
                    std::panic::resume_unwind(panic);
                }
            });
            assert_eq!(list.statistics().outstanding, 0);
        }
    }
}
