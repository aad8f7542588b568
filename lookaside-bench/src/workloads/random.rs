//! A random working set: allocates and frees in no order, about half of the places full.

use std::ptr;

use super::touch;
use crate::contenders::Contender;

/// How many blocks can be out at once.
pub const PLACES: usize = 512;

/// The places of one thread. What is still in them goes back at the end.
pub struct WorkingSet<'a, C: Contender> {
    contender: &'a C,
    places: [*mut u8; PLACES],
    random: u64,
}

impl<'a, C: Contender> WorkingSet<'a, C> {
    /// An empty set; each thread walks it in an order of its own.
    pub fn new(contender: &'a C, thread: usize) -> Self {
        Self { contender, places: [ptr::null_mut(); PLACES], random: 0x9E37_79B9_7F4A_7C15 ^ thread as u64 }
    }

    /// As many allocates and frees as make up so many pairs.
    #[inline(never)]
    pub fn run(&mut self, pairs: u64) {
        if let Some(loops) = C::LOOPS {
            return (loops.random)(self.contender, &mut self.places, &mut self.random, pairs);
        }
        for _ in 0..2 * pairs {
            // Marsaglia's xorshift.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let place = &mut self.places[(self.random >> 32) as usize % PLACES];
            if place.is_null() {
                *place = touch(self.contender.allocate());
            } else {
                // SAFETY: the block was handed out when the place was filled, and leaves it now.
                unsafe { self.contender.free(*place) };
                *place = ptr::null_mut();
            }
        }
    }

    /// Which places are full.
    #[cfg(test)]
    pub fn filled(&self) -> impl Iterator<Item = bool> + '_ {
        self.places.iter().map(|place| !place.is_null())
    }
}

impl<C: Contender> Drop for WorkingSet<'_, C> {
    fn drop(&mut self) {
        for block in self.places.into_iter().filter(|block| !block.is_null()) {
            // SAFETY: the block was handed out when its place was filled.
            unsafe { self.contender.free(block) };
        }
    }
}
