//! Small pools: tagged blocks of any size, from lists for each small one.

use core::ffi::{c_char, c_void};
use core::mem::{align_of, size_of};

use lookaside_core::{
    Generation, HitCounters, Kind, ListFlags, PoolType, RawSmallPool, SmallListStatistics, SmallPoolParameters, Status,
    Tag, Tuning,
};

use crate::inline_abi::LOOKASIDE_INLINE_ABI;
use crate::types::*;
use crate::written::fill;

/// Which kernel's small-pool lists a pool has: one of `LOOKASIDE_GENERATION_...`.
pub type lookaside_generation = u32;

/// Windows 2000: 8 lists, blocks of 32 to 256 bytes in steps of 32, in pairs. Requests of up to 248 bytes.
pub const LOOKASIDE_GENERATION_5_0: lookaside_generation = 0;
/// Windows XP and Server 2003 on x86: 32 lists, 8 to 256 bytes in steps of 8, in pairs. Requests of up to 248 bytes.
pub const LOOKASIDE_GENERATION_5_1_X86: lookaside_generation = 1;
/// Windows XP and Server 2003 on x64: 32 lists, 16 to 512 bytes in steps of 16, in pairs. Requests of up to 496 bytes.
pub const LOOKASIDE_GENERATION_5_2_X64: lookaside_generation = 2;
/// Windows Vista and later on x86: as `LOOKASIDE_GENERATION_5_1_X86`, without shared lists.
pub const LOOKASIDE_GENERATION_6_0_X86: lookaside_generation = 3;
/// Windows Vista and later on x64: as `LOOKASIDE_GENERATION_5_2_X64`, without shared lists.
pub const LOOKASIDE_GENERATION_6_0_X64: lookaside_generation = 4;

/// A small pool. The memory is the caller's; its contents are the library's. It may not be moved or copied while the
/// pool lives, and zeroed memory is not a pool yet.
#[repr(C, align(16))]
pub struct lookaside_small_pool {
    /// The library's own.
    pub opaque: [u64; 800],
}

/// The parameters of a small pool. Set all bytes to 0, then `struct_size`, `generation`, and what else matters: 0 is
/// for the default.
#[repr(C)]
pub struct lookaside_small_pool_parameters {
    /// `sizeof(lookaside_small_pool_parameters)`.
    pub struct_size: usize,
    /// The beginning of its lists' names in reports, as UTF-8, NULL for "small pool". At most 16 bytes are copied.
    pub name: *const c_char,
    /// Whose lists.
    pub generation: lookaside_generation,
    /// When depths are tuned.
    pub tuning: lookaside_tuning,
    /// The most blocks that each processor list, and each shared list, may ever keep, up to 16,384; 0 is 256.
    pub maximum_depth: u16,
    /// How many blocks move at once between a processor list and the shared list; 0 is half the depth, 1 is block by
    /// block, as in Windows.
    pub batch: u16,
    /// Flags that choose its memory: `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`, `LOOKASIDE_FLAG_PAGED_ARENAS`, combined by `|`.
    pub flags: lookaside_flags,
    /// `LOOKASIDE_INLINE_ABI` for a pool that `lookaside::memory_resource` of `lookaside.hpp` serves without a call of the
    /// library; other programs leave 0.
    pub inline_abi: u16,
    /// Must be 0.
    pub reserved: [u16; 3],
}

/// What one of a small pool's lists counted on one level: hits, where other lists count misses.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lookaside_hit_counters {
    /// Calls of allocate that reached this level.
    pub total_allocates: u64,
    /// Those that it had a block for.
    pub allocate_hits: u64,
    /// Calls of free that reached this level.
    pub total_frees: u64,
    /// Those that it had room for.
    pub free_hits: u64,
    /// Blocks that it keeps.
    pub current_depth: u64,
    /// Blocks that it may keep now.
    pub depth: u64,
}

/// What one of a small pool's lists is and has done.
#[repr(C)]
pub struct lookaside_small_list_statistics {
    /// `sizeof(lookaside_small_list_statistics)`, set by the caller.
    pub struct_size: usize,
    /// Bytes in a block, the kernel's header included.
    pub block_size: usize,
    /// Its pool type: 0, 1 or 0x200.
    pub pool_type: lookaside_pool_type,
    /// The most blocks that the list of a processor, or the shared list, may ever keep.
    pub maximum_depth: u32,
    /// The sum of its processor lists.
    pub processor: lookaside_hit_counters,
    /// The shared list; all 0 in generations without one.
    pub shared: lookaside_hit_counters,
}

/// Allocates a block of any size under a tag. Up to 496 bytes it comes from a list for its size, one of generation
/// 5.2's for x64; paged memory of up to 4,064 bytes comes from lists of the process as well, and takes 32 bytes and up to a
/// fourth more; that of 4,096 to 32,768 bytes is whole pages from lists of the process, and takes at most a 64th more; the
/// rest, session memory and cache-aligned blocks come from the pool itself.
///
/// Parameters:
/// - `pool_type`: the pool, with the flags of the WDK's POOL_TYPE; those for raising have no effect.
/// - `size`: bytes; 0 counts as 1.
/// - `tag`: what the block is counted under, and has to be freed with.
///
/// Returns the block, with the contents that were there, at a multiple of 16 bytes, of 64 for cache-aligned types, and
/// of 4,096 from a size of 4,096 on. NULL when the pool has no memory, for a size that no block can have, and for a
/// pool type without a meaning.
///
/// Memory and threads: any number of threads at once, from the first call on. Not for signal handlers. Free it with
/// `lookaside_pool_free`.
///
/// WDK: `ExAllocatePoolWithTag`.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_pool_allocate(
    pool_type: lookaside_pool_type,
    size: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    lookaside_core::pool_allocate(PoolType(pool_type), size, Tag(tag)).cast()
}

/// Allocates a block at a multiple of `alignment` bytes.
///
/// Parameters:
/// - `pool_type`, `size`, `tag`: as for `lookaside_pool_allocate`.
/// - `alignment`: a power of two up to 65,536.
///
/// Returns the block, aligned as `lookaside_pool_allocate` aligns it at least. NULL as from that function, and for
/// another alignment.
///
/// Memory and threads: as `lookaside_pool_allocate`. Free it with `lookaside_pool_free`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_pool_allocate_aligned(
    pool_type: lookaside_pool_type,
    size: usize,
    alignment: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    lookaside_core::pool_allocate_aligned(PoolType(pool_type), size, alignment, Tag(tag)).cast()
}

/// Frees a block of `lookaside_pool_allocate`.
///
/// Parameters:
/// - `block`: the block, or NULL, which has no effect.
/// - `tag`: its tag, or 0, which fits every block.
///
/// Returns nothing. A violation (see `lookaside_set_violation_hook`) is another tag than the block's (bug check 0xC2,
/// 0xA), a block that is free already as long as its memory was not used again (0xC4, 0x13), and memory that did not
/// come from `lookaside_pool_allocate` or whose header was overwritten (0xC4, 0x10). To see that, the 16 bytes before
/// the block are read.
///
/// Memory and threads: any number of threads at once. The block may not be used afterwards.
///
/// WDK: `ExFreePoolWithTag`; with tag 0 `ExFreePool`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_free(block: *mut c_void, tag: lookaside_tag) {
    // SAFETY: the block is null or of the process's pool, and no one uses it.
    unsafe { lookaside_core::pool_free(block.cast(), Tag(tag)) }
}

/// Frees a block of `lookaside_pool_allocate` whose size the caller knows.
///
/// Parameters:
/// - `block`: the block, or NULL, which has no effect.
/// - `size`: the size that it was allocated with.
/// - `tag`: its tag, or 0, which fits every block.
///
/// Returns nothing. Another size than the block's is a violation too (bug check 0xC4, 0x10); otherwise as
/// `lookaside_pool_free`.
///
/// Memory and threads: as `lookaside_pool_free`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_free_sized(block: *mut c_void, size: usize, tag: lookaside_tag) {
    // SAFETY: the block is null or of the process's pool, and no one uses it.
    unsafe { lookaside_core::pool_free_sized(block.cast(), size, Tag(tag)) }
}

/// Returns the size that a block of `lookaside_pool_allocate` was allocated with.
///
/// Parameters:
/// - `block`: the block, or NULL.
///
/// Returns the size, 1 for 0; 0 for NULL. What is no such block is a violation, as for `lookaside_pool_free`.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_size(block: *const c_void) -> usize {
    // SAFETY: the block is null or of the process's pool, and is only read.
    unsafe { lookaside_core::pool_size(block.cast_mut().cast()) }
}

/// Makes a small pool of the caller's own. Its lists are made kind by kind, at the first use of nonpaged, paged and NX
/// memory.
///
/// Parameters:
/// - `pool`: the caller's memory for it, at a multiple of 16 bytes. Its contents do not matter, unless they are a live
///   pool; but they are read to see that.
/// - `parameters`: what the pool is made from. It is not needed after the call.
///
/// Returns, and then the object is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the pool is ready, and must be deleted before its memory goes away.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, `struct_size` is not that of this version, `reserved` is not
///   0, the maximum depth is too large, the name is not UTF-8, an enumerated value is unknown, or a flag is not for pools.
/// - `LOOKASIDE_STATUS_NOT_SUPPORTED`: `inline_abi` is neither 0 nor that of this library.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_DEVICE_BUSY`: `pool` is live already, and goes on as it was.
///
/// Memory and threads: no one else may use the object during the call. Any thread may use the pool afterwards.
///
/// WDK: it has no such function; the kernel makes its small-pool lists for each processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_initialize(
    pool: *mut lookaside_small_pool,
    parameters: *const lookaside_small_pool_parameters,
) -> lookaside_status {
    // SAFETY: the caller gives null or parameters that no one changes during the call.
    let Some(parameters) = (unsafe { parameters.as_ref() }) else {
        return Status::INVALID_PARAMETER.0;
    };
    // SAFETY: the caller gives a name as its type says, and keeps the core's contract for the object.
    unsafe {
        match parameters.to_core() {
            Ok(core) => {
                let status = RawSmallPool::initialize(pool.cast(), &core);
                if status == Status::SUCCESS && parameters.inline_abi != 0 {
                    RawSmallPool::allow_inlined(pool.cast());
                }
                status.0
            }
            Err(status) => status.0,
        }
    }
}

/// Makes a pool's lists for one kind of memory now, instead of at the first use.
///
/// Parameters:
/// - `pool`: the pool.
/// - `pool_type`: `LOOKASIDE_POOL_NON_PAGED`, `LOOKASIDE_POOL_PAGED` or `LOOKASIDE_POOL_NON_PAGED_NX`.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the lists are there.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `pool` is NULL, or the pool type has no lists.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
/// - `LOOKASIDE_STATUS_DEVICE_BUSY`: another thread is making them.
/// - what `lookaside_list_initialize` returns for a list that could not be made, such as
///   `LOOKASIDE_STATUS_WORKING_SET_QUOTA`: the pool itself serves the blocks of these lists from now on.
///
/// Memory and threads: others may use the pool meanwhile.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_prepare(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
) -> lookaside_status {
    // SAFETY: the pool is null or may be read.
    match (unsafe { RawSmallPool::check(pool.cast()) }, Kind::of(PoolType(pool_type))) {
        // SAFETY: the pool is live.
        (Status::SUCCESS, Some(kind)) => unsafe { RawSmallPool::prepare(pool.cast(), kind) }.0,
        (Status::SUCCESS, None) => Status::INVALID_PARAMETER.0,
        (status, _) => status.0,
    }
}

/// Allocates a block of any size under a tag, from a pool of the caller's own.
///
/// Parameters:
/// - `pool`: the pool.
/// - `pool_type`, `size`, `tag`: as for `lookaside_pool_allocate`.
///
/// Returns as `lookaside_pool_allocate`, by the limit of the pool's generation; blocks of x86 generations are promised
/// to be at a multiple of 8 bytes. NULL also when `pool` is NULL, misaligned, never initialised, or deleted.
///
/// Memory and threads: any number of threads at once. Not for signal handlers. Free it with
/// `lookaside_small_pool_free`.
///
/// WDK: `ExAllocatePoolWithTag`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_allocate(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
    size: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    // SAFETY: the pool is null or may be read.
    unsafe { RawSmallPool::allocate_tagged_checked(pool.cast(), PoolType(pool_type), size, Tag(tag)) }.cast()
}

/// Allocates a block at a multiple of `alignment` bytes, from a pool of the caller's own.
///
/// Parameters:
/// - `pool`: the pool.
/// - `pool_type`, `size`, `alignment`, `tag`: as for `lookaside_pool_allocate_aligned`.
///
/// Returns as that function; NULL also when `pool` is NULL, misaligned, never initialised, or deleted.
///
/// Memory and threads: as `lookaside_small_pool_allocate`. Free it with `lookaside_small_pool_free`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_allocate_aligned(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
    size: usize,
    alignment: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    let pool_type = PoolType(pool_type);
    // SAFETY: the pool is null or may be read.
    unsafe { RawSmallPool::allocate_tagged_aligned_checked(pool.cast(), pool_type, size, alignment, Tag(tag)) }.cast()
}

/// Frees a block of `lookaside_small_pool_allocate`.
///
/// Parameters:
/// - `pool`: the pool that the block came from. It may be deleted already if the block was out then.
/// - `block`, `tag`: as for `lookaside_pool_free`.
///
/// Returns nothing. Violations are those of `lookaside_pool_free`, where a block of another pool is memory that did not
/// come from this one; and a `pool` that is NULL, misaligned or was never initialised, unless `block` is NULL.
///
/// Memory and threads: any number of threads at once. The block may not be used afterwards.
///
/// WDK: `ExFreePoolWithTag`; with tag 0 `ExFreePool`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_free(
    pool: *mut lookaside_small_pool,
    block: *mut c_void,
    tag: lookaside_tag,
) {
    // SAFETY: the pool is null or may be read; the block is null or its own.
    unsafe { RawSmallPool::free_tagged_checked(pool.cast(), block.cast(), None, Tag(tag)) }
}

/// Frees a block of `lookaside_small_pool_allocate` whose size the caller knows.
///
/// Parameters:
/// - `pool`, `block`, `tag`: as for `lookaside_small_pool_free`.
/// - `size`: the size that it was allocated with.
///
/// Returns nothing. Another size than the block's is a violation too (bug check 0xC4, 0x10).
///
/// Memory and threads: as `lookaside_small_pool_free`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_free_sized(
    pool: *mut lookaside_small_pool,
    block: *mut c_void,
    size: usize,
    tag: lookaside_tag,
) {
    // SAFETY: the pool is null or may be read; the block is null or its own.
    unsafe { RawSmallPool::free_tagged_checked(pool.cast(), block.cast(), Some(size), Tag(tag)) }
}

/// Returns the size that a block of `lookaside_small_pool_allocate` was allocated with.
///
/// Parameters:
/// - `pool`: the pool that the block came from.
/// - `block`: the block, or NULL.
///
/// Returns the size, 1 for 0; 0 for NULL. Violations are those of `lookaside_small_pool_free`.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_size(pool: *const lookaside_small_pool, block: *const c_void) -> usize {
    // SAFETY: the pool is null or may be read; the block is null or its own, and is only read.
    unsafe { RawSmallPool::size_of_checked(pool.cast(), block.cast_mut().cast()) }
}

/// Allocates a block without a header, so without tag and checks: the caller names its size when freeing it. Up to 256
/// or 512 bytes, by the generation, it comes from a list for its size.
///
/// Parameters:
/// - `pool`: the pool.
/// - `pool_type`: a type that `lookaside_small_pool_prepare` takes; flags for raising have no effect.
/// - `size`: bytes; 0 counts as 1.
///
/// Returns the block, with the contents that were there, at a multiple of 16 bytes (for x86 generations 8 are
/// promised). NULL when the pool has no memory, for a pool type without lists, and when `pool` is NULL, misaligned,
/// never initialised, or deleted.
///
/// Memory and threads: any number of threads at once. Not for signal handlers. The block is not in the usage by tag.
/// Free it with `lookaside_small_pool_free_bare`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_allocate_bare(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
    size: usize,
) -> *mut c_void {
    // SAFETY: the pool is null or may be read.
    unsafe { RawSmallPool::allocate_checked(pool.cast(), PoolType(pool_type), size) }.cast()
}

/// Frees a block of `lookaside_small_pool_allocate_bare`.
///
/// Parameters:
/// - `pool`: the pool that the block came from. It may be deleted already if the block was out then.
/// - `pool_type`, `size`: what it was allocated with.
/// - `block`: the block, or NULL, which has no effect.
///
/// Returns nothing. A violation is a `pool` that is NULL, misaligned or was never initialised, a misaligned block, and
/// a pool type or size that no block can have. Another pool, type or size than the block's, and a second free, are the
/// caller's error and not found.
///
/// Memory and threads: any number of threads at once. The block may not be used afterwards.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_free_bare(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
    block: *mut c_void,
    size: usize,
) {
    // SAFETY: the pool is null or may be read; the block is null or its own.
    unsafe { RawSmallPool::free_checked(pool.cast(), PoolType(pool_type), block.cast(), size) }
}

/// Gives every block that a pool's lists keep back to the pool behind them.
///
/// Parameters:
/// - `pool`: the pool.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: it is done.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`, `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`,
///   `LOOKASIDE_STATUS_DELETE_PENDING`: `pool` is NULL, misaligned, never initialised, deleted.
///
/// Memory and threads: others may use the pool meanwhile.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_flush(pool: *mut lookaside_small_pool) -> lookaside_status {
    // SAFETY: the pool is null or may be read.
    unsafe { RawSmallPool::flush(pool.cast()) }.0
}

/// Returns what one of a pool's lists is and has done. The numbers are exact when no one uses the pool during the call.
///
/// Parameters:
/// - `pool`: the pool, or NULL for the one behind `lookaside_pool_allocate`.
/// - `pool_type`: a type that `lookaside_small_pool_prepare` takes.
/// - `list`: the list's number: its block size in units of the generation, less one.
/// - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_small_list_statistics)` by the caller.
///
/// Returns, and then `out` is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled; all counters are 0 until the list is made.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `out` is NULL, `struct_size` is not that of this version, or there is no
///   such list.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`:
///   `pool` is misaligned, never initialised, deleted.
///
/// Memory and threads: any number of threads at once; no one is stopped.
///
/// WDK: `NtQuerySystemInformation` with class 0x2D has these lists first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_statistics(
    pool: *const lookaside_small_pool,
    pool_type: lookaside_pool_type,
    list: usize,
    out: *mut lookaside_small_list_statistics,
) -> lookaside_status {
    // SAFETY: the caller gives null or a structure of which at least the first field may be read.
    if out.is_null() || unsafe { (*out).struct_size } != size_of::<lookaside_small_list_statistics>() {
        return Status::INVALID_PARAMETER.0;
    }
    let Some(kind) = Kind::of(PoolType(pool_type)) else { return Status::INVALID_PARAMETER.0 };
    let statistics = if pool.is_null() {
        lookaside_core::pool_list_statistics(kind, list).ok_or(Status::INVALID_PARAMETER)
    } else {
        // SAFETY: the pool may be read.
        unsafe { RawSmallPool::statistics(pool.cast(), kind, list) }
    };
    match statistics {
        Ok(statistics) => {
            // SAFETY: not null, and the caller said that the whole structure is there.
            unsafe { fill(out, statistics.into()) };
            Status::SUCCESS.0
        }
        Err(status) => status.0,
    }
}

/// Deletes a pool: what its lists keep goes back to the pool behind them.
///
/// Parameters:
/// - `pool`: the pool.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: it is gone; its memory may be reused, and initialised again.
/// - `LOOKASIDE_STATUS_PENDING`: callers still hold blocks of its lists. These stay valid and may still be freed to the
///   pool: keep its memory until then. The same goes for larger blocks, of which nothing is said here.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `pool` is NULL.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised; there is nothing to delete.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: it was deleted before; this call had no effect.
///
/// Memory and threads: no one else may call anything on the pool during the call.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_delete(pool: *mut lookaside_small_pool) -> lookaside_status {
    // SAFETY: the pool is null or may be read, and no other thread uses it.
    unsafe { RawSmallPool::delete(pool.cast()) }.0
}

impl lookaside_small_pool_parameters {
    /// The core's parameters with the same meaning.
    ///
    /// # Safety
    ///
    /// `name` is null or points to a string that ends with a zero byte and outlives the result.
    unsafe fn to_core(&self) -> Result<SmallPoolParameters<'_>, Status> {
        if self.struct_size != size_of::<Self>() || self.reserved != [0; 3] {
            return Err(Status::INVALID_PARAMETER);
        }
        if self.inline_abi != 0 && self.inline_abi != LOOKASIDE_INLINE_ABI {
            return Err(Status::NOT_SUPPORTED);
        }
        let generation = Generation::from_number(self.generation).ok_or(Status::INVALID_PARAMETER)?;
        let mut parameters = SmallPoolParameters::new(generation);
        if !self.name.is_null() {
            // SAFETY: the caller vouches for the name.
            parameters.name = unsafe { text(self.name) }.map_err(|_| Status::INVALID_PARAMETER)?;
        }
        parameters.maximum_depth = self.maximum_depth;
        parameters.batch = self.batch;
        parameters.flags = ListFlags(self.flags);
        parameters.tuning = match self.tuning {
            LOOKASIDE_TUNING_DEFAULT => Tuning::Default,
            LOOKASIDE_TUNING_WINDOWS => Tuning::Windows,
            LOOKASIDE_TUNING_MANUAL => Tuning::Manual,
            _ => return Err(Status::INVALID_PARAMETER),
        };
        Ok(parameters)
    }
}

impl From<HitCounters> for lookaside_hit_counters {
    fn from(counters: HitCounters) -> Self {
        Self {
            total_allocates: counters.total_allocates,
            allocate_hits: counters.allocate_hits,
            total_frees: counters.total_frees,
            free_hits: counters.free_hits,
            current_depth: counters.current_depth,
            depth: counters.depth,
        }
    }
}

impl From<SmallListStatistics> for lookaside_small_list_statistics {
    fn from(statistics: SmallListStatistics) -> Self {
        Self {
            struct_size: size_of::<Self>(),
            block_size: statistics.block_size,
            pool_type: statistics.pool_type.0,
            maximum_depth: statistics.maximum_depth,
            processor: statistics.processor.into(),
            shared: statistics.shared.into(),
        }
    }
}

// The header asserts the same numbers.
const _: () = {
    assert!(size_of::<lookaside_small_pool>() == 6400 && align_of::<lookaside_small_pool>() == 16);
    assert!(size_of::<RawSmallPool>() == 6400 && align_of::<RawSmallPool>() == 16);
    assert!(size_of::<lookaside_small_pool_parameters>() == 40 && align_of::<lookaside_small_pool_parameters>() == 8);
    assert!(size_of::<lookaside_small_list_statistics>() == 120);
};

// The constants of the header are those of the core.
const _: () = {
    assert!(LOOKASIDE_GENERATION_5_0 == Generation::V5_0 as u32);
    assert!(LOOKASIDE_GENERATION_5_1_X86 == Generation::V5_1X86 as u32);
    assert!(LOOKASIDE_GENERATION_5_2_X64 == Generation::V5_2X64 as u32);
    assert!(LOOKASIDE_GENERATION_6_0_X86 == Generation::V6_0X86 as u32);
    assert!(LOOKASIDE_GENERATION_6_0_X64 == Generation::V6_0X64 as u32);
};
