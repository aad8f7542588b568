//! mstress: threads allocate and free at random, exchange blocks with each other through places that all of them reach,
//! and keep some for long. They end and are made anew, while blocks of theirs live on in those places.
//!
//! Source: D. Leijen, B. Zorn and L. de Moura, "Mimalloc: Free List Sharding in Action", MSR-TR-2019-18, and the
//! description in mimalloc's documentation.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Parcel, threads};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::random::Random;
use crate::ground::team::{lives, team};
use crate::ground::workload::{Set, Workload};

pub const MSTRESS: Workload = Workload::shared(
    Set::Foreign,
    "mstress",
    "threads allocate, free at random, exchange one block of four, end, and are made anew",
);

/// Places for blocks on their way to another thread.
const PLACES: usize = 1000;
/// Blocks that a thread has out, about, beside those that it keeps.
const OUT: usize = 500;
/// One block in this number is kept until the thread ends.
const KEEP: usize = 10;
/// One block in this number is exchanged for the one in a place.
const EXCHANGE: usize = 4;
/// How many blocks a thread makes before it ends.
const LIFE: u64 = 25_000;

pub fn run<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        let places: Vec<_> = (0..PLACES).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        let took = team(threads(), pairs, &|thread| {
            let (places, mut random) = (&places[..], Random::new(thread));
            Box::new(move |pairs| lives(pairs, LIFE, &mut |life| live(blocks, places, &mut random, life)))
        });
        for block in places.into_iter().map(AtomicPtr::into_inner).filter(|block| !block.is_null()) {
            // SAFETY: the block waited in its place, and no one else holds it.
            unsafe { blocks.free(block) };
        }
        took
    })
}

/// What one thread does, from its birth to its end. In the places blocks wait for the next thread that comes by.
#[inline(never)]
fn live<C: Contender>(blocks: &Blocks<C>, places: &[AtomicPtr<u8>], random: &mut Random, life: u64) {
    let (mut out, mut kept) = (Parcel::with_room(blocks, 2 * OUT), Parcel::with_room(blocks, LIFE as usize / KEEP * 2));
    for _ in 0..life {
        let mut block = touch(blocks.allocate());
        if random.below(EXCHANGE) == 0 {
            // Release and Acquire pair with each other: what was written to the block is seen by who takes it.
            block = places[random.below(PLACES)].swap(block, Ordering::AcqRel);
            if block.is_null() {
                continue;
            }
        }
        if random.below(KEEP) == 0 {
            kept.blocks.push(block);
            continue;
        }
        out.blocks.push(block);
        if out.blocks.len() > OUT {
            let block = out.blocks.swap_remove(random.below(OUT));
            // SAFETY: the block was made here or came out of a place, and no one else holds it.
            unsafe { blocks.free(block) };
        }
    }
}
