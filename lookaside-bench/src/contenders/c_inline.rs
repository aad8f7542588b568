//! A pair list of a C program that includes `include/lookaside_inline.h`: in the loops of `pair`, `batch128` and `random`,
//! which are C as well (`inlined/list.c`), its calls are inlined. In other workloads they are functions, so there it has
//! one call more than such a program.

use ::lookaside::{lookaside_list_delete, lookaside_list_initialize, lookaside_list_statistics};
use libc::c_void;

use super::called::{Called, ListCalls};
use crate::ground::contender::{About, Loops};

pub const C_INLINE: About = About::new("lookaside-c-inline", "the same inlined into C by the opt-in header");

unsafe extern "C" {
    fn inlined_abi() -> u16;
    fn inlined_allocate(list: *mut c_void) -> *mut c_void;
    fn inlined_free(list: *mut c_void, block: *mut c_void);
    fn inlined_allocate_many(list: *mut c_void, out: *mut *mut c_void, count: usize) -> usize;
    fn inlined_free_many(list: *mut c_void, blocks: *const *mut c_void, count: usize);
    fn inlined_pair(list: *mut c_void, pairs: u64);
    fn inlined_batch(list: *mut c_void, pairs: u64);
    fn inlined_random(list: *mut c_void, places: *mut *mut c_void, random: *mut u64, pairs: u64);
}

/// A list of the C library, made for inlined calls.
pub fn new(size: usize) -> anyhow::Result<Called<true>> {
    let calls = ListCalls {
        initialize: lookaside_list_initialize,
        allocate: inlined_allocate,
        free: inlined_free,
        many: Some((inlined_allocate_many, inlined_free_many)),
        delete: lookaside_list_delete,
        statistics: lookaside_list_statistics,
        // SAFETY: the function returns a constant.
        inline_abi: unsafe { inlined_abi() },
        library: None,
    };
    let loops = |pool| Some(Loops { pool, pair: inlined_pair, batch: inlined_batch, random: inlined_random });
    // SAFETY: these are calls and loops of lists.
    unsafe { Called::list(C_INLINE.name, size, calls, loops) }
}
