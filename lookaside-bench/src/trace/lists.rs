//! What traces are replayed over, beside the contenders: lists by size class, other contenders by size class, the global
//! allocator, and nothing.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::hint::black_box;

use anyhow::{Result, anyhow};
use lookaside_core::{Parameters, RawList, Statistics, Status, Tag};

use super::script::class;
use crate::ground::contender::Contender;

/// A lookaside list for each size class of 16 bytes that a trace uses.
pub struct Lists {
    /// By class; those outside `used` are zeroed and not touched.
    lists: Box<[RawList]>,
    used: Vec<usize>,
}

// SAFETY: a list may be used from every thread; this is what lookaside lists are for.
unsafe impl Send for Lists {}
// SAFETY: as above.
unsafe impl Sync for Lists {}

impl Lists {
    /// Makes the lists for the classes of which `blocks_by_class` has any; all but size, name and tag are as in `model`.
    pub fn new(blocks_by_class: &[u64], model: &Parameters<'_>) -> Result<Lists> {
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

impl Contender for Lists {
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

/// A contender for each size class.
pub struct ByClass<C>(pub Box<[C]>);

impl<C: Contender> Contender for ByClass<C> {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        let class = class(size);
        // SAFETY: as the caller says, of the largest size of the class.
        unsafe { self.0[class].allocate((class + 1) * 16) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        let class = class(size);
        // SAFETY: as above.
        unsafe { self.0[class].free(block, (class + 1) * 16) };
    }
}

/// The program's global allocator, asked for blocks of every size.
pub struct Global;

/// The alignment of what most Rust types ask for. No size in a script is smaller.
const GLOBAL_ALIGNMENT: usize = 8;

impl Contender for Global {
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

/// No allocator: always the same eight bytes. What a replay over it costs is the driver's.
#[derive(Default)]
pub struct Nothing(UnsafeCell<u64>);

impl Contender for Nothing {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        black_box(self.0.get()).cast()
    }

    #[inline(always)]
    unsafe fn free(&self, _block: *mut u8, _size: usize) {}
}
