//! rptest: each thread has an array of blocks. In every loop it frees some of them, scattered over the array, then puts new
//! ones into as many scattered places, freeing what is there; in every second loop it also makes blocks that it hands to
//! another thread to free. From time to time it gives back everything.
//!
//! Source: M. Jansson, rpmalloc-benchmark, by its published description.

use std::ptr;
use std::sync::Mutex;

use super::{Parcel, threads};
use crate::contenders::Contender;
use crate::workloads::dice::Dice;
use crate::workloads::team::lock;
use crate::workloads::{TEAM_ROUND, team, timed, touch};

/// Places of a thread's array.
const PLACES: usize = 1000;
/// Blocks that are freed in a loop, that are made, and that are handed on.
const OPERATIONS: usize = 100;
/// One loop in so many hands blocks on.
const CROSS: u64 = 2;
/// After so many loops everything is given back.
const LOOPS: u64 = 500;
/// The most blocks that wait for a thread, which may not come for long; who would hand on more frees them itself.
const WAITING: usize = 20 * OPERATIONS;

/// Nanoseconds for a block.
pub fn play<C: Contender + Sync>(contender: &C) -> f64 {
    timed(TEAM_ROUND, |pairs| {
        let boxes: Vec<_> = (0..threads()).map(|_| Mutex::new(Parcel::with_room(WAITING))).collect();
        let took = team(threads(), pairs, |thread| {
            let next = &boxes[(thread + 1) % boxes.len()];
            let mut array = Array::new(contender, thread, &boxes[thread], next);
            move |pairs| array.run(pairs)
        });
        for waiting in &boxes {
            // SAFETY: whoever handed the blocks on had them from this contender.
            unsafe { lock(waiting).empty(contender) };
        }
        took
    })
}

/// The array of one thread.
struct Array<'a, C: Contender> {
    contender: &'a C,
    places: [*mut u8; PLACES],
    dice: Dice,
    /// Loops done.
    loops: u64,
    /// What others have for this thread, and what it has taken of it.
    mine: &'a Mutex<Parcel>,
    taken: Parcel,
    /// What this thread has for the next, and where that one finds it.
    made: Parcel,
    next: &'a Mutex<Parcel>,
}

impl<'a, C: Contender> Array<'a, C> {
    fn new(contender: &'a C, thread: usize, mine: &'a Mutex<Parcel>, next: &'a Mutex<Parcel>) -> Self {
        let (taken, made) = (Parcel::with_room(WAITING), Parcel::with_room(OPERATIONS));
        Self {
            contender,
            places: [ptr::null_mut(); PLACES],
            dice: Dice::new(thread),
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
                let place = self.dice.below(PLACES);
                self.clear(place);
            }
            for _ in 0..OPERATIONS {
                let place = self.dice.below(PLACES);
                self.clear(place);
                self.places[place] = touch(self.contender.allocate());
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
            // SAFETY: the block was handed out when the place was filled.
            unsafe { self.contender.free(block) };
        }
    }

    /// Makes blocks for the next thread, and frees those that the one before has made for this.
    fn hand_on(&mut self) {
        self.made.fill(self.contender, OPERATIONS);
        let mut waiting = lock(self.next);
        if waiting.0.len() + OPERATIONS <= WAITING {
            waiting.0.append(&mut self.made.0);
        }
        drop(waiting);
        std::mem::swap(&mut self.taken, &mut *lock(self.mine));
        for parcel in [&mut self.made, &mut self.taken] {
            // SAFETY: this thread or the one before made the blocks, and nobody else holds them.
            unsafe { parcel.empty(self.contender) };
        }
    }
}

impl<C: Contender> Drop for Array<'_, C> {
    fn drop(&mut self) {
        (0..PLACES).for_each(|place| self.clear(place));
    }
}
