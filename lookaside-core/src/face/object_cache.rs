//! Object caching: a typed list whose objects stay constructed between uses (Bonwick's slab idea).

use core::cell::Cell;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::as_value::like_its_value;
use super::constructor::Constructor;
use super::{BuildError, Builder, LookasideList, block_layout, name};
use crate::list::Statistics;
use crate::platform;
use crate::pool::{AllocateCallback, FreeCallback};
use crate::wdk::{PoolType, RawList, Status, Tag};

/// A list of objects that are constructed once and then used many times: dropping a [`CachedObject`] gives the
/// object back as it is, and the next [`get`](ObjectCache::get) hands it out again.
///
/// For objects that are dear to make and cheap to make fit for the next use: a buffer with its capacity, a parser with
/// its tables, a connection. An object is constructed when its block first comes from the pool, and dropped once, when
/// the block goes back there: by a free beyond the depth, by [`trim`](ObjectCache::trim),
/// [`flush`](ObjectCache::flush), or with the cache. The list tunes its depth as every list does, so an idle cache
/// drops its objects: the surplus that a scan finds is dropped by the next call that misses, on the thread that calls.
/// The next user of an object finds it as its last user left it, even one that panicked.
///
/// Any thread may get objects and give them back, and each object may be dropped on any of them: a cache is `Sync` if
/// its objects are `Send`. Getting an object that is at hand and giving it back costs what a block costs, and one test.
/// Blocks are those of the process heap.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use lookaside_core::{ObjectCache, Status};
///
/// static CONSTRUCTED: AtomicUsize = AtomicUsize::new(0);
///
/// let buffers = ObjectCache::new(|| {
///     CONSTRUCTED.fetch_add(1, Relaxed);
///     Vec::<u8>::with_capacity(64 * 1024)
/// })?;
/// for request in 0..1000 {
///     let mut buffer = buffers.get().expect("the heap has room");
///     buffer.clear();
///     buffer.extend_from_slice(b"the reply to one request");
///     assert!(buffer.capacity() >= 64 * 1024);
/// } // Each round ends with the buffer back in the cache, its memory kept.
/// // One for each processor that the thread ran on, as a rule.
/// assert!(CONSTRUCTED.load(Relaxed) < 1000);
/// assert_eq!(CONSTRUCTED.load(Relaxed) as u64, buffers.statistics().pool_allocates);
/// # Ok::<(), Status>(())
/// ```
pub struct ObjectCache<T> {
    list: LookasideList,
    construct: Constructor<T>,
    // It owns objects, which users may change: `T` must be the same for all of them (invariant), and outlive the cache.
    _objects: PhantomData<Cell<T>>,
}

/// What a block holds from the pool and back: nothing until a caller gets it, then an object.
type Slot<T> = Option<T>;

// SAFETY: sharing a cache hands objects from thread to thread, each to one at a time.
unsafe impl<T: Send> Sync for ObjectCache<T> {}

impl<T> ObjectCache<T> {
    /// Makes a cache with defaults. The constructor may use the cache, and may panic: the block goes back. What a
    /// closure captures is kept in memory of the process heap, once for the cache, so that the cache's type does not name
    /// the closure. Constructors that borrow are for [`ObjectCache::get_with`].
    ///
    /// Errors as those of [`ObjectCache::build`].
    ///
    /// ```
    /// use lookaside_core::{BuildError, ObjectCache};
    ///
    /// struct Server { buffers: ObjectCache<Vec<u8>> }
    ///
    /// let size: usize = "4096".parse().unwrap();
    /// let server = Server { buffers: ObjectCache::new(move || Vec::with_capacity(size))? };
    /// assert_eq!(server.buffers.get().expect("the heap has room").capacity(), 4096);
    /// # Ok::<(), BuildError>(())
    /// ```
    #[track_caller]
    pub fn new(construct: impl Fn() -> T + Send + Sync + 'static) -> Result<ObjectCache<T>, BuildError> {
        Self::build(|builder| builder, construct)
    }

    /// Makes a cache with the settings that `describe` makes on the builder it gets, which decide of everything but the
    /// callbacks: those are the cache's own. Size and alignment are those of a `T`, at the least.
    ///
    /// NOT_SUPPORTED for a pool other than the process heap, or a shared list of others; NO_MEMORY; and the errors of
    /// [`Builder::build`].
    #[track_caller]
    pub fn build<'a>(
        describe: impl FnOnce(Builder<'a>) -> Builder<'a>,
        construct: impl Fn() -> T + Send + Sync + 'static,
    ) -> Result<ObjectCache<T>, BuildError> {
        let (size, alignment) = block_layout::<Slot<T>>();
        let builder =
            describe(Builder::new(size).alignment(alignment).name(name::of_type::<T>())).at_least(size, alignment);
        let builder = builder.over_heap()?;
        let (allocate, free) = (AllocateCallback::Ex(allocate::<T>), FreeCallback::Plain(free::<T>));
        // SAFETY: the two belong together. `allocate` gets a list that was initialised. `free` drops objects
        // on threads that call the list, which only the cache lets them do: see its `Sync`. No block outlives
        // `T`, which outlives the cache; those of leaked objects and caches are not freed.
        let list = unsafe { builder.callbacks(allocate, free) }.build()?;
        let construct = Constructor::new(construct).ok_or(Status::NO_MEMORY)?;
        Ok(ObjectCache { list, construct, _objects: PhantomData })
    }

    /// Returns an object, constructed now if its block is new; `None` when the pool has no block.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<CachedObject<'_, T>> {
        self.get_with(|| Some(self.construct.construct()))
    }

    /// Returns an object as `get` does, by a constructor of this call's own, which may fail: `None` then, and when the
    /// pool has no block. It is not called when an object is at hand.
    ///
    /// ```
    /// use lookaside_core::{ObjectCache, Status};
    ///
    /// let buffers = ObjectCache::new(Vec::<u8>::new)?;
    /// let reserved = |bytes| {
    ///     let mut buffer = Vec::new();
    ///     buffer.try_reserve_exact(bytes).ok()?;
    ///     Some(buffer)
    /// };
    /// assert!(buffers.get_with(|| reserved(usize::MAX)).is_none());
    /// assert!(buffers.get_with(|| reserved(4096)).is_some());
    /// # Ok::<(), Status>(())
    /// ```
    #[inline]
    pub fn get_with(&self, construct: impl FnOnce() -> Option<T>) -> Option<CachedObject<'_, T>> {
        CachedObject::get(&self.list, construct)
    }

    /// Returns the list beneath.
    #[must_use]
    pub fn list(&self) -> &LookasideList {
        &self.list
    }

    /// Drops every object that no one uses. O(objects). See [`LookasideList::flush`].
    pub fn flush(&self) {
        self.list.flush();
    }

    /// Drops what the cache keeps above its depth. O(objects). See [`LookasideList::trim`].
    pub fn trim(&self) {
        self.list.trim();
    }

    /// Takes blocks from the pool beforehand; their objects are constructed by those who get them first. See
    /// [`LookasideList::prefill`].
    pub fn prefill(&self, blocks: usize) -> Result<usize, Status> {
        self.list.prefill(blocks)
    }

    /// Returns the counters, without stopping any thread. `pool_allocates` and `pool_frees` count blocks.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.list.statistics()
    }
}

/// Objects that are in use by leaked [`CachedObject`]s are lost.
impl<T> Drop for ObjectCache<T> {
    fn drop(&mut self) {
        // If an object's drop panics here, the list is still deleted while that unwinds, with all that it has left.
        self.list.flush();
    }
}

impl<T> fmt::Debug for ObjectCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectCache").field("list", &self.list).finish_non_exhaustive()
    }
}

unsafe extern "C-unwind" fn allocate<T>(_: PoolType, size: usize, _: Tag, list: *mut RawList) -> *mut c_void {
    // SAFETY: a list asks for blocks while it is initialised.
    let alignment = unsafe { (*list).alignment_mask } as usize + 1;
    let block = platform::heap_allocate(size, alignment);
    if !block.is_null() {
        // SAFETY: the block is new, and has at least a slot's size and alignment.
        unsafe { block.cast::<Slot<T>>().write(None) };
    }
    block.cast()
}

unsafe extern "C-unwind" fn free<T>(block: *mut c_void) {
    /// Gives the memory back also when the object's drop panics.
    struct Memory(*mut c_void);
    impl Drop for Memory {
        fn drop(&mut self) {
            // SAFETY: the list gives up a block that came from `allocate`.
            unsafe { platform::heap_free(self.0.cast()) };
        }
    }
    let memory = Memory(block);
    // SAFETY: a block of a cache holds a slot from `allocate` on, and the list gives it up.
    unsafe { memory.0.cast::<Slot<T>>().drop_in_place() };
}

/// An object of an [`ObjectCache`], in use; dropping it gives it back, constructed.
///
/// It has what the standard library's `Box` has, as [`LookasideBox`](crate::LookasideBox). It cannot be pinned, since
/// the next user gets the same object and may move it.
pub struct CachedObject<'a, T> {
    // Holds an object once `get` has returned.
    slot: NonNull<Slot<T>>,
    list: &'a LookasideList,
    // What one user puts in, the next one finds: `T` must be what it is in the cache.
    _invariant: PhantomData<&'a mut T>,
}

// SAFETY: the object is its user's alone, and goes back to a cache that any thread may use then: `T` is `Send`.
unsafe impl<T: Send> Send for CachedObject<'_, T> {}
// SAFETY: sharing it shares the object. It can be cloned, which gets another object of the cache: only if `T` is `Send`.
unsafe impl<T: Sync> Sync for CachedObject<'_, T> {}

impl<'a, T> CachedObject<'a, T> {
    /// Gets an object of a cache's list.
    #[inline]
    fn get(list: &'a LookasideList, construct: impl FnOnce() -> Option<T>) -> Option<Self> {
        let slot = list.allocate()?.cast::<Slot<T>>();
        // From here the block goes back to the list if the constructor fails or panics, still holding nothing.
        let mut object = CachedObject { slot, list, _invariant: PhantomData };
        // SAFETY: `allocate` made a slot of the block, and it is ours alone.
        let slot = unsafe { object.slot.as_mut() };
        if slot.is_none() {
            *slot = Some(construct()?);
        }
        Some(object)
    }

    /// Takes the object out of the cache for good, as one does with an object that is not fit for another use.
    #[must_use]
    pub fn into_inner(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the object is taken once, and the block, which holds nothing now, is freed once.
        unsafe {
            let object = this.slot.as_mut().take().unwrap_unchecked();
            this.list.free(this.slot.cast());
            object
        }
    }

    /// Gives the object away, in the slot that it is in, which holds `Some`. The caller owns both.
    #[must_use]
    pub fn into_raw(self) -> NonNull<Option<T>> {
        ManuallyDrop::new(self).slot
    }

    /// Makes an object in use again.
    ///
    /// # Safety
    /// `slot` came from [`CachedObject::into_raw`] of an object of this cache, still holds `Some`, and is used for
    /// one object alone.
    #[must_use]
    pub unsafe fn from_raw(slot: NonNull<Option<T>>, cache: &'a ObjectCache<T>) -> Self {
        CachedObject { slot, list: &cache.list, _invariant: PhantomData }
    }

    /// Gives the object up, and returns it for as long as the cache is borrowed. It does not come back to the cache, and
    /// is not dropped.
    #[must_use]
    pub fn leak(self) -> &'a mut T {
        // SAFETY: the slot holds an object that is no one else's, and stays its own while the cache is borrowed.
        unsafe { self.into_raw().as_mut().as_mut().unwrap_unchecked() }
    }

    /// Gets another object of the cache, equal to this one: one that is at hand by `clone_from`, which keeps what it has
    /// reserved, otherwise a clone. `None` when the pool has no block.
    pub fn try_clone(&self) -> Option<Self>
    where
        T: Clone + Send,
    {
        let mut constructed = false;
        let construct = || {
            constructed = true;
            Some(T::clone(self))
        };
        let mut object = Self::get(self.list, construct)?;
        if !constructed {
            T::clone_from(&mut object, self);
        }
        Some(object)
    }
}

/// Gets another object of the cache: see [`CachedObject::try_clone`].
///
/// # Panics
/// When the pool has no block.
// The other object may be one that was constructed on another thread.
impl<T: Clone + Send> Clone for CachedObject<'_, T> {
    fn clone(&self) -> Self {
        self.try_clone().expect("the cache has no block for the clone")
    }

    fn clone_from(&mut self, source: &Self) {
        T::clone_from(self, source);
    }
}

impl<T> Drop for CachedObject<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block is this list's, and no one uses it after this.
        unsafe { self.list.free(self.slot.cast()) };
    }
}

impl<T> Deref for CachedObject<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot holds an object, and is this user's.
        unsafe { self.slot.as_ref().as_ref().unwrap_unchecked() }
    }
}

impl<T> DerefMut for CachedObject<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a cached object's slot holds an object, and `self` is borrowed exclusively.
        unsafe { self.slot.as_mut().as_mut().unwrap_unchecked() }
    }
}

like_its_value!(CachedObject<'_, T>);
