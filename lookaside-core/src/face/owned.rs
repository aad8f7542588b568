//! Boxes and objects that own a share of their list: of one that is in an `Arc`.

use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::ptr::NonNull;
use std::sync::Arc;

use super::as_value::like_its_value;
use super::{AllocateError, CachedObject, Lookaside, LookasideBox, LookasideList, ObjectCache};

/// A value in a block of an `Arc<Lookaside<T>>`, and a share of that list: it has no lifetime, so it may be stored in any
/// structure, returned, and sent to any thread and task. The list is deleted when its last `Arc` and its last owned box
/// have gone.
///
/// It has what [`LookasideBox`] has. The share costs what cloning and dropping an `Arc` costs, two locked instructions; a
/// list in a static ([`LazyLookaside`](crate::LazyLookaside)) lends boxes without it.
///
/// ```
/// use std::sync::Arc;
/// use lookaside_core::{Lookaside, OwnedBox};
///
/// struct Server { requests: Arc<Lookaside<[u8; 64]>>, pending: Vec<OwnedBox<[u8; 64]>> }
///
/// let mut server = Server { requests: Arc::new(Lookaside::new()?), pending: Vec::new() };
/// server.pending.push(server.requests.allocate_owned([7; 64])?);
/// let first = server.pending.remove(0);
/// drop(server);
/// assert_eq!(std::thread::spawn(move || first[63]).join().unwrap(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OwnedBox<T: ?Sized> {
    place: NonNull<T>,
    list: Arc<LookasideList>,
}

// SAFETY: a box owns its value, and a share of a list, which may be used from any thread.
unsafe impl<T: ?Sized + Send> Send for OwnedBox<T> {}
// SAFETY: a shared box gives out shared references to its value alone; to clone it is to clone that.
unsafe impl<T: ?Sized + Sync> Sync for OwnedBox<T> {}

/// Returns the list beneath, as the same share.
fn share_of<T>(list: Arc<Lookaside<T>>) -> Arc<LookasideList> {
    // SAFETY: a `Lookaside` is transparent: it has the layout of its list, and is dropped as that is.
    unsafe { Arc::from_raw(Arc::into_raw(list).cast()) }
}

impl<T> Lookaside<T> {
    /// Puts a value into a block, in a box that owns a share of the list; the error carries the value back when the pool
    /// has none. Otherwise as [`Lookaside::allocate`].
    #[inline]
    #[track_caller]
    pub fn allocate_owned(self: &Arc<Self>, value: T) -> Result<OwnedBox<T>, AllocateError<T>> {
        self.allocate(value).map(|boxed| OwnedBox::of(boxed, self))
    }

    /// Puts a value into a block that is at hand, in a box that owns a share of the list; otherwise the error carries it back.
    /// Never asks the pool, never waits: see [`Lookaside::try_allocate`].
    pub fn try_allocate_owned(self: &Arc<Self>, value: T) -> Result<OwnedBox<T>, AllocateError<T>> {
        self.try_allocate(value).map(|boxed| OwnedBox::of(boxed, self))
    }

    /// Makes a value in a block, in a box that owns a share of the list. Otherwise as [`Lookaside::allocate_with`].
    #[inline]
    pub fn allocate_owned_with(self: &Arc<Self>, make: impl FnOnce() -> T) -> Option<OwnedBox<T>> {
        self.allocate_with(make).map(|boxed| OwnedBox::of(boxed, self))
    }
}

impl<T> OwnedBox<T> {
    #[inline]
    pub(super) fn of(boxed: LookasideBox<'_, T>, list: &Arc<Lookaside<T>>) -> Self {
        OwnedBox { place: boxed.into_raw(), list: share_of(Arc::clone(list)) }
    }

    /// Takes the value out, and gives the block back.
    #[must_use]
    pub fn into_inner(self) -> T {
        let (place, list) = self.into_parts();
        // SAFETY: the block of this list, and the value in it, were the box's.
        unsafe { LookasideBox::of(place, &list) }.into_inner()
    }

    /// Clones the value into another block of the list; returns `None`, and clones nothing, when the pool has none.
    pub fn try_clone(&self) -> Option<Self>
    where
        T: Clone,
    {
        // SAFETY: the list has a block that holds a `T`.
        let boxed = unsafe { LookasideBox::made_with(&self.list, || T::clone(self)) };
        boxed.map(|boxed| OwnedBox { place: boxed.into_raw(), list: Arc::clone(&self.list) })
    }

    /// Makes a box again, with the share that it had.
    ///
    /// # Safety
    /// `place` came from [`OwnedBox::into_raw`] of a box of this list, and is used for one box alone.
    #[must_use]
    pub unsafe fn from_raw(place: NonNull<T>, list: &Arc<Lookaside<T>>) -> Self {
        // SAFETY: `into_raw` kept a share, which is this one.
        OwnedBox { place, list: share_of(unsafe { Arc::from_raw(Arc::as_ptr(list)) }) }
    }
}

impl<T: ?Sized> OwnedBox<T> {
    pub(super) fn from_parts(place: NonNull<T>, list: Arc<LookasideList>) -> Self {
        OwnedBox { place, list }
    }

    /// Returns whether the block is of this list.
    pub(super) fn is_of(&self, list: &LookasideList) -> bool {
        core::ptr::eq(&raw const *self.list, list)
    }

    pub(super) fn into_parts(self) -> (NonNull<T>, Arc<LookasideList>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: the share is read once, since `this` is not dropped.
        (this.place, unsafe { (&raw const this.list).read() })
    }

    /// Pins the value: see [`LookasideBox::into_pin`].
    #[must_use]
    pub fn into_pin(self) -> Pin<Self> {
        // SAFETY: the value does not move with its box. A block is used again after its value was dropped; that of
        // a box that was leaked never is.
        unsafe { Pin::new_unchecked(self) }
    }

    /// Gives the place away; the caller owns the value, its block, and the share, which keeps the list. The inverse is
    /// `from_raw`.
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).place
    }

    /// Gives up the box, and returns the value for ever. It is not dropped, its block does not come back, and its list
    /// stays.
    #[must_use]
    pub fn leak<'a>(self) -> &'a mut T
    where
        T: 'a,
    {
        // SAFETY: the value is no one else's, and the list of its block, whose share is forgotten, is never deleted.
        unsafe { self.into_raw().as_mut() }
    }
}

/// Clones the value into another block of the list.
///
/// # Panics
/// When the pool has no block: see [`OwnedBox::try_clone`].
impl<T: Clone> Clone for OwnedBox<T> {
    fn clone(&self) -> Self {
        self.try_clone().expect("the list has no block for the clone")
    }

    fn clone_from(&mut self, source: &Self) {
        T::clone_from(self, source);
    }
}

impl<T: ?Sized> Drop for OwnedBox<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block of this list, and the value in it, are the box's, which is being dropped.
        drop(unsafe { LookasideBox::of(self.place, &self.list) });
    }
}

impl<T: ?Sized> Deref for OwnedBox<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns an initialised value.
        unsafe { self.place.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for OwnedBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a box's place holds a value, and `self` is borrowed exclusively.
        unsafe { self.place.as_mut() }
    }
}

impl<T: ?Sized> From<OwnedBox<T>> for Pin<OwnedBox<T>> {
    fn from(boxed: OwnedBox<T>) -> Self {
        boxed.into_pin()
    }
}

like_its_value!(OwnedBox<T>, ?Sized);

/// An object of an `Arc<ObjectCache<T>>`, in use, and a share of that cache: it has no lifetime. Dropping it gives the object
/// back, constructed. It has what [`CachedObject`] has.
///
/// ```
/// use std::sync::Arc;
/// use lookaside_core::ObjectCache;
///
/// let buffers = Arc::new(ObjectCache::new(|| Vec::<u8>::with_capacity(4096))?);
/// let mut buffer = buffers.get_owned().expect("the heap has room");
/// buffer.clear();
/// std::thread::spawn(move || buffer.extend_from_slice(b"a reply")).join().unwrap();
/// assert_eq!(buffers.statistics().outstanding, 0);
/// # Ok::<(), lookaside_core::BuildError>(())
/// ```
pub struct OwnedObject<T> {
    slot: NonNull<Option<T>>,
    cache: Arc<ObjectCache<T>>,
}

// SAFETY: the object is its user's alone, and goes back to a cache that any thread may use then: `T` is `Send`.
unsafe impl<T: Send> Send for OwnedObject<T> {}
// SAFETY: sharing it shares the object; other objects of the cache are reached only if `T` is `Send`.
unsafe impl<T: Sync> Sync for OwnedObject<T> {}

impl<T> ObjectCache<T> {
    /// Returns an object that owns a share of the cache, constructed now if its block is new; `None` when the pool has no
    /// block.
    #[inline]
    #[must_use]
    pub fn get_owned(self: &Arc<Self>) -> Option<OwnedObject<T>> {
        self.get().map(|object| OwnedObject::of(object, self))
    }
}

impl<T> OwnedObject<T> {
    #[inline]
    fn of(object: CachedObject<'_, T>, cache: &Arc<ObjectCache<T>>) -> Self {
        OwnedObject { slot: object.into_raw(), cache: Arc::clone(cache) }
    }

    /// Takes the object out of the cache for good, as one does with an object that is not fit for another use.
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the share is read once, since `this` is not dropped.
        let cache = unsafe { (&raw const this.cache).read() };
        // SAFETY: the slot came from an object of this cache, and is taken over.
        unsafe { CachedObject::from_raw(this.slot, &cache) }.into_inner()
    }

    /// Gives the object away, in the slot that it is in, which holds `Some`. The caller owns both, and the share, which
    /// keeps the cache. The inverse is `from_raw`.
    #[must_use]
    pub fn into_raw(self) -> NonNull<Option<T>> {
        ManuallyDrop::new(self).slot
    }

    /// Makes an object in use again, with the share that it had.
    ///
    /// # Safety
    /// `slot` came from [`OwnedObject::into_raw`] of an object of this cache, still holds `Some`, and is used for one object
    /// alone.
    #[must_use]
    pub unsafe fn from_raw(slot: NonNull<Option<T>>, cache: &Arc<ObjectCache<T>>) -> Self {
        // SAFETY: `into_raw` kept a share, which is this one.
        OwnedObject { slot, cache: unsafe { Arc::from_raw(Arc::as_ptr(cache)) } }
    }

    /// Gives the object up, and returns it for ever. It does not come back to the cache, is not dropped, and its cache
    /// stays.
    #[must_use]
    pub fn leak<'a>(self) -> &'a mut T
    where
        T: 'a,
    {
        // SAFETY: the slot holds an object that is no one else's, of a cache whose share is forgotten.
        unsafe { self.into_raw().as_mut().as_mut().unwrap_unchecked() }
    }

    /// Gets another object of the cache, equal to this one: see [`CachedObject::try_clone`].
    pub fn try_clone(&self) -> Option<Self>
    where
        T: Clone + Send,
    {
        // SAFETY: the slot came from an object of this cache, and stays this one's: it is not dropped.
        let this = ManuallyDrop::new(unsafe { CachedObject::from_raw(self.slot, &self.cache) });
        this.try_clone().map(|object| OwnedObject::of(object, &self.cache))
    }
}

/// Gets another object of the cache: see [`CachedObject::try_clone`].
///
/// # Panics
/// When the pool has no block.
impl<T: Clone + Send> Clone for OwnedObject<T> {
    fn clone(&self) -> Self {
        self.try_clone().expect("the cache has no block for the clone")
    }

    fn clone_from(&mut self, source: &Self) {
        T::clone_from(self, source);
    }
}

impl<T> Drop for OwnedObject<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the slot came from an object of this cache, and this one is being dropped.
        drop(unsafe { CachedObject::from_raw(self.slot, &self.cache) });
    }
}

impl<T> Deref for OwnedObject<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot holds an object, and is this user's.
        unsafe { self.slot.as_ref().as_ref().unwrap_unchecked() }
    }
}

impl<T> DerefMut for OwnedObject<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the slot holds an object, and `self` is borrowed exclusively.
        unsafe { self.slot.as_mut().as_mut().unwrap_unchecked() }
    }
}

like_its_value!(OwnedObject<T>);
