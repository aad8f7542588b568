//! The S-list: a stack of entries in the caller's memory.

use core::mem::{align_of, size_of};

use lookaside_core::{SListEntry, SListHeader, Status};

use crate::types::lookaside_status;
use crate::written::fill;

/// The head of an S-list, in memory of the caller's. Its words are those of Windows' SLIST_HEADER on 64-bit systems:
/// the depth in 16 bits and a sequence number in 48, then the first entry's address, whose lowest four bits are
/// reserved.
#[repr(C, align(16))]
pub struct lookaside_slist_header {
    /// The library's own.
    pub opaque: [u64; 2],
}

/// An entry of an S-list, which is in the caller's own structure at a multiple of 16 bytes.
#[repr(C, align(16))]
pub struct lookaside_slist_entry {
    /// The next entry, or NULL: the library's own while the entry is in a list, and the way along a flushed chain.
    pub next: *mut lookaside_slist_entry,
}

/// Makes an empty S-list. Zeroed memory is one too.
///
/// Parameters:
/// - `header`: the caller's memory, at a multiple of 16 bytes.
///
/// Returns, and then the memory is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the list is ready. It needs no end.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `header` is NULL.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `header` is not at a multiple of 16 bytes.
///
/// Memory and threads: no one else may use the header during the call.
///
/// WDK: `InitializeSListHead`, which raises the last of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_initialize(header: *mut lookaside_slist_header) -> lookaside_status {
    if header.is_null() {
        return Status::INVALID_PARAMETER.0;
    }
    if !header.is_aligned() {
        return Status::DATATYPE_MISALIGNMENT.0;
    }
    // SAFETY: not null, aligned, and the caller's to write.
    unsafe { fill(header.cast::<SListHeader>(), SListHeader::new()) };
    Status::SUCCESS.0
}

/// Puts an entry on top of the list.
///
/// Parameters:
/// - `header`: the list.
/// - `entry`: the entry, in no list, at a multiple of 16 bytes. It stays where it is until it is popped or flushed.
///
/// Returns the entry that was on top before, or NULL. The process ends with a message when a pointer is NULL or
/// misaligned.
///
/// Memory and threads: any number of threads at once, and on x86-64 signal handlers: a push never waits there.
///
/// WDK: `InterlockedPushEntrySList`, `ExInterlockedPushEntrySList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_push(
    header: *mut lookaside_slist_header,
    entry: *mut lookaside_slist_entry,
) -> *mut lookaside_slist_entry {
    // SAFETY: the header may be read; the entry may be written and is the caller's.
    unsafe { list(header).push(entry.cast()) }.cast()
}

/// Puts a chain of entries on top of the list, all at once.
///
/// Parameters:
/// - `header`: the list.
/// - `first`, `last`: the ends of the chain, which leads from the first to the last by `next`; each entry as for
///   `lookaside_slist_push`.
/// - `count`: how many entries they are, by which the depth grows.
///
/// Returns, and memory and threads, as `lookaside_slist_push`.
///
/// WDK: `InterlockedPushListSListEx`, `RtlInterlockedPushListSListEx`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_push_list(
    header: *mut lookaside_slist_header,
    first: *mut lookaside_slist_entry,
    last: *mut lookaside_slist_entry,
    count: usize,
) -> *mut lookaside_slist_entry {
    // SAFETY: the header may be read; the entries may be written and are the caller's.
    unsafe { list(header).push_list(first.cast(), last.cast(), count) }.cast()
}

/// Takes the entry that came last.
///
/// Parameters:
/// - `header`: the list.
///
/// Returns the entry, or NULL from an empty list. The process ends with a message when `header` is NULL or misaligned.
///
/// Memory and threads: any number of threads at once; pops and flushes of one list wait for each other, some
/// nanoseconds each, and so may not be called in a signal handler. The entry's memory may go away as soon as the call
/// returns. After a fork the child may go on with a list that no other thread was using, and must initialise any other
/// anew.
///
/// WDK: `InterlockedPopEntrySList`, `ExInterlockedPopEntrySList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_pop(header: *mut lookaside_slist_header) -> *mut lookaside_slist_entry {
    // SAFETY: the header may be read, and entries stay readable while others pop.
    unsafe { list(header) }.pop().cast()
}

/// Takes all entries.
///
/// Parameters:
/// - `header`: the list.
///
/// Returns the entry that came last, from which `next` leads to the others, or NULL from an empty list. The process
/// ends with a message when `header` is NULL or misaligned.
///
/// Memory and threads: as `lookaside_slist_pop`.
///
/// WDK: `InterlockedFlushSList`, `ExInterlockedFlushSList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_flush(header: *mut lookaside_slist_header) -> *mut lookaside_slist_entry {
    // SAFETY: the header may be read.
    unsafe { list(header) }.flush().cast()
}

/// Returns how many entries the list has.
///
/// Parameters:
/// - `header`: the list.
///
/// Returns the number modulo 65,536: for a list of 65,536 entries that is 0. The process ends with a message when
/// `header` is NULL or misaligned.
///
/// Memory and threads: any number of threads at once, and signal handlers. The number may be old as soon as it is
/// known.
///
/// WDK: `QueryDepthSList`, `ExQueryDepthSList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_depth(header: *const lookaside_slist_header) -> u16 {
    // SAFETY: the header may be read.
    unsafe { list(header) }.depth()
}

/// Returns the entry that came last, and leaves it in the list.
///
/// Parameters:
/// - `header`: the list.
///
/// Returns the entry, or NULL from an empty list. Another thread may have popped it already, so it is not to be touched
/// while others use the list. The process ends with a message when `header` is NULL or misaligned.
///
/// Memory and threads: any number of threads at once, and signal handlers.
///
/// WDK: `FirstEntrySList`, `RtlFirstEntrySList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_slist_first(header: *const lookaside_slist_header) -> *mut lookaside_slist_entry {
    // SAFETY: the header may be read.
    unsafe { list(header) }.first().cast()
}

/// The list, if the pointer may be one.
///
/// # Safety
/// `header` is null, misaligned, or points to a header that lives as long as the result.
unsafe fn list<'a>(header: *const lookaside_slist_header) -> &'a SListHeader {
    // SAFETY: the header may be read, or the process ends with a message.
    unsafe { SListHeader::at(header.cast()) }
}

const _: () = {
    assert!(size_of::<lookaside_slist_header>() == 16 && align_of::<lookaside_slist_header>() == 16);
    assert!(size_of::<lookaside_slist_entry>() == 16 && align_of::<lookaside_slist_entry>() == 16);
    assert!(size_of::<SListHeader>() == 16 && align_of::<SListHeader>() == 16);
    assert!(size_of::<SListEntry>() == 16 && align_of::<SListEntry>() == 16);
};
