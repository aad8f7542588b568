//! The constructor of an object cache: a closure whose type the cache does not name, in memory of the process heap.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::platform;
use crate::pool::OnUnwind;

/// Owns a closure that makes values of `T`, on any thread. One word, since what gets objects holds it in a register.
pub struct Constructor<T> {
    closure: NonNull<Calls<T>>,
    _values: PhantomData<fn() -> T>,
}

/// How a closure is used: the beginning of its memory.
struct Calls<T> {
    construct: unsafe fn(NonNull<Calls<T>>) -> T,
    end: unsafe fn(NonNull<Calls<T>>),
}

#[repr(C)]
struct Held<T, F> {
    calls: Calls<T>,
    closure: F,
}

// SAFETY: the closure is `Send`, as `new` asks.
unsafe impl<T> Send for Constructor<T> {}
// SAFETY: the closure is `Sync`, as `new` asks, and what it makes is the caller's alone.
unsafe impl<T> Sync for Constructor<T> {}

impl<T> Constructor<T> {
    /// Takes the closure in; returns `None`, and drops it, when the heap has no memory.
    pub fn new<F: Fn() -> T + Send + Sync + 'static>(closure: F) -> Option<Constructor<T>> {
        let size = size_of::<Held<T, F>>();
        let place = NonNull::new(platform::heap_allocate(size, align_of::<Held<T, F>>()))?.cast::<Held<T, F>>();
        let calls = Calls { construct: construct::<T, F>, end: end::<T, F> };
        // SAFETY: the place has this size and alignment, and is no one else's.
        unsafe { place.write(Held { calls, closure }) };
        Some(Constructor { closure: place.cast(), _values: PhantomData })
    }

    #[cold]
    pub fn construct(&self) -> T {
        // SAFETY: the closure is of the type that its calls were made for, and lives as long as `self`.
        unsafe { ((*self.closure.as_ptr()).construct)(self.closure) }
    }
}

impl<T> Drop for Constructor<T> {
    fn drop(&mut self) {
        // SAFETY: the closure is of the type that its calls were made for, and is not called any more.
        unsafe { ((*self.closure.as_ptr()).end)(self.closure) }
    }
}

/// # Safety
/// It is the beginning of a `Held<T, F>`.
unsafe fn construct<T, F: Fn() -> T>(closure: NonNull<Calls<T>>) -> T {
    // SAFETY: the caller says that such a closure is there.
    unsafe { (closure.cast::<Held<T, F>>().as_ref().closure)() }
}

/// # Safety
/// It is the beginning of a `Held<T, F>` that `new` made, and no one uses that any more.
unsafe fn end<T, F>(closure: NonNull<Calls<T>>) {
    // SAFETY: `new` took the memory from the heap. It goes back also when the drop panics.
    let memory = OnUnwind::new(|| unsafe { platform::heap_free(closure.as_ptr().cast()) });
    // SAFETY: the caller says that such a closure is there, and not used any more.
    unsafe { closure.cast::<Held<T, F>>().drop_in_place() };
    drop(memory);
}
