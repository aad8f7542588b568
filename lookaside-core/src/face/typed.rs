//! The typed list.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::{Builder, LookasideList};
use crate::wdk::Status;

/// A list of blocks for values of one type. Boxes borrow it, so that it cannot go before they do.
///
/// ```
/// use lookaside_core::Lookaside;
///
/// struct Packet { length: usize, bytes: [u8; 1500] }
///
/// let packets = Lookaside::<Packet>::new()?;
/// let mut packet = packets.allocate(Packet { length: 0, bytes: [0; 1500] }).unwrap_or_else(|_| panic!("out of memory"));
/// packet.length = 4;
/// drop(packet); // The block goes back to the list.
/// assert_eq!(packets.list().statistics().list.total_frees, 1);
/// # Ok::<(), lookaside_core::Status>(())
/// ```
///
/// A box cannot outlive its list:
///
/// ```compile_fail
/// use lookaside_core::Lookaside;
/// let list = Lookaside::<u64>::new().unwrap();
/// let kept = list.allocate(1);
/// drop(list);
/// drop(kept);
/// ```
pub struct Lookaside<T> {
    list: LookasideList,
    // It makes and drops values of T on whatever thread a box goes to.
    _values: PhantomData<fn() -> T>,
}

impl<T> Lookaside<T> {
    /// A list with defaults.
    #[track_caller]
    pub fn new() -> Result<Lookaside<T>, Status> {
        Self::build(|builder| builder)
    }

    /// A list with the settings that `describe` makes on the builder it gets. Size and alignment are those of `T`, at the least.
    ///
    /// ```
    /// use lookaside_core::{Lookaside, Tag};
    /// let nodes = Lookaside::<[u64; 8]>::build(|list| list.name("nodes").tag(Tag::new(*b"Node")))?;
    /// # Ok::<(), lookaside_core::Status>(())
    /// ```
    #[track_caller]
    pub fn build<'a>(describe: impl FnOnce(Builder<'a>) -> Builder<'a>) -> Result<Lookaside<T>, Status> {
        let size = size_of::<T>().max(1);
        let alignment = align_of::<T>().max(crate::wdk::DEFAULT_ALIGNMENT);
        let list = describe(Builder::new(size).alignment(alignment)).at_least(size, alignment).build()?;
        Ok(Lookaside { list, _values: PhantomData })
    }

    /// Puts a value into a block; gives it back when the pool has none.
    #[inline]
    #[track_caller]
    pub fn allocate(&self, value: T) -> Result<LookasideBox<'_, T>, T> {
        match self.list.allocate() {
            None => Err(value),
            Some(block) => {
                let place = block.cast::<T>();
                // SAFETY: the block has T's size and alignment, and is ours.
                unsafe { place.write(value) };
                Ok(LookasideBox { place, list: self })
            }
        }
    }

    /// The list beneath, for statistics and maintenance.
    #[must_use]
    pub fn list(&self) -> &LookasideList {
        &self.list
    }
}

impl<T> fmt::Debug for Lookaside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookaside").field("list", &self.list).finish()
    }
}

/// A value in a block of a [`Lookaside`]; dropping it drops the value and gives the block back.
pub struct LookasideBox<'a, T> {
    place: NonNull<T>,
    list: &'a Lookaside<T>,
}

// SAFETY: a box owns its value, and the list may be used from any thread.
unsafe impl<T: Send> Send for LookasideBox<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for LookasideBox<'_, T> {}

impl<'a, T> LookasideBox<'a, T> {
    /// Takes the value out, and gives the block back.
    #[track_caller]
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is read once, and the block freed once, since `this` is not dropped.
        unsafe {
            let value = this.place.read();
            this.list.list.free(this.place.cast());
            value
        }
    }

    /// Gives the place away; the caller owns the value and its block.
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).place
    }

    /// A box again.
    ///
    /// # Safety
    /// `place` came from [`LookasideBox::into_raw`] of a box of this list, and is used for one box alone.
    #[must_use]
    pub unsafe fn from_raw(place: NonNull<T>, list: &'a Lookaside<T>) -> Self {
        LookasideBox { place, list }
    }
}

impl<T> Drop for LookasideBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        /// Gives the block back also when the value's drop panics.
        struct Block<'a, T>(&'a LookasideBox<'a, T>);
        impl<T> Drop for Block<'_, T> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: the box owns its block, and is being dropped.
                unsafe { self.0.list.list.free(self.0.place.cast()) };
            }
        }
        let block = Block(self);
        // SAFETY: the box owns its value, and is being dropped.
        unsafe { block.0.place.drop_in_place() };
    }
}

impl<T> Deref for LookasideBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns an initialised value.
        unsafe { self.place.as_ref() }
    }
}

impl<T> DerefMut for LookasideBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in deref, and `self` is borrowed exclusively.
        unsafe { self.place.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for LookasideBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
