//! mstress: threads allocate and free at random, exchange blocks with each other through places that all of them reach,
//! and keep some for long. They end and are made anew, while blocks of theirs live on in those places.
//!
//! Source: D. Leijen, B. Zorn and L. de Moura, "Mimalloc: Free List Sharding in Action", MSR-TR-2019-18, and the
//! description in mimalloc's documentation.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

use super::{Parcel, threads};
use crate::contenders::Contender;
use crate::workloads::dice::Dice;
use crate::workloads::{TEAM_ROUND, team, timed, touch};

/// Places for blocks on their way to another thread.
const PLACES: usize = 1000;
/// Blocks that a thread has out, about, beside those that it keeps.
const OUT: usize = 500;
/// One block in so many is kept until the thread ends.
const KEEP: usize = 10;
/// One block in so many is exchanged for the one in a place.
const EXCHANGE: usize = 4;
/// How many blocks a thread makes before it ends.
const LIFE: u64 = 25_000;

/// Nanoseconds for a block.
pub fn play<C: Contender + Sync>(contender: &C) -> f64 {
    timed(TEAM_ROUND, |pairs| {
        let places = Places::new(contender);
        team(threads(), pairs, |thread| {
            let mut dice = Dice::new(thread);
            let places = &places;
            move |mut pairs| {
                while pairs > 0 {
                    let life = pairs.min(LIFE);
                    pairs -= life;
                    thread::scope(|scope| {
                        scope.spawn(|| live(places, &mut dice, life));
                    });
                }
            }
        })
    })
}

/// What one thread does, from its birth to its end.
#[inline(never)]
fn live<C: Contender>(places: &Places<'_, C>, dice: &mut Dice, life: u64) {
    let contender = places.contender;
    let (mut out, mut kept) = (Parcel::with_room(2 * OUT), Parcel::with_room(LIFE as usize / KEEP * 2));
    for _ in 0..life {
        let mut block = touch(contender.allocate());
        if dice.below(EXCHANGE) == 0 {
            block = places.exchange(dice.below(PLACES), block);
            if block.is_null() {
                continue;
            }
        }
        if dice.below(KEEP) == 0 {
            kept.0.push(block);
            continue;
        }
        out.0.push(block);
        if out.0.len() > OUT {
            let block = out.0.swap_remove(dice.below(OUT));
            // SAFETY: the block was made here or came out of a place, and nobody else holds it.
            unsafe { contender.free(block) };
        }
    }
    for mut parcel in [out, kept] {
        // SAFETY: as above.
        unsafe { parcel.empty(contender) };
    }
}

/// Where blocks wait for whoever comes by.
struct Places<'a, C: Contender> {
    contender: &'a C,
    blocks: Vec<AtomicPtr<u8>>,
}

impl<'a, C: Contender> Places<'a, C> {
    fn new(contender: &'a C) -> Self {
        Self { contender, blocks: (0..PLACES).map(|_| AtomicPtr::new(ptr::null_mut())).collect() }
    }

    /// Leaves a block in a place and takes the one that was there, or null.
    #[inline(always)]
    fn exchange(&self, place: usize, block: *mut u8) -> *mut u8 {
        // Release and Acquire pair with each other: what was written to the block is seen by who takes it.
        self.blocks[place].swap(block, Ordering::AcqRel)
    }
}

impl<C: Contender> Drop for Places<'_, C> {
    fn drop(&mut self) {
        for block in self.blocks.iter_mut().map(|place| *place.get_mut()).filter(|block| !block.is_null()) {
            // SAFETY: the block waited in its place, and nobody else holds it.
            unsafe { self.contender.free(block) };
        }
    }
}
