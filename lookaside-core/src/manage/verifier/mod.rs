//! The verifier: every call on a verified list is checked, and misuse is reported with its place (theory §11).
//!
//! A verified list keeps no blocks, so each call takes the slow path and comes here. Lists that are not verified pay
//! for the verifier with the test of one word, where they have already missed.

mod faults;
mod layout;
mod low_resources;
mod message;
mod table;

use core::fmt;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

pub use faults::verify_faults;
use layout::Layout;
pub use low_resources::{refuses, simulate_low_resources};
use message::{Acted, ListName};
use table::{Act, BlockEntry, BlockState, ListId, Refused, Table};

use super::record::{Record, RecordState};
use super::{ending, registry, switches};
use crate::platform::{self, Caller, ChildRepairs, Place, Violation, place_of};
use crate::pool::Pool;
use crate::wdk::{BugCheck, RawList, Tag};

static TABLE: Table = Table::new();

static ASKED: AtomicU32 = AtomicU32::new(0);
const NO: u32 = 1;
const YES: u32 = 2;

/// Returns whether `LOOKASIDE_VERIFY` in the environment asks for every list to be verified; read once.
pub fn is_program_wide() -> bool {
    // Relaxed: every thread reads the same environment.
    match ASKED.load(Relaxed) {
        0 => {
            let asked = switches::VERIFY.is_on();
            ASKED.store(if asked { YES } else { NO }, Relaxed);
            asked
        }
        asked => asked == YES,
    }
}

/// Returns the same as [`is_program_wide`], but `false` as long as no one has read the environment: one load, for calls
/// that make no list.
#[inline]
pub fn is_known_program_wide() -> bool {
    // Relaxed: as above.
    ASKED.load(Relaxed) == YES
}

/// Called when a verified list is made, with no lock held.
pub fn begin() {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    platform::note_used(ChildRepairs::Verifier);
    // Relaxed: what comes before the first allocation of the list.
    if BEGUN.swap(1, Relaxed) == 0 {
        platform::at_exit(at_exit);
        low_resources::obey_environment();
        if is_program_wide() {
            verify_faults();
        }
    }
}

fn id_of(record: &Record) -> ListId {
    ListId { index: record.index, generation: record.generation() }
}

fn act(place: Place) -> Act {
    Act { place, thread: platform::thread_number() }
}

/// Allocates a block of a verified list, or returns null.
pub fn allocate(record: &Record, object: *mut RawList, place: Place) -> *mut u8 {
    let list = record.list();
    let settings = list.settings();
    let tag = settings.request.tag;
    list.count_allocate();
    if refuses(tag) {
        list.count_failure();
        return core::ptr::null_mut();
    }
    let layout = Layout::of(settings);
    let memory = list.ask_pool(object, &layout.request);
    if memory.is_null() {
        return memory;
    }
    // SAFETY: the memory came by this layout's request.
    let block = unsafe { layout.prepare(memory) };
    let entry = BlockEntry::held(block.addr(), id_of(record), &settings.request, settings.backing.source, act(place));
    match TABLE.insert(entry) {
        Ok(()) => return block,
        // SAFETY: no one else knows the block.
        Err(Refused::NoMemory) => unsafe { list.give_pool(object, &layout.request, memory) },
        Err(Refused::Held(held)) => report(
            BugCheck::BAD_CALLBACK_BLOCK,
            record,
            object,
            block.addr(),
            format_args!(
                "the pool of {} returned block {block:p}, which is still out of {}, {}",
                ListName::of(record),
                ListName::of_owner(&held),
                Acted("allocated", held.allocated),
            ),
        ),
    }
    list.count_failure();
    core::ptr::null_mut()
}

/// A free to a verified list, live or being deleted.
///
/// # Safety
/// The caller does not use the block any more, if it is its own.
pub unsafe fn free(record: &Record, object: *mut RawList, block: *mut u8, place: Place) {
    let list = record.list();
    let settings = list.settings();
    let layout = Layout::of(settings);
    let freed = act(place);
    if !check_range_at(block.addr(), settings.request.size, freed) {
        return;
    }
    let live = record.state() == RecordState::Live;
    let keep = layout.own && live;
    let entry = match TABLE.free(block.addr(), id_of(record), freed, keep) {
        Ok(entry) => entry,
        Err(known) => {
            report_bad_free(record, object, block.addr(), known, freed);
            return;
        }
    };
    // SAFETY: the table says that the block is of this list and was held; this thread alone has ended that.
    unsafe {
        if let Some(offset) = layout.overrun(block) {
            report_overrun(record, object, &entry, offset);
        }
        layout.bury(block);
        if !live {
            ending::drain(record, || list.give_pool(object, &layout.request, layout.memory(block)));
        } else {
            list.count_free();
            if keep {
                TABLE.keep(block.expose_provenance());
            } else {
                list.give_pool(object, &layout.request, layout.memory(block));
            }
        }
    }
    // Also after a free that kept nothing, for each takes a place in the order of frees.
    while let Some(entry) = TABLE.leaving() {
        give_back(&entry);
    }
}

/// Gives the memory of a block that left the quarantine to its pool, after a last look. Its list may have ended
/// meanwhile.
fn give_back(entry: &BlockEntry) {
    let layout = Layout::own(entry.request());
    let block = core::ptr::with_exposed_provenance_mut::<u8>(entry.block);
    // SAFETY: the table kept the block, which came from this pool by this layout, and let it go to this thread alone.
    unsafe {
        if let Some(offset) = layout.disturbed(block) {
            report_used_after_free(entry, offset);
        }
        entry.home.source.free(layout.memory(block), &layout.request, core::ptr::null_mut());
    }
}

/// Checks every freed block that is still kept, and gives it back to its pool: those of one list, before it ends, or of
/// all.
fn empty_quarantine(owner: ListId) {
    let mut from = 0;
    while let Some(entry) = TABLE.leaving_of(owner, &mut from) {
        give_back(&entry);
    }
}

/// Called before a verified list is deleted: reports blocks that callers hold.
pub fn before_delete(record: &Record, object: *mut RawList, place: Place) {
    let owner = id_of(record);
    empty_quarantine(owner);
    if record.list().statistics().outstanding == 0 {
        return;
    }
    const SHOWN: usize = 3;
    let mut shown: [Option<BlockEntry>; SHOWN] = [None; SHOWN];
    let mut count = 0;
    TABLE.each(|entry| {
        if entry.state == BlockState::Held && entry.owner == owner {
            // Those with the lowest addresses, so that each run of a program prints the same.
            let mut candidate = Some(*entry);
            for slot in &mut shown {
                let lower = match (&*slot, &candidate) {
                    (None, _) => true,
                    (Some(old), Some(new)) => new.block < old.block,
                    _ => false,
                };
                if lower {
                    core::mem::swap(slot, &mut candidate);
                }
            }
            count += 1;
        }
    });
    if count == 0 {
        return;
    }
    let first = shown[0].map_or(0, |entry| entry.block);
    report(
        BugCheck::BLOCKS_OUT,
        record,
        object,
        first,
        format_args!(
            "{} is deleted at {place} with {count} block{} out: {}",
            ListName::of(record),
            if count == 1 { "" } else { "s" },
            message::Blocks(&shown, count),
        ),
    );
}

/// Called when a list ends whose object goes away: its blocks cannot come back.
pub fn forget(record: &Record) {
    TABLE.forget(id_of(record));
}

/// An object is made a list while it is one.
pub fn report_initialized_twice(record: &Record, object: *mut RawList, place: Place) {
    report(
        BugCheck::ACTIVE_LIST_INITIALIZED,
        record,
        object,
        0,
        format_args!(
            "{} at {object:p} is initialised again while it is active; initialised at {}, again at {place}",
            ListName::of(record),
            record.made(),
        ),
    );
}

/// A list of the WDK is made of blocks that are too small.
pub fn report_too_small(object: *mut RawList, size: usize, tag: Tag, place: Place) {
    Violation { list: object.addr(), tag, ..Violation::new(BugCheck::BLOCK_TOO_SMALL) }.report(format_args!(
        "list {object:p} ({tag}) is initialised with blocks of {size} bytes at {place}; the least is {MINIMUM}"
    ));
}

/// The least size of a block that the WDK's lists may have, in bytes.
pub const MINIMUM: usize = 8;

/// A call on an object that is no list, or none any more.
pub fn report_no_list(bug_check: BugCheck, call: &str, list: *const RawList, described: &str, place: Place) {
    Violation { list: list.addr(), ..Violation::new(bug_check) }
        .report(format_args!("{call} of {list:p}, which is {described}, at {place}"));
}

/// Reports a violation where an active list is in memory that is about to be freed. Returns whether there is none.
///
/// Only lists whose object's address is known are found: those that were initialised where they are. O(lists).
#[track_caller]
pub fn check_range(start: *const u8, size: usize) -> bool {
    check_range_by(start, size, Caller::rust())
}

/// [`check_range`] for a layer over this library.
#[inline(never)]
pub fn check_range_by(start: *const u8, size: usize, caller: Caller) -> bool {
    let place = place_of(caller);
    check_range_at(start.addr(), size, act(place))
}

fn check_range_at(start: usize, size: usize, freed: Act) -> bool {
    let Some(record) = registry::active_within(start, size) else { return true };
    let list = record.address.load(Relaxed);
    report(
        BugCheck::LIST_IN_FREED_MEMORY,
        record,
        list as *mut RawList,
        start,
        format_args!(
            "{size} bytes at {start:#x} are freed, in which the active {} is at {list:#x}; initialised at {}, {}",
            ListName::of(record),
            record.made(),
            Acted("freed", freed),
        ),
    );
    false
}

/// In the child of a fork.
pub fn repair_after_fork() {
    if !platform::was_used(ChildRepairs::Verifier) {
        return;
    }
    TABLE.repair_after_fork();
    low_resources::repair_after_fork();
}

/// Reports a violation that concerns a list. A list that is not named is the record's own object.
fn report(bug_check: BugCheck, record: &Record, object: *mut RawList, block: usize, message: fmt::Arguments<'_>) {
    let (name, length) = record.name();
    let name = core::str::from_utf8(&name[..length]).unwrap_or("");
    let list = if object.is_null() { record.address.load(Relaxed) } else { object.addr() };
    let tag = record.list().settings().request.tag;
    Violation { list, name, tag, block, ..Violation::new(bug_check) }.report(message);
}

/// Returns the block in use that has this address inside, if there is one.
fn around(block: usize) -> Option<BlockEntry> {
    let mut around = None;
    TABLE.each(|entry| {
        if entry.state == BlockState::Held && entry.block < block && block - entry.block < entry.size {
            around = Some(*entry);
        }
    });
    around
}

#[cold]
fn report_bad_free(record: &Record, object: *mut RawList, block: usize, known: Option<BlockEntry>, freed: Act) {
    let here = ListName::of(record);
    // A block that went back to its pool is no block any more once its memory is part of another.
    let is_unknown = known.is_none_or(|entry| entry.state == BlockState::Gone);
    let around = if is_unknown { around(block) } else { None };
    let report = |bug_check, message: fmt::Arguments<'_>| report(bug_check, record, object, block, message);
    match (around, known) {
        (Some(entry), _) => report(
            BugCheck::NEVER_ALLOCATED,
            format_args!(
                "block {block:#x} was never allocated from {here}: it lies {} bytes inside block {:#x} of {}; {}, {}",
                block - entry.block,
                entry.block,
                ListName::of_owner(&entry),
                Acted("allocated", entry.allocated),
                Acted("freed", freed),
            ),
        ),
        (None, None) => report(
            BugCheck::NEVER_ALLOCATED,
            format_args!("block {block:#x} was never allocated from {here}; {}", Acted("freed", freed)),
        ),
        (None, Some(entry)) if entry.state == BlockState::Held => report(
            BugCheck::NEVER_ALLOCATED,
            format_args!(
                "block {block:#x} of {} is freed to {here}; {}, {}",
                ListName::of_owner(&entry),
                Acted("allocated", entry.allocated),
                Acted("freed", freed),
            ),
        ),
        (None, Some(entry)) => report(
            BugCheck::FREED_TWICE,
            format_args!(
                "block {block:#x} of {} is freed twice; {}, {}, {}",
                ListName::of_owner(&entry),
                Acted("allocated", entry.allocated),
                Acted("freed", entry.freed),
                Acted("freed again", freed),
            ),
        ),
    }
}

#[cold]
fn report_overrun(record: &Record, object: *mut RawList, entry: &BlockEntry, offset: isize) {
    let block = entry.block;
    report(
        BugCheck::OVERRUN,
        record,
        object,
        block,
        format_args!(
            "block {block:#x} of {} was written at offset {offset}, {}; {}, {}",
            ListName::of(record),
            if offset < 0 { "before its beginning" } else { "behind its end" },
            Acted("allocated", entry.allocated),
            Acted("freed", entry.freed),
        ),
    );
}

#[cold]
fn report_used_after_free(entry: &BlockEntry, offset: isize) {
    let BlockEntry { block, tag, owner, .. } = *entry;
    let record = registry::record(owner.index).filter(|record| record.generation() == owner.generation);
    let (list, (name, length)) =
        record.map_or_else(Default::default, |record| (record.address.load(Relaxed), record.name()));
    let name = core::str::from_utf8(&name[..length]).unwrap_or("");
    Violation { list, name, tag, block, ..Violation::new(BugCheck::USED_AFTER_FREE) }.report(format_args!(
        "block {block:#x} of {} was written at offset {offset} after it was freed; {}, {}",
        ListName::of_owner(entry),
        Acted("allocated", entry.allocated),
        Acted("freed", entry.freed),
    ));
}

/// At the end of the process: every freed block is looked at for a last time, and lists that were not deleted are
/// reported.
fn at_exit() {
    let process = platform::process_number();
    let mut left = 0;
    let each = registry::walk(|record| {
        if !record.list().settings().verified {
            return None;
        }
        let known = record.is_embedded() && record.maker() == process;
        Some((id_of(record), known.then(|| (record.index, record.list().statistics().outstanding))))
    });
    for (owner, known) in each.flatten() {
        empty_quarantine(owner);
        let Some((record, out)) = known.and_then(|(index, out)| Some((registry::record(index)?, out))) else {
            continue;
        };
        left += 1;
        platform::print(format_args!(
            "{} at {:#x} was not deleted: {out} block{} out; initialised at {}",
            ListName::of(record),
            record.address.load(Relaxed),
            if out == 1 { "" } else { "s" },
            record.made(),
        ));
    }
    if left != 0 {
        Violation::new(BugCheck::LISTS_NOT_DELETED).report(format_args!(
            "{left} list{} not deleted when the program ended",
            if left == 1 { " was" } else { "s were" },
        ));
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&TABLE);
    platform::own_value(&ASKED);
    low_resources::own_statics();
}
