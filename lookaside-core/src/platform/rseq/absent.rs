//! Where this library has no sections: every operation finds nothing, so another engine serves.

use core::ffi::c_void;

use super::{Descriptor, Wait};
use crate::wdk::Parts;

/// Is never looked at: no section is aborted.
pub const SIGNATURE: u32 = 0;

/// Whether there are sections.
pub const EXIST: bool = false;

/// Finds no block.
///
/// # Safety
/// None is needed; the signature is the contract's.
#[inline(always)]
pub unsafe fn pop(_parts: *const Parts) -> *mut u8 {
    core::ptr::null_mut()
}

/// Finds no room.
///
/// # Safety
/// None is needed; the signature is the contract's.
#[inline(always)]
pub unsafe fn push(_parts: *const Parts, _block: *mut u8) -> bool {
    false
}

/// Finds no block.
///
/// # Safety
/// None is needed; the signature is the contract's.
pub unsafe fn pop_many<const HITS: bool>(_parts: *const Parts, _out: *mut *mut u8, _wanted: usize) -> (usize, u32) {
    (0, 0)
}

/// Finds no room.
///
/// # Safety
/// None is needed; the signature is the contract's.
pub unsafe fn push_many(_parts: *const Parts, _blocks: *const *mut u8, _offered: usize) -> (usize, u32) {
    (0, 0)
}

/// Counts nothing.
///
/// # Safety
/// None is needed; the signature is the contract's.
pub unsafe fn count(_area: isize, _word: *mut u64, _processors: u32) -> bool {
    false
}

/// Is never called: there is no child.
///
/// # Safety
/// None is needed; the signature is the contract's.
pub unsafe fn fault(_area: *mut u8, _descriptor: *mut *mut Descriptor, _armed: bool) -> ! {
    unreachable!("there is no section")
}

/// There is no section.
pub const WAIT: Option<Wait> = None;

/// Makes no child.
///
/// # Safety
/// None is needed; the signature is the contract's.
pub unsafe fn run_child(
    _waits: bool,
    _stack: *mut u8,
    _body: extern "C" fn(*mut c_void) -> !,
    _argument: *mut c_void,
) -> isize {
    -1
}

/// There is no spare area.
pub fn spare_area() -> isize {
    0
}

/// No number.
pub fn processor_number(_area: isize) -> u32 {
    u32::MAX
}

/// Nothing is relative to it.
pub fn thread_pointer() -> usize {
    0
}
