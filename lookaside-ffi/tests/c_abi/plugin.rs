//! A plug-in with a list of its own, in Rust: built by the test into a cdylib.

use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::atomic::{AtomicBool, AtomicPtr};

use lookaside_core::{ListFlags, LookasideList, Parameters, RawList, Status, Tuning};

static LIST: AtomicPtr<LookasideList> = AtomicPtr::new(std::ptr::null_mut());

/// A verified list that the plug-in's destructor deletes: only after that may the library look for forgotten ones.
struct Embedded(UnsafeCell<RawList>, AtomicBool);

// SAFETY: the thread that makes the list and the one that ends the plug-in alone use it.
unsafe impl Sync for Embedded {}

static EMBEDDED: Embedded = Embedded(UnsafeCell::new(RawList::zeroed()), AtomicBool::new(false));

#[used]
#[unsafe(link_section = ".fini_array")]
static DESTRUCTOR: extern "C" fn() = delete_embedded;

fn make_embedded() -> bool {
    let parameters = Parameters { flags: ListFlags::VERIFY, tuning: Tuning::Manual, ..Parameters::new(64) };
    // SAFETY: a static object, which is made once in the life of the plug-in.
    EMBEDDED.1.swap(true, AcqRel) || unsafe { RawList::initialize(EMBEDDED.0.get(), &parameters) } == Status::SUCCESS
}

extern "C" fn delete_embedded() {
    // SAFETY: no one uses the list any more.
    let deleted = !EMBEDDED.1.load(Acquire) || unsafe { RawList::delete(EMBEDDED.0.get()) } == Status::SUCCESS;
    assert!(deleted);
}

#[unsafe(no_mangle)]
extern "C" fn begin() -> i32 {
    if !make_embedded() {
        return 0;
    }
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
    // SAFETY: `begin` made it, and no one uses it any more.
    drop(unsafe { Box::from_raw(LIST.swap(std::ptr::null_mut(), AcqRel)) });
    1
}
