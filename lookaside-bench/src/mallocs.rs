//! General allocators that are linked to the command, each by the cheapest of its calls.

#[cfg(feature = "snmalloc")]
use std::alloc::{GlobalAlloc, Layout};

use anyhow::ensure;

use crate::ground::contender::{About, Contender};

/// Allocators without fields, so that workloads call their functions as directly as programs do.
macro_rules! mallocs {
    ($($(#[$of_type:meta])* $name:ident: |$size:ident| $allocate:expr, |$block:ident, $length:pat_param| $free:expr;)*) => {$(
        $(#[$of_type])*
        pub struct $name;

        $(#[$of_type])*
        impl Contender for $name {
            #[inline(always)]
            unsafe fn allocate(&self, $size: usize) -> *mut u8 {
                // SAFETY: the function takes every size that this type is made for.
                unsafe { $allocate.cast() }
            }

            #[inline(always)]
            unsafe fn free(&self, $block: *mut u8, $length: usize) {
                // SAFETY: the caller gives back what this allocator gave for this size.
                unsafe { $free };
            }
        }
    )*};
}

mallocs! {
    Glibc: |size| libc::malloc(size), |block, _| libc::free(block.cast());
    Jemalloc: |size| tikv_jemalloc_sys::malloc(size), |block, size| tikv_jemalloc_sys::sdallocx(block.cast(), size, 0);
    // In a release build `mi_free` is all that `mi_free_size` and `mi_free_small` do.
    Mimalloc: |size| libmimalloc_sys::mi_malloc(size), |block, _| libmimalloc_sys::mi_free(block.cast());
    MimallocSmall: |size| libmimalloc_sys::mi_malloc_small(size), |block, _| libmimalloc_sys::mi_free(block.cast());
    #[cfg(feature = "snmalloc")]
    Snmalloc: |size| snmalloc_rs::SnMalloc.alloc(Layout::from_size_align_unchecked(size, 16)),
        |block, size| snmalloc_rs::SnMalloc.dealloc(block, Layout::from_size_align_unchecked(size, 16));
}

pub const GLIBC: About = About::malloc("glibc", "malloc and free of the C library");
pub const JEMALLOC: About = About::malloc("jemalloc", "jemalloc's malloc and its free by size");
pub const MIMALLOC: About =
    About::malloc("mimalloc", "mimalloc's malloc (its call for small sizes where there is one) and free");
#[cfg(feature = "snmalloc")]
pub const SNMALLOC: About = About::malloc("snmalloc", "snmalloc, with its free by size");

/// The largest size of `mi_malloc_small`: 128 words.
pub const LARGEST_SMALL: usize = 128 * size_of::<usize>();

pub fn glibc(_size: usize) -> anyhow::Result<Glibc> {
    Ok(Glibc)
}

pub fn jemalloc(_size: usize) -> anyhow::Result<Jemalloc> {
    Ok(Jemalloc)
}

pub fn mimalloc(_size: usize) -> anyhow::Result<Mimalloc> {
    Ok(Mimalloc)
}

pub fn mimalloc_small(size: usize) -> anyhow::Result<MimallocSmall> {
    ensure!(size <= LARGEST_SMALL, "{size} bytes are too many for the call for small sizes");
    Ok(MimallocSmall)
}

#[cfg(feature = "snmalloc")]
pub fn snmalloc(_size: usize) -> anyhow::Result<Snmalloc> {
    Ok(Snmalloc)
}
