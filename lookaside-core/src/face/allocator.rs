//! A list as the allocator of a collection (the crate allocator-api2, which is Rust's unstable `Allocator` for stable
//! Rust).

use core::alloc::Layout;
use core::ptr::NonNull;

use super::LookasideList;
use crate::platform;

/// Where memory of a layout comes from. The layout alone decides, so that a deallocate finds what an allocate chose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Nothing is needed.
    Nowhere,
    List,
    Heap,
}

fn home(list: &LookasideList, layout: Layout) -> Home {
    match layout.size() {
        0 => Home::Nowhere,
        size if size <= list.size() && layout.align() <= list.alignment() => Home::List,
        _ => Home::Heap,
    }
}

#[inline]
fn allocate(list: &LookasideList, layout: Layout) -> Option<NonNull<[u8]>> {
    let (place, size) = match home(list, layout) {
        Home::Nowhere => (NonNull::new(core::ptr::without_provenance_mut(layout.align())), 0),
        // All of the block may be used: any size up to its own has the same home.
        Home::List => (list.allocate(), list.size()),
        Home::Heap => (NonNull::new(platform::heap_allocate(layout.size(), layout.align())), layout.size()),
    };
    place.map(|place| NonNull::slice_from_raw_parts(place, size))
}

/// # Safety
/// The memory came from [`allocate`], the layout fits it, and no one uses it any more.
#[inline]
unsafe fn deallocate(list: &LookasideList, place: NonNull<u8>, layout: Layout) {
    // SAFETY: the memory came from `allocate` by this layout, or one that fits it; both have the same home.
    unsafe {
        match home(list, layout) {
            Home::Nowhere => {}
            Home::List => list.free(place),
            Home::Heap => platform::heap_free(place.as_ptr()),
        }
    }
}

/// Grows or shrinks: in place within a block, else by a move.
///
/// # Safety
/// As for [`deallocate`] with the old layout, if this returns memory; otherwise nothing has changed.
#[inline]
unsafe fn resize(list: &LookasideList, place: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
    if home(list, old) == Home::List && home(list, new) == Home::List {
        return Some(NonNull::slice_from_raw_parts(place, list.size()));
    }
    let moved = allocate(list, new)?;
    // SAFETY: both have room for the smaller of the two sizes, and the new memory is no one else's; the caller's
    // promise.
    unsafe {
        moved.cast().copy_from_nonoverlapping(place, old.size().min(new.size()));
        deallocate(list, place, old);
    }
    Some(moved)
}

macro_rules! implement {
    ($feature:literal, $api:ident) => {
        /// The list as the allocator of collections whose nodes have one size: what fits into a block (its size and
        /// its alignment) comes from the list, everything else from the process heap. A small request gets a whole
        /// block, and an array that grows leaves its block for the heap when it is full. Any thread may
        /// give back what another one took. O(1) unless the pool, or the heap, is asked.
        ///
        /// ```
        #[doc = concat!("use ", stringify!($api), "::boxed::Box;")]
        /// use lookaside_core::{LookasideList, Status};
        ///
        /// let list = LookasideList::new(64)?;
        /// let node = Box::new_in([0u64; 8], &list);
        /// let table = Box::new_in([0u64; 9], &list);
        /// assert_eq!(list.statistics().outstanding, 1, "the table is too large, and is the heap's");
        /// # drop((node, table));
        /// # Ok::<(), Status>(())
        /// ```
        // SAFETY: memory stays valid until it is given back, while the list is borrowed and after it; references
        // to a list all give and take the same memory; a layout that fits memory has the home that it came from.
        #[cfg(feature = $feature)]
        unsafe impl $api::alloc::Allocator for &LookasideList {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                allocate(self, layout).ok_or($api::alloc::AllocError)
            }

            #[inline]
            unsafe fn deallocate(&self, place: NonNull<u8>, layout: Layout) {
                // SAFETY: the collection returns memory of this allocator, by a layout that fits it.
                unsafe { deallocate(self, place, layout) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                place: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: the memory is this allocator's, and the new layout is no smaller.
                unsafe { resize(self, place, old, new) }.ok_or($api::alloc::AllocError)
            }

            #[inline]
            unsafe fn shrink(
                &self,
                place: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: the memory is this allocator's, and the new layout is no larger.
                unsafe { resize(self, place, old, new) }.ok_or($api::alloc::AllocError)
            }
        }
    };
}

implement!("allocator-api2", allocator_api2);
implement!("allocator-api2-02", allocator_api2_02);
