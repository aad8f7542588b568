//! A random working set: allocates and frees in no order, about half of the places full.

use std::ptr;

use crate::ground::contender::{Blocks, Contender, PLACES};
use crate::ground::measure::touch;
use crate::ground::random::Random;
use crate::ground::team::Work;
use crate::ground::workload::{Set, Workload};

pub const RANDOM: Workload = Workload::new(Set::Lists, "random", "random allocates and frees in 512 places");
pub const RANDOM_2T: Workload = Workload::shared(Set::Lists, "random-2t", "random on two threads");
pub const OVERSUBSCRIBED: Workload =
    Workload::shared(Set::Lists, "oversubscribed", "random on four threads for each processor, per processor");

/// The places of one thread. What is still in them is freed at the end.
pub struct WorkingSet<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    places: [*mut u8; PLACES],
    random: Random,
}

/// The work on a set of a thread, in which `settled` pairs were done before.
pub fn work<C: Contender>(blocks: &Blocks<C>, thread: usize, settled: u64) -> Work<'_> {
    let mut set = WorkingSet::new(blocks, thread);
    set.run(settled);
    Box::new(move |pairs| set.run(pairs))
}

impl<'a, C: Contender> WorkingSet<'a, C> {
    /// An empty set; each thread walks it in an order of its own.
    pub fn new(blocks: &'a Blocks<C>, thread: usize) -> Self {
        Self { blocks, places: [ptr::null_mut(); PLACES], random: Random(0x9E37_79B9_7F4A_7C15 ^ thread as u64) }
    }

    /// As many allocates and frees as make up a number of pairs.
    #[inline(never)]
    pub fn run(&mut self, pairs: u64) {
        if let Some(loops) = self.blocks.source().loops() {
            let places = self.places.as_mut_ptr().cast();
            // SAFETY: the loops are the contender's own, and so is what is in the places.
            return unsafe { (loops.random)(loops.pool, places, &raw mut self.random.0, pairs) };
        }
        for _ in 0..2 * pairs {
            let place = &mut self.places[(self.random.draw() >> 32) as usize % PLACES];
            if place.is_null() {
                *place = touch(self.blocks.allocate());
            } else {
                // SAFETY: the block was allocated when the place was filled, and leaves it now.
                unsafe { self.blocks.free(*place) };
                *place = ptr::null_mut();
            }
        }
    }

    /// Which places are full.
    pub fn filled(&self) -> impl Iterator<Item = bool> + '_ {
        self.places.iter().map(|place| !place.is_null())
    }
}

impl<C: Contender> Drop for WorkingSet<'_, C> {
    fn drop(&mut self) {
        for block in self.places.into_iter().filter(|block| !block.is_null()) {
            // SAFETY: the block was allocated when its place was filled.
            unsafe { self.blocks.free(block) };
        }
    }
}
