//! Lists through `include/lookaside_wdm.h`: a pair, and a general list, the shape that they have in Windows.
//!
//! The header's inline functions are compiled by the C compiler (`wdm/list.c`) and call the library's functions, linked
//! statically. A round calls those compiled functions, so it has one call more for each allocate and free than a ported
//! program, in which they are inlined.

use std::ptr::NonNull;

use anyhow::Context;
use libc::c_void;

use super::Contender;

/// A list of the header's.
#[repr(C)]
struct List {
    _private: [u8; 0],
}

macro_rules! shape {
    ($(#[$about:meta])* $type:ident: $make:ident $allocate:ident $free:ident $kept:ident $delete:ident) => {
        unsafe extern "C" {
            fn $make(size: usize) -> *mut List;
            fn $allocate(list: *mut List) -> *mut c_void;
            fn $free(list: *mut List, block: *mut c_void);
            fn $kept(list: *mut List, shared: *mut u64) -> u64;
            fn $delete(list: *mut List);
        }

        $(#[$about])*
        pub struct $type(NonNull<List>);

        // SAFETY: any thread may use a list.
        unsafe impl Sync for $type {}

        impl $type {
            /// The blocks that processor lists keep, and those that the list behind them, or the only one, does.
            fn kept_by_each(&self) -> (u64, u64) {
                let mut shared = 0;
                // SAFETY: the list was initialised.
                (unsafe { $kept(self.0.as_ptr(), &raw mut shared) }, shared)
            }
        }

        impl Contender for $type {
            fn new(size: usize) -> anyhow::Result<Self> {
                // SAFETY: the function takes any size.
                let list = unsafe { $make(size) };
                NonNull::new(list).map(Self).context("the list cannot be initialised")
            }

            #[inline(always)]
            fn allocate(&self) -> *mut u8 {
                // SAFETY: the list was initialised.
                unsafe { $allocate(self.0.as_ptr()).cast() }
            }

            #[inline(always)]
            unsafe fn free(&self, block: *mut u8) {
                // SAFETY: the list was initialised, and the caller gives back a block of it.
                unsafe { $free(self.0.as_ptr(), block.cast()) };
            }

            fn kept(&self) -> Option<u64> {
                let (processors, shared) = self.kept_by_each();
                Some(processors + shared)
            }
        }

        impl Drop for $type {
            fn drop(&mut self) {
                // SAFETY: the list was initialised, and nobody else can reach it any more.
                unsafe { $delete(self.0.as_ptr()) };
            }
        }
    };
}

shape! {
    /// Lists as the header makes them by default: pairs.
    Pair: wdm_pair_make wdm_pair_allocate wdm_pair_free wdm_pair_kept wdm_pair_delete
}

shape! {
    /// Lists as the header makes them when asked for Windows' shape: one for all processors.
    General: wdm_general_make wdm_general_allocate wdm_general_free wdm_general_kept wdm_general_delete
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was freed is kept where the shape of the list has it kept.
    #[test]
    fn freed_blocks_are_kept() {
        fn used_once<C: Contender>() -> C {
            let list = C::new(64).expect("the header's lists can be had");
            assert_eq!(list.kept(), Some(0));
            let block = list.allocate();
            assert!(!block.is_null());
            // SAFETY: the block came from this list, and is given back once.
            unsafe { list.free(block) };
            list
        }
        assert_eq!(used_once::<Pair>().kept_by_each(), (1, 0));
        assert_eq!(used_once::<General>().kept_by_each(), (0, 1));
    }
}
