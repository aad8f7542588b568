//! The types and constants that cross the C boundary, and their way into the core's.

use core::ffi::{CStr, c_char, c_void};
use core::mem::{align_of, size_of, transmute};
use core::str::Utf8Error;

use crate::inline_abi::LOOKASIDE_INLINE_ABI;
use lookaside_core::{
    AllocateCallback, AllocateFunction, AllocateFunctionEx, Counters, FreeCallback, FreeFunction, FreeFunctionEx,
    ListFlags, Parameters, PoolType, RawList, Statistics, Status, Tag, Topology, Tuning,
};

/// The version of the library that this header belongs to; `lookaside_version` returns the one that is loaded.
pub const LOOKASIDE_VERSION_MAJOR: u32 = 0;
/// The second part of the version: as long as the first is 0, another ABI.
pub const LOOKASIDE_VERSION_MINOR: u32 = 2;
/// The third part of the version: the same ABI.
pub const LOOKASIDE_VERSION_PATCH: u32 = 0;

/// What a call came to: an NTSTATUS value, one of `LOOKASIDE_STATUS_...`.
pub type lookaside_status = u32;

/// `0x00000000`: the call did what was asked.
pub const LOOKASIDE_STATUS_SUCCESS: lookaside_status = 0x0000_0000u32;
/// `0x00000103`: the list is deleted as soon as the blocks that callers still hold are freed.
pub const LOOKASIDE_STATUS_PENDING: lookaside_status = 0x0000_0103u32;
/// `0x80000002`: the list object is not at a multiple of 16 bytes.
pub const LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT: lookaside_status = 0x8000_0002u32;
/// `0x80000005`: the buffer was too short: it holds the first part of the text.
pub const LOOKASIDE_STATUS_BUFFER_OVERFLOW: lookaside_status = 0x8000_0005u32;
/// `0x8000001A`: there are no more entries.
pub const LOOKASIDE_STATUS_NO_MORE_ENTRIES: lookaside_status = 0x8000_001Au32;
/// `0x80000011`: the list is live already, or one of its callbacks is running.
pub const LOOKASIDE_STATUS_DEVICE_BUSY: lookaside_status = 0x8000_0011u32;
/// `0xC0000008`: the object was never initialised as a list.
pub const LOOKASIDE_STATUS_INVALID_HANDLE: lookaside_status = 0xC000_0008u32;
/// `0xC000000D`: a parameter has a value that no list can have.
pub const LOOKASIDE_STATUS_INVALID_PARAMETER: lookaside_status = 0xC000_000Du32;
/// `0xC0000017`: the pool, or the system, had no memory.
pub const LOOKASIDE_STATUS_NO_MEMORY: lookaside_status = 0xC000_0017u32;
/// `0xC0000056`: the list was deleted before.
pub const LOOKASIDE_STATUS_DELETE_PENDING: lookaside_status = 0xC000_0056u32;
/// `0xC0000095`: the size is too large.
pub const LOOKASIDE_STATUS_INTEGER_OVERFLOW: lookaside_status = 0xC000_0095u32;
/// `0xC000009A`: there are as many lists as there can be.
pub const LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES: lookaside_status = 0xC000_009Au32;
/// `0xC00000A1`: the limit of locked memory (`RLIMIT_MEMLOCK`, `ulimit -l`) is too small for a nonpaged pool. Raise it,
/// grant `CAP_IPC_LOCK`, or set `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
pub const LOOKASIDE_STATUS_WORKING_SET_QUOTA: lookaside_status = 0xC000_00A1u32;
/// `0xC00000BB`: the library, or the system, does not offer what was asked.
pub const LOOKASIDE_STATUS_NOT_SUPPORTED: lookaside_status = 0xC000_00BBu32;

/// The pool that a list takes its blocks from: one of `LOOKASIDE_POOL_...`, with the values of the WDK's POOL_TYPE.
pub type lookaside_pool_type = u32;

/// Memory that is never paged out.
pub const LOOKASIDE_POOL_NON_PAGED: lookaside_pool_type = 0;
/// Ordinary memory: slabs, or the process heap.
pub const LOOKASIDE_POOL_PAGED: lookaside_pool_type = 1;
/// Memory that is never paged out, blocks at the start of a cache line.
pub const LOOKASIDE_POOL_NON_PAGED_CACHE_ALIGNED: lookaside_pool_type = 4;
/// Ordinary memory, blocks at the start of a cache line.
pub const LOOKASIDE_POOL_PAGED_CACHE_ALIGNED: lookaside_pool_type = 5;
/// Memory that the process shares with its forked children.
pub const LOOKASIDE_POOL_NON_PAGED_SESSION: lookaside_pool_type = 32;
/// The same.
pub const LOOKASIDE_POOL_PAGED_SESSION: lookaside_pool_type = 33;
/// Memory that is never paged out and holds no code.
pub const LOOKASIDE_POOL_NON_PAGED_NX: lookaside_pool_type = 512;

/// Four characters that mark a list's blocks, the first in the low byte: see `LOOKASIDE_TAG`.
pub type lookaside_tag = u32;

/// When a list's depth is tuned: one of `LOOKASIDE_TUNING_...`.
pub type lookaside_tuning = u32;

/// At each scan, at once when many misses come together, and down to the minimum when the list is idle.
pub const LOOKASIDE_TUNING_DEFAULT: lookaside_tuning = 0;
/// On the schedule of the Windows balance set manager alone.
pub const LOOKASIDE_TUNING_WINDOWS: lookaside_tuning = 1;
/// By `lookaside_adjust_depth` alone.
pub const LOOKASIDE_TUNING_MANUAL: lookaside_tuning = 2;

/// What a list is made of: one of `LOOKASIDE_TOPOLOGY_...`.
pub type lookaside_topology = u32;

/// A list for each processor, and one that they share behind them.
pub const LOOKASIDE_TOPOLOGY_PAIR: lookaside_topology = 0;
/// One list that all processors share, as a Windows driver's list is.
pub const LOOKASIDE_TOPOLOGY_GENERAL: lookaside_topology = 1;

/// A list for each processor, with the pool right behind them, as newer kernels have for small blocks.
pub const LOOKASIDE_TOPOLOGY_SINGLE: lookaside_topology = 2;

/// What a list does beside the ordinary: `LOOKASIDE_FLAG_...`, combined by `|`.
pub type lookaside_flags = u32;

/// Every call is checked, and nothing is cached: each call reaches the pool. Misuse is reported as a violation (see
/// `lookaside_set_violation_hook`) with where it was done: a block freed twice, of another list or of none, written
/// beyond its ends or after its free, or still out when the list is deleted; a live list initialised again, or not
/// deleted after the program's last destructor. A freed block stays with the list for a while, full of 0xF5; a new one
/// is full of 0xCB. Lists with a callback fill and keep nothing, so that each callback gets every call at once. Not for
/// session pools. `LOOKASIDE_VERIFY=1` in the environment gives the flag to every list that the program makes.
pub const LOOKASIDE_FLAG_VERIFY: lookaside_flags = 1;
/// Blocks come from the special pool, flush with the end of a page, and nothing is cached.
pub const LOOKASIDE_FLAG_SPECIAL_POOL: lookaside_flags = 2;
/// The same, with blocks at the start of a page.
pub const LOOKASIDE_FLAG_SPECIAL_POOL_START: lookaside_flags = 4;
/// Nonpaged memory may stay unlocked where the limit of locked memory is too small. The list's row in the report says so.
pub const LOOKASIDE_FLAG_BEST_EFFORT_LOCK: lookaside_flags = 8;
/// Paged memory comes from the library's own arenas, where blocks of several lists share pages.
pub const LOOKASIDE_FLAG_PAGED_ARENAS: lookaside_flags = 16;
/// The list keeps the rules of the WDK. `lookaside_wdm.h` sets it.
pub const LOOKASIDE_FLAG_WDK: lookaside_flags = 32;

/// A lookaside list. The memory is the caller's, so that it can be part of a structure of the caller's; its contents are
/// the library's. It may not be moved or copied while the list lives, and zeroed memory is not a list yet.
#[repr(C, align(16))]
pub struct lookaside_list {
    /// The library's own.
    pub opaque: [u64; 8],
}

/// Gives a new block of `size` bytes at a multiple of the list's alignment, or NULL when there is none.
/// It is called with no lock held, on the thread that allocates, and by several threads at once.
pub type lookaside_allocate_function =
    Option<unsafe extern "C-unwind" fn(pool_type: lookaside_pool_type, size: usize, tag: lookaside_tag) -> *mut c_void>;

/// Takes back a block that the allocate function of the same list gave, under the same conditions.
pub type lookaside_free_function = Option<unsafe extern "C-unwind" fn(block: *mut c_void)>;

/// A `lookaside_allocate_function` that gets its list.
pub type lookaside_allocate_function_ex = Option<
    unsafe extern "C-unwind" fn(
        pool_type: lookaside_pool_type,
        size: usize,
        tag: lookaside_tag,
        list: *mut lookaside_list,
    ) -> *mut c_void,
>;

/// A `lookaside_free_function` that gets its list.
pub type lookaside_free_function_ex =
    Option<unsafe extern "C-unwind" fn(block: *mut c_void, list: *mut lookaside_list)>;

/// The parameters of a list. `LOOKASIDE_PARAMETERS(size)` initialises them for paged blocks, with all else at its
/// default. Or set all bytes to 0, which is for the default, then `struct_size`, `size`, `pool_type`, and what else
/// matters.
#[repr(C)]
pub struct lookaside_parameters {
    /// `sizeof(lookaside_parameters)`.
    pub struct_size: usize,
    /// Bytes in a block, at least 1.
    pub size: usize,
    /// A power of two, up to 65,536, that every block's address is a multiple of; 0 is 16.
    pub alignment: usize,
    /// The list's name in reports, as UTF-8. Its first 32 bytes are copied. NULL or "" names the list by the place of
    /// the initialise, such as `packets.c:42`.
    pub name: *const c_char,
    /// The tag of the list's blocks.
    pub tag: lookaside_tag,
    /// The pool. 0 is the nonpaged pool, as in the WDK, which locks memory: most callers want `LOOKASIDE_POOL_PAGED`, as
    /// `LOOKASIDE_PARAMETERS` has it.
    pub pool_type: lookaside_pool_type,
    /// When the depth is tuned.
    pub tuning: lookaside_tuning,
    /// The lists in front of the pool.
    pub topology: lookaside_topology,
    /// The most blocks that each processor list, and each division of the shared list, may ever keep, up to 16,384; 0
    /// is 256.
    pub maximum_depth: u16,
    /// How many each may keep at first, up to the maximum; 0 is 4.
    pub initial_depth: u16,
    /// How many blocks move at once between a processor list and the shared list; 0 is half the processor list's depth,
    /// 1 is block by block, as in Windows. Never more than 63 do, nor more than the depth.
    pub batch: u16,
    /// `LOOKASIDE_INLINE_ABI` for a list that calls of `lookaside_inline.h` serve without a call of the library;
    /// with 0 they call it.
    pub inline_abi: u16,
    /// Where new blocks come from; NULL is the pool.
    pub allocate: lookaside_allocate_function,
    /// Where blocks go back to; NULL is the pool.
    pub free: lookaside_free_function,
    /// As `allocate`, for a function that wants to know its list. At most one of the two may be given.
    pub allocate_ex: lookaside_allocate_function_ex,
    /// As `free`, for a function that wants to know its list. At most one of the two may be given.
    pub free_ex: lookaside_free_function_ex,
    /// What `lookaside_list_context` returns; the library only keeps it.
    pub context: *mut c_void,
    /// What the list does beside the ordinary.
    pub flags: lookaside_flags,
    /// Divisions of a pair's shared list, each for a group of processors; 0 is one for each 8 possible processors, or
    /// with `LOOKASIDE_TUNING_WINDOWS` or a `batch` of 1 one list, as in Windows. At most 4, or one for each 8 possible
    /// processors if that is more.
    pub divisions: u16,
    /// Must be 0.
    pub reserved: u16,
    /// A general list that serves as the shared list of this one, so that several lists may share it; NULL for a shared
    /// list of its own. It must have blocks of the same size, alignment and pool; its callbacks are called, never this
    /// list's. It cannot be deleted before this list, which must be a pair, without a flag for the verifier or the
    /// special pool; it is verified if the shared list is.
    pub shared: *mut lookaside_list,
}

/// What one list has done since it was initialised. While no one uses a list, its blocks are those that came less those
/// that went: for a processor list `current_depth` is
/// `total_frees - free_misses + refilled + added` less `total_allocates - allocate_misses + spilled + removed`,
/// and for the shared list the same with `refilled` and `spilled` in each other's place.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lookaside_counters {
    /// Calls of allocate that reached the list.
    pub total_allocates: u64,
    /// Those that found no block and went one level down.
    pub allocate_misses: u64,
    /// Calls of free that reached the list.
    pub total_frees: u64,
    /// Those that found no room and went one level down.
    pub free_misses: u64,
    /// Blocks that batches moved from the shared list to processor lists, beside those asked for.
    pub refilled: u64,
    /// Blocks that batches moved from processor lists to the shared list, beside those that found no room.
    pub spilled: u64,
    /// Blocks put in by `lookaside_list_prefill`, and by trips to the pool beside those that were asked for.
    pub added: u64,
    /// Blocks taken out by flush, trim and the scan, and by trips to the pool beside those that were freed.
    pub removed: u64,
    /// Blocks that it keeps.
    pub current_depth: u64,
    /// Blocks that it may keep now.
    pub depth: u64,
}

/// What a list is and has done.
#[repr(C)]
pub struct lookaside_statistics {
    /// `sizeof(lookaside_statistics)`, set by the caller.
    pub struct_size: usize,
    /// Bytes in a block.
    pub size: usize,
    /// The tag of its blocks.
    pub tag: lookaside_tag,
    /// The pool.
    pub pool_type: lookaside_pool_type,
    /// The most blocks that each processor list, and each division of the shared list, may ever keep.
    pub maximum_depth: u32,
    /// How many processor lists it has: one for each possible processor, or over slots for each slot; 0 for a general list.
    pub processors: u32,
    /// The whole list, seen as one: a miss is a call that reached the pool.
    pub list: lookaside_counters,
    /// The sum of its processor lists.
    pub processor: lookaside_counters,
    /// The shared list.
    pub shared: lookaside_counters,
    /// Blocks that the pool or the allocate callback gave.
    pub pool_allocates: u64,
    /// Blocks that the pool or the free callback took back.
    pub pool_frees: u64,
    /// Times that the pool or the allocate callback had none.
    pub pool_failures: u64,
    /// Blocks that callers hold.
    pub outstanding: u64,
    /// Bytes of the list's slabs that may be in memory; 0 where its pool is another.
    pub resident: u64,
}

impl lookaside_parameters {
    /// Returns the core's parameters with the same meaning.
    ///
    /// # Safety
    ///
    /// `name` is null or points to a string that ends with a zero byte and outlives the result, and the callbacks are
    /// what their types say.
    pub(crate) unsafe fn to_core(&self) -> Result<Parameters<'_>, Status> {
        if self.struct_size != size_of::<Self>() || self.reserved != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        if self.inline_abi != 0 && self.inline_abi != LOOKASIDE_INLINE_ABI {
            return Err(Status::NOT_SUPPORTED);
        }
        let mut parameters = Parameters::new(self.size);
        parameters.alignment = self.alignment;
        // SAFETY: the caller vouches for the name.
        parameters.name = unsafe { text(self.name) }.map_err(|_| Status::INVALID_PARAMETER)?;
        parameters.tag = Tag(self.tag);
        parameters.pool_type = PoolType(self.pool_type);
        parameters.maximum_depth = self.maximum_depth;
        parameters.initial_depth = self.initial_depth;
        parameters.batch = self.batch;
        parameters.divisions = self.divisions;
        parameters.flags = ListFlags(self.flags);
        parameters.shared = self.shared.cast();
        parameters.context = self.context;
        parameters.tuning = match self.tuning {
            LOOKASIDE_TUNING_DEFAULT => Tuning::Default,
            LOOKASIDE_TUNING_WINDOWS => Tuning::Windows,
            LOOKASIDE_TUNING_MANUAL => Tuning::Manual,
            _ => return Err(Status::INVALID_PARAMETER),
        };
        parameters.topology = match self.topology {
            LOOKASIDE_TOPOLOGY_PAIR => Topology::Pair,
            LOOKASIDE_TOPOLOGY_GENERAL => Topology::General,
            LOOKASIDE_TOPOLOGY_SINGLE => Topology::Single,
            _ => return Err(Status::INVALID_PARAMETER),
        };
        parameters.allocate = self.allocate_callback()?;
        parameters.free = self.free_callback()?;
        Ok(parameters)
    }

    fn allocate_callback(&self) -> Result<AllocateCallback, Status> {
        Ok(match (self.allocate, self.allocate_ex) {
            (None, None) => AllocateCallback::Default,
            (Some(plain), None) => AllocateCallback::Plain(
                // SAFETY: the types differ only in the core's transparent names for the same integers.
                unsafe {
                    transmute::<unsafe extern "C-unwind" fn(u32, usize, u32) -> *mut c_void, AllocateFunction>(plain)
                },
            ),
            (None, Some(ex)) => AllocateCallback::Ex(
                // SAFETY: the parameters may be read, and a list is the same object to C and to the core.
                unsafe {
                    transmute::<
                        unsafe extern "C-unwind" fn(u32, usize, u32, *mut lookaside_list) -> *mut c_void,
                        AllocateFunctionEx,
                    >(ex)
                },
            ),
            (Some(_), Some(_)) => return Err(Status::INVALID_PARAMETER),
        })
    }

    fn free_callback(&self) -> Result<FreeCallback, Status> {
        Ok(match (self.free, self.free_ex) {
            (None, None) => FreeCallback::Default,
            (Some(plain), None) => FreeCallback::Plain(plain as FreeFunction),
            (None, Some(ex)) => FreeCallback::Ex(
                // SAFETY: a list is the same object to C and to the core.
                unsafe {
                    transmute::<unsafe extern "C-unwind" fn(*mut c_void, *mut lookaside_list), FreeFunctionEx>(ex)
                },
            ),
            (Some(_), Some(_)) => return Err(Status::INVALID_PARAMETER),
        })
    }
}

/// Returns the text of a C string, nothing for null.
///
/// # Safety
///
/// `string` is null or points to a string that ends with a zero byte and outlives the result.
pub(crate) unsafe fn text<'a>(string: *const c_char) -> Result<&'a str, Utf8Error> {
    if string.is_null() {
        return Ok("");
    }
    // SAFETY: not null, so the caller vouches for the string.
    unsafe { CStr::from_ptr(string) }.to_str()
}

impl From<Counters> for lookaside_counters {
    fn from(counters: Counters) -> Self {
        Self {
            total_allocates: counters.total_allocates,
            allocate_misses: counters.allocate_misses,
            total_frees: counters.total_frees,
            free_misses: counters.free_misses,
            refilled: counters.refilled,
            spilled: counters.spilled,
            added: counters.added,
            removed: counters.removed,
            current_depth: counters.current_depth,
            depth: counters.depth,
        }
    }
}

impl From<Statistics> for lookaside_statistics {
    fn from(statistics: Statistics) -> Self {
        Self {
            struct_size: size_of::<Self>(),
            size: statistics.size,
            tag: statistics.tag.0,
            pool_type: statistics.pool_type.0,
            maximum_depth: statistics.maximum_depth,
            processors: statistics.processors,
            list: statistics.list.into(),
            processor: statistics.processor.into(),
            shared: statistics.shared.into(),
            pool_allocates: statistics.pool_allocates,
            pool_frees: statistics.pool_frees,
            pool_failures: statistics.pool_failures,
            outstanding: statistics.outstanding,
            resident: statistics.resident,
        }
    }
}

// The header asserts the same numbers.
const _: () = {
    assert!(size_of::<lookaside_list>() == 64 && align_of::<lookaside_list>() == 16);
    assert!(size_of::<RawList>() == 64 && align_of::<RawList>() == 16);
    assert!(size_of::<lookaside_parameters>() == 112 && align_of::<lookaside_parameters>() == 8);
    assert!(size_of::<lookaside_counters>() == 80 && align_of::<lookaside_counters>() == 8);
    assert!(size_of::<lookaside_statistics>() == 312 && align_of::<lookaside_statistics>() == 8);
};

// The constants of the header are those of the core.
const _: () = {
    assert!(LOOKASIDE_STATUS_SUCCESS == Status::SUCCESS.0);
    assert!(LOOKASIDE_STATUS_PENDING == Status::PENDING.0);
    assert!(LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT == Status::DATATYPE_MISALIGNMENT.0);
    assert!(LOOKASIDE_STATUS_BUFFER_OVERFLOW == Status::BUFFER_OVERFLOW.0);
    assert!(LOOKASIDE_STATUS_DEVICE_BUSY == Status::DEVICE_BUSY.0);
    assert!(LOOKASIDE_STATUS_INVALID_HANDLE == Status::INVALID_HANDLE.0);
    assert!(LOOKASIDE_STATUS_INVALID_PARAMETER == Status::INVALID_PARAMETER.0);
    assert!(LOOKASIDE_STATUS_NO_MEMORY == Status::NO_MEMORY.0);
    assert!(LOOKASIDE_STATUS_DELETE_PENDING == Status::DELETE_PENDING.0);
    assert!(LOOKASIDE_STATUS_INTEGER_OVERFLOW == Status::INTEGER_OVERFLOW.0);
    assert!(LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES == Status::INSUFFICIENT_RESOURCES.0);
    assert!(LOOKASIDE_STATUS_NO_MORE_ENTRIES == Status::NO_MORE_ENTRIES.0);
    assert!(LOOKASIDE_STATUS_WORKING_SET_QUOTA == Status::WORKING_SET_QUOTA.0);
    assert!(LOOKASIDE_STATUS_NOT_SUPPORTED == Status::NOT_SUPPORTED.0);
    assert!(LOOKASIDE_POOL_NON_PAGED == PoolType::NON_PAGED.0);
    assert!(LOOKASIDE_POOL_PAGED == PoolType::PAGED.0);
    assert!(LOOKASIDE_POOL_NON_PAGED_CACHE_ALIGNED == PoolType::NON_PAGED_CACHE_ALIGNED.0);
    assert!(LOOKASIDE_POOL_PAGED_CACHE_ALIGNED == PoolType::PAGED_CACHE_ALIGNED.0);
    assert!(LOOKASIDE_POOL_NON_PAGED_SESSION == PoolType::NON_PAGED_SESSION.0);
    assert!(LOOKASIDE_POOL_PAGED_SESSION == PoolType::PAGED_SESSION.0);
    assert!(LOOKASIDE_POOL_NON_PAGED_NX == PoolType::NON_PAGED_NX.0);
    assert!(LOOKASIDE_TUNING_DEFAULT == Tuning::Default as u32);
    assert!(LOOKASIDE_TUNING_WINDOWS == Tuning::Windows as u32);
    assert!(LOOKASIDE_TUNING_MANUAL == Tuning::Manual as u32);
    assert!(LOOKASIDE_TOPOLOGY_PAIR == Topology::Pair as u32);
    assert!(LOOKASIDE_TOPOLOGY_GENERAL == Topology::General as u32);
    assert!(LOOKASIDE_TOPOLOGY_SINGLE == Topology::Single as u32);
    assert!(LOOKASIDE_FLAG_VERIFY == ListFlags::VERIFY.0);
    assert!(LOOKASIDE_FLAG_SPECIAL_POOL == ListFlags::SPECIAL_POOL.0);
    assert!(LOOKASIDE_FLAG_SPECIAL_POOL_START == ListFlags::SPECIAL_POOL_START.0);
    assert!(LOOKASIDE_FLAG_BEST_EFFORT_LOCK == ListFlags::BEST_EFFORT_LOCK.0);
    assert!(LOOKASIDE_FLAG_PAGED_ARENAS == ListFlags::PAGED_ARENAS.0);
    assert!(LOOKASIDE_FLAG_WDK == ListFlags::WDK.0);
};

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" fn allocate(_: u32, _: usize, _: u32) -> *mut c_void {
        core::ptr::null_mut()
    }

    unsafe extern "C-unwind" fn free_ex(_: *mut c_void, _: *mut lookaside_list) {}

    #[test]
    fn every_parameter_reaches_the_core() {
        let (context, shared) = (core::ptr::without_provenance_mut(8), core::ptr::without_provenance_mut(16));
        let parameters = lookaside_parameters {
            struct_size: size_of::<lookaside_parameters>(),
            size: 1,
            alignment: 2,
            name: c"name".as_ptr(),
            tag: 3,
            pool_type: 4,
            tuning: LOOKASIDE_TUNING_WINDOWS,
            topology: LOOKASIDE_TOPOLOGY_SINGLE,
            maximum_depth: 5,
            initial_depth: 6,
            batch: 7,
            inline_abi: LOOKASIDE_INLINE_ABI,
            allocate: Some(allocate),
            free: None,
            allocate_ex: None,
            free_ex: Some(free_ex),
            context,
            flags: 9,
            divisions: 10,
            reserved: 0,
            shared,
        };
        // SAFETY: the name is a static text, and the routines are what their types say.
        let core = unsafe { parameters.to_core() }.unwrap();
        assert_eq!((core.size, core.alignment, core.name, core.tag), (1, 2, "name", Tag(3)));
        assert_eq!((core.pool_type, core.tuning, core.topology), (PoolType(4), Tuning::Windows, Topology::Single));
        assert_eq!((core.maximum_depth, core.initial_depth, core.batch, core.divisions), (5, 6, 7, 10));
        assert!(matches!((core.allocate, core.free), (AllocateCallback::Plain(_), FreeCallback::Ex(_))));
        assert_eq!((core.context, core.flags, core.shared), (context, ListFlags(9), shared.cast_const().cast()));
    }
}
