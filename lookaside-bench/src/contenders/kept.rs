//! Pools as people write them by hand: a stack of free blocks, of 1,024 at most, and malloc behind it.

use crate::ground::contender::Contender;

/// The stack.
pub trait Stack {
    /// Takes a block that was kept, if there is one.
    fn pop(&self) -> Option<*mut u8>;

    /// Keeps a block, if there is room.
    ///
    /// # Safety
    /// The block came from malloc, is free, and the caller's to give.
    unsafe fn push(&self, block: *mut u8) -> bool;

    /// Fills places from the front, and returns how many.
    #[inline(always)]
    fn pop_many(&self, out: &mut [*mut u8]) -> usize {
        for (filled, place) in out.iter_mut().enumerate() {
            match self.pop() {
                Some(block) => *place = block,
                None => return filled,
            }
        }
        out.len()
    }

    /// Keeps blocks from the front, and returns how many.
    ///
    /// # Safety
    /// As for `push`.
    #[inline(always)]
    unsafe fn push_many(&self, blocks: &[*mut u8]) -> usize {
        // SAFETY: as the caller says.
        blocks.iter().position(|&block| unsafe { !self.push(block) }).unwrap_or(blocks.len())
    }

    /// How many blocks it keeps.
    fn depth(&self) -> u64;
}

/// A stack that is a `Vec`, whose capacity is the most that it keeps.
pub trait Vecs {
    /// Does some work with the `Vec`, alone.
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R;

    /// Makes room for this number of blocks where there is none, and returns whether it did.
    #[inline(always)]
    fn make_room(_blocks: &mut Vec<*mut u8>, _count: usize) -> bool {
        false
    }
}

impl<V: Vecs> Stack for V {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        self.with(Vec::pop)
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        self.with(|blocks| {
            if blocks.len() < blocks.capacity() {
                blocks.push(block);
                return true;
            }
            V::make_room(blocks, 1) && {
                blocks.push(block);
                true
            }
        })
    }

    #[inline(always)]
    fn pop_many(&self, out: &mut [*mut u8]) -> usize {
        self.with(|blocks| {
            let from = blocks.len().saturating_sub(out.len());
            let kept = blocks.len() - from;
            out[..kept].copy_from_slice(&blocks[from..]);
            blocks.truncate(from);
            kept
        })
    }

    #[inline(always)]
    unsafe fn push_many(&self, given: &[*mut u8]) -> usize {
        self.with(|blocks| {
            if blocks.capacity() - blocks.len() < given.len() {
                V::make_room(blocks, given.len());
            }
            let room = (blocks.capacity() - blocks.len()).min(given.len());
            blocks.extend_from_slice(&given[..room]);
            room
        })
    }

    fn depth(&self) -> u64 {
        self.with(|blocks| blocks.len() as u64)
    }
}

pub struct Block(pub *mut u8);

// SAFETY: a free block belongs to no thread, so any may take it.
unsafe impl Send for Block {}

/// The pool. It keeps what its stack takes, and gives it back to malloc when it is dropped.
pub struct Kept<S: Stack>(pub S);

impl<S: Stack> Contender for Kept<S> {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        match self.0.pop() {
            Some(block) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc(size).cast() },
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: every block came from malloc, and the caller gives this one back.
        if unsafe { !self.0.push(block) } {
            // SAFETY: as above, and it was not kept.
            unsafe { libc::free(block.cast()) };
        }
    }

    #[inline(always)]
    unsafe fn allocate_many(&self, out: &mut [*mut u8], size: usize) -> usize {
        let kept = self.0.pop_many(out);
        // SAFETY: malloc takes any size.
        out[kept..].iter_mut().for_each(|place| *place = unsafe { libc::malloc(size).cast() });
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8], _size: usize) {
        // SAFETY: every block came from malloc, and the caller gives these back.
        let kept = unsafe { self.0.push_many(blocks) };
        // SAFETY: as above, and these were not kept.
        blocks[kept..].iter().for_each(|block| unsafe { libc::free(block.cast()) });
    }

    fn kept(&self) -> Option<u64> {
        Some(self.0.depth())
    }
}

impl<S: Stack> Drop for Kept<S> {
    fn drop(&mut self) {
        while let Some(block) = self.0.pop() {
            // SAFETY: every block came from malloc, and no one else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}
