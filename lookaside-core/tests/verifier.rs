//! The verifier: what each misuse is told as, that correct programs hear nothing, that counters stay exact, and that
//! failures on purpose come as described.

mod common;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard};

use common::{accounted, assert_identities, blocks_out};
use lookaside_core::{
    AllocateCallback, BugCheck, FreeCallback, ListFlags, Lookaside, LookasideList, LowResources, Parameters, PoolType,
    RawList, Status, Tag, Violation, check_range, set_violation_hook, simulate_low_resources,
};
use proptest::prelude::*;

/// The hook, the quarantine and the simulation are those of the process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static TOLD: Mutex<Vec<(BugCheck, String)>> = Mutex::new(Vec::new());

fn remember(violation: &Violation<'_>) {
    let line = violation.line.strip_prefix("lookaside: ").expect("every line says whose it is");
    let line = line.strip_prefix(&format!("{}: ", violation.bug_check)).expect("and what it is");
    TOLD.lock().unwrap().push((violation.bug_check, line.to_owned()));
}

/// Takes the process for one test, whose violations are remembered.
fn alone() -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    set_violation_hook(Some(remember));
    assert_eq!(simulate_low_resources(None), Status::SUCCESS);
    TOLD.lock().unwrap().clear();
    guard
}

fn told() -> Vec<(BugCheck, String)> {
    std::mem::take(&mut *TOLD.lock().unwrap())
}

fn tell_only(bug_check: BugCheck, line: String) {
    assert_eq!(told(), [(bug_check, line)]);
}

const FILE: &str = file!();

fn packets() -> LookasideList {
    let list = LookasideList::builder(64).name("packets").tag(Tag::new(*b"Pkts")).flags(ListFlags::VERIFY);
    list.build().unwrap()
}

fn others() -> LookasideList {
    LookasideList::builder(64).name("others").tag(Tag::new(*b"Othr")).flags(ListFlags::VERIFY).build().unwrap()
}

/// More frees than the quarantine holds, so that all that was freed before leaves it.
fn empty_quarantine() {
    let list = LookasideList::builder(16).flags(ListFlags::VERIFY).build().unwrap();
    for _ in 0..5000 {
        let block = list.allocate().unwrap();
        // SAFETY: it is of the list, and freed once.
        unsafe { list.free(block) };
    }
}

#[test]
fn a_block_freed_twice() {
    let _alone = alone();
    let list = packets();
    let (block, allocated) = (list.allocate().unwrap(), line!());
    // SAFETY: the second free is what is tested; it has no effect.
    let (freed, again) = unsafe {
        let freed = (list.free(block), line!()).1;
        (freed, (list.free(block), line!()).1)
    };
    tell_only(
        BugCheck::FREED_TWICE,
        format!(
            "block {block:p} of list \"packets\" (Pkts) is freed twice; \
             allocated at {FILE}:{allocated}, freed at {FILE}:{freed}, freed again at {FILE}:{again}"
        ),
    );
    assert_eq!((list.statistics().list.total_frees, list.statistics().outstanding), (1, 0));
}

#[test]
fn a_block_freed_twice_long_after() {
    let _alone = alone();
    let list = packets();
    let block = list.allocate().unwrap();
    // SAFETY: as above. The memory is back in the heap, and is not touched.
    unsafe {
        list.free(block);
        empty_quarantine();
        list.free(block);
    }
    let told = told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, BugCheck::FREED_TWICE);
}

#[test]
fn a_block_freed_twice_by_another_thread() {
    let _alone = alone();
    let list = packets();
    let block = list.allocate().unwrap();
    // SAFETY: as above.
    unsafe {
        let address = block.addr().get();
        let thread = std::thread::scope(|scope| {
            let freeing = scope.spawn(|| {
                list.free(NonNull::new(address as *mut u8).unwrap());
                libc::gettid()
            });
            freeing.join().unwrap()
        });
        list.free(block);
        let told = told();
        assert_eq!(told.len(), 1);
        assert!(told[0].1.contains(&format!(" by thread {thread}, freed again at ")), "{}", told[0].1);
    }
}

#[test]
fn a_block_of_another_list() {
    let _alone = alone();
    let (list, other) = (packets(), others());
    let (block, allocated) = (list.allocate().unwrap(), line!());
    // SAFETY: the first free is what is tested; it has no effect.
    unsafe {
        let freed = (other.free(block), line!()).1;
        tell_only(
            BugCheck::NEVER_ALLOCATED,
            format!(
                "block {block:p} of list \"packets\" (Pkts) is freed to list \"others\" (Othr); \
                 allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
            ),
        );
        assert_eq!((list.statistics().outstanding, other.statistics().list.total_frees), (1, 0));
        list.free(block);
    }
    assert_eq!(told(), []);
}

#[test]
fn an_address_that_was_never_allocated() {
    let _alone = alone();
    let list = packets();
    let mut stack = [0u128; 4];
    let heap = Box::leak(Box::new([0u128; 4]));
    for foreign in [&mut stack, heap] {
        let foreign = NonNull::from(foreign).cast::<u8>();
        // SAFETY: the free is what is tested; it has no effect.
        let freed = unsafe { (list.free(foreign), line!()).1 };
        tell_only(
            BugCheck::NEVER_ALLOCATED,
            format!("block {foreign:p} was never allocated from list \"packets\" (Pkts); freed at {FILE}:{freed}"),
        );
    }
    assert_eq!(list.statistics().list.total_frees, 0);
}

#[test]
fn an_address_within_a_block() {
    let _alone = alone();
    let list = packets();
    let (block, allocated) = (list.allocate().unwrap(), line!());
    // SAFETY: within the block; the free is what is tested.
    unsafe {
        let inner = block.add(48);
        let freed = (list.free(inner), line!()).1;
        tell_only(
            BugCheck::NEVER_ALLOCATED,
            format!(
                "block {inner:p} was never allocated from list \"packets\" (Pkts): it lies 48 bytes inside block \
                 {block:p} of list \"packets\" (Pkts); allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
            ),
        );
        list.free(block);
    }
}

#[test]
fn writes_around_a_block() {
    let _alone = alone();
    let list = packets();
    for (offset, side) in [
        (64, "behind its end"),
        (71, "behind its end"),
        (95, "behind its end"),
        (-1, "before its beginning"),
        (-16, "before its beginning"),
    ] {
        let (block, allocated) = (list.allocate().unwrap(), line!());
        // SAFETY: the write is what is tested; it stays within what the heap gave.
        unsafe {
            block.offset(offset).write(0);
            let freed = (list.free(block), line!()).1;
            tell_only(
                BugCheck::OVERRUN,
                format!(
                    "block {block:p} of list \"packets\" (Pkts) was written at offset {offset}, {side}; \
                     allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
                ),
            );
        }
    }
    empty_quarantine();
    assert_eq!(told(), [], "each is told once");
}

#[test]
fn writes_to_a_freed_block() {
    let _alone = alone();
    let list = packets();
    for offset in [0, 5, 63, 64, -1] {
        let (block, allocated) = (list.allocate().unwrap(), line!());
        // SAFETY: the write is what is tested; the verifier keeps the block meanwhile.
        unsafe {
            let freed = (list.free(block), line!()).1;
            block.offset(offset).write(1);
            assert_eq!(told(), []);
            empty_quarantine();
            tell_only(
                BugCheck::USED_AFTER_FREE,
                format!(
                    "block {block:p} of list \"packets\" (Pkts) was written at offset {offset} after it was freed; \
                     allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
                ),
            );
        }
    }
}

#[test]
fn a_write_to_a_freed_block_is_found_at_the_latest_when_its_list_goes() {
    let _alone = alone();
    let list = packets();
    let block = list.allocate().unwrap();
    // SAFETY: as above.
    unsafe {
        list.free(block);
        block.write(1);
    }
    drop(list);
    let told = told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, BugCheck::USED_AFTER_FREE);
}

#[test]
fn a_list_that_goes_before_its_blocks() {
    let _alone = alone();
    let mut object = RawList::zeroed();
    let parameters =
        Parameters { name: "packets", tag: Tag::new(*b"Pkts"), flags: ListFlags::VERIFY, ..Parameters::new(64) };
    // SAFETY: the object stays where it is; each block is freed once.
    unsafe {
        assert_eq!(RawList::initialize(&mut object, &parameters), Status::SUCCESS);
        let mut blocks: Vec<(*mut u8, u32)> = (0..5).map(|_| (RawList::allocate(&object), line!())).collect();
        blocks.sort_unstable();
        let (status, deleted) = (RawList::delete(&mut object), line!());
        assert_eq!(status, Status::PENDING, "as without the verifier");
        let shown: Vec<String> =
            blocks[..3].iter().map(|(block, line)| format!("{:p} allocated at {FILE}:{line}", *block)).collect();
        tell_only(
            BugCheck::BLOCKS_OUT,
            format!(
                "list \"packets\" (Pkts) is deleted at {FILE}:{deleted} with 5 blocks out: {}, ...",
                shown.join(", ")
            ),
        );
        // They may still come back, and are still looked at.
        for (index, (block, _)) in blocks.iter().enumerate() {
            block.write_bytes(7, 64);
            block.add(if index == 3 { 64 } else { 0 }).write(0);
            assert_eq!(RawList::delete(&mut object), Status::DELETE_PENDING);
            RawList::free_checked(&object, *block);
        }
        let told = told();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, BugCheck::OVERRUN);
        assert_eq!(RawList::initialize(&mut object, &parameters), Status::SUCCESS);
        assert_eq!(RawList::delete(&mut object), Status::SUCCESS);
    }
    assert_eq!(told(), []);
}

#[test]
fn an_owning_list_that_goes_before_its_blocks() {
    let _alone = alone();
    let list = packets();
    let (block, allocated) = (list.allocate().unwrap(), line!());
    drop(list);
    let told_lines = told();
    assert_eq!(told_lines.len(), 1);
    let (bug_check, line) = &told_lines[0];
    assert_eq!(*bug_check, BugCheck::BLOCKS_OUT);
    assert!(line.ends_with(&format!(" with 1 block out: {block:p} allocated at {FILE}:{allocated}")), "{line}");
}

#[test]
fn a_live_list_is_initialised() {
    let _alone = alone();
    let mut object = RawList::zeroed();
    let parameters =
        Parameters { name: "packets", tag: Tag::new(*b"Pkts"), flags: ListFlags::VERIFY, ..Parameters::new(64) };
    // SAFETY: the object stays where it is.
    unsafe {
        let made = (RawList::initialize(&mut object, &parameters), line!()).1;
        let (status, again) = (RawList::initialize(&mut object, &Parameters::new(64)), line!());
        assert_eq!(status, Status::DEVICE_BUSY, "as without the verifier");
        tell_only(
            BugCheck::ACTIVE_LIST_INITIALIZED,
            format!(
                "list \"packets\" (Pkts) at {:p} is initialised again while it is active; \
                 initialised at {FILE}:{made}, again at {FILE}:{again}",
                &object
            ),
        );
        assert_eq!(RawList::delete(&mut object), Status::SUCCESS);
    }
    assert_eq!(told(), []);
}

#[test]
fn memory_is_freed_with_a_list_in_it() {
    let _alone = alone();
    let parameters = Parameters { name: "inner", tag: Tag::new(*b"Innr"), ..Parameters::new(32) };
    let outer = LookasideList::builder(256).name("outer").flags(ListFlags::VERIFY).build().unwrap();
    let block = outer.allocate().unwrap();
    // SAFETY: the list stands in the block, which is not freed while the list is there.
    unsafe {
        let object = block.add(128).cast::<RawList>().as_ptr();
        let made = (RawList::initialize(object, &parameters), line!()).1;
        let freed = (outer.free(block), line!()).1;
        let unverified = "an unknown place";
        tell_only(
            BugCheck::LIST_IN_FREED_MEMORY,
            format!(
                "256 bytes at {block:p} are freed, in which the active list \"inner\" (Innr) stands at {object:p}; \
                 initialised at {unverified}, freed at {FILE}:{freed}"
            ),
        );
        assert!(made < freed);
        assert_eq!(outer.statistics().outstanding, 1);
        // The bytes before and behind it may go.
        assert!(check_range(block.as_ptr(), 128) && check_range(block.as_ptr().add(192), 64));
        assert!(!check_range(block.as_ptr(), 129) && !check_range(block.as_ptr().add(128), 1));
        assert_eq!(told().len(), 2);
        assert_eq!(RawList::delete(object), Status::SUCCESS);
        assert!(check_range(block.as_ptr(), 256));
        outer.free(block);
    }
    assert_eq!(told(), []);
}

#[test]
fn a_list_of_the_wdk_with_blocks_that_are_too_small() {
    let _alone = alone();
    for (size, flags, is_told) in [
        (7, ListFlags::WDK | ListFlags::VERIFY, true),
        (8, ListFlags::WDK | ListFlags::VERIFY, false),
        (7, ListFlags::VERIFY, false),
        (7, ListFlags::WDK, false),
    ] {
        let list = LookasideList::builder(size).tag(Tag::new(*b"Smal")).flags(flags).build();
        assert!(list.is_ok(), "as without the verifier");
        let told = told();
        assert_eq!(told.len(), usize::from(is_told), "{size} {flags:?}");
        if is_told {
            assert_eq!(told[0].0, BugCheck::BLOCK_TOO_SMALL);
            assert!(told[0].1.contains("(Smal) is initialised with blocks of 7 bytes at "), "{}", told[0].1);
            assert!(told[0].1.ends_with("; the least is 8"), "{}", told[0].1);
        }
    }
}

/// A pool that keeps one block, and hands it out again and again.
static ONLY: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn only_one(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    if ONLY.load(Relaxed) == 0 {
        // SAFETY: any size may be asked for.
        ONLY.store(unsafe { libc::malloc(size) }.addr(), Relaxed);
    }
    ONLY.load(Relaxed) as *mut c_void
}

unsafe extern "C-unwind" fn keep(_: *mut c_void) {}

#[test]
fn an_allocate_routine_that_gives_a_block_twice() {
    let _alone = alone();
    // SAFETY: the routines may be called from anywhere.
    let builder =
        unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Plain(only_one), FreeCallback::Plain(keep)) };
    let list = builder.name("packets").tag(Tag::new(*b"Pkts")).flags(ListFlags::VERIFY).build().unwrap();
    let (block, allocated) = (list.allocate().unwrap(), line!());
    assert_eq!(list.allocate(), None);
    tell_only(
        BugCheck::BAD_CALLBACK_BLOCK,
        format!(
            "the pool of list \"packets\" (Pkts) returned block {block:p}, which is still out of list \"packets\" \
             (Pkts), allocated at {FILE}:{allocated}"
        ),
    );
    assert_eq!((list.statistics().pool_failures, list.statistics().outstanding), (1, 1));
    // SAFETY: freed once. Then it may come again.
    unsafe { list.free(block) };
    assert_eq!(list.allocate(), Some(block));
    // SAFETY: as above.
    unsafe { list.free(block) };
    assert_eq!(told(), []);
}

#[test]
fn threads_that_free_the_same_block_are_told_but_one() {
    let _alone = alone();
    let list = packets();
    const ROUNDS: usize = 500;
    for _ in 0..ROUNDS {
        let address = list.allocate().unwrap().addr();
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    // SAFETY: two of the three are what is tested; they have no effect.
                    unsafe { list.free(NonNull::new(address.get() as *mut u8).unwrap()) };
                });
            }
        });
    }
    let told = told();
    assert_eq!(told.len(), 2 * ROUNDS);
    assert!(told.iter().all(|(bug_check, _)| *bug_check == BugCheck::FREED_TWICE));
    assert_eq!((list.statistics().list.total_frees, list.statistics().outstanding), (ROUNDS as u64, 0));
}

#[test]
fn correct_programs_hear_nothing() {
    let _alone = alone();
    for (size, alignment) in [(1, 0), (7, 0), (64, 64), (100, 16), (4096, 4096), (20, 1 << 16), (20 << 20, 0)] {
        let list = LookasideList::builder(size).alignment(alignment).flags(ListFlags::VERIFY).build().unwrap();
        let blocks: Vec<_> = (0..if size > 1 << 20 { 3 } else { 50 }).map(|_| list.allocate().unwrap()).collect();
        for (number, block) in blocks.iter().enumerate() {
            assert_eq!(block.addr().get() % alignment.max(16), 0);
            // SAFETY: the block has this size.
            unsafe { block.write_bytes(number as u8, size) };
        }
        for (number, block) in blocks.into_iter().enumerate() {
            // SAFETY: as above; each is freed once.
            unsafe {
                assert_eq!((block.read(), block.add(size - 1).read()), (number as u8, number as u8));
                list.free(block);
            }
        }
        assert_eq!(list.statistics().outstanding, 0);
    }
    empty_quarantine();

    for pool in [ListFlags::SPECIAL_POOL, ListFlags::SPECIAL_POOL_START, ListFlags::PAGED_ARENAS] {
        let list = LookasideList::builder(100).flags(ListFlags::VERIFY | pool).build().unwrap();
        let blocks: Vec<_> = (0..50).map(|_| list.allocate().unwrap()).collect();
        for block in blocks {
            // SAFETY: the block has 100 bytes, and is freed once.
            unsafe {
                block.write_bytes(7, 100);
                list.free(block);
            }
        }
        assert_eq!(list.statistics().pool_frees, 50);
    }
    let session = LookasideList::builder(100).pool_type(PoolType::PAGED_SESSION).flags(ListFlags::VERIFY).build();
    assert_eq!(session.unwrap_err(), Status::NOT_SUPPORTED);

    let typed = Lookaside::<String>::build(|list| list.flags(ListFlags::VERIFY)).unwrap();
    let kept = typed.allocate("kept".to_owned()).unwrap();
    assert_eq!(typed.allocate("taken out".to_owned()).unwrap().into_inner(), "taken out");
    drop(kept);
    drop(typed);
    assert_eq!(told(), []);
}

#[test]
fn a_new_block_and_a_freed_one_hold_what_shows_their_state() {
    let _alone = alone();
    let list = packets();
    let block = list.allocate().unwrap();
    // SAFETY: the block has 64 bytes; the verifier keeps it after its free.
    unsafe {
        assert_eq!(*block.cast::<[u8; 64]>().as_ref(), [0xCB; 64]);
        list.free(block);
        assert_eq!(std::ptr::read_volatile(block.cast::<[u8; 64]>().as_ptr()), [0xF5; 64]);
    }
}

static CALLS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

unsafe extern "C-unwind" fn marked(_: PoolType, size: usize, _: Tag, list: *mut RawList) -> *mut c_void {
    assert!(!list.is_null());
    CALLS[0].fetch_add(1, Relaxed);
    // SAFETY: any size may be asked for.
    unsafe {
        let block = libc::malloc(size);
        block.cast::<u64>().write(42);
        block
    }
}

unsafe extern "C-unwind" fn unmarked(block: *mut c_void, list: *mut RawList) {
    assert!(!list.is_null());
    CALLS[1].fetch_add(1, Relaxed);
    // SAFETY: it is of `marked`.
    unsafe {
        assert_eq!(block.cast::<u64>().read(), 43, "what the program wrote is there");
        libc::free(block);
    }
}

#[test]
fn callbacks_get_every_call_at_once_with_their_own_blocks() {
    let _alone = alone();
    // SAFETY: the two routines belong together.
    let builder =
        unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Ex(marked), FreeCallback::Ex(unmarked)) };
    let list = builder.flags(ListFlags::VERIFY).build().unwrap();
    for round in 1..100 {
        let block = list.allocate().unwrap().cast::<u64>();
        // SAFETY: the block has 64 bytes, and is freed once.
        unsafe {
            assert_eq!(block.read(), 42, "what the routine wrote is there");
            block.write(43);
            list.free(block.cast());
        }
        assert_eq!(CALLS.each_ref().map(|calls| calls.load(Relaxed)), [round, round]);
    }
    assert_eq!(told(), []);
    drop(list);

    // One routine alone: the other is the pool's, which must know the block.
    // SAFETY: the routine gives blocks of the heap.
    let one = unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Ex(marked), FreeCallback::Default) };
    let list = one.flags(ListFlags::VERIFY).build().unwrap();
    let mut foreign = [0u128; 4];
    // SAFETY: the first block is the list's; the other free is what is tested.
    unsafe {
        list.free(list.allocate().unwrap());
        assert_eq!(told(), []);
        list.free(NonNull::from(&mut foreign).cast());
    }
    let told = told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, BugCheck::NEVER_ALLOCATED);
}

#[test]
fn lists_that_are_not_verified_go_on_as_ever() {
    let _alone = alone();
    let (verified, list) = (packets(), LookasideList::new(64).unwrap());
    for _ in 0..100 {
        for list in [&verified, &list] {
            let block = list.allocate().unwrap();
            // SAFETY: freed once.
            unsafe { list.free(block) };
        }
    }
    let (verified, plain) = (verified.statistics(), list.statistics());
    assert_eq!((verified.list.allocate_misses, verified.pool_allocates, verified.pool_frees), (100, 100, 100));
    assert_eq!((plain.list.allocate_misses, plain.pool_allocates, plain.pool_frees), (1, 1, 0));
    // A block twice in a row is not theirs to find.
    assert_eq!(told(), []);
}

#[derive(Clone, Debug)]
enum Operation {
    Allocate,
    TryAllocate,
    Free(usize),
    FreeAgain(usize),
    FreeToOther(usize),
    Flush,
    Trim,
    Prefill(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => Just(Operation::Allocate),
        1 => Just(Operation::TryAllocate),
        12 => any::<usize>().prop_map(Operation::Free),
        2 => any::<usize>().prop_map(Operation::FreeAgain),
        2 => any::<usize>().prop_map(Operation::FreeToOther),
        1 => Just(Operation::Flush),
        1 => Just(Operation::Trim),
        1 => (0usize..9).prop_map(Operation::Prefill),
    ]
}

/// The model of a verified list: every allocate reaches the pool, every free reaches the pool, and what is wrong has no
/// effect but to be told.
fn follow(list: &LookasideList, other: &LookasideList, operations: &[Operation], at_once: bool) {
    let others = blocks_out();
    let (mut held, mut freed) = (Vec::new(), Vec::new());
    let (mut allocates, mut frees, mut wrong) = (0, 0, 0);
    for operation in operations {
        match *operation {
            Operation::Allocate => {
                allocates += 1;
                let block = list.allocate().unwrap();
                assert!(!held.contains(&block));
                freed.retain(|other| *other != block);
                held.push(block);
            }
            Operation::TryAllocate => assert_eq!(list.try_allocate(), None),
            Operation::Free(which) if !held.is_empty() => {
                frees += 1;
                let block = held.swap_remove(which % held.len());
                // SAFETY: held.
                unsafe { list.free(block) };
                freed.push(block);
            }
            Operation::FreeAgain(which) if !freed.is_empty() => {
                wrong += 1;
                // SAFETY: what is tested; it has no effect.
                unsafe { list.free(freed[which % freed.len()]) };
            }
            Operation::FreeToOther(which) if !held.is_empty() => {
                wrong += 1;
                // SAFETY: as above.
                unsafe { other.free(held[which % held.len()]) };
            }
            Operation::Free(_) | Operation::FreeAgain(_) | Operation::FreeToOther(_) => {}
            Operation::Flush => list.flush(),
            Operation::Trim => list.trim(),
            Operation::Prefill(wanted) => assert_eq!(list.prefill(wanted), Ok(0)),
        }
        let statistics = list.statistics();
        assert_identities(&statistics);
        let counters = statistics.list;
        assert_eq!((counters.total_allocates, counters.allocate_misses), (allocates, allocates));
        assert_eq!((counters.total_frees, counters.free_misses), (frees, frees));
        assert_eq!((statistics.pool_allocates, statistics.pool_frees), (allocates, frees));
        assert_eq!((counters.current_depth, counters.depth, statistics.outstanding), (0, 0, held.len() as u64));
        assert_eq!(other.statistics().list.total_frees, 0);
        if at_once {
            assert_eq!(blocks_out() - others, held.len());
        }
        assert_eq!(TOLD.lock().unwrap().len(), wrong);
    }
    for block in held {
        // SAFETY: held.
        unsafe { list.free(block) };
    }
    assert_eq!(told().len(), wrong);
}

#[test]
fn verified_lists_follow_the_model() {
    let _alone = alone();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: std::env::var("LOOKASIDE_MODEL_CASES").ok().map_or(400, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&prop::collection::vec(operation(), 0..200), |operations| {
            told();
            follow(&accounted().flags(ListFlags::VERIFY).build().unwrap(), &others(), &operations, true);
            follow(&packets(), &others(), &operations, false);
            Ok(())
        })
        .unwrap();
}

#[test]
fn many_threads_and_blocks_that_change_hands() {
    let _alone = alone();
    let list = packets();
    let passing = Mutex::new(Vec::new());
    const EACH: u64 = 20_000;
    std::thread::scope(|scope| {
        for number in 0..4u8 {
            let (list, passing) = (&list, &passing);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let block = list.allocate().unwrap();
                    // SAFETY: the block has 64 bytes.
                    unsafe { block.write_bytes(number, 64) };
                    let mut passing = passing.lock().unwrap();
                    passing.push(block.addr());
                    let block: std::num::NonZeroUsize = passing.swap_remove(0);
                    drop(passing);
                    // SAFETY: it was taken out, so it is this thread's to free.
                    unsafe { list.free(NonNull::new(block.get() as *mut u8).unwrap()) };
                }
            });
        }
    });
    let statistics = list.statistics();
    assert_identities(&statistics);
    assert_eq!((statistics.list.total_allocates, statistics.list.total_frees), (4 * EACH, 4 * EACH));
    drop(list);
    assert_eq!(told(), []);
}

#[test]
fn many_blocks_at_once() {
    let _alone = alone();
    let list = packets();
    let blocks: Vec<_> = (0..100_000).map(|_| list.allocate().unwrap()).collect();
    assert_eq!(list.statistics().outstanding, 100_000);
    for block in blocks.iter().step_by(2).chain(blocks.iter().skip(1).step_by(2)) {
        // SAFETY: each is freed once.
        unsafe { list.free(*block) };
    }
    assert_eq!(told(), []);
    drop(list);
    assert_eq!(told(), []);
}

#[test]
fn forks_while_threads_work() {
    let _alone = alone();
    let list = packets();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !stop.load(Relaxed) {
                    held.push(list.allocate().unwrap());
                    if held.len() > 500 {
                        // SAFETY: each is freed once.
                        held.drain(..).for_each(|block| unsafe { list.free(block) });
                    }
                }
                // SAFETY: as above.
                held.into_iter().for_each(|block| unsafe { list.free(block) });
            });
        }
        let mut mine = list.allocate().unwrap();
        for _ in 0..100 {
            // SAFETY: the child calls nothing but lists, the heap (which glibc makes sound) and _exit.
            unsafe {
                match libc::fork() {
                    -1 => panic!("no fork"),
                    0 => {
                        let old = mine;
                        list.free(old);
                        for _ in 0..500 {
                            mine = list.allocate().unwrap();
                            mine.write_bytes(1, 64);
                            list.free(mine);
                        }
                        let silent = TOLD.try_lock().is_ok_and(|told| told.is_empty());
                        list.free(mine);
                        let heard = TOLD.try_lock().is_ok_and(|told| told.len() == 1);
                        libc::_exit(if silent && heard { 0 } else { 1 });
                    }
                    child => {
                        let mut status = 0;
                        assert_eq!(libc::waitpid(child, &mut status, 0), child);
                        assert_eq!(status, 0, "a child heard what was not, or nothing");
                    }
                }
                list.free(mine);
                mine = list.allocate().unwrap();
            }
        }
        // SAFETY: freed once.
        unsafe { list.free(mine) };
        stop.store(true, Relaxed);
    });
    assert_eq!(told(), []);
    assert_eq!(list.statistics().outstanding, 0);
}

/// Which of so many allocations fail.
fn failures(list: &LookasideList, count: u64) -> Vec<u64> {
    (1..=count)
        .filter(|_| match list.allocate() {
            // SAFETY: freed once.
            Some(block) => unsafe {
                list.free(block);
                false
            },
            None => true,
        })
        .collect()
}

#[test]
fn failures_on_purpose_are_the_same_in_each_run() {
    let _alone = alone();
    let list = packets();
    assert_eq!(failures(&list, 1000), []);
    let share = LowResources { seed: 42, share: 60_000, ..LowResources::default() };
    let run = |resources: &LowResources<'_>, count| {
        assert_eq!(simulate_low_resources(Some(resources)), Status::SUCCESS);
        failures(&list, count)
    };
    let before = list.statistics().pool_failures;
    let first = run(&share, 20_000);
    assert_eq!(first, run(&share, 20_000));
    assert!((1000..1400).contains(&first.len()), "{} of 20,000 failed, where 1,200 are wanted", first.len());
    assert_eq!(list.statistics().pool_failures - before, 2 * first.len() as u64);
    assert_identities(&list.statistics());
    assert_ne!(first, run(&LowResources { seed: 43, ..share }, 20_000));

    let spared = run(&LowResources { skip: 5000, ..share }, 20_000);
    assert_eq!(spared, first.iter().copied().filter(|number| *number > 5000).collect::<Vec<_>>());
    assert_eq!(run(&LowResources { schedule: &[3, 7, 9], ..LowResources::default() }, 100), [3, 7, 9]);
    assert_eq!(run(&LowResources { share: 1_000_000, skip: 2, ..share }, 5), [3, 4, 5]);

    let other = LookasideList::builder(64).tag(Tag::new(*b"Othr")).flags(ListFlags::VERIFY).build().unwrap();
    let unverified = LookasideList::builder(64).tag(Tag::new(*b"Pkts")).build().unwrap();
    let tagged = LowResources { schedule: &[2], tag: Some(Tag::new(*b"Pkts")), ..LowResources::default() };
    assert_eq!(simulate_low_resources(Some(&tagged)), Status::SUCCESS);
    assert_eq!((failures(&other, 10), failures(&unverified, 10)), (vec![], vec![]));
    assert_eq!(failures(&list, 10), [2]);

    for wrong in [
        LowResources { share: 1_000_001, ..LowResources::default() },
        LowResources { schedule: &[1, 0], ..LowResources::default() },
        LowResources { schedule: &[1; 257], ..LowResources::default() },
    ] {
        assert_eq!(simulate_low_resources(Some(&wrong)), Status::INVALID_PARAMETER);
    }
    assert_eq!(simulate_low_resources(None), Status::SUCCESS);
    assert_eq!(failures(&list, 1000), []);
    assert_eq!(told(), []);
}
