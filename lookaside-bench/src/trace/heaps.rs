//! The heaps under test, each at its best call for a caller that knows the size of its blocks.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::hint::black_box;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow};
use lookaside_core::{Parameters, RawList, Statistics, Status, Tag};

use super::script::{LARGEST, class};

/// A heap as the driver sees it.
pub trait Heap {
    /// Whether blocks lose what is written to them, since the heap hands out the same one again and again.
    const FORGETS: bool = false;

    /// The largest size that it serves in a replay; beyond, the system heap serves.
    const LARGEST: usize = LARGEST;

    /// Hands out a block of at least `size` bytes, or null.
    ///
    /// # Safety
    ///
    /// `size` is at least 8 and of a class that the heap was made for.
    unsafe fn allocate(&self, size: usize) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` came from `allocate` of this heap with this `size` and was not given back since.
    unsafe fn free(&self, block: *mut u8, size: usize);
}

/// A lookaside list for each size class of 16 bytes that a trace uses.
pub struct Lists {
    /// By class; those outside `used` are zeroed and nobody touches them.
    lists: Box<[RawList]>,
    used: Vec<usize>,
}

// SAFETY: a list may be used from every thread; this is what lookaside lists are for.
unsafe impl Send for Lists {}
// SAFETY: as above.
unsafe impl Sync for Lists {}

impl Lists {
    /// Makes the lists for the classes of which `blocks_by_class` has any.
    pub fn new(blocks_by_class: &[u64]) -> Result<Lists> {
        Lists::like(blocks_by_class, &Parameters::new(0))
    }

    /// The same, with all but size, name and tag as given.
    pub fn like(blocks_by_class: &[u64], model: &Parameters<'_>) -> Result<Lists> {
        let mut lists = Lists { lists: blocks_by_class.iter().map(|_| RawList::zeroed()).collect(), used: Vec::new() };
        for (class, _) in blocks_by_class.iter().enumerate().filter(|(_, blocks)| **blocks > 0) {
            let size = (class + 1) * 16;
            let name = format!("trace-{size}");
            let parameters = Parameters { size, name: &name, tag: Tag::new(*b"Trce"), ..*model };
            // SAFETY: the object is zeroed, and its address stays the same until `drop` deletes it.
            let status = unsafe { RawList::initialize(&raw mut lists.lists[class], &parameters) };
            if !status.is_success() {
                return Err(anyhow!("the list {name} cannot be made: {status}"));
            }
            lists.used.push(class);
        }
        Ok(lists)
    }

    /// The statistics of the lists, smallest class first.
    pub fn statistics(&self) -> Result<Vec<Statistics>, Status> {
        // SAFETY: `new` initialised the lists in `used`, and only `drop` deletes them.
        self.used.iter().map(|&class| unsafe { RawList::statistics(&raw const self.lists[class]) }).collect()
    }
}

impl Heap for Lists {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: the caller says that the class of this size is one that `new` has made a list for.
        unsafe { RawList::allocate(self.lists.as_ptr().add(class(size))) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block came from this very list, as the caller says.
        unsafe { RawList::free(self.lists.as_ptr().add(class(size)), block) }
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        for &class in &self.used {
            // SAFETY: `new` initialised this list, and nothing uses it any more: `self` is borrowed alone.
            let status = unsafe { RawList::delete(&raw mut self.lists[class]) };
            debug_assert_eq!(status, Status::SUCCESS);
        }
    }
}

/// The C library's malloc.
pub struct Glibc;

impl Heap for Glibc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(size) }.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _: usize) {
        // SAFETY: the block came from malloc, as the caller says.
        unsafe { libc::free(block.cast()) }
    }
}

/// The program's global allocator, asked for blocks of every size.
pub struct Global;

/// The alignment of what most Rust types ask for. No size in a script is smaller.
const GLOBAL_ALIGNMENT: usize = 8;

impl Heap for Global {
    const LARGEST: usize = usize::MAX;

    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: the size is not 0, as the caller says, and sizes of a trace are far below the limit of a layout.
        unsafe { std::alloc::alloc(Layout::from_size_align_unchecked(size, GLOBAL_ALIGNMENT)) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block was allocated by this layout, as the caller says.
        unsafe { std::alloc::dealloc(block, Layout::from_size_align_unchecked(size, GLOBAL_ALIGNMENT)) }
    }
}

/// jemalloc, with its sized free.
pub struct Jemalloc;

impl Heap for Jemalloc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: the size is not 0, as the caller says; no flags.
        unsafe { tikv_jemalloc_sys::mallocx(size, 0) }.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block came from mallocx with this size and the same flags, as the caller says.
        unsafe { tikv_jemalloc_sys::sdallocx(block.cast(), size, 0) }
    }
}

/// mimalloc, with its sized free.
pub struct Mimalloc;

impl Heap for Mimalloc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: mi_malloc takes any size.
        unsafe { libmimalloc_sys::mi_malloc(size) }.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block came from mi_malloc with this size, as the caller says.
        unsafe { libmimalloc_sys::mi_free_size(block.cast(), size) }
    }
}

/// The free list that one writes by hand: a `Vec` of blocks behind a lock, for each size class.
pub struct MutexVec {
    lists: Box<[Mutex<Vec<Block>>]>,
}

/// A free block from malloc.
struct Block(*mut u8);

// SAFETY: a free block belongs to the list that holds it, whichever thread looks.
unsafe impl Send for Block {}

impl MutexVec {
    /// Makes an empty list for each size class.
    pub fn new() -> MutexVec {
        MutexVec { lists: (0..LARGEST / 16).map(|_| Mutex::default()).collect() }
    }
}

impl Heap for MutexVec {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        let class = class(size);
        let block = self.lists[class].lock().unwrap_or_else(PoisonError::into_inner).pop();
        match block {
            Some(Block(block)) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc((class + 1) * 16) }.cast(),
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        self.lists[class(size)].lock().unwrap_or_else(PoisonError::into_inner).push(Block(block));
    }
}

impl Drop for MutexVec {
    fn drop(&mut self) {
        for list in &mut self.lists {
            for Block(block) in list.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
                // SAFETY: the list had this block from malloc, and nobody else holds it.
                unsafe { libc::free(block.cast()) }
            }
        }
    }
}

/// No heap: always the same eight bytes. What a replay over it costs is the driver's.
#[derive(Default)]
pub struct Nothing(UnsafeCell<u64>);

impl Heap for Nothing {
    const FORGETS: bool = true;

    #[inline(always)]
    unsafe fn allocate(&self, _: usize) -> *mut u8 {
        black_box(self.0.get()).cast()
    }

    #[inline(always)]
    unsafe fn free(&self, _: *mut u8, _: usize) {}
}
