//! A little of everything over the engine trylock, small enough for Miri, which checks what no run on a machine can
//! show: that each pointer may be used for what it is used for, and that threads do not race. `ci/miri.sh` runs it there.

mod common;

use std::alloc::Layout;
use std::fmt::Debug;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;

use common::assert_identities;
use common::processes::{give, take};
use lookaside_core::{
    Builder, CachedObject, EngineKind, Generation, Kind, LazyLookaside, ListFlags, Lookaside, LookasideList,
    ObjectCache, OwnedBox, PairTable, Parameters, PoolType, RawList, SListEntry, SListHeader, SmallPool, Status, Tag,
    Topology, adjust_depth, hooks, unsize,
};

const SIZE: usize = 24;

fn trylock() -> Builder<'static> {
    // Miri's clock goes by instructions, so that a second is over before a scan is.
    if cfg!(miri) {
        hooks::hold_scans();
    }
    LookasideList::builder(SIZE).engine(EngineKind::TryLock).maximum_depth(8)
}

fn lists() -> [LookasideList; 5] {
    [
        trylock(),
        trylock().batch(1),
        trylock().divisions(2),
        trylock().topology(Topology::Single),
        trylock().topology(Topology::General),
    ]
    .map(|list| list.build().unwrap())
}

/// Takes blocks, writes and reads all of them, and gives them back.
fn use_blocks(list: &LookasideList, count: usize, fill: u8) {
    let blocks = take(list, count);
    for block in &blocks {
        // SAFETY: the block has this size, and is ours.
        unsafe { block.write_bytes(fill, SIZE) };
    }
    // SAFETY: as above; the bytes were written.
    assert!(blocks.iter().all(|block| unsafe { block.add(SIZE - 1).read() } == fill));
    give(list, blocks);
}

fn use_run(list: &LookasideList, count: usize, fill: u8) {
    let mut run = [null_mut(); 12];
    assert_eq!(list.allocate_many(&mut run[..count]), count);
    for block in &run[..count] {
        // SAFETY: the block has this size, and is ours.
        unsafe { block.write_bytes(fill, SIZE) };
    }
    // SAFETY: the blocks are of this list, and freed once.
    unsafe { list.free_many(&run[..count]) };
}

fn use_cache(list: &LookasideList) {
    let cache = list.cache::<5>();
    let blocks: Vec<_> = (0..9).map(|_| cache.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { cache.free(block) };
    }
}

fn maintain(list: &LookasideList) {
    list.prefill(5).unwrap();
    adjust_depth();
    list.trim();
    list.flush();
}

#[test]
fn every_call_of_a_list() {
    for list in lists() {
        use_blocks(&list, 20, 1);
        (0..3).for_each(|round| use_run(&list, 12, round));
        use_cache(&list);
        maintain(&list);
        let block = list.try_allocate().or_else(|| list.allocate()).unwrap();
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free_to_processor(block, 1) };
        assert_identities(&list.statistics());
        assert_eq!(list.statistics().outstanding, 0);
    }
}

#[test]
fn threads_share_lists() {
    for list in lists() {
        std::thread::scope(|scope| {
            for thread in 0..3u8 {
                let list = &list;
                scope.spawn(move || {
                    // Miri is slow.
                    for round in 0..if cfg!(miri) { 1 } else { 4 } {
                        use_blocks(list, 7, thread);
                        use_run(list, 6, thread);
                        match thread {
                            0 if round % 2 == 0 => maintain(list),
                            1 => list.trim(),
                            2 => _ = list.statistics(),
                            _ => {}
                        }
                    }
                });
            }
        });
        assert_identities(&list.statistics());
        assert_eq!(list.statistics().outstanding, 0);
    }
}

/// One thread makes and deletes lists, so that their memory goes from one to the next, while another scans.
#[test]
fn lists_come_and_go_beside_scans() {
    std::thread::scope(|scope| {
        scope.spawn(|| (0..8).for_each(|_| adjust_depth()));
        for _ in 0..6 {
            use_blocks(&trylock().divisions(2).build().unwrap(), 6, 2);
        }
    });
}

#[test]
fn objects_in_memory_of_the_callers() {
    let parameters =
        Parameters { engine: Some(EngineKind::TryLock), topology: Topology::General, ..Parameters::new(SIZE) };
    let mut lists = Box::new([RawList::zeroed(), RawList::zeroed()]);
    let [lower, upper] = &mut *lists;
    let (lower, upper): (*mut RawList, *mut RawList) = (lower, upper);
    let mut table = PairTable::new();
    // SAFETY: the lists stay where they are; each block is freed once, to a list that it may be freed to.
    unsafe {
        assert_eq!(RawList::initialize(lower, &parameters), Status::SUCCESS);
        let shares = Parameters { topology: Topology::Pair, shared: lower, ..parameters };
        assert_eq!(RawList::initialize(upper, &shares), Status::SUCCESS);
        assert_eq!(table.set(3, upper, lower), Status::SUCCESS);
        let blocks: Vec<_> = (0..9).map(|_| table.allocate(3)).collect();
        for (number, block) in blocks.into_iter().enumerate() {
            match number % 3 {
                0 => RawList::free(upper, block),
                1 => RawList::free(lower, block),
                _ => table.free(3, block, 1),
            }
        }
        assert_eq!(RawList::delete(upper), Status::SUCCESS);
        let block = RawList::allocate(lower);
        assert_eq!(RawList::delete(lower), Status::PENDING);
        RawList::free(lower, block);
    }
}

#[test]
fn typed_lists_and_objects() {
    let list = Lookaside::<Box<u32>>::build(|list| list.engine(EngineKind::TryLock)).unwrap();
    let (first, second) = (list.allocate(Box::new(3)).unwrap(), list.allocate_with(|| Box::new(4)).unwrap());
    assert_eq!(**first + **second, 7);
    assert_eq!(*first.into_inner(), 3);
    let place = second.into_raw();
    // SAFETY: it came from `into_raw` of a box of this list.
    drop(unsafe { lookaside_core::LookasideBox::from_raw(place, &list) });

    let cache = ObjectCache::<Vec<u8>>::build(|list| list.engine(EngineKind::TryLock), Vec::new).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..5).for_each(|_| cache.get().unwrap().push(1)));
        }
    });
    drop(cache.get().unwrap().into_inner());
    cache.flush();
}

#[test]
fn boxes_that_own_their_list() {
    let list = Arc::new(Lookaside::<Box<u32>>::build(|list| list.engine(EngineKind::TryLock)).unwrap());
    let (first, second) = (list.allocate_owned(Box::new(3)).unwrap(), list.allocate_owned(Box::new(4)).unwrap());
    let place = first.clone().into_raw();
    // SAFETY: it came from a box of this list.
    let first_again = unsafe { OwnedBox::from_raw(place, &list) };
    drop(list);
    let third = std::thread::spawn(move || {
        let shown = unsize!(first, dyn Debug + Send);
        assert_eq!(format!("{shown:?}"), "3");
        (shown, **second)
    });
    assert_eq!((third.join().unwrap().1, **first_again), (4, 3));
    **first_again.leak() = 5;

    static LIST: LazyLookaside<String> = LazyLookaside::build(|list| list.engine(EngineKind::TryLock));
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(move || assert_eq!(LIST.allocate(String::from(name)).unwrap().len(), 3));
        }
    });
}

#[test]
fn many_boxes_and_closures() {
    let list = Lookaside::<String>::build(|list| list.engine(EngineKind::TryLock)).unwrap();
    let mut boxes = list.allocate_many((0..10).map(|n| n.to_string())).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(format!("{:?}", unsize!(boxes.remove(3), dyn Debug)), "\"3\"");
    list.free_many(boxes);

    let text = String::from("captured");
    let describe = |list: Builder<'static>| list.engine(EngineKind::TryLock);
    let cache = Arc::new(ObjectCache::build(describe, move || text.clone()).unwrap());
    let (object, slot) = (cache.get_owned().unwrap(), cache.get().unwrap().into_raw());
    // SAFETY: it came from an object of this cache.
    let other = unsafe { CachedObject::from_raw(slot, &cache) };
    assert_eq!((object.clone().as_str(), other.clone().into_inner().as_str()), ("captured", "captured"));
    drop(other);
    drop(cache);
    assert_eq!(object.into_inner(), "captured");
}

#[test]
fn small_pools() {
    // The one with the fewest lists.
    let pool = SmallPool::new(Generation::V5_0);
    let tag = Tag::new(*b"Test");
    for size in [1, 24, 200, 4000] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let sized: Vec<NonNull<u8>> = (0..4).map(|_| pool.allocate(Kind::Paged, layout).unwrap()).collect();
        for block in sized {
            // SAFETY: the block has this layout, and is freed once.
            unsafe {
                block.write_bytes(1, size);
                pool.free(Kind::Paged, block, layout);
            }
        }
        let tagged = pool.allocate_tagged(PoolType::PAGED, size, tag);
        // SAFETY: as above.
        unsafe {
            tagged.write_bytes(1, size);
            assert!(pool.size_of_tagged(tagged) >= size);
            pool.free_tagged(tagged, tag);
        }
    }
    pool.flush();
}

#[test]
fn pools_of_the_librarys_own() {
    for list in [
        trylock().flags(ListFlags::PAGED_ARENAS),
        trylock().pool_type(PoolType::NON_PAGED_NX).flags(ListFlags::BEST_EFFORT_LOCK),
    ] {
        let list = list.build().unwrap();
        use_blocks(&list, 12, 5);
        list.flush();
    }
}

// The verifier and S-lists keep addresses in words, which strict provenance forbids: `ci/miri.sh` runs these apart.
#[test]
fn exposed_blocks_of_verified_lists() {
    let list = trylock().flags(ListFlags::VERIFY).build().unwrap();
    use_blocks(&list, 6, 3);
    use_run(&list, 6, 4);
}

#[test]
fn exposed_entries_of_an_s_list() {
    let list = SListHeader::new();
    let mut entries = [const { SListEntry::new() }; 4];
    let first = entries.as_mut_ptr();
    // SAFETY: the entries outlive the list, and each is on it once.
    unsafe {
        std::thread::scope(|scope| {
            let (list, places) = (&list, [0, 1, 2, 3].map(|number| AtomicPtr::new(first.add(number))));
            for place in places {
                scope.spawn(move || {
                    list.push(place.into_inner());
                    assert!(!list.pop().is_null());
                });
            }
        });
        list.push(first);
        assert_eq!(list.pop(), first);
        assert!(list.pop().is_null());
    }
}
