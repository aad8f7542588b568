//! The typed list.

use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::ptr::NonNull;

use super::{Builder, LookasideList, block_layout, name};
use crate::pool::OnUnwind;
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
/// A list that lives as long as the program lends boxes without a lifetime to name:
///
/// ```
/// use std::sync::LazyLock;
/// use lookaside_core::{Lookaside, LookasideBox};
///
/// struct Header { length: u32 }
///
/// static HEADERS: LazyLock<Lookaside<Header>> =
///     LazyLock::new(|| Lookaside::build(|list| list.name("headers")).expect("the settings are good"));
///
/// struct Message { header: LookasideBox<'static, Header> }
///
/// let message = HEADERS.allocate_with(|| Header { length: 8 }).map(|header| Message { header });
/// assert_eq!(message.expect("the heap has room").header.length, 8);
/// ```
pub struct Lookaside<T> {
    list: LookasideList,
    // It makes and drops values of T on any thread that a box goes to.
    _values: PhantomData<fn() -> T>,
}

impl<T> Lookaside<T> {
    /// Makes a list with defaults. Fails as [`Builder::build`].
    #[track_caller]
    pub fn new() -> Result<Lookaside<T>, Status> {
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
    pub fn build<'a>(describe: impl FnOnce(Builder<'a>) -> Builder<'a>) -> Result<Lookaside<T>, Status> {
        let (size, alignment) = block_layout::<T>();
        let list = describe(Builder::new(size).alignment(alignment).name(name::of_type::<T>()))
            .at_least(size, alignment)
            .build()?;
        Ok(Lookaside { list, _values: PhantomData })
    }

    /// Puts a value into a block; gives it back when the pool has none. O(1) unless the pool is asked.
    #[inline]
    #[track_caller]
    pub fn allocate(&self, value: T) -> Result<LookasideBox<'_, T>, T> {
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
        let place = self.list.allocate()?.cast::<T>();
        // SAFETY: the block is ours, and holds no value yet.
        let unwinding = OnUnwind::new(|| unsafe { self.list.free(place.cast()) });
        // SAFETY: the block has T's size and alignment, and is ours.
        unsafe { place.write(make()) };
        unwinding.disarm();
        Some(LookasideBox { place, list: self })
    }

    /// Puts a value into a block that is at hand; otherwise gives it back. Never asks the pool, never waits: see
    /// [`LookasideList::try_allocate`].
    pub fn try_allocate(&self, value: T) -> Result<LookasideBox<'_, T>, T> {
        self.put(self.list.try_allocate(), value)
    }

    #[inline]
    fn put(&self, block: Option<NonNull<u8>>, value: T) -> Result<LookasideBox<'_, T>, T> {
        match block {
            None => Err(value),
            Some(block) => {
                let place = block.cast::<T>();
                // SAFETY: the block has T's size and alignment, and is ours.
                unsafe { place.write(value) };
                Ok(LookasideBox { place, list: self })
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

/// A value in a block of a [`Lookaside`]; dropping it drops the value and gives the block back.
pub struct LookasideBox<'a, T> {
    place: NonNull<T>,
    list: &'a Lookaside<T>,
}

// SAFETY: a box owns its value, and the list may be used from any thread.
unsafe impl<T: Send> Send for LookasideBox<'_, T> {}
// SAFETY: a shared box gives out shared references to its value alone.
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

    /// Gives the place away; the caller owns the value and its block.
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).place
    }

    /// Makes a box again.
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
                unsafe { self.0.list.list.free_unplaced(self.0.place.cast()) };
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
        // SAFETY: a box's place holds a value, and `self` is borrowed exclusively.
        unsafe { self.place.as_mut() }
    }
}

// A box shows, compares and hashes as its value does, so that it can be used in its place, also as a key.

impl<T> AsRef<T> for LookasideBox<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T> AsMut<T> for LookasideBox<'_, T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T> Borrow<T> for LookasideBox<'_, T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T> BorrowMut<T> for LookasideBox<'_, T> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for LookasideBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for LookasideBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq> PartialEq for LookasideBox<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for LookasideBox<'_, T> {}

impl<T: PartialOrd> PartialOrd for LookasideBox<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord> Ord for LookasideBox<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash> Hash for LookasideBox<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
