//! The verifier: what each misuse of a verified list is reported as.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::violations::{REPORTED, alone, empty_quarantine, others, packets, reported, reports_only};
use lookaside_core::{
    AllocateCallback, BugCheck, FreeCallback, ListFlags, LookasideList, Parameters, PoolKind, PoolType, RawList,
    Status, Tag, Violation, check_range, pool_statistics, set_violation_hook,
};

const FILE: &str = file!();

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
    reports_only(
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
    let reported = reported();
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].0, BugCheck::FREED_TWICE);
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
        let reported = reported();
        assert_eq!(reported.len(), 1);
        assert!(reported[0].1.contains(&format!(" by thread {thread}, freed again at ")), "{}", reported[0].1);
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
        reports_only(
            BugCheck::NEVER_ALLOCATED,
            format!(
                "block {block:p} of list \"packets\" (Pkts) is freed to list \"others\" (Othr); \
                 allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
            ),
        );
        assert_eq!((list.statistics().outstanding, other.statistics().list.total_frees), (1, 0));
        list.free(block);
    }
    assert_eq!(reported(), []);
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
        reports_only(
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
        reports_only(
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
            reports_only(
                BugCheck::OVERRUN,
                format!(
                    "block {block:p} of list \"packets\" (Pkts) was written at offset {offset}, {side}; \
                     allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
                ),
            );
        }
    }
    empty_quarantine();
    assert_eq!(reported(), [], "each is reported once");
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
            assert_eq!(reported(), []);
            empty_quarantine();
            reports_only(
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
    let reported = reported();
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].0, BugCheck::USED_AFTER_FREE);
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
        reports_only(
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
        let reported = reported();
        assert_eq!(reported.len(), 1);
        assert_eq!(reported[0].0, BugCheck::OVERRUN);
        assert_eq!(RawList::initialize(&mut object, &parameters), Status::SUCCESS);
        assert_eq!(RawList::delete(&mut object), Status::SUCCESS);
    }
    assert_eq!(reported(), []);
}

#[test]
fn an_owning_list_that_goes_before_its_blocks() {
    let _alone = alone();
    let list = packets();
    let (block, allocated) = (list.allocate().unwrap(), line!());
    drop(list);
    let lines = reported();
    assert_eq!(lines.len(), 1);
    let (bug_check, line) = &lines[0];
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
        reports_only(
            BugCheck::ACTIVE_LIST_INITIALIZED,
            format!(
                "list \"packets\" (Pkts) at {:p} is initialised again while it is active; \
                 initialised at {FILE}:{made}, again at {FILE}:{again}",
                &object
            ),
        );
        assert_eq!(RawList::delete(&mut object), Status::SUCCESS);
    }
    assert_eq!(reported(), []);
}

#[test]
fn memory_is_freed_with_a_list_in_it() {
    let _alone = alone();
    let parameters = Parameters { name: "inner", tag: Tag::new(*b"Innr"), ..Parameters::new(32) };
    let outer = LookasideList::builder(256).name("outer").flags(ListFlags::VERIFY).build().unwrap();
    let block = outer.allocate().unwrap();
    // SAFETY: the list is in the block, which is not freed while the list is there.
    unsafe {
        let object = block.add(128).cast::<RawList>().as_ptr();
        let made = (RawList::initialize(object, &parameters), line!()).1;
        let freed = (outer.free(block), line!()).1;
        let unverified = "an unknown place";
        reports_only(
            BugCheck::LIST_IN_FREED_MEMORY,
            format!(
                "256 bytes at {block:p} are freed, in which the active list \"inner\" (Innr) is at {object:p}; \
                 initialised at {unverified}, freed at {FILE}:{freed}"
            ),
        );
        assert!(made < freed);
        assert_eq!(outer.statistics().outstanding, 1);
        // The bytes before and behind it may go.
        assert!(check_range(block.as_ptr(), 128) && check_range(block.as_ptr().add(192), 64));
        assert!(!check_range(block.as_ptr(), 129) && !check_range(block.as_ptr().add(128), 1));
        assert_eq!(reported().len(), 2);
        assert_eq!(RawList::delete(object), Status::SUCCESS);
        assert!(check_range(block.as_ptr(), 256));
        outer.free(block);
    }
    assert_eq!(reported(), []);
}

#[test]
fn a_list_of_the_wdk_with_blocks_that_are_too_small() {
    let _alone = alone();
    for (size, flags, is_reported) in [
        (7, ListFlags::WDK | ListFlags::VERIFY, true),
        (8, ListFlags::WDK | ListFlags::VERIFY, false),
        (7, ListFlags::VERIFY, false),
        (7, ListFlags::WDK, false),
    ] {
        let list = LookasideList::builder(size).tag(Tag::new(*b"Smal")).flags(flags).build();
        assert!(list.is_ok(), "as without the verifier");
        let reported = reported();
        assert_eq!(reported.len(), usize::from(is_reported), "{size} {flags:?}");
        if is_reported {
            assert_eq!(reported[0].0, BugCheck::BLOCK_TOO_SMALL);
            assert!(reported[0].1.contains("(Smal) is initialised with blocks of 7 bytes at "), "{}", reported[0].1);
            assert!(reported[0].1.ends_with("; the least is 8"), "{}", reported[0].1);
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
    reports_only(
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
    assert_eq!(reported(), []);
}

/// An address that was a block once, and now is memory within another, belongs to that one.
#[test]
fn an_address_within_a_block_that_was_a_block_before() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C-unwind" fn next(_: PoolType, _: usize, _: Tag) -> *mut c_void {
        NEXT.load(Relaxed) as *mut c_void
    }
    let _alone = alone();
    let mut memory = [0u128; 8];
    let start = memory.as_mut_ptr().addr();
    let packets = |size| {
        // SAFETY: the routines may be called from anywhere.
        let builder =
            unsafe { LookasideList::builder(size).callbacks(AllocateCallback::Plain(next), FreeCallback::Plain(keep)) };
        builder.name("packets").tag(Tag::new(*b"Pkts")).flags(ListFlags::VERIFY).build().unwrap()
    };
    let (small, large) = (packets(32), packets(128));
    NEXT.store(start + 48, Relaxed);
    let inner = small.allocate().unwrap();
    // SAFETY: freed once.
    unsafe { small.free(inner) };
    NEXT.store(start, Relaxed);
    let (block, allocated) = (large.allocate().unwrap(), line!());
    // SAFETY: within the block; the free is what is tested.
    let freed = unsafe { (large.free(inner), line!()).1 };
    reports_only(
        BugCheck::NEVER_ALLOCATED,
        format!(
            "block {inner:p} was never allocated from list \"packets\" (Pkts): it lies 48 bytes inside block \
             {block:p} of list \"packets\" (Pkts); allocated at {FILE}:{allocated}, freed at {FILE}:{freed}"
        ),
    );
    // SAFETY: freed once.
    unsafe { large.free(block) };
}

/// Frees to a list that was deleted push nothing out of the quarantine before it was checked and given back.
#[test]
fn many_frees_to_a_deleted_list_lose_no_kept_block() {
    let _alone = alone();
    let flags = ListFlags::VERIFY | ListFlags::PAGED_ARENAS;
    let before = pool_statistics(PoolKind::PagedArenas).blocks;
    let list = LookasideList::builder(64).flags(flags).build().unwrap();
    let kept = list.allocate().unwrap();
    let mut other = RawList::zeroed();
    // SAFETY: the object stays where it is; each block is freed once, one is written to afterwards, which is what is
    // tested.
    unsafe {
        let parameters = Parameters { flags: ListFlags::VERIFY, ..Parameters::new(16) };
        assert_eq!(RawList::initialize(&mut other, &parameters), Status::SUCCESS);
        let blocks: Vec<_> = (0..20_000).map(|_| RawList::allocate(&other)).collect();
        list.free(kept);
        kept.as_ptr().write_volatile(0);
        assert_eq!(RawList::delete(&mut other), Status::PENDING);
        assert_eq!(reported().pop().unwrap().0, BugCheck::BLOCKS_OUT);
        blocks.into_iter().for_each(|block| RawList::free(&other, block));
    }
    drop(list);
    assert_eq!(reported().into_iter().map(|(bug_check, _)| bug_check).collect::<Vec<_>>(), [BugCheck::USED_AFTER_FREE]);
    assert_eq!(pool_statistics(PoolKind::PagedArenas).blocks, before);
}

/// A list may end while a block of it is on its way out of the quarantine, and its record may be another's at once.
#[test]
fn a_block_outlives_its_list_on_the_way_out_of_the_quarantine() {
    static LIST: Mutex<Option<LookasideList>> = Mutex::new(None);

    fn end_list(violation: &Violation<'_>) {
        REPORTED.lock().unwrap().push((violation.bug_check, violation.line.to_owned()));
        if violation.bug_check == BugCheck::USED_AFTER_FREE {
            drop(LIST.lock().unwrap().take());
            // Records are used again after some others.
            (0..200).for_each(|_| drop(others()));
        }
    }

    let _alone = alone();
    set_violation_hook(Some(end_list));
    // Enough free records that no fresh one is needed.
    drop((0..100).map(|_| packets()).collect::<Vec<_>>());
    let before = pool_statistics(PoolKind::PagedArenas).blocks;
    let list = LookasideList::builder(64).flags(ListFlags::VERIFY | ListFlags::PAGED_ARENAS).build().unwrap();
    let block = list.allocate().unwrap();
    // SAFETY: freed once; the write afterwards is what makes the hook end the list.
    unsafe {
        list.free(block);
        block.as_ptr().write_volatile(0);
    }
    *LIST.lock().unwrap() = Some(list);
    empty_quarantine();
    assert!(LIST.lock().unwrap().is_none());
    assert_eq!(reported().into_iter().map(|(bug_check, _)| bug_check).collect::<Vec<_>>(), [BugCheck::USED_AFTER_FREE]);
    assert_eq!(pool_statistics(PoolKind::PagedArenas).blocks, before);
}
