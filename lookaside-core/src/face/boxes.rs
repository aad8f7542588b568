//! Boxes that borrow their list.

use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::ptr::NonNull;

use super::LookasideList;
use super::as_value::like_its_value;
use crate::pool::OnUnwind;

/// A value in a block of a [`Lookaside`](crate::Lookaside); dropping it drops the value and gives the block back. Two
/// words, three of an unsized value.
///
/// It has what the standard library's `Box` has: it compares, hashes, prints, iterates, is polled, reads and writes as its
/// value does (`Read` and the like with the feature `std`, `Serialize` with `serde`). What is missing has no list to
/// take a block from: `Default`, `From<T>`, `FromIterator`, `Deserialize` (see [`Lookaside`](crate::Lookaside) for the
/// last). [`unsize!`](crate::unsize) makes a box of a `dyn Trait`.
pub struct LookasideBox<'a, T: ?Sized> {
    place: NonNull<T>,
    // Of `T`, or of what `T` was before it was unsized.
    list: &'a LookasideList,
}

const _: () = assert!(size_of::<Option<LookasideBox<'_, u64>>>() == 2 * size_of::<usize>());

// SAFETY: a box owns its value, and the list may be used from any thread.
unsafe impl<T: ?Sized + Send> Send for LookasideBox<'_, T> {}
// SAFETY: a shared box gives out shared references to its value alone; to clone it is to clone that.
unsafe impl<T: ?Sized + Sync> Sync for LookasideBox<'_, T> {}

impl<'a, T: ?Sized> LookasideBox<'a, T> {
    /// Makes a box.
    ///
    /// # Safety
    /// The block of the list that begins at `place` is the caller's, and has a value there.
    #[inline(always)]
    pub(super) unsafe fn of(place: NonNull<T>, list: &'a LookasideList) -> Self {
        LookasideBox { place, list }
    }

    /// Returns the list.
    pub(super) fn home(&self) -> &'a LookasideList {
        self.list
    }

    /// Pins the value: it stays in its block until it is dropped there, as a future must that was polled once.
    ///
    /// ```
    /// use lookaside_core::Lookaside;
    /// use std::future::Future;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// fn list_of<F: Future>(_like: &impl Fn() -> F) -> Lookaside<F> {
    ///     Lookaside::new().expect("the settings are good")
    /// }
    ///
    /// let task = || async { 42 };
    /// let tasks = list_of(&task);
    /// let mut running = tasks.allocate_with(task).expect("the heap has room").into_pin();
    /// assert_eq!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(42));
    /// ```
    #[must_use]
    pub fn into_pin(self) -> Pin<Self> {
        // SAFETY: the value does not move with its box. A block is used again after its value was dropped; that of
        // a box that was leaked never is, not even when the list has gone.
        unsafe { Pin::new_unchecked(self) }
    }

    /// Gives the place away; the caller owns the value and its block. The inverse is `from_raw`.
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).place
    }

    /// Gives up the box, and returns the value for as long as the list is borrowed; for a list in a static that is for
    /// ever. The value is not dropped, and its block does not come back.
    ///
    /// ```
    /// use lookaside_core::LazyLookaside;
    ///
    /// static SETTINGS: LazyLookaside<[u32; 8]> = LazyLookaside::new();
    ///
    /// let settings: &'static mut [u32; 8] = SETTINGS.allocate([7; 8])?.leak();
    /// settings[0] = 8;
    /// # Ok::<(), lookaside_core::AllocateError<[u32; 8]>>(())
    /// ```
    #[must_use]
    pub fn leak<'b>(self) -> &'b mut T
    where
        'a: 'b,
        T: 'b,
    {
        // SAFETY: the value is no one else's, and its block stays its own while the list is borrowed.
        unsafe { self.into_raw().as_mut() }
    }
}

impl<'a, T> LookasideBox<'a, T> {
    /// Makes a value in a block that is there before; `None`, and no value, when the pool has none.
    ///
    /// # Safety
    /// Blocks of the list have T's size and alignment.
    #[inline]
    pub(super) unsafe fn made_with(list: &'a LookasideList, make: impl FnOnce() -> T) -> Option<Self> {
        let place = list.allocate()?.cast::<T>();
        // SAFETY: the block is ours, and holds no value yet.
        let unwinding = OnUnwind::new(|| unsafe { list.free(place.cast()) });
        // SAFETY: the block has T's size and alignment, and is ours.
        unsafe { place.write(make()) };
        unwinding.disarm();
        Some(LookasideBox { place, list })
    }

    /// Takes the value out, and gives the block back.
    #[track_caller]
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is read once, and the block freed once, since `this` is not dropped.
        unsafe {
            let value = this.place.read();
            this.list.free(this.place.cast());
            value
        }
    }

    /// Clones the value into another block of the list; returns `None`, and clones nothing, when the pool has none.
    pub fn try_clone(&self) -> Option<Self>
    where
        T: Clone,
    {
        // SAFETY: the list has a block that holds a `T`.
        unsafe { Self::made_with(self.list, || T::clone(self)) }
    }
}

/// Clones the value into another block of the list.
///
/// # Panics
/// When the pool has no block: see [`LookasideBox::try_clone`].
impl<T: Clone> Clone for LookasideBox<'_, T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.try_clone().expect("the list has no block for the clone")
    }

    fn clone_from(&mut self, source: &Self) {
        (**self).clone_from(&**source);
    }
}

impl<T: ?Sized> Drop for LookasideBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        /// Gives the block back also when the value's drop panics.
        struct Block<'a, T: ?Sized>(&'a LookasideBox<'a, T>);
        impl<T: ?Sized> Drop for Block<'_, T> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: the box owns its block, and is being dropped.
                unsafe { self.0.list.free_unplaced(self.0.place.cast()) };
            }
        }
        let block = Block(self);
        // SAFETY: the box owns its value, and is being dropped.
        unsafe { block.0.place.drop_in_place() };
    }
}

impl<T: ?Sized> Deref for LookasideBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns an initialised value.
        unsafe { self.place.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for LookasideBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a box's place holds a value, and `self` is borrowed exclusively.
        unsafe { self.place.as_mut() }
    }
}

impl<'a, T: ?Sized> From<LookasideBox<'a, T>> for Pin<LookasideBox<'a, T>> {
    fn from(boxed: LookasideBox<'a, T>) -> Self {
        boxed.into_pin()
    }
}

like_its_value!(LookasideBox<'_, T>, ?Sized);
