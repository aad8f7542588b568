//! Usage by tag: exact counts of tagged calls and of lists, while they live and when they are gone.

use std::ffi::c_void;
use std::ptr;

use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, Parameters, PoolType, RawList, Status, Tag, TagOrder, TagUsage,
    Topology, pool_allocate, pool_free, tag_report, tags,
};

/// The row of a tag of paged memory; zeroes where there is none.
fn row(tag: Tag) -> TagUsage {
    let mut found = TagUsage { tag, paged: true, ..TagUsage::default() };
    tags(TagOrder::Tag, &mut |row| {
        if row.tag == tag && row.paged {
            found = *row;
        }
    })
    .unwrap();
    found
}

fn numbers(tag: Tag) -> (u64, u64, u64) {
    let row = row(tag);
    (row.allocates, row.frees, row.bytes)
}

/// Small blocks are charged with the block that holds them and their header, large ones with what was asked for; a
/// block in a small-pool list is free.
#[test]
fn tagged_blocks_are_charged_while_callers_hold_them() {
    let tag = Tag::new(*b"Call");
    let blocks: Vec<*mut u8> =
        [0, 16, 17, 496, 497, 10_000].map(|bytes| pool_allocate(PoolType::PAGED, bytes, tag)).into();
    let bytes = 32 + 32 + 48 + 512 + 497 + 10_000;
    assert_eq!(numbers(tag), (6, 0, bytes));
    assert_eq!((row(tag).difference(), row(tag).bytes_per_block()), (6, bytes / 6));
    for block in blocks {
        // SAFETY: each block is freed once.
        unsafe { pool_free(block, tag) };
    }
    assert_eq!(numbers(tag), (6, 6, 0));
    let raising = PoolType(PoolType::PAGED.0 | PoolType::RAISE_IF_ALLOCATION_FAILURE);
    let block = pool_allocate(raising, 16, tag);
    assert_eq!(numbers(tag), (7, 6, 32), "the flags of a pool type do not make another row");
    // SAFETY: the block is freed once.
    unsafe { pool_free(block, tag) };
}

#[test]
fn nothing_is_lost_between_threads() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 5_000;
    let tag = Tag::new(*b"Many");
    let (sender, receiver) = std::sync::mpsc::channel::<usize>();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sender = sender.clone();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let block = pool_allocate(PoolType::PAGED, (round % 600 + thread) as usize, tag);
                    sender.send(block.expose_provenance()).unwrap();
                }
            });
        }
        drop(sender);
        // Freed by another thread than the one that allocated.
        for block in receiver.iter().skip(1000) {
            // SAFETY: each block is freed once.
            unsafe { pool_free(std::ptr::with_exposed_provenance_mut(block), tag) };
        }
    });
    let (allocates, frees, bytes) = numbers(tag);
    assert_eq!((allocates, frees), (THREADS * ROUNDS, THREADS * ROUNDS - 1000));
    assert!((1000 * 32..1000 * 640).contains(&bytes), "{bytes}");
}

/// A list's blocks are charged while it has them or callers hold them, and its totals stay when it is gone.
#[test]
fn lists_are_charged_with_what_they_took_from_the_pool() {
    let tag = Tag::new(*b"List");
    let list = LookasideList::builder(100).tag(tag).build().unwrap();
    assert_eq!(numbers(tag), (0, 0, 0));
    let blocks: Vec<_> = (0..3).map(|_| list.allocate().unwrap()).collect();
    assert_eq!(numbers(tag), (3, 0, 300));
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    assert_eq!(numbers(tag), (3, 0, 300), "a cached block stays charged");
    let other = LookasideList::builder(50).tag(tag).build().unwrap();
    let block = other.allocate().unwrap();
    assert_eq!(numbers(tag), (4, 0, 350), "lists with one tag are one row");
    // SAFETY: as above.
    unsafe { other.free(block) };
    list.flush();
    assert_eq!(numbers(tag), (4, 3, 50));
    drop(list);
    drop(other);
    assert_eq!(numbers(tag), (4, 4, 0));
}

#[test]
fn blocks_that_outlive_their_list_stay_charged_until_they_are_freed() {
    let tag = Tag::new(*b"Late");
    let mut list = RawList::zeroed();
    let parameters = Parameters { tag, ..Parameters::new(64) };
    // SAFETY: the object is ours, and each block is freed once.
    unsafe {
        assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
        let blocks: Vec<_> = (0..5).map(|_| RawList::allocate(&list)).collect();
        RawList::free(&list, blocks[0]);
        assert_eq!(RawList::delete(&mut list), Status::PENDING);
        assert_eq!(numbers(tag), (5, 1, 4 * 64));
        RawList::free_checked(&list, blocks[1]);
        assert_eq!(numbers(tag), (5, 2, 3 * 64));
        blocks[2..].iter().for_each(|block| RawList::free_checked(&list, *block));
        assert_eq!(numbers(tag), (5, 5, 0));
    }
}

/// Pairs that share a list are charged with it, once, under its tag.
#[test]
fn pairs_that_share_a_list_are_charged_once() {
    let (shared_tag, own_tag) = (Tag::new(*b"Shar"), Tag::new(*b"Uppr"));
    let mut lists = [RawList::zeroed(), RawList::zeroed(), RawList::zeroed()];
    let [shared, upper, other] = lists.each_mut().map(ptr::from_mut);
    // SAFETY: the objects are ours, and each block is freed once.
    unsafe {
        let parameters = Parameters { tag: shared_tag, topology: Topology::General, ..Parameters::new(64) };
        assert_eq!(RawList::initialize(shared, &parameters), Status::SUCCESS);
        let parameters = Parameters { tag: own_tag, shared, ..Parameters::new(64) };
        for pair in [upper, other] {
            assert_eq!(RawList::initialize(pair, &parameters), Status::SUCCESS);
        }
        let blocks = [RawList::allocate(upper), RawList::allocate(other), RawList::allocate(other)];
        assert_eq!((numbers(shared_tag), numbers(own_tag)), ((3, 0, 192), (0, 0, 0)));
        blocks.into_iter().for_each(|block| RawList::free(upper, block));
        for list in [upper, other, shared] {
            assert_eq!(RawList::delete(list), Status::SUCCESS);
        }
        assert_eq!((numbers(shared_tag), numbers(own_tag)), ((3, 3, 0), (0, 0, 0)));
    }
}

/// What a callback calls is charged there, under the tag that it names.
#[test]
fn lists_with_callbacks_charge_what_they_call() {
    unsafe extern "C-unwind" fn allocate(pool_type: PoolType, size: usize, tag: Tag) -> *mut c_void {
        pool_allocate(pool_type, size, tag).cast()
    }
    unsafe extern "C-unwind" fn free(block: *mut c_void) {
        // SAFETY: the list gives back what `allocate` gave.
        unsafe { pool_free(block.cast(), Tag(0)) }
    }
    let tag = Tag::new(*b"Back");
    let builder = LookasideList::builder(100).tag(tag);
    // SAFETY: the two routines belong together.
    let builder = unsafe { builder.callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) };
    let list = builder.build().unwrap();
    let blocks: Vec<_> = (0..3).map(|_| list.allocate().unwrap()).collect();
    assert_eq!(numbers(tag), (3, 0, 3 * 128));
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    drop(list);
    assert_eq!(numbers(tag), (3, 3, 0));
}

#[test]
fn rows_come_in_order_and_the_report_has_them() {
    let list = |bytes: usize, tag: &[u8; 4]| {
        let list = LookasideList::builder(bytes).tag(Tag::new(*tag)).build().unwrap();
        let block = list.allocate().unwrap();
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
        list
    };
    let lists = [list(10, b"Ord1"), list(1_000_000, b"Ord2"), list(2_000_000, b"Aord"), list(10, b"Ord0")];
    let order = |order| {
        let mut rows = Vec::new();
        tags(order, &mut |row| rows.push(*row)).unwrap();
        rows.retain(|row| row.tag.to_string().to_lowercase().contains("ord"));
        rows.iter().map(|row| row.tag.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(order(TagOrder::Tag), ["Aord", "Ord0", "Ord1", "Ord2"]);
    assert_eq!(order(TagOrder::Bytes), ["Aord", "Ord2", "Ord0", "Ord1"]);
    let mut text = String::new();
    tag_report(TagOrder::Bytes, &mut text).unwrap().unwrap();
    let mut lines = text.lines();
    let heading: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(heading, ["Tag", "Type", "Allocs", "Frees", "Diff", "Bytes", "Per", "Alloc"]);
    let line = lines.find(|line| line.starts_with("Ord2")).expect(&text);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["Ord2", "Paged", "1", "0", "1", "1000000", "1000000"]);
    drop(lists);
}

/// A visitor may do anything, for no lock is held: also make and delete lists, and ask again.
#[test]
fn a_visitor_may_use_the_library() {
    let _one = LookasideList::builder(64).tag(Tag::new(*b"Visi")).build().unwrap().allocate();
    let mut rows = 0;
    tags(TagOrder::Tag, &mut |_| {
        rows += 1;
        drop(LookasideList::builder(64).tag(Tag::new(*b"Visi")).build().unwrap());
        tags(TagOrder::Bytes, &mut |_| {}).unwrap();
    })
    .unwrap();
    assert!(rows > 0);
}
