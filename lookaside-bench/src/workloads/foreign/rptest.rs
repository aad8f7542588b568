//! rptest: each thread has an array of blocks. In every loop it frees some of them, scattered over the array, then puts new
//! ones into as many scattered places, freeing what is there; in every second loop it also makes blocks that it hands to
//! another thread to free. From time to time it gives back everything.
//!
//! Source: M. Jansson, rpmalloc-benchmark, by its published description.

use std::ptr;
use std::sync::Mutex;

use super::parcel::{Parcel, threads};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::random::Random;
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};

pub const RPTEST: Workload = Workload::shared(
    Set::Foreign,
    "rptest",
    "scattered frees and allocates in 1000 places, and a third of the blocks for the next thread",
);

/// Places of a thread's array.
const PLACES: usize = 1000;
/// Blocks that are freed in a loop, that are made, and that are handed on.
const OPERATIONS: usize = 100;
/// One loop in this number hands blocks on.
const CROSS: u64 = 2;
/// After this number of loops everything is given back.
const LOOPS: u64 = 500;
/// The most blocks that wait for a thread, which may not come for long; a thread that would hand on more frees them itself.
const WAITING: usize = 20 * OPERATIONS;

pub fn run<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        let boxes: Vec<_> = (0..threads()).map(|_| Mutex::new(Parcel::with_room(WAITING))).collect();
        let took = team(threads(), pairs, &|thread| {
            let next = &boxes[(thread + 1) % boxes.len()];
            let mut array = Array::new(blocks, thread, &boxes[thread], next);
            Box::new(move |pairs| array.run(pairs))
        });
        for waiting in &boxes {
            // SAFETY: the blocks are this contender's.
            unsafe { lock(waiting).empty(blocks) };
        }
        took
    })
}

struct Array<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    places: [*mut u8; PLACES],
    random: Random,
    loops: u64,
    /// What others have for this thread, and what it has taken of it.
    mine: &'a Mutex<Parcel>,
    taken: Parcel,
    /// What this thread has for the next, and where that one finds it.
    made: Parcel,
    next: &'a Mutex<Parcel>,
}

impl<'a, C: Contender> Array<'a, C> {
    fn new(blocks: &'a Blocks<C>, thread: usize, mine: &'a Mutex<Parcel>, next: &'a Mutex<Parcel>) -> Self {
        let (taken, made) = (Parcel::with_room(WAITING), Parcel::with_room(OPERATIONS));
        Self {
            blocks,
            places: [ptr::null_mut(); PLACES],
            random: Random::new(thread),
            loops: 0,
            mine,
            taken,
            made,
            next,
        }
    }

    #[inline(never)]
    fn run(&mut self, pairs: u64) {
        let mut made = 0;
        while made < pairs {
            for _ in 0..OPERATIONS {
                let place = self.random.below(PLACES);
                self.clear(place);
            }
            for _ in 0..OPERATIONS {
                let place = self.random.below(PLACES);
                self.clear(place);
                self.places[place] = touch(self.blocks.allocate());
            }
            made += OPERATIONS as u64;
            self.loops += 1;
            if self.loops.is_multiple_of(CROSS) {
                self.hand_on();
                made += OPERATIONS as u64;
            }
            if self.loops.is_multiple_of(LOOPS) {
                (0..PLACES).for_each(|place| self.clear(place));
            }
        }
    }

    #[inline(always)]
    fn clear(&mut self, place: usize) {
        let block = std::mem::replace(&mut self.places[place], ptr::null_mut());
        if !block.is_null() {
            // SAFETY: the block was allocated when the place was filled.
            unsafe { self.blocks.free(block) };
        }
    }

    /// Makes blocks for the next thread, and frees those that the one before has made for this.
    fn hand_on(&mut self) {
        self.made.fill(self.blocks, OPERATIONS);
        let mut waiting = lock(self.next);
        if waiting.0.len() + OPERATIONS <= WAITING {
            waiting.0.append(&mut self.made.0);
        }
        drop(waiting);
        std::mem::swap(&mut self.taken, &mut *lock(self.mine));
        for parcel in [&mut self.made, &mut self.taken] {
            // SAFETY: this thread or the one before made the blocks, and no one else holds them.
            unsafe { parcel.empty(self.blocks) };
        }
    }
}

impl<C: Contender> Drop for Array<'_, C> {
    fn drop(&mut self) {
        (0..PLACES).for_each(|place| self.clear(place));
    }
}
