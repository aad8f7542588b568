//! Lists through `include/lookaside_wdm.h`: a pair, and a general list, the shape that they have in Windows.
//!
//! The header's inline functions are compiled by the C compiler (`wdm/list.c`) and call the library's functions, linked
//! statically. A round calls those compiled functions, so it has one call more for each allocate and free than a ported
//! program, in which they are inlined.

use anyhow::ensure;
use libc::c_void;

use super::called::{Called, Peer};
use crate::ground::contender::About;

pub const WDM: About =
    About::beside("wdm", "a list through the WDK header, with one call more than a ported program has");
pub const WDM_GENERAL: About = About::beside("wdm-general", "a general list through it");

unsafe extern "C" {
    fn wdm_pair_make(size: usize) -> *mut c_void;
    fn wdm_pair_allocate(list: *mut c_void) -> *mut c_void;
    fn wdm_pair_free(list: *mut c_void, block: *mut c_void);
    fn wdm_pair_kept(list: *mut c_void) -> u64;
    fn wdm_pair_delete(list: *mut c_void);
    fn wdm_general_make(size: usize) -> *mut c_void;
    fn wdm_general_allocate(list: *mut c_void) -> *mut c_void;
    fn wdm_general_free(list: *mut c_void, block: *mut c_void);
    fn wdm_general_kept(list: *mut c_void) -> u64;
    fn wdm_general_delete(list: *mut c_void);
}

/// A list as the header makes it by default: a pair.
pub fn pair(size: usize) -> anyhow::Result<Called<true>> {
    let peer = Peer {
        // SAFETY: the function takes any size.
        pool: unsafe { wdm_pair_make(size) },
        allocate: wdm_pair_allocate,
        free: wdm_pair_free,
        allocate_many: None,
        free_many: None,
        kept: Some(wdm_pair_kept),
        destroy: Some(wdm_pair_delete),
    };
    made(WDM.name, peer)
}

/// A list as the header makes it when asked for Windows' shape: one for all processors.
pub fn general(size: usize) -> anyhow::Result<Called<true>> {
    let peer = Peer {
        // SAFETY: the function takes any size.
        pool: unsafe { wdm_general_make(size) },
        allocate: wdm_general_allocate,
        free: wdm_general_free,
        allocate_many: None,
        free_many: None,
        kept: Some(wdm_general_kept),
        destroy: Some(wdm_general_delete),
    };
    made(WDM_GENERAL.name, peer)
}

fn made(name: &'static str, peer: Peer) -> anyhow::Result<Called<true>> {
    ensure!(!peer.pool.is_null(), "the list cannot be initialised");
    // SAFETY: the functions are those of the list, which any thread may use.
    Ok(unsafe { Called::new(name, peer) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::contender::Contender;

    unsafe extern "C" {
        fn wdm_pair_kept_shared(list: *mut c_void) -> u64;
        fn wdm_general_kept_shared(list: *mut c_void) -> u64;
    }

    /// What was freed is kept where the shape of the list has it kept.
    #[test]
    fn freed_blocks_are_kept() {
        let used_once = |list: Called<true>| {
            assert_eq!(list.kept(), Some(0));
            // SAFETY: the list is of 64 bytes, and its block is given back once.
            unsafe { list.free(list.allocate(64), 64) };
            assert_eq!(list.kept(), Some(1));
            list
        };
        let pair = used_once(pair(64).unwrap());
        let general = used_once(general(64).unwrap());
        // SAFETY: the lists were initialised.
        unsafe {
            assert_eq!(wdm_pair_kept_shared(pair.pool()), 0);
            assert_eq!(wdm_general_kept_shared(general.pool()), 1);
        }
    }
}
