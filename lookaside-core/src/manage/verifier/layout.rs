//! What surrounds a verified block, and what it is filled with.

use core::ptr;

use crate::list::Settings;
use crate::pool::{Request, Source};

/// A block that was never written since it was allocated is full of these.
const FRESH: u8 = 0xCB;
/// A block that was freed, while the verifier keeps it.
const FREED: u8 = 0xF5;
/// The zones before and behind a block.
const ZONE: u8 = 0x9E;

/// Bytes that are looked at on each side.
const REACH: usize = 32;
/// A zone in front costs one alignment; above this there is none.
const FRONT_LIMIT: usize = 4096;

/// How the blocks of a list are in what its pool is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// What the pool is asked for.
    pub request: Request,
    /// Whether the memory is the library's to fill, to surround and to keep back: there are no callbacks, which must
    /// get each call and know their blocks, and the pool does not do all this by itself.
    pub own: bool,
    front: usize,
    size: usize,
}

impl Layout {
    pub fn of(settings: &Settings) -> Layout {
        let backing = &settings.backing;
        let request = settings.request;
        let special = matches!(backing.source, Source::Special { .. });
        let own = !backing.allocates_by_callback() && !backing.frees_by_callback() && !special;
        if own { Layout::own(request) } else { Layout { request, own, front: 0, size: request.size } }
    }

    /// How blocks lie in memory of the library's.
    pub fn own(request: Request) -> Layout {
        let front = if request.alignment <= FRONT_LIMIT { request.alignment } else { 0 };
        // A size is so small that this cannot overflow.
        let size = front + request.size + REACH;
        Layout { request: Request { size, ..request }, own: true, front, size: request.size }
    }

    /// Surrounds and fills a new block of the pool; returns where the caller's begins.
    ///
    /// # Safety
    /// The memory came from the pool by `request`, and is the caller's.
    pub unsafe fn prepare(&self, memory: *mut u8) -> *mut u8 {
        // SAFETY: all of it lies within the request.
        unsafe {
            let block = memory.add(self.front);
            self.fill(block, FRESH);
            block
        }
    }

    unsafe fn fill(&self, block: *mut u8, with: u8) {
        if self.own {
            let before = self.front.min(REACH);
            // SAFETY: the memory is the caller's, and all of it lies within the request.
            unsafe {
                block.sub(before).write_bytes(ZONE, before);
                block.write_bytes(with, self.size);
                block.add(self.size).write_bytes(ZONE, REACH);
            }
        }
    }

    /// Returns the first byte of the zones that was written, as an offset in the block: behind it if any, else the
    /// nearest before it.
    ///
    /// # Safety
    /// `prepare` returned this block, and it was not given back.
    pub unsafe fn overrun(&self, block: *const u8) -> Option<isize> {
        if !self.own {
            return None;
        }
        // SAFETY: all of it lies within the request. Reads are volatile, since others may be writing where they must
        // not.
        unsafe {
            let damaged = |offset: &isize| ptr::read_volatile(block.offset(*offset)) != ZONE;
            let (behind, before) = (self.size as isize, self.front.min(REACH) as isize);
            (behind..behind + REACH as isize).find(damaged).or_else(|| (-before..0).rev().find(damaged))
        }
    }

    /// Fills a freed block, and surrounds it anew, so that a damage is reported once.
    ///
    /// # Safety
    /// As for `overrun`, and no one uses the block any more.
    pub unsafe fn bury(&self, block: *mut u8) {
        // SAFETY: the block is freed, so its bytes are the verifier's.
        unsafe { self.fill(block, FREED) };
    }

    /// Returns the first byte in or around a buried block that was written since, as an offset in the block.
    ///
    /// # Safety
    /// As for `overrun`.
    pub unsafe fn disturbed(&self, block: *const u8) -> Option<isize> {
        // SAFETY: `prepare` returned the block, so the bytes around it exist.
        unsafe {
            const WORD: usize = size_of::<u64>();
            let written = |offset: &usize| ptr::read_volatile(block.add(*offset)) != FREED;
            let word_written = |word: &usize| {
                // Blocks may be aligned to less than a word.
                block.add(word * WORD).cast::<u64>().read_unaligned() != u64::from_ne_bytes([FREED; WORD])
            };
            let words = self.size / WORD;
            let from = (0..words).find(word_written).unwrap_or(words) * WORD;
            (from..self.size).find(written).map(|offset| offset as isize).or_else(|| self.overrun(block))
        }
    }

    /// Returns what the pool gave for this block.
    ///
    /// # Safety
    /// As for `overrun`.
    pub unsafe fn memory(&self, block: *mut u8) -> *mut u8 {
        // SAFETY: `prepare` returned the block, `front` bytes behind the memory's start.
        unsafe { block.sub(self.front) }
    }
}
