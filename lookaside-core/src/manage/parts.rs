//! Memory for the parts of lists (theory §1.2): regions of a row for each processor, or slot, and each division.

use crate::list::most_divisions;
use crate::list::processor::Part;
use crate::platform::{self, rseq::layout};
use crate::wdk::Status;

/// Memory for parts that no record has yet. The part of processor, or slot, `c` is at `next + (c << SHIFT)`, and after those of
/// all processors, in the same way, the rows of the shared list's divisions. Never unmapped.
#[derive(Debug)]
pub struct Region {
    next: *mut u8,
    left: usize,
    /// What of `left`, at its end, may not be touched yet.
    closed: usize,
}

/// Bytes of a row.
const ROW: usize = 1 << layout::SHIFT;

/// The first region becomes usable by steps of this many bytes of each row, so that a program that has all its memory
/// locked (`mlockall`) pays for what few lists need. Others are usable at once: each step cuts the mapping of every
/// row. One with a row for each slot has too many rows for steps.
const STEP: usize = 16 * 1024;

/// How many parts a list has, and how many processors the machine may have.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub parts: u32,
    pub processors: u32,
}

impl Region {
    /// No memory.
    pub const NONE: Region = Region { next: core::ptr::null_mut(), left: 0, closed: 0 };

    /// Takes memory for all parts of one list, and for its shared list; `first` for the process' first list.
    pub fn take(&mut self, numbers: Numbers, maximum: usize, first: bool) -> Result<(*mut u8, *mut u8), Status> {
        let rows = (numbers.parts + most_divisions(numbers.processors)) as usize;
        let bytes = Part::bytes(maximum);
        let by_slot = numbers.parts != numbers.processors;
        if self.left < bytes {
            let by_steps = first && !by_slot;
            let memory = match by_steps {
                _ if by_slot => platform::map_lazily(ROW * rows),
                true => platform::reserve(ROW * rows),
                false => platform::map(ROW * rows),
            };
            if memory.is_null() {
                return Err(Status::NO_MEMORY);
            }
            *self = Region { next: memory, left: ROW, closed: if by_steps { ROW } else { 0 } };
        }
        if self.left - self.closed < bytes {
            self.open(rows, bytes)?;
        }
        let base = self.next;
        *self = Region { next: base.wrapping_add(bytes), left: self.left - bytes, closed: self.closed };
        Ok((base, base.wrapping_add((numbers.parts as usize) << layout::SHIFT)))
    }

    /// Makes the next bytes of each row usable, by whole steps.
    fn open(&mut self, rows: usize, bytes: usize) -> Result<(), Status> {
        let opened = self.left - self.closed;
        // A row's length is a multiple of steps.
        let more = (bytes - opened).next_multiple_of(STEP.max(platform::page_size()));
        for row in 0..rows {
            let start = self.next.wrapping_add((row << layout::SHIFT) + opened);
            // SAFETY: the pages are of the region, which has them in each row, and no list has them yet.
            if !unsafe { platform::commit(start, more) } {
                return Err(Status::NO_MEMORY);
            }
        }
        self.closed -= more;
        Ok(())
    }
}
