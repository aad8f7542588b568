//! Lists through `include/lookaside_wdm.h`: a pair, and a general list, the shape that they have in Windows.
//!
//! The header's inline functions are compiled by the C compiler (`wdm/list.c`) and call the library's functions, linked
//! statically. A round calls those compiled functions, so it has one call more for each allocate and free than a ported
//! program, in which they are inlined.

use std::mem::MaybeUninit;

use anyhow::ensure;

use super::called::{Called, Peer};
use crate::ground::contender::About;

pub const WDM: About =
    About::beside("wdm", "a list through the WDK header, with one call more than a ported program has");
pub const WDM_GENERAL: About = About::beside("wdm-general", "a general list through it");

type MakePeer = unsafe extern "C" fn(usize, *mut Peer) -> bool;

unsafe extern "C" {
    fn wdm_pair_make(size: usize, peer: *mut Peer) -> bool;
    fn wdm_general_make(size: usize, peer: *mut Peer) -> bool;
}

/// A list as the header makes it by default: a pair.
pub fn pair(size: usize) -> anyhow::Result<Called<true>> {
    made(WDM.name, size, wdm_pair_make)
}

/// A list as the header makes it when asked for Windows' shape: one for all processors.
pub fn general(size: usize) -> anyhow::Result<Called<true>> {
    made(WDM_GENERAL.name, size, wdm_general_make)
}

fn made(name: &'static str, size: usize, make: MakePeer) -> anyhow::Result<Called<true>> {
    let mut peer = MaybeUninit::uninit();
    // SAFETY: the function takes any size, and there is room for what it fills in.
    ensure!(unsafe { make(size, peer.as_mut_ptr()) }, "the list cannot be initialised");
    // SAFETY: it was filled in, with the functions of the list, which any thread may use.
    Ok(unsafe { Called::new(name, peer.assume_init()) })
}

#[cfg(test)]
mod tests {
    use libc::c_void;

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
