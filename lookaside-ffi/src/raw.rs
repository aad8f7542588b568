//! A list's life: initialise, allocate, free, flush, trim, prefill, delete, look inside.

use core::ffi::{c_char, c_void};
use core::ptr::{from_ref, null, null_mut};

use lookaside_core::{Caller, RawList, Status};

use crate::types::{lookaside_list, lookaside_parameters, lookaside_status, text};
use crate::written::wrote;

/// The largest block in bytes that `lookaside_process_list` has lists for.
pub const LOOKASIDE_PROCESS_LIST_SIZE: usize = 32768;
/// The largest alignment in bytes that it has lists for.
pub const LOOKASIDE_PROCESS_LIST_ALIGNMENT: usize = 4096;

/// The most pointers that an array can have.
const MOST: usize = isize::MAX as usize / size_of::<*mut c_void>();

/// Makes a list. It is empty: the first blocks come from the pool, and freed blocks stay in it.
///
/// Parameters:
/// - `list`: the caller's memory for the list, at a multiple of 16 bytes. Its contents do not matter, unless they are a
///   live list; but they are read to see that, so zero them first if a tool such as Valgrind has to stay silent.
/// - `parameters`: what the list is made from. It is not needed after the call.
///
/// Returns, and then the object is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the list is ready, and must be deleted before its memory goes away.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, `struct_size` is not that of this version, `size` is 0,
///   `alignment` is no power of two or too large, a depth is too large, the name is not UTF-8, an enumerated value or a
///   flag is unknown, a reserved field is not 0, both callbacks of a kind are given, or `shared` is no list that this
///   one can share. Correct the program.
/// - `LOOKASIDE_STATUS_INTEGER_OVERFLOW`: `size` is too large.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` or `shared` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: `shared` was never initialised, or is
///   deleted.
/// - `LOOKASIDE_STATUS_NOT_SUPPORTED`: `LOOKASIDE_FLAG_VERIFY` for a session pool; or `inline_abi` is neither 0 nor
///   this library's: compile the program anew, with the `lookaside_inline.h` that belongs to the library.
/// - `LOOKASIDE_STATUS_DEVICE_BUSY`: `list` is live already, or deleted with blocks still out, and goes on as it
///   was. Delete it, or free its blocks, first.
/// - `LOOKASIDE_STATUS_WORKING_SET_QUOTA`: the nonpaged pool cannot be locked. Raise `RLIMIT_MEMLOCK` (`ulimit -l`),
///   grant `CAP_IPC_LOCK`, or set `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
/// - `LOOKASIDE_STATUS_NO_MEMORY`: no memory for the list's records. Try again later; nothing was taken.
/// - `LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES`: there are 65,536 lists, those of small pools among them. Delete some.
///
/// Memory and threads: no one else may use the object during the call. Any thread may use the list afterwards.
///
/// WDK: `ExInitializeLookasideListEx`, `ExInitializePagedLookasideList`, `ExInitializeNPagedLookasideList`. One
/// callback may be given without the other; the other is then the pool's routine, so the given one has to work with
/// `malloc` for a paged list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_initialize(
    list: *mut lookaside_list,
    parameters: *const lookaside_parameters,
) -> lookaside_status {
    let caller = Caller::Export(lookaside_list_initialize as *const () as usize);
    // SAFETY: the object may be written, the parameters are null or may be read; there is no place.
    unsafe { initialize(list, parameters, null(), caller) }
}

/// Makes a list as `lookaside_list_initialize` does, and names it by a place in the program if it has no name.
///
/// C and C++ programs reach it by the macro `lookaside_list_initialize(list, parameters)`, which gives the place of the
/// call. `(lookaside_list_initialize)(list, parameters)` calls the function, and leaves the list without a name.
///
/// Parameters:
/// - `place`: UTF-8 such as `src/packets.c:42`, NULL for none. What follows the last `/` becomes the name, of which the
///   first 32 bytes are copied. Ignored if it is not UTF-8.
/// - `list`, `parameters`: as those of `lookaside_list_initialize`.
///
/// Returns what `lookaside_list_initialize` returns.
///
/// Memory and threads: as `lookaside_list_initialize`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_initialize_at(
    place: *const c_char,
    list: *mut lookaside_list,
    parameters: *const lookaside_parameters,
) -> lookaside_status {
    let caller = Caller::Export(lookaside_list_initialize_at as *const () as usize);
    // SAFETY: the object may be written, the parameters are null or may be read, and the place null or a string.
    unsafe { initialize(list, parameters, place, caller) }
}

/// Makes a list; named by the place, if it has no name. Inlined, since the place of a caller is looked for from the frame
/// of the exported function on.
///
/// # Safety
///
/// As `lookaside_list_initialize`, and `place` is null or a string that ends with a zero byte.
#[inline(always)]
unsafe fn initialize(
    list: *mut lookaside_list,
    parameters: *const lookaside_parameters,
    place: *const c_char,
    caller: Caller,
) -> lookaside_status {
    // SAFETY: the caller gives null or parameters that do not change during the call.
    let Some(parameters) = (unsafe { parameters.as_ref() }) else {
        return Status::INVALID_PARAMETER.0;
    };
    // SAFETY: the caller gives names and callbacks as their types say, and keeps the core's contract for the object.
    unsafe {
        match parameters.to_core() {
            Ok(mut core) => {
                if core.name.is_empty() {
                    let place = text(place).unwrap_or("");
                    core.name = place.rsplit('/').next().unwrap_or(place);
                }
                let status = RawList::initialize_by(list.cast(), &core, caller);
                if status == Status::SUCCESS && parameters.inline_abi != 0 {
                    RawList::allow_inlined(list.cast());
                }
                status.0
            }
            Err(status) => status.0,
        }
    }
}

/// Takes a block from the list, or from the pool when the list has none. The contents are what was there.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns the block; the caller frees it to the same list. NULL when the pool has none left, and when `list` is NULL,
/// misaligned, all zero bytes, or deleted. Memory with other contents that never was a list is the caller's error.
///
/// Memory and threads: any number of threads at once. Not for signal handlers: see `lookaside_list_try_allocate`.
///
/// WDK: `ExAllocateFromLookasideListEx`, `ExAllocateFromPagedLookasideList`, `ExAllocateFromNPagedLookasideList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_allocate(list: *mut lookaside_list) -> *mut c_void {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::allocate_checked_by(list.cast(), Caller::Export(lookaside_list_allocate as *const () as usize)) }
        .cast()
}

/// Takes several blocks at once: one short trip through the list instead of one for each.
///
/// Parameters:
/// - `list`: the list.
/// - `blocks`: where to write them, room for `count` pointers at a multiple of 8 bytes.
/// - `count`: how many.
///
/// Returns how many blocks are in `blocks` from the first place on, in no particular order: all, or fewer when the
/// pool had no more; the places behind them are undefined then. 0 when `blocks` is NULL or misaligned or `count` more
/// than memory has room for, and when `list` is NULL, misaligned, all zero bytes, or deleted. Each block counts as one
/// allocate.
///
/// Memory and threads: as `lookaside_list_allocate`. The time grows with `count`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_allocate_many(
    list: *mut lookaside_list,
    blocks: *mut *mut c_void,
    count: usize,
) -> usize {
    if blocks.is_null() || !blocks.is_aligned() || count > MOST {
        return 0;
    }
    // SAFETY: a list, or memory that may be read and is none; there is room for `count` pointers.
    unsafe {
        let blocks = core::slice::from_raw_parts_mut(blocks.cast(), count);
        let caller = Caller::Export(lookaside_list_allocate_many as *const () as usize);
        let count = RawList::allocate_many_checked_by(list.cast(), blocks, caller);
        wrote(blocks.as_ptr().cast(), count * size_of::<*mut c_void>());
        count
    }
}

/// Takes a block that the list keeps, and never asks the pool or a callback.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns the block, or NULL when the list has none at hand, and when `list` is NULL, misaligned, never initialised,
/// or deleted.
///
/// Memory and threads: any number of threads at once, and signal handlers.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_try_allocate(list: *mut lookaside_list) -> *mut c_void {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::try_allocate(list.cast()) }.cast()
}

/// Gives a block back to the list, or through it to the pool when the list is full.
///
/// Parameters:
/// - `list`: the list that the block came from. It may be deleted already if the block was out then.
/// - `block`: the block, or NULL, which has no effect.
///
/// Returns nothing. The process ends with a message when the block could only be lost or do harm: `list` is NULL,
/// misaligned, all zero bytes, or deleted with no block out, or `block` is misaligned.
/// Memory with other contents that never was a list, a block of another list, and a block that is freed twice are the
/// caller's error, and not always found.
///
/// Memory and threads: any number of threads at once. The block may not be used afterwards.
///
/// WDK: `ExFreeToLookasideListEx`, `ExFreeToPagedLookasideList`, `ExFreeToNPagedLookasideList`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_free(list: *mut lookaside_list, block: *mut c_void) {
    // SAFETY: a list, or memory that may be read and is none; the block is null or its own.
    unsafe {
        let caller = Caller::Export(lookaside_list_free as *const () as usize);
        RawList::free_checked_by(list.cast(), block.cast(), caller);
    }
}

/// Gives several blocks back at once.
///
/// Parameters:
/// - `list`: the list that the blocks came from.
/// - `blocks`: the blocks, none of them twice; or NULL, which has no effect. Those among them that are NULL have none.
/// - `count`: how many pointers are in `blocks`. A count larger than the address space is ignored.
///
/// Returns nothing. Each block gets what `lookaside_list_free` gives it: the process ends with a message at the first
/// that could only be lost or do harm. Each counts as one free.
///
/// Memory and threads: as `lookaside_list_free`. The time grows with `count`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_free_many(list: *mut lookaside_list, blocks: *const *mut c_void, count: usize) {
    if blocks.is_null() || count > MOST {
        return;
    }
    let caller = Caller::Export(lookaside_list_free_many as *const () as usize);
    // SAFETY: a list, or memory that may be read and is none; `count` pointers may be read.
    unsafe {
        if blocks.is_aligned() {
            let blocks = core::slice::from_raw_parts(blocks.cast(), count);
            RawList::free_many_checked_by(list.cast(), blocks, caller);
        } else {
            // No pointer of C points there, but what it names would be lost.
            for place in 0..count {
                RawList::free_checked_by(list.cast(), blocks.add(place).read_unaligned().cast(), caller);
            }
        }
    }
}

/// Gives every block that the list keeps back to the pool. The list stays as it is otherwise, its depth included.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the blocks that it kept are back in the pool.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `list` is NULL.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
///
/// Memory and threads: others may use the list meanwhile. The free callback runs on the calling thread.
///
/// WDK: `ExFlushLookasideListEx`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_flush(list: *mut lookaside_list) -> lookaside_status {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::flush(list.cast()) }.0
}

/// Gives back to the pool what the list keeps beyond its depth.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns as `lookaside_list_flush`.
///
/// Memory and threads: as `lookaside_list_flush`. A scan does the same by itself, except with
/// `LOOKASIDE_TUNING_WINDOWS`; for a list with a free callback it leaves the work to the next caller who misses.
///
/// WDK: it has no such function; there, surplus blocks stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_trim(list: *mut lookaside_list) -> lookaside_status {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::trim(list.cast()) }.0
}

/// Gives up to this many of the blocks that the list keeps back to the pool: those of the shared list first, then the
/// oldest of each processor list.
///
/// Parameters:
/// - `list`: the list.
/// - `blocks`: how many.
///
/// Returns how many went back: fewer where the list keeps fewer, 0 also when `list` is NULL, misaligned, never
/// initialised, or deleted.
///
/// Memory and threads: as `lookaside_list_flush`. The time grows with `blocks`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_release(list: *mut lookaside_list, blocks: usize) -> usize {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::release(list.cast(), blocks) }
}

/// Takes blocks from the pool into the list, so that the first allocates find some.
///
/// Parameters:
/// - `list`: the list.
/// - `blocks`: how many. The list takes no more than its maximum depth has room for, and raises its depth for them.
/// - `filled`: where to write how many came in, or NULL.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the list has all of them, or is full; `*filled` says how many came in.
/// - `LOOKASIDE_STATUS_NO_MEMORY`: the pool had no more; those that came stay, and `*filled` says how many.
/// - otherwise as `lookaside_list_flush`, and `*filled` is untouched.
///
/// Memory and threads: others may use the list meanwhile. The allocate callback runs on the calling thread.
///
/// WDK: it has no such function; there, nothing is ever preallocated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_prefill(
    list: *mut lookaside_list,
    blocks: usize,
    filled: *mut usize,
) -> lookaside_status {
    // SAFETY: a list, or memory that may be read and is none; `filled` is null or may be written.
    unsafe { RawList::prefill(list.cast(), blocks, filled) }.0
}

/// Deletes the list: what it keeps goes back to the pool, and it leaves the reports.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: it is gone; its memory may be reused, and initialised again.
/// - `LOOKASIDE_STATUS_PENDING`: callers still hold blocks. These stay valid, each free of one goes to the pool, and
///   the last one ends the list; keep its memory until then. A list that shares its shared list never returns this,
///   since its blocks may be freed to the shared list.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `list` is NULL.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised; there is nothing to delete.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: it was deleted before; this call had no effect.
/// - `LOOKASIDE_STATUS_DEVICE_BUSY`: one of its callbacks is running, or other lists share it. Delete it later.
///
/// Memory and threads: no one else may call anything on the list during the call.
///
/// WDK: `ExDeleteLookasideListEx`, `ExDeletePagedLookasideList`, `ExDeleteNPagedLookasideList`, which return nothing
/// and lose the blocks that are out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_delete(list: *mut lookaside_list) -> lookaside_status {
    // SAFETY: a list that no other thread uses, or memory that may be read and is none.
    unsafe { RawList::delete_by(list.cast(), Caller::Export(lookaside_list_delete as *const () as usize)) }.0
}

/// Returns the list that the whole process shares for paged blocks of at least this size and alignment: the same one to
/// every shared object of the program, so that what one allocates another may free. It is made at the first request.
///
/// Parameters:
/// - `size`: bytes of a block; 0 counts as 1. There is a list for each 16 bytes up to 1,024, and four for each doubling
///   above.
/// - `alignment`: a power of two; 0 is 16.
///
/// Returns the list, which is never deleted: `lookaside_list_delete` may not be called for it. Calls of
/// `lookaside_inline.h` serve it inlined. NULL above a size of `LOOKASIDE_PROCESS_LIST_SIZE` or an alignment of
/// `LOOKASIDE_PROCESS_LIST_ALIGNMENT`, for an alignment that is no power of two, and when there is no memory for the
/// list: then a later call may find some.
///
/// Memory and threads: any number of threads at once. Reports name it by its size, with the tag `Size`; the verifier
/// does not report it as forgotten.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_process_list(size: usize, alignment: usize) -> *mut lookaside_list {
    lookaside_core::process_list(size, alignment).map_or(null_mut(), |list| from_ref(list).cast_mut().cast())
}

/// Returns the context that the list was initialised with, for callbacks that are given the list.
///
/// Parameters:
/// - `list`: the list.
///
/// Returns the context; NULL when `list` is no live list.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: it has no such function; there, callbacks find their context around the list by `CONTAINING_RECORD`, which
/// works here as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_context(list: *const lookaside_list) -> *mut c_void {
    // SAFETY: a list, or memory that may be read and is none.
    unsafe { RawList::context(list.cast()) }
}
