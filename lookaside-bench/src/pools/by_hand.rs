//! What a program without the library's pools would write: pages from the system for each block.

use std::ptr;

use crate::ground::contender::Contender;

pub fn page() -> usize {
    // SAFETY: the function only returns a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Fresh pages with this protection, or null.
pub fn map(bytes: usize, protection: i32) -> *mut u8 {
    // SAFETY: a new private mapping touches no one's memory.
    let pages =
        unsafe { libc::mmap(ptr::null_mut(), bytes, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    if pages == libc::MAP_FAILED { ptr::null_mut() } else { pages.cast() }
}

/// Whether the kernel, asked to read the byte at this address, finds that no one may. Nothing faults.
pub fn is_inaccessible(address: *const u8) -> bool {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "no pipe");
    // SAFETY: the kernel checks the address before it reads there.
    let written = unsafe { libc::write(ends[1], address.cast(), 1) };
    // SAFETY: this is the last error of this thread.
    let refused = written < 0 && unsafe { *libc::__errno_location() } == libc::EFAULT;
    for end in ends {
        // SAFETY: the ends were opened above.
        unsafe { libc::close(end) };
    }
    refused
}

/// Each block at the end of a page of its own, with a page behind it that no one may touch.
pub struct GuardedPages {
    page: usize,
}

pub fn new(_size: usize) -> anyhow::Result<GuardedPages> {
    Ok(GuardedPages { page: page() })
}

impl Contender for GuardedPages {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        let pages = map(2 * self.page, libc::PROT_NONE);
        if pages.is_null() {
            return pages;
        }
        // SAFETY: the pages are ours.
        unsafe {
            if libc::mprotect(pages.cast(), self.page, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                libc::munmap(pages.cast(), 2 * self.page);
                return ptr::null_mut();
            }
            pages.add(self.page - size)
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the block is so far into its two pages, which no one uses any more.
        unsafe { libc::munmap(block.sub(self.page - size).cast(), 2 * self.page) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::contender::Blocks;

    #[test]
    fn guards_stand_behind_blocks() {
        let pages = Blocks::new(new, 64).unwrap();
        let block = pages.allocate();
        // SAFETY: the block has 64 bytes, and is freed once.
        unsafe {
            block.write_bytes(1, 64);
            assert!(!is_inaccessible(block.add(63)));
            assert!(is_inaccessible(block.add(64)));
            pages.free(block);
        }
        assert!(is_inaccessible(block));
    }
}
