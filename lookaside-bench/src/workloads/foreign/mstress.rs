//! mstress: threads allocate and free at random, exchange blocks with each other through places that all of them reach,
//! and keep some for long. They end and are made anew, while blocks of theirs live on in those places.
//!
//! Source: D. Leijen, B. Zorn and L. de Moura, "Mimalloc: Free List Sharding in Action", MSR-TR-2019-18, and the
//! description in mimalloc's documentation.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::parcel::{Parcel, threads};
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
        let places = Places::new(blocks);
        team(threads(), pairs, &|thread| {
            let mut random = Random::new(thread);
            let places = &places;
            Box::new(move |pairs| lives(pairs, LIFE, &mut |life| live(places, &mut random, life)))
        })
    })
}

/// What one thread does, from its birth to its end.
#[inline(never)]
fn live<C: Contender>(places: &Places<'_, C>, random: &mut Random, life: u64) {
    let blocks = places.blocks;
    let (mut out, mut kept) = (Parcel::with_room(2 * OUT), Parcel::with_room(LIFE as usize / KEEP * 2));
    for _ in 0..life {
        let mut block = touch(blocks.allocate());
        if random.below(EXCHANGE) == 0 {
            block = places.exchange(random.below(PLACES), block);
            if block.is_null() {
                continue;
            }
        }
        if random.below(KEEP) == 0 {
            kept.0.push(block);
            continue;
        }
        out.0.push(block);
        if out.0.len() > OUT {
            let block = out.0.swap_remove(random.below(OUT));
            // SAFETY: the block was made here or came out of a place, and no one else holds it.
            unsafe { blocks.free(block) };
        }
    }
    for mut parcel in [out, kept] {
        // SAFETY: as above.
        unsafe { parcel.empty(blocks) };
    }
}

/// Where blocks wait for the next thread that comes by.
struct Places<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    places: Vec<AtomicPtr<u8>>,
}

impl<'a, C: Contender> Places<'a, C> {
    fn new(blocks: &'a Blocks<C>) -> Self {
        Self { blocks, places: (0..PLACES).map(|_| AtomicPtr::new(ptr::null_mut())).collect() }
    }

    /// Leaves a block in a place and takes the one that was there, or null.
    #[inline(always)]
    fn exchange(&self, place: usize, block: *mut u8) -> *mut u8 {
        // Release and Acquire pair with each other: what was written to the block is seen by who takes it.
        self.places[place].swap(block, Ordering::AcqRel)
    }
}

impl<C: Contender> Drop for Places<'_, C> {
    fn drop(&mut self) {
        for block in self.places.iter_mut().map(|place| *place.get_mut()).filter(|block| !block.is_null()) {
            // SAFETY: the block waited in its place, and no one else holds it.
            unsafe { self.blocks.free(block) };
        }
    }
}
