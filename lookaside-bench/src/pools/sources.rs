//! Where the blocks are from: the library's pools, through lists over them, and pages from the system for each block, which a
//! program without those pools would write.

use std::ptr;

use lookaside_core::{Builder, ListFlags, LookasideList, PoolType, Status};

use crate::contenders::lookaside::List;
use crate::ground::contender::Contender;
use crate::ground::measure::Absent;

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

pub fn guarded_pages(_size: usize) -> anyhow::Result<GuardedPages> {
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

/// A list over the special pool: each block is flush with the end of its page.
pub fn special(size: usize) -> anyhow::Result<List<false>> {
    build(LookasideList::builder(size).flags(ListFlags::SPECIAL_POOL))
}

/// A list over the nonpaged pool.
pub fn nonpaged(size: usize) -> anyhow::Result<List<false>> {
    build(LookasideList::builder(size).pool_type(PoolType::NON_PAGED))
}

fn build(builder: Builder<'_>) -> anyhow::Result<List<false>> {
    match builder.name("compare").build() {
        Ok(list) => Ok(List(list)),
        Err(error) if matches!(error.status(), Status::WORKING_SET_QUOTA | Status::NOT_SUPPORTED) => {
            Err(Absent(error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}
