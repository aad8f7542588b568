//! The typed list.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::{AllocateError, BuildError, Builder, LookasideBox, LookasideList, block_layout, name};

/// A list of blocks for values of one type. Boxes borrow it, so that it cannot go before they do.
///
/// ```
/// use lookaside_core::Lookaside;
///
/// struct Packet { length: usize, bytes: [u8; 1500] }
///
/// let packets = Lookaside::<Packet>::new()?;
/// let mut packet = packets.allocate(Packet { length: 0, bytes: [0; 1500] })?;
/// packet.length = 4;
/// drop(packet); // The block goes back to the list.
/// assert_eq!(packets.list().statistics().list.total_frees, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A list that lives as long as the program lends boxes without a lifetime to name: see
/// [`LazyLookaside`](crate::LazyLookaside). Boxes of a list in an `Arc` may own a share of it: see
/// [`Lookaside::allocate_owned`].
///
/// With the feature `serde` a `&Lookaside<T>` is a seed (`DeserializeSeed`) that puts what it reads into a box.
// The same memory as its list, so that an `Arc` of the one can be an `Arc` of the other.
#[repr(transparent)]
pub struct Lookaside<T> {
    list: LookasideList,
    // It makes and drops values of T on any thread that a box goes to.
    _values: PhantomData<fn() -> T>,
}

impl<T> Lookaside<T> {
    /// Makes a list with defaults. Fails as [`Builder::build`].
    #[track_caller]
    pub fn new() -> Result<Lookaside<T>, BuildError> {
        Self::build(|builder| builder)
    }

    /// Makes a list with the settings that `describe` makes on the builder it gets. Size and alignment are those of
    /// `T`, at the least. Errors as those of [`Builder::build`].
    ///
    /// ```
    /// use lookaside_core::{Lookaside, Tag};
    /// let nodes = Lookaside::<[u64; 8]>::build(|list| list.name("nodes").tag(Tag::new(*b"Node")))?;
    /// # Ok::<(), lookaside_core::Status>(())
    /// ```
    #[track_caller]
    pub fn build<'a>(describe: impl FnOnce(Builder<'a>) -> Builder<'a>) -> Result<Lookaside<T>, BuildError> {
        let (size, alignment) = block_layout::<T>();
        let list = describe(Builder::new(size).alignment(alignment).name(name::of_type::<T>()))
            .at_least(size, alignment)
            .build()?;
        Ok(Lookaside { list, _values: PhantomData })
    }

    /// Puts a value into a block; the error carries it back when the pool has none. O(1) unless the pool is asked.
    #[inline]
    #[track_caller]
    pub fn allocate(&self, value: T) -> Result<LookasideBox<'_, T>, AllocateError<T>> {
        self.put(self.list.allocate(), value)
    }

    /// Makes a value and puts it into a block, which is there before: when the pool has none, `None`, and no value is
    /// made. Saves the copy that [`allocate`](Lookaside::allocate) may make of a large value.
    ///
    /// ```
    /// use lookaside_core::Lookaside;
    /// let pages = Lookaside::<[u8; 4096]>::new()?;
    /// assert_eq!(pages.allocate_with(|| [7; 4096]).expect("the heap has room")[4095], 7);
    /// # Ok::<(), lookaside_core::Status>(())
    /// ```
    #[inline]
    pub fn allocate_with(&self, make: impl FnOnce() -> T) -> Option<LookasideBox<'_, T>> {
        // SAFETY: the list was built for values of type T.
        unsafe { LookasideBox::made_with(&self.list, make) }
    }

    /// Puts a value into a block that is at hand; otherwise the error carries it back. Never asks the pool, never waits: see
    /// [`LookasideList::try_allocate`].
    pub fn try_allocate(&self, value: T) -> Result<LookasideBox<'_, T>, AllocateError<T>> {
        self.put(self.list.try_allocate(), value)
    }

    #[inline]
    fn put(&self, block: Option<NonNull<u8>>, value: T) -> Result<LookasideBox<'_, T>, AllocateError<T>> {
        match block {
            None => Err(AllocateError(value)),
            Some(block) => {
                let place = block.cast::<T>();
                // SAFETY: the block has T's size and alignment, and is ours.
                unsafe {
                    place.write(value);
                    Ok(LookasideBox::of(place, &self.list))
                }
            }
        }
    }

    /// Returns the list beneath, for statistics and maintenance, and for raw blocks of the same size.
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

impl<'a, T> LookasideBox<'a, T> {
    /// Makes a box again.
    ///
    /// # Safety
    /// `place` came from [`LookasideBox::into_raw`] of a box of this list, and is used for one box alone.
    #[must_use]
    pub unsafe fn from_raw(place: NonNull<T>, list: &'a Lookaside<T>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { LookasideBox::of(place, &list.list) }
    }
}
