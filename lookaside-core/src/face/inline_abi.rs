//! What C and C++ programs compile into themselves: the numbers that `include/lookaside_inline.h` stands on.
//!
//! A program says at initialisation which version it was compiled with (`lookaside_parameters::inline_abi`). If that is
//! this one, the list's `inlined_area` is set. Inlined code asks that word whether it may go on, so it never works on a
//! list that was made without it. Whoever changes one of the numbers, or the steps of a section, counts the version up
//! and takes another word for `inlined_area`, so that code of the old version finds 0.

use core::mem::offset_of;

use crate::platform::rseq::layout;
use crate::wdk::RawList;

/// The version of all that stands here.
pub const VERSION: u16 = 1;

/// Offset of the parts' address in a list object, in bytes.
pub const BASE: usize = offset_of!(RawList, parts.base);
/// Offset of the number of processors, 32 bits.
pub const PROCESSORS: usize = offset_of!(RawList, parts.processors);
/// Offset of the distance from the thread pointer to the rseq area, or 0, 32 bits.
pub const AREA: usize = offset_of!(RawList, parts.inlined_area);
/// Offset of the blocks' alignment less 1, 32 bits.
pub const ALIGNMENT_MASK: usize = offset_of!(RawList, alignment_mask);

pub use layout::{DEPTH, HEADER, ONE_HIT, SHIFT, SIGNATURE, SLOTS};

impl RawList {
    /// Lets code that was inlined into the program serve the list.
    ///
    /// # Safety
    /// `list` was just initialised, and no other thread uses it yet.
    pub unsafe fn allow_inlined(list: *mut RawList) {
        // SAFETY: the caller's promise.
        let parts = unsafe { &mut (*list).parts };
        // The distance is one within the thread's own data; were it too large, the calls would not be inlined.
        parts.inlined_area = i32::try_from(parts.area).unwrap_or(0);
    }
}
