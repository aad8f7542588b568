//! What traces are replayed over, beside the contenders: lists by size class, and the global allocator.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use anyhow::{Context, Result};
use lookaside_core::{LookasideList, Statistics, Tag, Topology, Tuning};

use super::script::class;
use crate::ground::contender::Contender;

/// A lookaside list for each size class of 16 bytes that a trace uses.
pub struct Lists(Box<[Option<LookasideList>]>);

impl Lists {
    /// Makes the lists for the classes of which `blocks_by_class` has any.
    pub fn new(blocks_by_class: &[u64], tuning: Tuning, topology: Topology) -> Result<Lists> {
        let list = |class: usize| {
            let size = (class + 1) * 16;
            let name = format!("trace-{size}");
            let list =
                LookasideList::builder(size).name(&name).tag(Tag::new(*b"Trce")).tuning(tuning).topology(topology);
            list.build().with_context(|| format!("the list {name} cannot be made"))
        };
        let used =
            blocks_by_class.iter().enumerate().map(|(class, &blocks)| (blocks > 0).then(|| list(class)).transpose());
        used.collect::<Result<_>>().map(Lists)
    }

    /// The statistics of the lists, smallest class first.
    pub fn statistics(&self) -> Vec<Statistics> {
        self.0.iter().flatten().map(LookasideList::statistics).collect()
    }

    /// The list of a size.
    ///
    /// # Safety
    ///
    /// The class of this size is one that `new` has made a list for.
    #[inline(always)]
    unsafe fn list(&self, size: usize) -> &LookasideList {
        // SAFETY: as the caller says.
        unsafe { self.0.get_unchecked(class(size)).as_ref().unwrap_unchecked() }
    }
}

impl Contender for Lists {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: the caller asks for sizes of the trace.
        unsafe { self.list(size) }.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block came from this very list, as the caller says, and is not null.
        unsafe { self.list(size).free(NonNull::new_unchecked(block)) }
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
