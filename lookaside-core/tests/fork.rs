//! Forks, also while other threads use the lists: the child's lists hold no block twice and go on working.
//!
//! `LOOKASIDE_TEST_FORKS` sets how many (default 300).

mod common;

use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32};
use std::time::Duration;

use common::engines;
use common::processes::{
    child_starts_threads, end, end_if_it_hangs, forks, in_child, in_own_process, start, this_program, this_test,
};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, Parameters, PoolType, RawList, Status, Tag, Topology, Tuning,
    adjust_depth,
};

/// Takes blocks until the pool must have given some, and returns whether all are different; then gives them back.
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
    if !child_starts_threads() {
        return;
    }
    for engine in engines() {
        // No scan takes blocks of it meanwhile, however long that is.
        let list = LookasideList::builder(64).engine(engine).tuning(Tuning::Manual).build().unwrap();
        list.prefill(100).unwrap();
        in_child(|| list.statistics().list.current_depth == 100 && is_sound(&list));
        assert_eq!(list.statistics().list.current_depth, 100, "the parent's list is untouched");
    }
}

/// The balance set manager runs in the child too, once a list there has missed; also in the child of a child that never
/// used one.
#[test]
fn the_child_is_scanned() {
    if !child_starts_threads() {
        return;
    }
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
    // Each part that was used keeps 4 blocks, and so does each of L's divisions, one for 8 processors.
    let processors = common::allowed_processors().len() as u64;
    while list.statistics().list.current_depth > 4 * (processors + processors.div_ceil(8)) {
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// A fork in another thread's callback, and in the callback itself: the child can delete the list all the same.
#[test]
fn the_child_of_a_callback_can_delete() {
    if !child_starts_threads() {
        return;
    }
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

/// A fork in a routine of the user's, while other threads close parts of the list: the child ends the call that called the
/// routine, and then deletes the list.
#[test]
fn the_child_of_a_free_routine_goes_on_with_the_call() {
    if !child_starts_threads() {
        return;
    }
    // The threads that close parts call the routine too.
    thread_local!(static FORK: Cell<bool> = const { Cell::new(false) });
    static CHILD: AtomicI32 = AtomicI32::new(-1);
    unsafe extern "C-unwind" fn forking(block: *mut c_void) {
        // SAFETY: the block came from malloc. The child calls nothing but the list, the heap, and _exit.
        unsafe {
            if FORK.replace(false) {
                CHILD.store(libc::fork(), Relaxed);
                if CHILD.load(Relaxed) == 0 {
                    end_if_it_hangs();
                }
            }
            libc::free(block);
        }
    }
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }
    for engine in engines() {
        let (allocate, free) = (AllocateCallback::Plain(allocate), FreeCallback::Plain(forking));
        // SAFETY: the two routines belong together and may be called from anywhere.
        let builder = unsafe { LookasideList::builder(64).callbacks(allocate, free) };
        let list = builder.engine(engine).build().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // They close parts, and hold the locks that the call needs, most of the time.
            for processor in 0..2 {
                let (list, done) = (&list, &done);
                scope.spawn(move || {
                    while !done.load(Relaxed) {
                        let block = list.allocate().unwrap();
                        // SAFETY: the block is of this list, and freed once.
                        unsafe { RawList::free_to_processor(common::raw(list), block.as_ptr(), processor) };
                    }
                });
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for _ in 0..forks() / 10 {
                    // More than the shared list holds, so that the processor's list is closed several times.
                    list.prefill(450).unwrap();
                    FORK.set(true);
                    list.flush();
                    match CHILD.swap(-1, Relaxed) {
                        // SAFETY: it ends the child.
                        0 => unsafe { libc::_exit(if is_sound(&list) { 0 } else { 1 }) },
                        // The others had taken every block.
                        -1 => FORK.set(false),
                        child => end(child),
                    }
                }
            }));
            done.store(true, Relaxed);
            if let Err(panic) = result {
                std::panic::resume_unwind(panic);
            }
        });
    }
}

/// The child of a free routine that a delete calls uses another list there, and goes on: what is counted of lists in
/// use stays right, so that the shared list can be deleted, and no earlier.
#[test]
fn the_child_of_a_delete_counts_lists_right() {
    if !child_starts_threads() {
        return;
    }
    thread_local!(static CHILD: Cell<libc::pid_t> = const { Cell::new(-1) });
    thread_local!(static OTHER: Cell<*const RawList> = const { Cell::new(std::ptr::null()) });
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }
    unsafe extern "C-unwind" fn forking(block: *mut c_void) {
        // SAFETY: the block came from malloc; the other list is live.
        unsafe {
            if !OTHER.get().is_null() {
                CHILD.set(libc::fork());
                if CHILD.get() == 0 {
                    end_if_it_hangs();
                    RawList::free_checked(OTHER.get(), RawList::allocate_checked(OTHER.get()));
                }
                OTHER.set(std::ptr::null());
            }
            libc::free(block);
        }
    }
    let other = LookasideList::new(64).unwrap();
    let [mut shared, mut first, mut second] = [const { RawList::zeroed() }; 3];
    // SAFETY: the objects are ours; the routines belong together; the child ends by itself.
    unsafe {
        // No scan takes blocks of them meanwhile: the delete must find more than the shared list has room for.
        let manual = Parameters { tuning: Tuning::Manual, ..Parameters::new(64) };
        let callbacks = Parameters { allocate: AllocateCallback::Plain(allocate), ..manual };
        let general = Parameters { free: FreeCallback::Plain(forking), topology: Topology::General, ..callbacks };
        assert_eq!(RawList::initialize(&mut shared, &general), Status::SUCCESS);
        let pair = Parameters { shared: &raw const shared, ..manual };
        assert_eq!(RawList::initialize(&mut first, &pair), Status::SUCCESS);
        assert_eq!(RawList::initialize(&mut second, &pair), Status::SUCCESS);
        assert_eq!(RawList::prefill(&first, 300, std::ptr::null_mut()), Status::SUCCESS);
        OTHER.set(other.as_raw());
        assert_eq!(RawList::delete(&mut first), Status::SUCCESS);
        let child = CHILD.get();
        assert_ne!(child, -1, "the delete freed no block");
        let busy = RawList::delete(&mut shared) == Status::DEVICE_BUSY;
        let deleted =
            RawList::delete(&mut second) == Status::SUCCESS && RawList::delete(&mut shared) == Status::SUCCESS;
        if child == 0 {
            libc::_exit(if busy && deleted { 0 } else { 1 });
        }
        assert!(busy && deleted);
        end(child);
    }
}

/// Lists are first made while others fork: no one hangs.
#[test]
fn the_first_list_may_be_made_beside_forks() {
    if !child_starts_threads() {
        return;
    }
    const CASE: &str = "LOOKASIDE_TEST_CASE";
    if std::env::var_os(CASE).is_none() {
        // In processes of their own, in which no list was made yet.
        for delay in [0, 100, 200, 400, 800, 1600] {
            let mut command = this_program();
            command.args(["the_first_list_may_be_made_beside_forks", "--exact"]).env(CASE, delay.to_string());
            let output = command.arg("--nocapture").output().unwrap();
            assert!(output.status.success(), "{delay} us: {output:?}");
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

/// A fork beside a thread that is inside the loader: the child's first list waits for no lock that no one frees.
#[test]
fn the_childs_first_list_needs_nothing_that_a_thread_of_the_parent_holds() {
    static INSIDE: AtomicBool = AtomicBool::new(false);
    static DONE: AtomicBool = AtomicBool::new(false);
    unsafe extern "C" fn wait(_: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
        INSIDE.store(true, Relaxed);
        while !DONE.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        1
    }
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        std::thread::scope(|scope| {
            // SAFETY: the function takes nothing of its own.
            scope.spawn(|| unsafe { libc::dl_iterate_phdr(Some(wait), std::ptr::null_mut()) });
            while !INSIDE.load(Relaxed) {
                std::thread::yield_now();
            }
            let child = start(|| is_sound(&LookasideList::new(64).unwrap()));
            // The thread goes on before anything panics, which needs what it holds.
            // SAFETY: zeroes are a valid place for the result; the child is this process', and is waited for again.
            unsafe { libc::waitid(libc::P_PID, child as u32, &mut std::mem::zeroed(), libc::WEXITED | libc::WNOWAIT) };
            DONE.store(true, Relaxed);
            end(child);
        });
    });
}

/// A pair over a shared list, and their child: that list ends after the pair there too, and not before.
#[test]
fn the_child_counts_who_shares_a_list() {
    if !child_starts_threads() {
        return;
    }
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
    if !child_starts_threads() {
        return;
    }
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
