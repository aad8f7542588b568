//! A list as the allocator of other crates' collections: what fits a block comes from the list, all else from the
//! heap, and each piece of memory goes back to where it came from.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::{SIZE, accounted, alone, assert_identities, blocks_out, engines};
use allocator_api2::alloc::{Allocator, Layout};
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use lookaside_core::{AllocateCallback, FreeCallback, LookasideList, PoolType, Tag};
use proptest::prelude::*;

/// What one list has out, and a check that its counters agree.
fn outstanding(list: &LookasideList) -> u64 {
    let statistics = list.statistics();
    assert_identities(&statistics);
    statistics.outstanding
}

#[test]
fn a_box_that_fits_is_a_block() {
    for engine in engines() {
        let list = LookasideList::builder(64).engine(engine).build().unwrap();
        let fits = Box::new_in([7u8; 64], &list);
        let small = Box::new_in(7u8, &list);
        assert_eq!(outstanding(&list), 2);
        let large = Box::new_in([7u8; 65], &list);
        #[repr(align(64))]
        struct Aligned(u8);
        let aligned = Box::new_in(Aligned(7), &list);
        assert!((&raw const *aligned).is_aligned());
        assert_eq!(outstanding(&list), 2, "too large, or aligned beyond the blocks: the heap's");
        assert_eq!(u32::from(fits[63]) + u32::from(*small) + u32::from(large[64]) + u32::from(aligned.0), 28);
        drop((fits, small, large, aligned));
        assert_eq!((outstanding(&list), list.statistics().list.total_frees), (0, 2));
    }
}

#[test]
fn nothing_takes_no_block() {
    let list = LookasideList::new(64).unwrap();
    let nothing = Box::new_in([0u64; 0], &list);
    let empty = Vec::<u64, _>::new_in(&list);
    assert_eq!(outstanding(&list), 0);
    drop((nothing, empty));
    assert_eq!(list.statistics().list.total_frees, 0);
}

#[test]
fn a_vec_leaves_its_block_when_that_is_full() {
    let list = LookasideList::new(64).unwrap();
    let mut numbers = Vec::<u64, _>::new_in(&list);
    for number in 0..8 {
        numbers.push(number);
        assert_eq!(outstanding(&list), 1);
    }
    numbers.push(8);
    assert_eq!(outstanding(&list), 0, "it is the heap's now");
    numbers.truncate(3);
    numbers.shrink_to_fit();
    assert_eq!((outstanding(&list), &numbers[..]), (1, &[0, 1, 2][..]), "and is back in a block");
    drop(numbers);
    assert_eq!((outstanding(&list), list.statistics().list.total_allocates), (0, 2), "it grew within the block");
}

#[test]
fn a_hash_map_lives_on_a_list() {
    type Map<'a> = hashbrown::HashMap<u32, u32, hashbrown::DefaultHashBuilder, &'a LookasideList>;
    let list = LookasideList::new(512).unwrap();
    let mut maps: std::vec::Vec<Map<'_>> = (0..100).map(|_| Map::new_in(&list)).collect();
    for map in &mut maps {
        map.extend((0..20).map(|key| (key, key * key)));
    }
    assert_eq!(outstanding(&list), 100, "the tables of all maps are blocks");
    for map in &mut maps {
        map.extend((20..1000).map(|key| (key, key * key)));
        assert!((0..1000).all(|key| map[&key] == key * key));
    }
    assert_eq!(outstanding(&list), 0, "the tables have grown out of the blocks");
    for map in &mut maps {
        map.retain(|key, _| *key < 3);
        map.shrink_to_fit();
        assert_eq!(map.len(), 3);
    }
    assert_eq!(outstanding(&list), 100);
    drop(maps);
    assert_eq!(outstanding(&list), 0);
}

/// A linked list whose nodes are made on one thread and dropped on others.
#[test]
fn nodes_may_be_given_back_by_any_thread() {
    struct Node<'a> {
        value: u64,
        next: Option<Box<Node<'a>, &'a LookasideList>>,
    }
    let list = LookasideList::new(size_of::<Node<'_>>()).unwrap();
    std::thread::scope(|scope| {
        for start in 0..8 {
            let mut chain = None;
            for value in start..start + 500 {
                chain = Some(Box::new_in(Node { value, next: chain }, &list));
            }
            scope.spawn(move || {
                let mut expected = (start..start + 500).rev();
                while let Some(node) = chain {
                    let node = Box::into_inner(node);
                    assert_eq!(Some(node.value), expected.next());
                    chain = node.next;
                }
                assert_eq!(expected.next(), None);
            });
        }
    });
    assert_eq!((outstanding(&list), list.statistics().list.total_allocates), (0, 4000));
}

static EXHAUSTED: AtomicBool = AtomicBool::new(false);

#[test]
fn no_memory_is_an_error_and_leaves_the_old_memory() {
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut std::ffi::c_void {
        // SAFETY: any size may be asked for.
        if EXHAUSTED.load(Relaxed) { std::ptr::null_mut() } else { unsafe { libc::malloc(size) } }
    }
    // SAFETY: the routines belong together: the default one frees what `malloc` gave.
    let builder =
        unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Plain(allocate), FreeCallback::Default) };
    let list = builder.build().unwrap();
    let mut numbers = Vec::<u64, _>::with_capacity_in(9, &list);
    numbers.extend(0..9);
    numbers.truncate(3);
    EXHAUSTED.store(true, Relaxed);
    assert!(Box::try_new_in(1u64, &list).is_err());
    assert!(Box::try_new_in([1u64; 9], &list).is_ok(), "the heap has room");
    let (old, new) = (Layout::array::<u64>(9).unwrap(), Layout::array::<u64>(3).unwrap());
    // SAFETY: the vector's memory was allocated with the old layout; an error leaves it allocated.
    assert!(unsafe { (&list).shrink(NonNull::new(numbers.as_mut_ptr()).unwrap().cast(), old, new) }.is_err());
    assert_eq!(numbers[..], [0, 1, 2]);
    assert_eq!(outstanding(&list), 0);
}

/// One step with the memory under one key: the size and the alignment that it has afterwards, 0 for none.
fn steps() -> impl Strategy<Value = std::vec::Vec<(u8, usize, usize)>> {
    let size = prop_oneof![Just(0), 1..=SIZE, Just(SIZE), Just(SIZE + 1), SIZE + 1..4 * SIZE];
    prop::collection::vec((0..6u8, size, prop::sample::select(std::vec![1usize, 8, 16, 32, 64])), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever is allocated, grown, shrunk and given back in whatever order: memory keeps its contents, is aligned, is
    /// no one else's, and is a block exactly when its layout fits one.
    #[test]
    fn memory_goes_back_to_where_it_came_from(steps in steps()) {
        let _alone = alone();
        let list = accounted().build().unwrap();
        let allocator = &list;
        let mut held = HashMap::<u8, (NonNull<[u8]>, Layout)>::new();
        for (step, (key, size, alignment)) in steps.into_iter().enumerate() {
            let layout = Layout::from_size_align(size, alignment).unwrap();
            // SAFETY: memory is held with the layout by which it was allocated or resized last.
            unsafe {
                let memory = match held.remove(&key) {
                    None => Allocator::allocate(&allocator, layout).unwrap(),
                    Some((memory, old)) if step % 3 == 0 => {
                        // Any size between the one asked for and the one that came fits.
                        let actual = Layout::from_size_align(memory.len(), old.align()).unwrap();
                        allocator.deallocate(memory.cast(), actual);
                        continue;
                    }
                    Some((memory, old)) if layout.size() >= old.size() => {
                        let memory = allocator.grow(memory.cast(), old, layout).unwrap();
                        prop_assert!(memory.as_ref()[..old.size()].iter().all(|byte| *byte == key));
                        memory
                    }
                    Some((memory, old)) => {
                        let memory = allocator.shrink(memory.cast(), old, layout).unwrap();
                        prop_assert!(memory.as_ref()[..size].iter().all(|byte| *byte == key));
                        memory
                    }
                };
                prop_assert!(memory.len() >= size);
                prop_assert!(memory.cast::<u8>().addr().get() % alignment == 0);
                memory.cast::<u8>().write_bytes(key, memory.len());
                held.insert(key, (memory, layout));
            }
            let fitting = held.values().filter(|(_, layout)| (1..=SIZE).contains(&layout.size()) && layout.align() <= 16);
            prop_assert_eq!(outstanding(&list), fitting.count() as u64);
        }
        for (memory, layout) in held.into_values() {
            // SAFETY: as above.
            unsafe { allocator.deallocate(memory.cast(), layout) };
        }
        prop_assert_eq!(outstanding(&list), 0);
        drop(list);
        prop_assert_eq!(blocks_out(), 0);
    }
}
