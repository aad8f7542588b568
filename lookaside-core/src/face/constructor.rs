//! The constructor of an object cache: a closure whose type the cache does not name, in memory of the process heap.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::platform;
use crate::pool::OnUnwind;

/// Owns a closure that makes values of `T`, on any thread.
pub struct Constructor<T> {
    // A block of the heap with the closure in it; of a closure without size only an aligned address.
    closure: NonNull<u8>,
    call: unsafe fn(NonNull<u8>) -> T,
    end: unsafe fn(NonNull<u8>),
    _values: PhantomData<fn() -> T>,
}

// SAFETY: the closure is `Send`, as `new` asks.
unsafe impl<T> Send for Constructor<T> {}
// SAFETY: the closure is `Sync`, as `new` asks, and what it makes is the caller's alone.
unsafe impl<T> Sync for Constructor<T> {}

impl<T> Constructor<T> {
    /// Takes the closure in; returns `None`, and drops it, when the heap has no memory.
    pub fn new<F: Fn() -> T + Send + Sync + 'static>(closure: F) -> Option<Constructor<T>> {
        let place = match size_of::<F>() {
            0 => NonNull::<F>::dangling(),
            size => NonNull::new(platform::heap_allocate(size, align_of::<F>()))?.cast(),
        };
        // SAFETY: the place has the closure's size and alignment, and is no one else's.
        unsafe { place.write(closure) };
        Some(Constructor { closure: place.cast(), call: call::<T, F>, end: end::<F>, _values: PhantomData })
    }

    /// Apart, so that getting an object that is there does not load what is only needed here.
    #[cold]
    #[inline(never)]
    pub fn construct(&self) -> T {
        // SAFETY: the closure is of the type that `call` was made for, and lives as long as `self`.
        unsafe { (self.call)(self.closure) }
    }
}

impl<T> Drop for Constructor<T> {
    fn drop(&mut self) {
        // SAFETY: the closure is of the type that `end` was made for, and is not called any more.
        unsafe { (self.end)(self.closure) }
    }
}

/// # Safety
/// An `F` is at the place.
unsafe fn call<T, F: Fn() -> T>(closure: NonNull<u8>) -> T {
    // SAFETY: the caller's promise.
    unsafe { closure.cast::<F>().as_ref()() }
}

/// # Safety
/// An `F` is at the place, which `new` chose, and no one uses it any more.
unsafe fn end<F>(closure: NonNull<u8>) {
    // Also when the drop panics.
    let memory = OnUnwind::new(|| {
        if size_of::<F>() != 0 {
            // SAFETY: `new` took it from the heap.
            unsafe { platform::heap_free(closure.as_ptr()) };
        }
    });
    // SAFETY: the caller's promise.
    unsafe { closure.cast::<F>().drop_in_place() };
    drop(memory);
}
