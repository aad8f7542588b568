//! Boxes by runs: one section, or trip, for the blocks of many.

use core::fmt;
use core::mem::take;
use core::ptr::{NonNull, null_mut};

use super::{AllocateError, Lookaside, LookasideBox, LookasideList};
use crate::platform::Caller;
use crate::wdk::RawList;

/// Blocks that come or go at once, at most.
const RUN: usize = 32;

/// Blocks of a list that hold nothing. Dropped, they go back to it.
pub(super) struct Run<'a> {
    list: &'a LookasideList,
    blocks: [*mut u8; RUN],
    // The first ones are blocks.
    count: usize,
}

// SAFETY: the blocks are the run's own, and may be freed on any thread.
unsafe impl Send for Run<'_> {}
// SAFETY: nothing can be done with a shared run.
unsafe impl Sync for Run<'_> {}

impl<'a> Run<'a> {
    pub(super) fn new(list: &'a LookasideList) -> Self {
        Run { list, blocks: [null_mut(); RUN], count: 0 }
    }

    fn free(&mut self) {
        let count = take(&mut self.count);
        // SAFETY: the list lives; the blocks are the run's own, and are freed once.
        unsafe { RawList::free_many_by(self.list.as_raw(), &self.blocks[..count], Caller::Unknown) };
    }

    /// Takes up to this many blocks from the list.
    fn fill(&mut self, wanted: usize) {
        debug_assert!(self.count == 0);
        self.count = self.list.allocate_many(&mut self.blocks[..wanted.min(RUN)]);
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        self.count = self.count.checked_sub(1)?;
        // SAFETY: `fill` found a block for each place below the count, which is within the array.
        Some(unsafe { NonNull::new_unchecked(*self.blocks.get_unchecked(self.count)) })
    }

    /// Takes in a block, which may still hold a value: it is freed by the next push that finds no room, or the drop.
    #[inline]
    fn push(&mut self, block: NonNull<u8>) {
        if self.count == RUN {
            self.free();
        }
        self.blocks[self.count] = block.as_ptr();
        self.count += 1;
    }

    /// Drops the value of a box, and takes its block in, also when that drop panics.
    ///
    /// # Safety
    /// The block of the run's list that begins at `place` is the caller's, and has a value there.
    #[inline]
    pub(super) unsafe fn end<T>(&mut self, place: NonNull<T>) {
        self.push(place.cast());
        // SAFETY: the value is the caller's. Its block is freed after this.
        unsafe { place.drop_in_place() };
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.free();
    }
}

impl<T> Lookaside<T> {
    /// Puts each value into a block: an iterator of boxes, which takes blocks from the list in runs of up to 32, by what
    /// `values` says of its length. A value for which the pool has no block is carried back by its error.
    /// O(values), and one or two trips for each run unless the pool is asked. Blocks that were taken and not used go back
    /// when the iterator is dropped.
    ///
    /// ```
    /// use lookaside_core::{Lookaside, LookasideBox};
    ///
    /// let packets = Lookaside::<[u8; 256]>::new()?;
    /// let batch: Vec<LookasideBox<[u8; 256]>> = packets.allocate_many((0..100).map(|n| [n; 256])).collect::<Result<_, _>>()?;
    /// assert!(batch.iter().enumerate().all(|(n, packet)| usize::from(packet[255]) == n));
    /// packets.free_many(batch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn allocate_many<I: IntoIterator<Item = T>>(&self, values: I) -> AllocateMany<'_, I::IntoIter> {
        AllocateMany { run: Run::new(self.list()), values: values.into_iter() }
    }

    /// Drops boxes, of a `Vec`, an array or any other iterator, and gives their blocks back in runs of up to 32: see
    /// [`RawList::free_many`]. Boxes of another list are dropped one by one.
    ///
    /// If the drop of a value panics, every block comes back all the same.
    #[inline]
    pub fn free_many<'a>(&self, boxes: impl IntoIterator<Item = LookasideBox<'a, T>>) {
        let mut run = Run::new(self.list());
        for boxed in boxes {
            if !core::ptr::eq(boxed.home(), self.list()) {
                continue;
            }
            // SAFETY: the block of this list, and the value in it, were the box's.
            unsafe { run.end(boxed.into_raw()) };
        }
    }
}

/// The boxes that [`Lookaside::allocate_many`] makes.
pub struct AllocateMany<'a, I> {
    run: Run<'a>,
    values: I,
}

impl<'a, T, I: Iterator<Item = T>> Iterator for AllocateMany<'a, I> {
    type Item = Result<LookasideBox<'a, T>, AllocateError<T>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let value = self.values.next()?;
        if self.run.count == 0 {
            self.run.fill(self.values.size_hint().0.saturating_add(1));
        }
        let Some(block) = self.run.pop() else { return Some(Err(AllocateError(value))) };
        let place = block.cast::<T>();
        // SAFETY: the list was built for values of type T, and the block is ours.
        Some(Ok(unsafe {
            place.write(value);
            LookasideBox::of(place, self.run.list)
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl<T, I: ExactSizeIterator<Item = T>> ExactSizeIterator for AllocateMany<'_, I> {}

impl<I> fmt::Debug for AllocateMany<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocateMany").field("taken", &self.run.count).finish_non_exhaustive()
    }
}
