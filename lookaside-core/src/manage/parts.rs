//! Memory for the parts of lists (theory §1.2): regions of a row for each processor and each division.

use crate::list::most_divisions;
use crate::list::processor::Part;
use crate::platform::{self, rseq::layout};
use crate::wdk::Status;

/// Memory for parts that no record has yet. The part of processor `c` is at `next + (c << SHIFT)`, and after those of
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
/// row.
const STEP: usize = 16 * 1024;

impl Region {
    /// No memory.
    pub const NONE: Region = Region { next: core::ptr::null_mut(), left: 0, closed: 0 };

    /// Takes memory for the parts of one list on every processor, and for its shared list; `first` for the process'
    /// first list.
    pub fn take(&mut self, processors: u32, maximum: usize, first: bool) -> Result<(*mut u8, *mut u8), Status> {
        let rows = (processors + most_divisions(processors)) as usize;
        let bytes = Part::bytes(maximum);
        if self.left < bytes {
            let memory = if first { platform::reserve(ROW * rows) } else { platform::map(ROW * rows) };
            if memory.is_null() {
                return Err(Status::NO_MEMORY);
            }
            *self = Region { next: memory, left: ROW, closed: if first { ROW } else { 0 } };
        }
        if self.left - self.closed < bytes {
            self.open(rows, bytes)?;
        }
        let base = self.next;
        *self = Region { next: base.wrapping_add(bytes), left: self.left - bytes, closed: self.closed };
        Ok((base, base.wrapping_add((processors as usize) << layout::SHIFT)))
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
