//! The C library's malloc, as every program gets it.

use crate::ground::contender::{About, Contender};

pub const GLIBC: About = About::malloc("glibc", "malloc and free of the C library");

/// glibc's `malloc` and `free`.
pub struct Glibc;

pub fn new(_size: usize) -> anyhow::Result<Glibc> {
    Ok(Glibc)
}

impl Contender for Glibc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back what malloc gave.
        unsafe { libc::free(block.cast()) };
    }
}
