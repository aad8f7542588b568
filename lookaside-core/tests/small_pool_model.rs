//! Random histories of a small pool: after each call every list's counters obey the identities that hits obey when
//! blocks move one by one, every block keeps what was written to it, and usage by tag is what callers hold.

mod common;

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use common::{engines, stay_on_one_processor};
use lookaside_core::{
    Generation, Kind, PoolType, SmallPool, SmallPoolParameters, Tag, TagOrder, Tuning, adjust_depth, tags,
};
use proptest::prelude::*;
use std::alloc::Layout;

#[derive(Clone, Debug)]
enum Operation {
    Allocate(usize),
    AllocateTagged(usize, u8),
    AllocateAligned(usize, u32, u8),
    Reallocate(usize, usize),
    Free(usize),
    AdjustDepth,
}

fn operation() -> impl Strategy<Value = Operation> {
    let bytes = || prop_oneof![8 => 0usize..70, 2 => 0usize..600, 1 => 4000usize..36_000];
    prop_oneof![
        4 => bytes().prop_map(Operation::Allocate),
        6 => (bytes(), 0u8..3).prop_map(|(bytes, tag)| Operation::AllocateTagged(bytes, tag)),
        1 => (bytes(), 0u32..17, 0u8..3)
            .prop_map(|(bytes, exponent, tag)| Operation::AllocateAligned(bytes, exponent, tag)),
        3 => (any::<usize>(), bytes()).prop_map(|(index, bytes)| Operation::Reallocate(index, bytes)),
        9 => any::<usize>().prop_map(Operation::Free),
        1 => Just(Operation::AdjustDepth),
    ]
}

struct Held {
    block: NonNull<u8>,
    bytes: usize,
    tag: Option<Tag>,
    alignment: usize,
    filled: u8,
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 1).unwrap()
}

/// The identities of one list: what came less what went is what is there, and P's misses are L's calls.
fn assert_identities(pool: &SmallPool, generation: Generation) {
    for list in 0..generation.lists() {
        let seen = pool.statistics(Kind::Paged, list).unwrap();
        let (p, l) = (seen.processor, seen.shared);
        assert_eq!(p.current_depth, p.free_hits - p.allocate_hits, "{seen:?}");
        assert!(p.allocate_hits <= p.total_allocates && p.free_hits <= p.total_frees);
        if generation.has_shared_lists() {
            assert_eq!(l.current_depth, l.free_hits - l.allocate_hits, "{seen:?}");
            assert_eq!(l.total_allocates, p.total_allocates - p.allocate_hits, "{seen:?}");
            assert_eq!(l.total_frees, p.total_frees - p.free_hits, "{seen:?}");
        }
    }
}

/// Every history has tags of its own, since the usage is the process's.
fn fresh_tags() -> [Tag; 3] {
    static NEXT: AtomicU32 = AtomicU32::new(0x4D00_0000);
    [(); 3].map(|()| Tag(NEXT.fetch_add(1, Relaxed)))
}

fn run(generation: Generation, engine: lookaside_core::EngineKind, operations: &[Operation]) {
    let tags_of_history = fresh_tags();
    // With Windows' tuning nothing is taken out by the scan, and with batches of one nothing moves but what is asked
    // for.
    let parameters = SmallPoolParameters {
        batch: 1,
        tuning: Tuning::Windows,
        engine: Some(engine),
        ..SmallPoolParameters::new(generation)
    };
    let pool = SmallPool::with(&parameters).unwrap();
    let mut held: Vec<Held> = Vec::new();
    let mut charged: HashMap<Tag, (u64, u64, u64)> = HashMap::new();
    let list_of = |bytes: usize, alignment: usize| if alignment > 16 { None } else { generation.list_of(bytes) };
    let size_charged = |bytes: usize, alignment: usize| {
        list_of(bytes, alignment).map_or(bytes.max(1), |list| generation.block_size(list)) as u64
    };
    for (step, operation) in operations.iter().enumerate() {
        let filled = step as u8;
        match *operation {
            Operation::Allocate(bytes) => {
                let block = pool.allocate(Kind::Paged, layout(bytes)).unwrap();
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(filled, bytes) };
                held.push(Held { block, bytes, tag: None, alignment: 1, filled });
            }
            Operation::AllocateTagged(bytes, tag) => {
                let tag = tags_of_history[usize::from(tag)];
                let block = NonNull::new(pool.allocate_tagged(PoolType::PAGED, bytes, tag)).unwrap();
                assert_eq!(block.addr().get() % if bytes < 4096 { 16 } else { 4096 }, 0);
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(filled, bytes) };
                held.push(Held { block, bytes, tag: Some(tag), alignment: 1, filled });
                let (allocates, _, in_use) = charged.entry(tag).or_default();
                *allocates += 1;
                *in_use += size_charged(bytes, 1);
            }
            Operation::AllocateAligned(bytes, exponent, tag) => {
                let (alignment, tag) = (1 << exponent, tags_of_history[usize::from(tag)]);
                let block = pool.allocate_tagged_aligned(PoolType::PAGED, bytes, alignment, tag);
                let block = NonNull::new(block).unwrap();
                assert_eq!(block.addr().get() % alignment, 0);
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(filled, bytes) };
                held.push(Held { block, bytes, tag: Some(tag), alignment, filled });
                let (allocates, _, in_use) = charged.entry(tag).or_default();
                *allocates += 1;
                *in_use += size_charged(bytes, alignment);
            }
            Operation::Reallocate(index, bytes) if !held.is_empty() => {
                let index = index % held.len();
                let Some(tag) = held[index].tag else { continue };
                let before = held.swap_remove(index);
                // SAFETY: the block is live; the old one is not used any more.
                let block = unsafe { pool.reallocate_tagged(PoolType::PAGED, before.block.as_ptr(), bytes, tag) };
                let block = NonNull::new(block).unwrap();
                // SAFETY: the block has this size.
                unsafe {
                    assert!((0..bytes.min(before.bytes)).all(|at| block.add(at).read() == before.filled));
                    block.write_bytes(filled, bytes);
                }
                let (allocates, frees, in_use) = charged.get_mut(&tag).unwrap();
                let moved = u64::from(block != before.block);
                *allocates += moved;
                *frees += moved;
                // One that does not move stays a block of its list, or of the general pool.
                let alignment = if moved == 0 { before.alignment } else { 1 };
                *in_use += size_charged(bytes, alignment);
                *in_use -= size_charged(before.bytes, before.alignment);
                held.push(Held { block, bytes, tag: Some(tag), alignment, filled });
            }
            Operation::Free(index) if !held.is_empty() => {
                let Held { block, bytes, tag, alignment, filled } = held.swap_remove(index % held.len());
                // SAFETY: the block is freed once, in the way it came.
                unsafe {
                    assert!((0..bytes).all(|at| block.add(at).read() == filled));
                    match tag {
                        None => pool.free(Kind::Paged, block, layout(bytes)),
                        Some(tag) => {
                            assert_eq!(pool.size_of_tagged(block.as_ptr()), bytes.max(1));
                            pool.free_tagged_sized(block.as_ptr(), bytes, tag);
                            let (_, frees, in_use) = charged.get_mut(&tag).unwrap();
                            *frees += 1;
                            *in_use -= size_charged(bytes, alignment);
                        }
                    }
                }
            }
            Operation::Free(_) | Operation::Reallocate(..) => {}
            Operation::AdjustDepth => adjust_depth(),
        }
        assert_identities(&pool, generation);
    }
    let mut seen = HashMap::new();
    tags(TagOrder::Tag, &mut |row| {
        if tags_of_history.contains(&row.tag) {
            seen.insert(row.tag, (row.allocates, row.frees, row.bytes));
        }
    })
    .unwrap();
    assert_eq!(seen, charged);
    for Held { block, bytes, tag, .. } in held {
        // SAFETY: as above.
        unsafe {
            match tag {
                None => pool.free(Kind::Paged, block, layout(bytes)),
                Some(tag) => pool.free_tagged(block.as_ptr(), tag),
            }
        }
    }
    assert_identities(&pool, generation);
}

#[test]
fn random_histories() {
    stay_on_one_processor();
    let engines = engines();
    let mut config = ProptestConfig::with_cases(60);
    config.failure_persistence = None;
    let generation = (0..Generation::ALL.len()).prop_map(|index| Generation::ALL[index]);
    proptest!(config, |(generation in generation, operations in prop::collection::vec(operation(), 1..300))| {
        for engine in &engines {
            run(generation, *engine, &operations);
        }
    });
}
