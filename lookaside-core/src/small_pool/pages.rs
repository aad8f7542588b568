//! Lists for requests of a page or more, up to eight pages. Their blocks are whole pages, and what is known of one is
//! kept beside its slab: a header before it would take a page more.

use super::classes::{PAGE, PAGE_CLASSES, Sizes};
use super::lists::{KindLists, Plan};
use crate::list::Tuning;
use crate::list::processor::EngineKind;
use crate::manage::{Owner, engine};
use crate::pool::slab::{self, Beside};
use crate::wdk::{DEFAULT_MAXIMUM_DEPTH, ListFlags, PoolType, Tag};

/// Of the process, as the general pool is that would serve otherwise. Never deleted.
static LISTS: KindLists<PAGE_CLASSES> = KindLists::new();

/// The most bytes that one of a list's levels keeps.
const MAXIMUM_BYTES: usize = 1 << 20;

fn plan() -> Plan<'static> {
    process_plan(Sizes::Pages, "pages")
}

/// How lists are made that all pools of the process share.
pub fn process_plan(sizes: Sizes, kind: &'static str) -> Plan<'static> {
    Plan {
        sizes,
        pool_type: PoolType::PAGED,
        tag: Tag::new(*b"PooL"),
        flags: ListFlags(0),
        name: "pool",
        kind,
        maximum_depth: DEFAULT_MAXIMUM_DEPTH,
        maximum_bytes: MAXIMUM_BYTES,
        batch: 0,
        tuning: Tuning::Default,
        engine: None,
        owner: Owner::SmallPool,
        patience: 1,
        inlined: false,
    }
}

/// Returns the list that serves this many bytes.
fn list_of(bytes: usize) -> Option<usize> {
    let list = bytes.div_ceil(PAGE).wrapping_sub(1);
    (list < PAGE_CLASSES).then_some(list)
}

/// Returns whether blocks of these sizes are as large as each other.
pub fn are_alike(bytes: usize, others: usize) -> bool {
    list_of(bytes) == list_of(others)
}

/// Allocates whole pages of paged memory; returns them with the words beside them, or `None` where the general pool has
/// to serve: lists have no such block, or there are no slabs.
pub fn allocate(bytes: usize) -> Option<(*mut u8, &'static Beside)> {
    // There lists have blocks of the process heap.
    let list = list_of(bytes).filter(|_| engine() != EngineKind::Heap)?;
    // SAFETY: the list exists.
    let block = unsafe { LISTS.allocate(list, plan) };
    if block.is_null() {
        return None;
    }
    let beside = slab::beside(block);
    if beside.is_none() {
        // SAFETY: the block came from this list just now.
        unsafe { LISTS.free(list, block, plan) };
    }
    beside.map(|beside| (block, beside))
}

/// Gives pages back.
///
/// # Safety
/// They came from [`allocate`] for this many bytes, and no one uses them any more.
pub unsafe fn free(block: *mut u8, bytes: usize) {
    if let Some(list) = list_of(bytes) {
        // SAFETY: the block came from this list, and no one uses it any more.
        unsafe { LISTS.free(list, block, plan) };
    }
}
