//! Memory from the system and from the process heap.

use core::ptr;

/// Maps zeroed, private memory that is never unmapped; null when there is none. Only what is
/// touched becomes resident, by small pages (a huge one would make a whole region resident at once).
pub fn map(bytes: usize) -> *mut u8 {
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that exists.
    unsafe {
        let address = libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if address == libc::MAP_FAILED {
            return ptr::null_mut();
        }
        // Advice: a kernel that knows no huge pages refuses it, and then there is nothing to fear.
        libc::madvise(address, bytes, libc::MADV_NOHUGEPAGE);
        address.cast()
    }
}

/// Unmaps what was mapped.
///
/// # Safety
/// The range came from [`map`], and nobody uses it any more.
pub unsafe fn unmap(address: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(address.cast(), bytes) };
}

/// A block of the process heap, or null. `alignment` is a power of two.
pub fn heap_allocate(size: usize, alignment: usize) -> *mut u8 {
    // The heap aligns to 16 bytes by itself (glibc's MALLOC_ALIGNMENT on 64-bit systems).
    if alignment <= 16 {
        // Other heaps, which may have been put in its place, align small blocks less.
        // SAFETY: any size may be asked for.
        return unsafe { libc::malloc(size.max(alignment)).cast() };
    }
    let mut block = ptr::null_mut();
    // SAFETY: the alignment is a power of two and a multiple of a pointer's size.
    match unsafe { libc::posix_memalign(&mut block, alignment, size) } {
        0 => block.cast(),
        _ => ptr::null_mut(),
    }
}

/// A block of zeroes of the process heap, aligned to 16 bytes, or null.
pub fn heap_allocate_zeroed(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    unsafe { libc::calloc(1, size.max(16)).cast() }
}

/// Changes a block's size, where it stands or by moving what it holds; or null, and the block is as before.
///
/// # Safety
/// The block came from [`heap_allocate`] with an alignment of at most 16, or from this, and was not given back yet.
pub unsafe fn heap_reallocate(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { libc::realloc(block.cast(), size.max(16)).cast() }
}

/// Gives a block back to the process heap.
///
/// # Safety
/// The block came from [`heap_allocate`] (or the caller's `malloc`) and was not given back yet.
pub unsafe fn heap_free(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { libc::free(block.cast()) }
}
