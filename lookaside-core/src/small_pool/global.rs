//! Rust's global allocator over small-pool lists.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use super::classes::{CLASSES, HEADER, MAXIMUM_BYTES, PAGE, Sizes, class_of};
use super::lists::{KindLists, Plan};
use crate::list::{Statistics, Tuning};
use crate::manage::Owner;
use crate::platform;
use crate::wdk::{ListFlags, MAXIMUM_DEPTH_LIMIT, PoolType, Tag};

/// This many allocations and frees of a program go to the heap before it gets lists: a program that makes fewer pays
/// neither the engine's self-test nor a thread.
const PATIENCE: u32 = 1000;

static LISTS: KindLists<CLASSES> = KindLists::new();

fn plan() -> Plan<'static> {
    Plan {
        sizes: Sizes::Program,
        pool_type: PoolType::PAGED,
        tag: Tag::new(*b"Rust"),
        flags: ListFlags(0),
        name: "global",
        kind: "allocator",
        maximum_depth: MAXIMUM_DEPTH_LIMIT,
        maximum_bytes: MAXIMUM_BYTES,
        batch: 0,
        tuning: Tuning::Default,
        engine: None,
        owner: Owner::GlobalAllocator,
        patience: PATIENCE,
        inlined: false,
    }
}

/// A `#[global_allocator]`: allocations of up to 32 KiB with an alignment of up to 4,096 bytes come from lists, for each
/// 16 bytes of size up to 1,024 and four for each doubling above, all others from the C library's heap.
///
/// ```
/// #[global_allocator]
/// static HEAP: lookaside_core::LookasideAlloc = lookaside_core::LookasideAlloc::new();
///
/// let words: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
/// assert!(HEAP.statistics(words[0].len()).is_some_and(|list| list.list.total_allocates > 1000));
/// ```
///
/// The lists are made when a program has used its heap a thousand times, and are one set for the whole process. They
/// may be used at every moment of it: before `main`, in destructors of thread-local values, in the child of a
/// `fork` (see the limits of forks in [`theory`](crate::theory) §7), and while they are being made. Where they
/// cannot be made the heap serves. A call costs little more than that of a list; signal handlers may not allocate, as
/// with any allocator.
///
/// The lists show in [`report`](crate::report) under the tag `Rust`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookasideAlloc;

impl LookasideAlloc {
    /// Returns the allocator; every one is the same.
    #[must_use]
    pub const fn new() -> LookasideAlloc {
        LookasideAlloc
    }

    /// Returns the statistics of the list that serves allocations of this many bytes; `None` where the heap serves
    /// them.
    #[must_use]
    pub fn statistics(&self, size: usize) -> Option<Statistics> {
        LISTS.statistics(class_of(size, 1)?)
    }

    /// Allocations and frees of a list's sizes that the heap served, before there were lists or for want of them.
    #[must_use]
    pub fn served_by_heap(&self) -> (u64, u64) {
        LISTS.direct()
    }
}

// SAFETY: every block has its layout's size and alignment: the lists' blocks have the class's size, which is not less,
// and 16 bytes of alignment. A block is a list's own or the heap's, and as such belongs to one caller until it gives it
// back. Nothing here unwinds or allocates through Rust.
unsafe impl GlobalAlloc for LookasideAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout.size(), layout.align()) {
            // SAFETY: the list exists.
            Some(list) => unsafe { LISTS.allocate(list, plan) },
            None => platform::heap_allocate(layout.size(), layout.align()),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came by the same layout, so from the same list or from the heap.
        unsafe {
            match class_of(layout.size(), layout.align()) {
                Some(list) => LISTS.free(list, block, plan),
                None => platform::heap_free(block),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match class_of(layout.size(), layout.align()) {
            // Of less than a page, which others have a part of, nothing is ever known.
            // SAFETY: the list exists, and its blocks have the layout's size.
            Some(list) if layout.size() >= PAGE => return unsafe { LISTS.allocate_zeroed(list, layout.size(), plan) },
            None if layout.align() <= HEADER => return platform::heap_allocate_zeroed(layout.size()),
            _ => {}
        }
        // SAFETY: the layout has a size, and the block has that size.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match (class_of(layout.size(), layout.align()), class_of(new_size, layout.align())) {
            (Some(old), Some(new)) if old == new => return block,
            // SAFETY: the block is the heap's, and its alignment what the heap gives by itself.
            (None, None) if layout.align() <= HEADER => return unsafe { platform::heap_reallocate(block, new_size) },
            _ => {}
        }
        // SAFETY: the new size fits a layout, the block has the old one.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
