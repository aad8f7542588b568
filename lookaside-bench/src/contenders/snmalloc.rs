//! snmalloc through its interface for Rust, which frees by size.

use std::alloc::{GlobalAlloc, Layout};

use snmalloc_rs::SnMalloc;

use super::Contender;

/// snmalloc's `sn_rust_alloc` and `sn_rust_dealloc`.
pub struct Snmalloc {
    layout: Layout,
}

impl Contender for Snmalloc {
    fn new(size: usize) -> anyhow::Result<Self> {
        let layout = Layout::from_size_align(size, 16)?;
        Ok(Self { layout })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: contenders are made for sizes that are not zero.
        unsafe { SnMalloc.alloc(self.layout) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back what snmalloc gave for this layout.
        unsafe { SnMalloc.dealloc(block, self.layout) };
    }
}
