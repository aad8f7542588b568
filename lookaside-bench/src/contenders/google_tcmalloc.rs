//! Google's tcmalloc, freeing by size. It is itself only with its caches for each processor, which need the thread's rseq area:
//! where glibc has registered one already, it falls back to caches for each thread, and is skipped.

use anyhow::ensure;
use libtcmalloc_sys::{BridgeTCMallocInternalNewAlignedNothrow, TCMallocInternalDeleteSizedAligned};

use crate::ground::contender::{About, Contender};

pub const GOOGLE_TCMALLOC: About =
    About::malloc("google-tcmalloc", "Google's tcmalloc with its caches for each processor, and its free by size")
        .with("GLIBC_TUNABLES", "glibc.pthread.rseq=0");

const ALIGNMENT: usize = 16;

unsafe extern "C" {
    /// `tcmalloc::MallocExtension::PerCpuCachesActive`, by the name that the library has it under for C.
    safe fn MallocExtension_Internal_GetPerCpuCachesActive() -> bool;
}

/// Google's tcmalloc by the functions that its crate has for it.
pub struct GoogleTcmalloc;

pub fn new(size: usize) -> anyhow::Result<GoogleTcmalloc> {
    let tcmalloc = GoogleTcmalloc;
    // The first allocation of a process decides.
    // SAFETY: any size will do, and the block is freed once.
    unsafe { tcmalloc.free(tcmalloc.allocate(size), size) };
    ensure!(
        MallocExtension_Internal_GetPerCpuCachesActive(),
        "Google's tcmalloc has no caches for each processor in this process: its kernel has no rseq, or glibc took it"
    );
    Ok(tcmalloc)
}

impl Contender for GoogleTcmalloc {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: the function takes any size, and an alignment that is a power of two.
        unsafe { BridgeTCMallocInternalNewAlignedNothrow(size, ALIGNMENT).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller gives back what tcmalloc gave for this size, and the alignment is the one of `allocate`.
        unsafe { TCMallocInternalDeleteSizedAligned(block.cast(), size, ALIGNMENT) };
    }
}
