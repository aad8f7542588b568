//! Groups of one list: each has slabs of its own, until another needs what is free there.

extern crate std;
use super::super::tests::{give, request, take_for};
use super::super::{RANGE, Slabs, free, prepare};
use super::*;
use crate::platform::random;
use crate::platform::rseq::layout;
use crate::pool::arena::Residence;
use crate::wdk::PoolType;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashSet;
use std::sync::Mutex;
use std::vec::Vec;

/// Slabs in two groups, with the memory of the second.
struct Grouped {
    slabs: Slabs,
    row: *mut u8,
}

// SAFETY: the row is a group, whose fields are all atomic.
unsafe impl Sync for Grouped {}

const ROW: Layout = Layout::new::<Group>();
const _: () = assert!(size_of::<Group>() <= 1 << layout::SHIFT);

impl Grouped {
    fn open() -> Grouped {
        assert_eq!(prepare(Residence::Pageable), Ok(true));
        let mut slabs = Slabs::new();
        // SAFETY: a group has bytes.
        let row = unsafe { alloc_zeroed(ROW) };
        slabs.open(Residence::Pageable, row);
        Grouped { slabs, row }
    }

    fn take(&self, group: u32, wanted: usize) -> Vec<*mut u8> {
        take_for(&self.slabs, group, &request(64, 16), wanted)
    }

    fn give(&self, blocks: &[*mut u8]) {
        give(&self.slabs, &request(64, 16), blocks);
    }
}

impl Drop for Grouped {
    fn drop(&mut self) {
        self.slabs.close();
        assert!(self.slabs.groups().all(|group| group.key() == 0 && group.words().all(|word| word.load(Relaxed) == 0)));
        // SAFETY: the memory of `open`, which the slabs do not use any more.
        unsafe { dealloc(self.row, ROW) };
    }
}

/// The slabs that blocks are of.
fn slabs_of(blocks: &[*mut u8]) -> HashSet<u32> {
    blocks.iter().map(|block| RANGE.number_of(RANGE.slab_of(*block).unwrap())).collect()
}

#[test]
fn groups_have_slabs_of_their_own() {
    let list = Grouped::open();
    let blocks = [0, 1].map(|group| list.take(group, 3000));
    assert!(slabs_of(&blocks[0]).is_disjoint(&slabs_of(&blocks[1])));
    assert_eq!(list.slabs.resident(), 2 * (3 * 65_536 - 4096), "of the third slab of each, 15 pages of 16");
    // In any order, by any thread.
    let mixed: Vec<_> = blocks[0].iter().zip(&blocks[1]).flat_map(|(one, other)| [*one, *other]).collect();
    list.give(&mixed);
    for (group, before) in blocks.iter().enumerate() {
        assert_eq!(list.take(group as u32, 3000).iter().collect::<HashSet<_>>(), before.iter().collect());
    }
    list.give(&mixed);
    list.slabs.give_back(true);
    assert_eq!(list.slabs.resident(), 0);
}

/// What is free in another group is used before the list grows, and its slab is of the group that uses it from then on.
#[test]
fn a_group_without_free_blocks_takes_a_slab_over() {
    let list = Grouped::open();
    let blocks = list.take(0, 3 * 1024);
    let resident = list.slabs.resident();
    let [full, half, empty] = [0, 1, 2].map(|slab| &blocks[slab * 1024..][..1024]);
    [&full[..1], &half[..512], &empty[..1000]].iter().for_each(|freed| list.give(freed));
    assert!(list.take(1, 1000).iter().all(|block| empty.contains(block)), "that with the most comes first");
    assert!(list.take(1, 512).iter().all(|block| half.contains(block)));
    let new = list.take(1, 1);
    assert!(slabs_of(&new).is_disjoint(&slabs_of(&blocks)), "the first group keeps one slab");
    assert_eq!(list.take(0, 1), &full[..1]);
    assert_eq!(list.slabs.resident(), resident + 4096);
    list.give(&blocks);
    list.give(&new);
    let [first, second] = [0, 1].map(|number| list.slabs.group(number));
    assert_eq!([first, second].map(|group| group.empty_slabs.load(Relaxed)), [1, 3], "each has what it took over");
    assert_eq!([first, second].map(Group::resident), [65_536, 2 * 65_536 + 4096]);
}

/// A group whose lock is held keeps its slabs: two that waited for each other would wait for ever.
#[test]
fn a_group_that_is_in_use_keeps_its_slabs() {
    let list = Grouped::open();
    let blocks = list.take(0, 2048);
    list.give(&blocks);
    let guard = list.slabs.first.lock.lock();
    let others = list.take(1, 100);
    drop(guard);
    assert!(slabs_of(&others).is_disjoint(&slabs_of(&blocks)));
    list.give(&others);
}

/// Where there is no memory for new slabs, what is free in any group serves.
#[test]
fn free_blocks_of_other_groups_serve_where_there_are_no_more() {
    const LIMIT: usize = 256 << 10;
    static POOL: Arena = Arena::new("test", Residence::BestEffort, || LIMIT as u64);
    assert_eq!(prepare(Residence::BestEffort), Ok(true));
    let list = Grouped::open();
    let request = Request { pool_type: PoolType::NON_PAGED_NX, ..request(1024, 16) };
    let key = list.slabs.key();
    list.slabs.first.open(&list.slabs.first.lock.lock(), Some(&POOL), key);
    let blocks = take_for(&list.slabs, 0, &request, LIMIT / 1024);
    assert_eq!(blocks.len(), LIMIT / 1024);
    assert!(take_for(&list.slabs, 1, &request, 1).is_empty());
    give(&list.slabs, &request, &blocks[..10]);
    let others = take_for(&list.slabs, 1, &request, 64);
    assert_eq!(others.iter().collect::<HashSet<_>>(), blocks[..10].iter().collect());
    give(&list.slabs, &request, &blocks);
}

/// A scan that is on its way with the last blocks of a list, which ends before it has the lock: they go back, and are not
/// left for the list that has the memory next.
#[test]
fn blocks_that_come_after_the_end_are_no_later_lists() {
    let list = Grouped::open();
    for number in [0, 1] {
        let blocks = list.take(number, 3);
        let (key, group) = (list.slabs.key(), list.slabs.group(number));
        let slab = RANGE.slab_of(blocks[0]).unwrap();
        list.slabs.close();
        assert_eq!(group.free::<false>(key, slab, &blocks), (&blocks[..], None));
        assert!(group.words().all(|word| word.load(Relaxed) == 0));
        // SAFETY: no one uses the blocks.
        unsafe { free(key, &blocks, &request(64, 16)) };
        assert_eq!((slab.key.load(Relaxed), slab.pages()), (0, 0), "the last block frees the slab");
        list.slabs.first.open(&list.slabs.first.lock.lock(), None, key + (1 << 40));
    }
}

/// In the child of a fork that a thread was cut in, at any step of a slab's way to the other group.
#[test]
fn a_slab_that_a_fork_cuts_on_its_way_is_lost_to_no_group() {
    for step in 0..3 {
        let list = Grouped::open();
        let blocks = list.take(0, 2048);
        let [first, second] = [0, 1].map(|number| list.slabs.group(number));
        list.give(&blocks[..1500]);
        let guards = [first, second].map(|group| group.lock.lock());
        let slab = RANGE.slab_of(blocks[0]).unwrap();
        if step > 0 {
            first.unlist(&guards[0], slab, Place::of(slab));
            first.count_pages(&guards[0], slab, slab.held(), Held::NOTHING);
        }
        if step > 1 {
            slab.owner.store(ptr::from_ref(second).cast_mut().cast(), Relaxed);
        }
        core::mem::forget(guards);
        list.slabs.repair_after_fork();
        let again: HashSet<_> = [0, 1].map(|group| list.take(group, 1500)).into_iter().flatten().collect();
        assert!(blocks[..1500].iter().all(|block| again.contains(block)), "{step}");
        assert!(blocks[1500..].iter().all(|block| !again.contains(block)), "{step}");
        list.give(&blocks);
        assert!(list.slabs.resident() >= 2 * 65_536, "{step}");
    }
}

/// Threads of both groups take, pass on and give back blocks while a scan gives memory back: each block is with one of
/// them, and when all are back nothing stays in memory.
#[test]
fn threads_of_both_groups_have_each_block_once() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 3000 };
    let list = Grouped::open();
    let passed = Mutex::new(Vec::new());
    let work = |thread: u32| {
        let mut held: Vec<usize> = Vec::new();
        for round in 0..ROUNDS {
            let mark = |blocks: &[*mut u8], before: usize, after: usize| {
                for block in blocks {
                    // SAFETY: the block is ours, and has room for a word.
                    assert!(before == 0 || unsafe { block.cast::<usize>().read() } == before);
                    // SAFETY: as above.
                    unsafe { block.cast::<usize>().write(after) };
                }
            };
            let blocks = list.take(thread % 2, 1 + random() as usize % 127);
            mark(&blocks, 0, usize::MAX);
            let mut bag = passed.lock().unwrap();
            bag.extend(blocks.iter().map(|block| block.expose_provenance()));
            if bag.len() > 2000 || round % 64 == 0 {
                held.append(&mut bag);
            }
            drop(bag);
            let blocks: Vec<_> = held.drain(..).map(core::ptr::with_exposed_provenance_mut).collect();
            mark(&blocks, usize::MAX, 1);
            blocks.chunks(127).for_each(|blocks| list.give(blocks));
            if thread == 0 && round % 16 == 0 {
                list.slabs.give_back(round % 32 == 0);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|thread| _ = scope.spawn(move || work(thread)));
    });
    let rest: Vec<_> = passed.into_inner().unwrap().into_iter().map(core::ptr::with_exposed_provenance_mut).collect();
    list.give(&rest);
    list.slabs.give_back(true);
    assert_eq!((list.slabs.resident(), list.slabs.groups().count()), (0, 2));
}
