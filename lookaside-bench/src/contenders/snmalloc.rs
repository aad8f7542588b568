//! snmalloc through its interface for Rust, which frees by size.

use std::alloc::{GlobalAlloc, Layout};

use snmalloc_rs::SnMalloc;

use crate::ground::contender::{About, Contender};

pub const SNMALLOC: About = About::malloc("snmalloc", "snmalloc, with its free by size");

/// snmalloc's `sn_rust_alloc` and `sn_rust_dealloc`.
pub struct Snmalloc;

pub fn new(_size: usize) -> anyhow::Result<Snmalloc> {
    Ok(Snmalloc)
}

impl Contender for Snmalloc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: contenders are made for sizes that are not zero and far below the limit of a layout.
        unsafe { SnMalloc.alloc(Layout::from_size_align_unchecked(size, 16)) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller gives back what snmalloc gave for this layout.
        unsafe { SnMalloc.dealloc(block, Layout::from_size_align_unchecked(size, 16)) };
    }
}
