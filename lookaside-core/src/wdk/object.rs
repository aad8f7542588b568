//! The object that a caller embeds.

use core::ffi::c_void;
use core::ptr;

/// Where a list's processor lists are: what the fast path reads, and all that it reads outside a part.
///
/// The part of processor, or slot, `c` is at `base + (c << PART_SHIFT)`. With `processors` 0 no processor
/// number is in range, so every operation takes the slow path.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    pub(crate) base: *mut u8,
    /// Distance from the thread pointer to the area that has the processor's number. Here and not in a static, since
    /// this line is read anyway.
    pub(crate) area: isize,
    pub(crate) processors: u32,
    /// Always 0: where code of version 1 of the inlined calls looks whether it may go on (`face::inline_abi`).
    pub(crate) never: i32,
}

/// The list object: 64 bytes at a multiple of 16 that the caller provides, as in the WDK.
///
/// It holds only what the fast path reads and a keyed handle; everything that changes lives in
/// memory of the library (theory §1.2). It may be moved while no call on it is running.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct RawList {
    // Set by initialize, read by every fast path; delete sets both numbers of processors, and `slotted`, to 0.
    pub(crate) parts: Parts,
    // `area` once more, for the calls that C programs inline; 0 in a list that was not made for them.
    pub(crate) inlined_area: i32,
    pub(crate) alignment_mask: u32,
    // Index and generation of the record, keyed; and their check (theory §1.3).
    pub(crate) handle: u64,
    pub(crate) check: u64,
    // The caller's own, given back by `context`.
    pub(crate) context: *mut c_void,
    // `processors` for the engine `trylock`, whose lists have none there, so that no section runs.
    pub(crate) locked_processors: u32,
    // Not 0 for the engine `slots`: in the area of its lists a section finds a number that is never in range.
    pub(crate) slotted: u32,
}

impl RawList {
    /// Returns an object that was never initialised: every call on it returns that status.
    #[must_use]
    pub const fn zeroed() -> RawList {
        RawList {
            parts: Parts { base: ptr::null_mut(), area: 0, processors: 0, never: 0 },
            inlined_area: 0,
            alignment_mask: 0,
            handle: 0,
            check: 0,
            context: ptr::null_mut(),
            locked_processors: 0,
            slotted: 0,
        }
    }
}

const _: () = assert!(size_of::<RawList>() == 64 && align_of::<RawList>() == 16);
