//! Owned boxes by runs: the blocks come and go as those of `many_boxes` do, the shares one by one.

use core::fmt;
use std::sync::Arc;

use super::many_boxes::Run;
use super::{AllocateError, AllocateMany, Lookaside, OwnedBox};

impl<T> Lookaside<T> {
    /// Puts each value into a block, in a box that owns a share of the list: an iterator of such boxes. Otherwise as
    /// [`Lookaside::allocate_many`]; each box costs one locked instruction more, for its share.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use lookaside_core::{Lookaside, OwnedBox};
    ///
    /// let packets = Arc::new(Lookaside::<[u8; 256]>::new()?);
    /// let batch: Vec<OwnedBox<[u8; 256]>> = packets.allocate_owned_many((0..100).map(|n| [n; 256])).collect::<Result<_, _>>()?;
    /// let (list, first) = (Arc::clone(&packets), batch[0][0]);
    /// std::thread::spawn(move || list.free_owned_many(batch)).join().unwrap();
    /// assert_eq!((first, packets.list().statistics().outstanding), (0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn allocate_owned_many<I: IntoIterator<Item = T>>(
        self: &Arc<Self>,
        values: I,
    ) -> AllocateOwnedMany<'_, T, I::IntoIter> {
        AllocateOwnedMany { boxes: self.allocate_many(values), list: self }
    }

    /// Drops boxes that own a share of the list, and gives their blocks back in runs of up to 32. Boxes of another list
    /// are dropped one by one. Otherwise as [`Lookaside::free_many`].
    #[inline]
    pub fn free_owned_many(&self, boxes: impl IntoIterator<Item = OwnedBox<T>>) {
        let mut run = Run::new(self.list());
        for boxed in boxes {
            if !boxed.is_of(self.list()) {
                continue;
            }
            // The share goes here: `self` is another reason for the list to stay.
            let (place, _) = boxed.into_parts();
            // SAFETY: the block of this list, and the value in it, were the box's.
            unsafe { run.end(place) };
        }
    }
}

/// The boxes that [`Lookaside::allocate_owned_many`] makes.
pub struct AllocateOwnedMany<'a, T, I> {
    boxes: AllocateMany<'a, I>,
    list: &'a Arc<Lookaside<T>>,
}

impl<T, I: Iterator<Item = T>> Iterator for AllocateOwnedMany<'_, T, I> {
    type Item = Result<OwnedBox<T>, AllocateError<T>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let boxed = self.boxes.next()?;
        Some(boxed.map(|boxed| OwnedBox::of(boxed, self.list)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.boxes.size_hint()
    }
}

impl<T, I: ExactSizeIterator<Item = T>> ExactSizeIterator for AllocateOwnedMany<'_, T, I> {}

impl<T, I> fmt::Debug for AllocateOwnedMany<'_, T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocateOwnedMany").field("boxes", &self.boxes).finish_non_exhaustive()
    }
}
