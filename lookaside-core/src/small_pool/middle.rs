//! Lists for requests that are larger than the tables' blocks, up to a page with their header. All small pools of the process
//! share them. Without them such a request would go to malloc.

use super::classes::{HEADER, MIDDLE_CLASSES, Sizes, middle_class_of};
use super::lists::{KindLists, Plan};
use super::pages;
use crate::list::processor::EngineKind;
use crate::manage::engine;
use crate::pool::{Request, Source};
use crate::wdk::ListFlags;

/// Never deleted.
static LISTS: KindLists<MIDDLE_CLASSES> = KindLists::new();

fn plan() -> Plan<'static> {
    pages::process_plan(Sizes::Middle, "middle")
}

/// Returns the list that serves a request of the general pool with these flags; `None` where that serves itself. It is
/// the same for a request as long as the process lives.
pub fn list_of(request: &Request, flags: ListFlags) -> Option<usize> {
    let is_of_heap = request.alignment <= HEADER && Source::of(request.pool_type, flags) == Source::Heap;
    // Where malloc is watched, the watcher sees more.
    middle_class_of(request.size).filter(|_| is_of_heap && engine() != EngineKind::Heap)
}

/// Allocates a block of a list; null where there is no memory.
pub fn allocate(list: usize) -> *mut u8 {
    // SAFETY: the list exists.
    unsafe { LISTS.allocate(list, plan) }
}

/// Gives a block back.
///
/// # Safety
/// It came from [`allocate`] of this list, and no one uses it any more.
pub unsafe fn free(list: usize, block: *mut u8) {
    // SAFETY: the block came from this list, and no one uses it any more.
    unsafe { LISTS.free(list, block, plan) };
}
