//! jemalloc, freeing by size, which spares it the look-up of the size class.

use crate::ground::contender::{About, Contender};

pub const JEMALLOC: About = About::malloc("jemalloc", "jemalloc's malloc and its free by size");

/// jemalloc's `malloc` and `sdallocx`.
pub struct Jemalloc;

pub fn new(_size: usize) -> anyhow::Result<Jemalloc> {
    Ok(Jemalloc)
}

impl Contender for Jemalloc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { tikv_jemalloc_sys::malloc(size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller gives back what jemalloc gave for this size.
        unsafe { tikv_jemalloc_sys::sdallocx(block.cast(), size, 0) };
    }
}
