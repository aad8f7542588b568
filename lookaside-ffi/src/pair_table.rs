//! Pairs as the Windows kernel keeps them: frees to a given processor, and the table of numbered pairs.

use core::ffi::c_void;
use core::mem::{align_of, size_of};
use core::ptr;

use lookaside_core::{Caller, KernelVersion, PairName, PairSlot, PairTable, RawList, Status};

use crate::types::{lookaside_list, lookaside_status};

/// The processor that the calling thread runs on.
pub const LOOKASIDE_CURRENT_PROCESSOR: u32 = 0xFFFF_FFFFu32;

/// How many slots a table of pairs has.
pub const LOOKASIDE_PP_SLOTS: usize = 16;

/// What a numbered pair caches: one of `LOOKASIDE_PP_...`.
pub type lookaside_pp_name = u32;

/// Small I/O request packets.
pub const LOOKASIDE_PP_SMALL_IRP: lookaside_pp_name = 0;
/// Medium I/O request packets: from 6.1 on.
pub const LOOKASIDE_PP_MEDIUM_IRP: lookaside_pp_name = 1;
/// Large I/O request packets.
pub const LOOKASIDE_PP_LARGE_IRP: lookaside_pp_name = 2;
/// Memory descriptor lists.
pub const LOOKASIDE_PP_MDL: lookaside_pp_name = 3;
/// Create information of objects.
pub const LOOKASIDE_PP_CREATE_INFO: lookaside_pp_name = 4;
/// Buffers for names of objects.
pub const LOOKASIDE_PP_NAME_BUFFER: lookaside_pp_name = 5;
/// Work of the cache manager.
pub const LOOKASIDE_PP_TWILIGHT: lookaside_pp_name = 6;
/// Packets of completion ports.
pub const LOOKASIDE_PP_COMPLETION: lookaside_pp_name = 7;
/// Scratch buffers: from 6.0 on.
pub const LOOKASIDE_PP_SCRATCH_BUFFER: lookaside_pp_name = 8;

/// A version of the Windows kernel, whose enumeration numbers the pairs: one of `LOOKASIDE_KERNEL_...`.
pub type lookaside_kernel = u32;

/// 5.0 to 5.2.
pub const LOOKASIDE_KERNEL_5: lookaside_kernel = 0x0500;
/// 6.0.
pub const LOOKASIDE_KERNEL_6_0: lookaside_kernel = 0x0600;
/// 6.1 and later.
pub const LOOKASIDE_KERNEL_6_1: lookaside_kernel = 0x0601;

/// Two lists that are treated as one: `PP_LOOKASIDE_LIST`. Filled by `lookaside_pp_set`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lookaside_pp_list {
    /// The processor lists: a pair list whose shared list is `l`, or `l` itself. NULL in an empty slot.
    pub p: *mut lookaside_list,
    /// The shared list: a general list.
    pub l: *mut lookaside_list,
}

/// Numbered pairs. All bytes 0 is a table of empty slots. In Windows each processor has such a table, in which each `p`
/// is its own and each `l` is shared; here one `p` has the lists of all processors, so one table serves them.
#[repr(C)]
pub struct lookaside_pp_table {
    /// By number: see `lookaside_pp_number`.
    pub slots: [lookaside_pp_list; 16],
}

/// Gives a block back to the list of a given processor, or through it to the shared list or the pool.
///
/// Parameters:
/// - `list`: the list that the block came from.
/// - `block`: the block, or NULL, which has no effect.
/// - `processor`: the processor's number. A number that the list has no processor list for, such as
///   `LOOKASIDE_CURRENT_PROCESSOR`, means the current one; so does every number over the engine `slots`.
///
/// Returns nothing. The process ends with a message as for `lookaside_list_free`, and also where `list` has other
/// contents than a list's.
///
/// Memory and threads: any number of threads at once. For another processor than the current one it takes some
/// microseconds, since that processor's list is closed for the moment.
///
/// WDK: `ExFreeToPPLookasideList`, which is the kernel's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_free_to_processor(
    list: *mut lookaside_list,
    block: *mut c_void,
    processor: u32,
) {
    // SAFETY: the list is null or may be read, and the block its own or null.
    unsafe {
        let caller = Caller::Export(lookaside_list_free_to_processor as *const () as usize);
        RawList::free_to_processor_by(list.cast(), block.cast(), processor, caller);
    }
}

/// Returns the number of a pair in the table of a kernel's version: its value in `PP_NPAGED_LOOKASIDE_NUMBER`.
///
/// Parameters:
/// - `name`: what the pair caches.
/// - `kernel`: the version.
///
/// Returns the number, below `LOOKASIDE_PP_SLOTS`; -1 where that version has no such pair, or an argument is unknown.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: `LookasideSmallIrpList` and its kin.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_pp_number(name: lookaside_pp_name, kernel: lookaside_kernel) -> i32 {
    let version = match kernel {
        LOOKASIDE_KERNEL_5 => KernelVersion::V5,
        LOOKASIDE_KERNEL_6_0 => KernelVersion::V6_0,
        LOOKASIDE_KERNEL_6_1 => KernelVersion::V6_1,
        _ => return -1,
    };
    let number = PairName::ALL.get(name as usize).and_then(|name| name.number(version));
    number.map_or(-1, |number| number as i32)
}

/// Fills a slot of a table, or empties it.
///
/// Parameters:
/// - `table`: the table.
/// - `number`: the slot.
/// - `p`: a pair list that was initialised with `l` as its `shared`, or `l` itself; NULL to empty the slot.
/// - `l`: a general list; NULL to empty the slot.
///
/// Returns, and then the slot is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the slot has the two lists, or none.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `table` is NULL, there is no such slot, one list is NULL and the other is
///   not, or the two make no pair.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: a
///   list is misaligned, was never initialised, or is deleted.
///
/// Memory and threads: no one else may use the slot during the call. The lists must be there as long as the slot is
/// used.
///
/// WDK: the kernel fills its tables when it starts a processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pp_set(
    table: *mut lookaside_pp_table,
    number: u32,
    p: *mut lookaside_list,
    l: *mut lookaside_list,
) -> lookaside_status {
    // SAFETY: the two types are the same to C and to the core; the caller gives null or a table.
    match unsafe { table.cast::<PairTable>().as_mut() } {
        None => Status::INVALID_PARAMETER.0,
        // SAFETY: the lists are null or may be read, and stay while the slot is used.
        Some(table) => unsafe { table.set(number as usize, p.cast(), l.cast()) }.0,
    }
}

/// Takes a block of a numbered pair: from `p`, else from `l`, else from the pool of `l`.
///
/// Parameters:
/// - `table`: the table.
/// - `number`: the slot.
///
/// Returns the block; NULL when the pool has none left, when the slot is empty or is none, and when `table` is NULL.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: `ExAllocateFromPPLookasideList`, which is the kernel's own. Where `p` and `l` are one list, it is looked at
/// twice, and counts twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pp_allocate(table: *const lookaside_pp_table, number: u32) -> *mut c_void {
    // SAFETY: the table is null or one that was initialised.
    match unsafe { table.cast::<PairTable>().as_ref() } {
        None => ptr::null_mut(),
        // SAFETY: the slot's lists are as `lookaside_pp_set` asks.
        Some(table) => unsafe { table.allocate(number as usize) }.cast(),
    }
}

/// Gives a block of a numbered pair back.
///
/// Parameters:
/// - `table`: the table.
/// - `number`: the slot.
/// - `block`: the block, from this slot or from another one with the same `l`; or NULL, which has no effect.
/// - `processor`: whose list it goes to: see `lookaside_list_free_to_processor`.
///
/// Returns nothing. The process ends with a message as for `lookaside_list_free`, and where `table` is NULL or the slot
/// is empty, since the block would be lost.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: `ExFreeToPPLookasideList`, which is the kernel's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pp_free(
    table: *const lookaside_pp_table,
    number: u32,
    block: *mut c_void,
    processor: u32,
) {
    static EMPTY: PairTable = PairTable::new();
    // SAFETY: the table is null or one that was initialised; the block is of the slot's lists.
    unsafe { table.cast::<PairTable>().as_ref().unwrap_or(&EMPTY).free(number as usize, block.cast(), processor) }
}

const _: () = {
    assert!(size_of::<lookaside_pp_list>() == size_of::<PairSlot>());
    assert!(align_of::<lookaside_pp_list>() == align_of::<PairSlot>());
    assert!(size_of::<lookaside_pp_table>() == size_of::<PairTable>() && PairTable::SLOTS == LOOKASIDE_PP_SLOTS);
};
