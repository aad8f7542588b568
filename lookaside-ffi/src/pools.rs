//! What the pools hold.

use core::ffi::c_char;
use core::mem::{align_of, size_of};

use lookaside_core::{PoolKind, PoolStatistics, Status};

use crate::report::write_text;
use crate::types::*;
use crate::written::fill;

/// One of the library's pools: `LOOKASIDE_POOL_KIND_...`.
pub type lookaside_pool_kind = u32;

/// The process heap, as far as lists hold memory of it.
pub const LOOKASIDE_POOL_KIND_HEAP: lookaside_pool_kind = 0;
/// The library's own paged pools, all together: `LOOKASIDE_FLAG_PAGED_ARENAS`.
pub const LOOKASIDE_POOL_KIND_PAGED_ARENAS: lookaside_pool_kind = 1;
/// The nonpaged pool: locked memory.
pub const LOOKASIDE_POOL_KIND_NON_PAGED: lookaside_pool_kind = 2;
/// The nonpaged pool of lists with `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
pub const LOOKASIDE_POOL_KIND_NON_PAGED_BEST_EFFORT: lookaside_pool_kind = 3;
/// The session pool: memory shared with forked children.
pub const LOOKASIDE_POOL_KIND_SESSION: lookaside_pool_kind = 4;
/// The special pool: each block on a page of its own.
pub const LOOKASIDE_POOL_KIND_SPECIAL: lookaside_pool_kind = 5;
/// Slabs: the paged pool of lists, each in pages of its own.
pub const LOOKASIDE_POOL_KIND_SLABS: lookaside_pool_kind = 6;

/// What one pool holds, in bytes and blocks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lookaside_pool_usage {
    /// `sizeof(lookaside_pool_usage)`, set by the caller.
    pub struct_size: usize,
    /// Bytes of the blocks that the pool gave and did not get back, those that lists keep included. Nonpaged, session
    /// and the library's own paged pools count each block rounded up to 16 bytes, or its alignment.
    pub used: u64,
    /// Bytes that the pool took from the system; 0 for the process heap, which does not report it.
    pub reserved: u64,
    /// Bytes of those that are locked.
    pub locked: u64,
    /// The most that `used` ever was. For the process heap, slabs and nonpaged memory the most that was seen, once a
    /// second and at each look.
    pub peak: u64,
    /// The most that `reserved` may become; 0 where the library sets no limit, and before the pool's first list.
    pub limit: u64,
    /// Blocks that `used` counts.
    pub blocks: u64,
    /// Requests for which the pool returned NULL.
    pub failures: u64,
    /// Blocks that the process heap gave instead of the special pool, or of slabs.
    pub fallbacks: u64,
    /// Blocks that were freed and could not be taken back: they were of a pool that a fork, or the death of a process
    /// inside the session pool, had left half changed.
    pub lost: u64,
}

/// Returns what a pool holds. The numbers are exact as of one moment; those of the process heap, slabs and nonpaged
/// memory if no one uses a list meanwhile.
///
/// Parameters:
/// - `kind`: the pool.
/// - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_pool_usage)` by the caller.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `out` is NULL, `struct_size` is not that of this version, or there is no
///   such pool. `out` is untouched.
///
/// Memory and threads: any number of threads at once, for a short lock. Constant time, but for the process heap and
/// slabs, for which every list is looked at, and nonpaged memory, for which what lists hold of it is, by 64 KiB.
///
/// WDK: the pool counters of `NtQuerySystemInformation` with class 2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_statistics(
    kind: lookaside_pool_kind,
    out: *mut lookaside_pool_usage,
) -> lookaside_status {
    let kind = PoolKind::ALL.into_iter().find(|known| *known as u32 == kind);
    // SAFETY: the caller gives null or a structure of which at least the first field may be read.
    let (Some(kind), true) =
        (kind, !out.is_null() && unsafe { (*out).struct_size } == size_of::<lookaside_pool_usage>())
    else {
        return Status::INVALID_PARAMETER.0;
    };
    // SAFETY: not null, and the caller said that the whole structure is there.
    unsafe { fill(out, lookaside_core::pool_statistics(kind).into()) };
    Status::SUCCESS.0
}

/// Writes a table of all pools, a row each, and a line with the limit of locked memory and how to raise it.
///
/// Parameters:
/// - `buffer`: where the text goes, ending with a zero byte. NULL if `capacity` is 0.
/// - `capacity`: how many bytes `buffer` has.
/// - `needed`: where to write how many bytes the whole text takes with its zero byte, or NULL.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the whole text is in `buffer`.
/// - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: it is longer. `buffer` holds the part that fits, with a zero byte behind it.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `buffer` is NULL and `capacity` is not 0. `*needed` is set all the same.
///
/// Memory and threads: as for `lookaside_pool_statistics`; nothing is allocated.
///
/// WDK: `!vm` in the kernel debugger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_report(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> lookaside_status {
    // SAFETY: the buffer has room for `capacity` bytes, and `needed` is null or may be written.
    unsafe { write_text(buffer, capacity, needed, |text| Ok(lookaside_core::pool_report(text))) }
}

impl From<PoolStatistics> for lookaside_pool_usage {
    fn from(statistics: PoolStatistics) -> Self {
        let PoolStatistics { used, reserved, locked, peak, limit, blocks, failures, fallbacks, lost } = statistics;
        let struct_size = size_of::<Self>();
        Self { struct_size, used, reserved, locked, peak, limit, blocks, failures, fallbacks, lost }
    }
}

// The header asserts the same numbers; the constants are those of the core.
const _: () = {
    assert!(size_of::<lookaside_pool_usage>() == 80 && align_of::<lookaside_pool_usage>() == 8);
    assert!(LOOKASIDE_POOL_KIND_HEAP == PoolKind::Heap as u32);
    assert!(LOOKASIDE_POOL_KIND_PAGED_ARENAS == PoolKind::PagedArenas as u32);
    assert!(LOOKASIDE_POOL_KIND_NON_PAGED == PoolKind::NonPaged as u32);
    assert!(LOOKASIDE_POOL_KIND_NON_PAGED_BEST_EFFORT == PoolKind::NonPagedBestEffort as u32);
    assert!(LOOKASIDE_POOL_KIND_SESSION == PoolKind::Session as u32);
    assert!(LOOKASIDE_POOL_KIND_SPECIAL == PoolKind::Special as u32);
    assert!(LOOKASIDE_POOL_KIND_SLABS == PoolKind::Slabs as u32);
};
