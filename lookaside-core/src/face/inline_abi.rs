//! What C and C++ programs compile into themselves: the numbers that `include/lookaside_inline.h` is built on.
//!
//! A program says at initialisation which version it was compiled with (`lookaside_parameters::inline_abi`). If that is
//! this one, the list's `inlined_area` is set; if not, the list is not made. Inlined code looks at that word before it
//! goes on, so it never works on a list that was made without it. A change of one of the numbers, or of the steps of a
//! section, counts the version up and takes another word for `inlined_area`, so that code of the old version finds 0.
//!
//! * Version 1 (before 0.2.0): a free committed by a sum in memory, and the word was at offset 20. It would be right
//!   beside today's closing, which keeps all that it needs (theory §3). Version 2 would not be beside the library of
//!   version 1, which opened an empty part without a barrier. So neither serves the other's lists.
//! * Version 2: a free loads and stores the whole header.

use core::mem::offset_of;

use crate::platform::rseq::layout;
use crate::wdk::RawList;

/// The version of everything here.
pub const VERSION: u16 = 2;

/// Offset of the parts' address in a list object, in bytes.
pub const BASE: usize = offset_of!(RawList, parts.base);
/// Offset of the number of processors, 32 bits.
pub const PROCESSORS: usize = offset_of!(RawList, parts.processors);
/// Offset of the distance from the thread pointer to the rseq area, or 0, 32 bits.
pub const AREA: usize = offset_of!(RawList, inlined_area);
/// Offset of the blocks' alignment less 1, 32 bits.
pub const ALIGNMENT_MASK: usize = offset_of!(RawList, alignment_mask);

pub use layout::{DEPTH, HEADER, ONE_HIT, SHIFT, SIGNATURE_AARCH64, SIGNATURE_X86_64, SLOTS};

impl RawList {
    /// Lets code that was inlined into the program serve the list.
    ///
    /// # Safety
    /// `list` was just initialised, and no other thread uses it yet.
    pub unsafe fn allow_inlined(list: *mut RawList) {
        // SAFETY: the object may be written, as the caller promises.
        let list = unsafe { &mut *list };
        // The distance is one within the thread's own data; were it too large, the calls would not be inlined.
        // Over slots no section would find its processor.
        list.inlined_area = if list.slotted == 0 { i32::try_from(list.parts.area).unwrap_or(0) } else { 0 };
    }
}
