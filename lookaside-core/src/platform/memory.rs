//! Memory from the system and from the process heap.

use core::ptr;

use super::frames::call_with_frames;
#[cfg(miri)]
use super::miri as libc;
use super::system_call::{keep_errno, system_call};
use super::tool::own;

/// Maps zeroed, private memory that is never unmapped; null when there is none. Only what is
/// touched becomes resident, by small pages (a huge one would make a whole region resident at once).
pub fn map(bytes: usize) -> *mut u8 {
    let address = anonymous(bytes, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
    if !address.is_null() {
        own(address, bytes);
    }
    address
}

/// Reserves address space, which may not be touched before [`commit`]; null when there is none.
pub fn reserve(bytes: usize) -> *mut u8 {
    anonymous(bytes, libc::PROT_NONE, libc::MAP_PRIVATE)
}

/// Reserves address space that begins at a multiple of `alignment`, a power of two of at least a page.
pub fn reserve_aligned(bytes: usize, alignment: usize) -> *mut u8 {
    let start = reserve(bytes + alignment);
    if start.is_null() {
        return start;
    }
    let before = start.addr().wrapping_neg() & (alignment - 1);
    // SAFETY: both ranges lie in the mapping, and no one uses them.
    unsafe {
        if before != 0 {
            unmap(start, before);
        }
        unmap(start.add(before + bytes), alignment - before);
        start.add(before)
    }
}

/// Turns pages into huge ones, with what they hold, where the system can (Linux 6.1 and later).
///
/// # Safety
/// The range is a committed private mapping of the caller's, and begins and ends at multiples of a huge page.
pub unsafe fn make_huge(address: *mut u8, bytes: usize) {
    const MADV_COLLAPSE: usize = 25;
    // SAFETY: the pages are mapped and the caller's; contents are kept. A failure leaves the pages as they are.
    unsafe {
        // `reserve` forbade it.
        let arguments = |advice| [address.addr(), bytes, advice, 0, 0, 0];
        system_call(libc::SYS_madvise, arguments(libc::MADV_HUGEPAGE as usize));
        system_call(libc::SYS_madvise, arguments(MADV_COLLAPSE));
    }
}

/// Lets the system use huge pages where the range is touched, if it has them.
///
/// # Safety
/// The range is a mapping of the caller's.
pub unsafe fn allow_huge(address: *mut u8, bytes: usize) {
    // SAFETY: the range is the caller's. Advice: a kernel that has no huge pages refuses it.
    keep_errno(|| unsafe { libc::madvise(address.cast(), bytes, libc::MADV_HUGEPAGE) });
}

/// Maps zeroed memory that children of later forks share; null when there is none. As [`map_lazily`], since it cannot be
/// reserved and committed in pieces: a commit would be one process' alone.
pub fn map_shared(bytes: usize) -> *mut u8 {
    resident_by_use(bytes, libc::MAP_SHARED)
}

/// Maps as [`map`]. In a program that has its future memory locked (`mlockall`) it is resident and locked from its first
/// use on, and not all at once.
pub fn map_lazily(bytes: usize) -> *mut u8 {
    resident_by_use(bytes, libc::MAP_PRIVATE)
}

fn resident_by_use(bytes: usize, sharing: libc::c_int) -> *mut u8 {
    let address = anonymous(bytes, libc::PROT_NONE, sharing);
    if address.is_null() {
        return address;
    }
    // SAFETY: the mapping is new, and no one else's.
    unsafe {
        if locks_new_memory() {
            let range = [address.addr(), bytes, libc::MLOCK_ONFAULT as usize, 0, 0, 0];
            // A kernel that cannot do that (before Linux 4.4) has it unlocked rather than resident.
            if system_call(libc::SYS_mlock2, range) != 0 {
                system_call(libc::SYS_munlock, range);
            }
        }
        if !commit(address, bytes) {
            unmap(address, bytes);
            return ptr::null_mut();
        }
    }
    address
}

/// Whether the kernel makes new memory resident before it is used.
pub fn locks_new_memory() -> bool {
    let size = page_size();
    let page = map(size);
    let mut is_resident = 0u8;
    // SAFETY: the page is this function's, and there is a byte for it.
    unsafe {
        if !page.is_null() {
            system_call(libc::SYS_mincore, [page.addr(), size, (&raw mut is_resident).expose_provenance(), 0, 0, 0]);
            unmap(page, size);
        }
    }
    is_resident & 1 != 0
}

/// Maps zeroed, private memory that is soon unmapped again: with one system call, and huge pages as the system likes.
pub fn map_briefly(bytes: usize) -> *mut u8 {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let address = unsafe { system_call(libc::SYS_mmap, [0, bytes, protection, flags, usize::MAX, 0]) };
    if address < 0 { ptr::null_mut() } else { ptr::with_exposed_provenance_mut(address as usize) }
}

fn anonymous(bytes: usize, protection: libc::c_int, sharing: libc::c_int) -> *mut u8 {
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that exists.
    keep_errno(|| unsafe {
        let flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let address = libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0);
        if address == libc::MAP_FAILED {
            return ptr::null_mut();
        }
        // Advice: a kernel that knows no huge pages refuses it, and then there is nothing to fear.
        libc::madvise(address, bytes, libc::MADV_NOHUGEPAGE);
        address.cast()
    })
}

/// Unmaps what was mapped.
///
/// # Safety
/// The range came from [`map`], and no one uses it any more.
pub unsafe fn unmap(address: *mut u8, bytes: usize) {
    // SAFETY: the mapping is the caller's, and no one uses it any more.
    keep_errno(|| unsafe { libc::munmap(address.cast(), bytes) });
}

/// Returns the bytes of a page.
pub fn page_size() -> usize {
    // SAFETY: no memory is involved; the result is positive.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Returns the bytes of memory that the machine has.
pub fn memory_total() -> u64 {
    // SAFETY: zeroes are valid numbers, which the call replaces.
    keep_errno(|| unsafe {
        let mut system: libc::sysinfo = core::mem::zeroed();
        libc::sysinfo(&mut system);
        system.totalram * u64::from(system.mem_unit)
    })
}

/// Returns the bytes that this process may lock: RLIMIT_MEMLOCK, `u64::MAX` for no limit. CAP_IPC_LOCK, which lifts it,
/// is not looked at.
pub fn lock_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the result. A sandbox may refuse the call: then the limit is 0.
    keep_errno(|| unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) });
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// Returns how many bytes of addresses this process may have: RLIMIT_AS, `u64::MAX` for no limit.
pub fn address_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the result.
    keep_errno(|| unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) });
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// Makes reserved pages usable, zeroed if they were never used; returns whether the system had memory for them.
///
/// # Safety
/// The pages are of a mapping of the caller's.
pub unsafe fn commit(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are reserved and the caller's.
    let done = keep_errno(|| unsafe { libc::mprotect(address.cast(), bytes, libc::PROT_READ | libc::PROT_WRITE) == 0 });
    if done {
        own(address, bytes);
    }
    done
}

/// Undoes [`commit`]: the contents are gone, the address space stays reserved. Returns whether the pages cannot be
/// touched any more.
///
/// # Safety
/// As for `commit`, and no one uses the pages any more.
pub unsafe fn decommit(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are the caller's, and no one uses what they hold.
    keep_errno(|| unsafe {
        libc::madvise(address.cast(), bytes, libc::MADV_DONTNEED);
        libc::mprotect(address.cast(), bytes, libc::PROT_NONE) == 0
    })
}

/// Gives the memory of pages back to the system: they are zeroes when they are touched again. Returns whether the system
/// says so; locked pages stay.
///
/// # Safety
/// The pages are of a committed mapping of the caller's, and no one uses what they hold.
pub unsafe fn discard(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are the caller's, and no one uses what they hold.
    keep_errno(|| unsafe { libc::madvise(address.cast(), bytes, libc::MADV_DONTNEED) == 0 })
}

/// Returns whether [`discard`] makes zeroes of what pages held: qemu-user did not do so before version 8, and says yes.
pub fn discard_clears() -> bool {
    let bytes = page_size();
    let page = map(bytes);
    if page.is_null() {
        return false;
    }
    // SAFETY: the page is this function's.
    unsafe {
        page.write_volatile(1);
        let clears = discard(page, bytes) && page.read_volatile() == 0;
        unmap(page, bytes);
        clears
    }
}

/// Makes pages resident and locks them there; returns whether the system let us. Otherwise none of them is locked.
///
/// # Safety
/// The pages are of a committed mapping of the caller's.
pub unsafe fn lock_pages(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are mapped and the caller's. A failure may have locked some of the pages.
    keep_errno(|| unsafe {
        let locked = libc::mlock(address.cast(), bytes) == 0;
        if !locked {
            libc::munlock(address.cast(), bytes);
        }
        locked
    })
}

/// Unlocks pages; returns whether the system did. It may refuse where the process has no more mappings.
///
/// # Safety
/// As for `lock_pages`.
pub unsafe fn unlock_pages(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are mapped and the caller's; contents are kept.
    keep_errno(|| unsafe { libc::munlock(address.cast(), bytes) == 0 })
}

/// Makes pages resident, for as long as the system likes. By writes: the system's own call is of Linux 5.14, and qemu-user
/// has none.
///
/// # Safety
/// As for `lock_pages`; no one uses what the pages hold.
pub unsafe fn populate(address: *mut u8, bytes: usize) {
    for offset in (0..bytes).step_by(page_size()) {
        // SAFETY: the byte is of the caller's pages, and no one uses it.
        unsafe { address.wrapping_add(offset).write_volatile(0) };
    }
}

const MADV_GUARD_INSTALL: libc::c_int = 102;
const MADV_GUARD_REMOVE: libc::c_int = 103;

/// Makes pages inaccessible and drops their contents, without splitting the mapping; returns whether the kernel can
/// do that (Linux 6.13 and later).
///
/// # Safety
/// The pages are of a committed private mapping of the caller's, and no one uses them any more.
pub unsafe fn install_guard(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are the caller's, and no one uses what they hold.
    keep_errno(|| unsafe { libc::madvise(address.cast(), bytes, MADV_GUARD_INSTALL) == 0 })
}

/// Makes guarded pages accessible again, zeroed.
///
/// # Safety
/// As for `install_guard`.
pub unsafe fn remove_guard(address: *mut u8, bytes: usize) -> bool {
    // SAFETY: the pages are of a mapping of the caller's.
    keep_errno(|| unsafe { libc::madvise(address.cast(), bytes, MADV_GUARD_REMOVE) == 0 })
}

/// Returns how many mappings a process may have.
pub fn map_count_limit() -> usize {
    const DEFAULT: usize = 65_530;
    let mut text = [0; 32];
    let read = super::read_file(c"/proc/sys/vm/max_map_count", &mut text);
    read.and_then(|text| core::str::from_utf8(text).ok()?.trim_end().parse().ok()).unwrap_or(DEFAULT)
}

/// Returns a block of the process heap, or null. `alignment` is a power of two.
pub fn heap_allocate(size: usize, alignment: usize) -> *mut u8 {
    // The heap aligns to 16 bytes by itself (glibc's MALLOC_ALIGNMENT on 64-bit systems).
    if alignment <= 16 {
        // Other heaps, which may have been put in its place, align small blocks less.
        // SAFETY: any size may be asked for.
        return keep_errno(|| unsafe { libc::malloc(size.max(alignment)).cast() });
    }
    let mut block = ptr::null_mut();
    // SAFETY: the alignment is a power of two and a multiple of a pointer's size.
    match keep_errno(|| unsafe { libc::posix_memalign(&mut block, alignment, size) }) {
        0 => block.cast(),
        _ => ptr::null_mut(),
    }
}

/// [`heap_allocate`] with the stack that a sanitizer shows for the block.
pub fn traced_heap_allocate(size: usize, alignment: usize) -> *mut u8 {
    if alignment <= 16 {
        let arguments = [size.max(alignment), 0, 0, 0];
        // SAFETY: any size may be asked for.
        let block = keep_errno(|| unsafe { call_with_frames(libc::malloc as *const (), arguments) });
        return ptr::with_exposed_provenance_mut(block);
    }
    let mut block: *mut core::ffi::c_void = ptr::null_mut();
    let arguments = [(&raw mut block).expose_provenance(), alignment, size, 0];
    // SAFETY: the alignment is a power of two and a multiple of a pointer's size.
    let error = keep_errno(|| unsafe { call_with_frames(libc::posix_memalign as *const (), arguments) });
    if error as i32 == 0 { block.cast() } else { ptr::null_mut() }
}

/// [`heap_free`] with the stack that a sanitizer shows for the block.
///
/// # Safety
/// As for [`heap_free`].
pub unsafe fn traced_heap_free(block: *mut u8) {
    // SAFETY: the block came from the heap, and no one uses it any more.
    keep_errno(|| unsafe { call_with_frames(libc::free as *const (), [block.expose_provenance(), 0, 0, 0]) });
}

/// Returns a block of zeroes of the process heap, aligned to 16 bytes, or null.
pub fn heap_allocate_zeroed(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    keep_errno(|| unsafe { libc::calloc(1, size.max(16)).cast() })
}

/// Changes a block's size, in place or by moving what it holds; or returns null, and the block is as before.
///
/// # Safety
/// The block came from [`heap_allocate`] with an alignment of at most 16, or from this, and was not given back yet.
pub unsafe fn heap_reallocate(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the block came from the heap by 16 bytes of alignment, and is the caller's.
    keep_errno(|| unsafe { libc::realloc(block.cast(), size.max(16)).cast() })
}

/// Gives a block back to the process heap.
///
/// # Safety
/// The block came from [`heap_allocate`] (or the caller's `malloc`) and was not given back yet.
pub unsafe fn heap_free(block: *mut u8) {
    // SAFETY: the block came from the heap, and no one uses it any more.
    keep_errno(|| unsafe { libc::free(block.cast()) });
}
