//! The user's own routines: the WDK's four callback types.
//!
//! They are `extern "C-unwind"`, so that an exception thrown in one meets this library's frames in order; it
//! ends at the C boundary with a message and an abort. A Rust caller gets the panic; the block of a free routine that
//! panics counts as freed, and what else the list had in hand goes on to where it was going.

use core::ffi::c_void;

use crate::wdk::{PoolType, RawList, Tag};

/// ALLOCATE_FUNCTION: pool type, bytes, tag; returns a block or null.
pub type AllocateFunction = unsafe extern "C-unwind" fn(PoolType, usize, Tag) -> *mut c_void;
/// FREE_FUNCTION: takes back what the allocate routine gave.
pub type FreeFunction = unsafe extern "C-unwind" fn(*mut c_void);
/// ALLOCATE_FUNCTION_EX: as [`AllocateFunction`], and the list that the block is for.
pub type AllocateFunctionEx = unsafe extern "C-unwind" fn(PoolType, usize, Tag, *mut RawList) -> *mut c_void;
/// FREE_FUNCTION_EX: as [`FreeFunction`], and the list that the block was of.
pub type FreeFunctionEx = unsafe extern "C-unwind" fn(*mut c_void, *mut RawList);

/// How a list gets blocks when it has none.
#[derive(Clone, Copy, Debug, Default)]
pub enum AllocateCallback {
    /// From the pool that the pool type names.
    #[default]
    Default,
    /// By the user's routine.
    Plain(AllocateFunction),
    /// By the user's routine that gets the list.
    Ex(AllocateFunctionEx),
}

/// How a list gives back blocks that it has no room for.
#[derive(Clone, Copy, Debug, Default)]
pub enum FreeCallback {
    /// To the pool that the pool type names.
    #[default]
    Default,
    /// By the user's routine.
    Plain(FreeFunction),
    /// By the user's routine that gets the list.
    Ex(FreeFunctionEx),
}
