//! Lists of C programs that are compiled into the command: through `include/lookaside_inline.h` (`inlined/list.c`), and through
//! `include/lookaside_wdm.h` (`wdm/list.c`), a pair and a general list, the shape that they have in Windows.
//!
//! The inlined list has the loops of `pair`, `batch128` and `random` in C as well, where its calls are inlined. Elsewhere, and
//! always through the WDK header, they are functions: one call more for each allocate and free than such a program has.

use libc::{c_char, c_void};

use super::called::{Called, Peer};
use crate::ground::contender::{About, Loops};

pub const C_INLINE: About = About::new("lookaside-c-inline", "the same inlined into C by the opt-in header");
pub const WDM: About =
    About::beside("wdm", "a list through the WDK header, with one call more than a ported program has");
pub const WDM_GENERAL: About = About::beside("wdm-general", "a general list through it");

unsafe extern "C" {
    fn inlined_make(shape: *const c_char, size: usize, peer: *mut Peer) -> *const c_char;
    fn inlined_pair(list: *mut c_void, pairs: u64);
    fn inlined_batch(list: *mut c_void, pairs: u64);
    fn inlined_random(list: *mut c_void, places: *mut *mut c_void, random: *mut u64, pairs: u64);
    fn wdm_pair_make(shape: *const c_char, size: usize, peer: *mut Peer) -> *const c_char;
    fn wdm_general_make(shape: *const c_char, size: usize, peer: *mut Peer) -> *const c_char;
}

pub fn inlined(size: usize) -> anyhow::Result<Called<true>> {
    let loops = |pool| Loops { pool, pair: inlined_pair, batch: inlined_batch, random: inlined_random };
    // SAFETY: these are calls and loops of lists, which any thread may use.
    unsafe { Called::new(C_INLINE.name, size, inlined_make, Some(loops)) }
}

pub fn wdm(size: usize) -> anyhow::Result<Called<true>> {
    // SAFETY: these are calls of lists, which any thread may use.
    unsafe { Called::new(WDM.name, size, wdm_pair_make, None) }
}

pub fn wdm_general(size: usize) -> anyhow::Result<Called<true>> {
    // SAFETY: as above.
    unsafe { Called::new(WDM_GENERAL.name, size, wdm_general_make, None) }
}
