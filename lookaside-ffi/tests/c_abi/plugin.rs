//! A plug-in with a list of its own, in Rust: built by the test into a cdylib.

use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use lookaside_core::LookasideList;

static LIST: AtomicPtr<LookasideList> = AtomicPtr::new(std::ptr::null_mut());

#[unsafe(no_mangle)]
extern "C" fn begin() -> i32 {
    let Ok(list) = LookasideList::new(64) else { return 0 };
    LIST.store(Box::into_raw(Box::new(list)), std::sync::atomic::Ordering::Release);
    1
}

#[unsafe(no_mangle)]
extern "C" fn touch() -> i32 {
    // SAFETY: the host calls this between `begin` and `end`.
    let list = unsafe { &*LIST.load(Acquire) };
    for _ in 0..4 {
        let Some(block) = list.allocate() else { return 0 };
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    1
}

#[unsafe(no_mangle)]
extern "C" fn end() -> i32 {
    // SAFETY: `begin` made it, and nobody uses it any more.
    drop(unsafe { Box::from_raw(LIST.swap(std::ptr::null_mut(), AcqRel)) });
    1
}
