//! Blocks that are there already, for what blocks go through on their way from thread to thread without an allocator.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::contender::Contender;

/// How many there are: more than can be on their way at once.
pub const STANDING: usize = 2 * super::ring::CAPACITY;

/// The same blocks by turns, for one thread that allocates.
pub struct Standing {
    words: Box<[AtomicU64]>,
    words_each: usize,
    next: AtomicUsize,
}

impl Standing {
    /// Makes them, each of `size` bytes or somewhat more.
    pub fn new(size: usize) -> Self {
        let words_each = 2 * size.div_ceil(16);
        let words = (0..STANDING * words_each).map(|_| AtomicU64::new(0)).collect();
        Self { words, words_each, next: AtomicUsize::new(0) }
    }
}

impl Contender for Standing {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        // Relaxed, and no exchange, since one thread allocates.
        let next = self.next.load(Ordering::Relaxed);
        self.next.store(next + 1, Ordering::Relaxed);
        self.words[next % STANDING * self.words_each].as_ptr().cast()
    }

    #[inline(always)]
    unsafe fn free(&self, _block: *mut u8, _size: usize) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Each block is on its way once at most, and blocks do not overlap.
    #[test]
    fn blocks_that_stand_come_by_turns() {
        let standing = Standing::new(40);
        let turn = || -> Vec<*mut u8> {
            // SAFETY: its blocks have 40 bytes.
            (0..STANDING).map(|_| unsafe { standing.allocate(40) }).collect()
        };
        let (first, second) = (turn(), turn());
        assert_eq!((first.iter().collect::<HashSet<_>>().len(), &first), (STANDING, &second));
        assert!(first.windows(2).all(|pair| pair[1].addr() - pair[0].addr() == 48));
    }
}
