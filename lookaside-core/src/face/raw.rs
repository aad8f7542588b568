//! Calls on the embedded object: the fast path, and the checks of everything else.
//!
//! Each call takes a raw pointer and answers null, misaligned, zeroed, overwritten and deleted objects as its
//! documentation says. `delete` must not run beside another call on the same list.

use core::ffi::c_void;
use core::fmt;

use super::Parameters;
use crate::list::processor::{Engine, Portable};
use crate::list::{Lower, Statistics, Topology};
use crate::manage::verifier;
use crate::manage::{self, Owner, Record, RecordState};
use crate::platform::{Caller, Violation, place_of, place_through, rseq, wrote};
use crate::pool::{OnUnwind, Request};
use crate::wdk::{BugCheck, ListFlags, Parts, RawList, Status};

impl RawList {
    /// Makes a list of the object at `list`, whatever the storage held before.
    ///
    /// Answers SUCCESS; or, with the object untouched: INVALID_PARAMETER (null, or a parameter without meaning),
    /// DATATYPE_MISALIGNMENT, INTEGER_OVERFLOW (size), NOT_SUPPORTED (engine), DEVICE_BUSY (it is a live list, or one
    /// whose blocks are still out), NO_MEMORY, WORKING_SET_QUOTA (the nonpaged pool cannot be locked),
    /// INSUFFICIENT_RESOURCES (65,536 lists).
    ///
    /// # Safety
    /// `list` is null or points to 64 bytes that may be written, and no other thread uses them. Callbacks may be called
    /// as their types say. A list to share is null or may be read, and stays where it is while this one exists.
    #[track_caller]
    pub unsafe fn initialize(list: *mut RawList, parameters: &Parameters<'_>) -> Status {
        // SAFETY: the caller's promise.
        unsafe { Self::initialize_by(list, parameters, Caller::rust()) }
    }

    /// [`RawList::initialize`] for a layer over this library, which tells who called it.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn initialize_by(list: *mut RawList, parameters: &Parameters<'_>, caller: Caller) -> Status {
        if list.is_null() {
            return Status::INVALID_PARAMETER;
        }
        // SAFETY: not null; the caller's promise.
        unsafe { Self::initialize_at(list, parameters, Some(list.addr()), Owner::Program, caller) }
    }

    /// [`RawList::initialize`] of a list that reports give this address; `None` for an object that will be moved.
    ///
    /// # Safety
    /// As for `initialize`; not null.
    #[inline(never)]
    pub(crate) unsafe fn initialize_at(
        list: *mut RawList,
        parameters: &Parameters<'_>,
        address: Option<usize>,
        owner: Owner,
        caller: Caller,
    ) -> Status {
        if !list.is_aligned() {
            return Status::DATATYPE_MISALIGNMENT;
        }
        let mut creation = match parameters.check() {
            Ok(creation) => creation,
            Err(status) => return status,
        };
        creation.address = address;
        creation.owner = owner;
        let asked = creation.flags.contains(ListFlags::VERIFY);
        if asked || owner == Owner::Program && verifier::is_program_wide() {
            creation.place = place_of(caller);
            if creation.flags.contains(ListFlags::WDK) && creation.request.size < verifier::MINIMUM {
                verifier::report_too_small(list, creation.request.size, creation.request.tag, creation.place);
            }
        }
        if !parameters.shared.is_null() {
            // SAFETY: the caller's promise about `shared`.
            match unsafe { lower_for(&creation, parameters.shared) } {
                Ok(lower) => {
                    // Its blocks are those of the shared list, whose routines and pool say what may be done with them.
                    creation.backing = lower.list.settings().backing;
                    creation.lower = Some(lower);
                }
                Err(status) => return status,
            }
        }
        // SAFETY: not null, aligned; any bytes are a RawList.
        if let Ok(record) = manage::find(unsafe { &*list }) {
            let verified = asked || record.list().settings().verified;
            if verified && record.state() == RecordState::Live {
                verifier::report_initialized_twice(record, list, place_of(caller));
            }
            return Status::DEVICE_BUSY;
        }
        match manage::create(&creation) {
            Err(status) => status,
            Ok(created) => {
                let object = RawList {
                    parts: created.parts,
                    locked_processors: created.locked_processors,
                    alignment_mask: creation.request.alignment as u32 - 1,
                    handle: created.handle,
                    check: created.check,
                    context: parameters.context,
                    ..RawList::zeroed()
                };
                // SAFETY: the caller's promise.
                unsafe {
                    list.write(object);
                    wrote(list.cast(), size_of::<RawList>());
                }
                Status::SUCCESS
            }
        }
    }

    /// A block, or null when the pool has none either. Uninitialised, not zeroed. O(1) unless the pool is asked.
    ///
    /// # Safety
    /// `list` points to an object that was initialised (and may have been deleted: then the answer is null).
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub unsafe fn allocate(list: *const RawList) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { Self::allocate_by(list, Caller::rust()) }
    }

    #[inline(always)]
    unsafe fn allocate_by(list: *const RawList, caller: Caller) -> *mut u8 {
        // SAFETY: an initialised object has parts, or none in range.
        let block = unsafe { rseq::pop(&raw const (*list).parts) };
        if !block.is_null() {
            return block;
        }
        // SAFETY: the caller's promise.
        unsafe { allocate_slow(list, caller) }
    }

    /// Gives a block back. O(1) unless the pool is asked.
    ///
    /// # Safety
    /// `list` points to an object that was initialised; the block came from it, is not null, and nobody uses it any
    /// more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free(list: *const RawList, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { Self::free_by(list, block, Caller::rust()) }
    }

    #[inline(always)]
    pub(super) unsafe fn free_by(list: *const RawList, block: *mut u8, caller: Caller) {
        debug_assert!(!block.is_null());
        // SAFETY: as in allocate.
        unsafe {
            if !rseq::push(&raw const (*list).parts, block) {
                free_slow(list, block, caller);
            }
        }
    }

    /// [`RawList::allocate`] for callers that are not trusted: null, misaligned, zeroed and deleted lists get null.
    ///
    /// # Safety
    /// `list` is null, or points to an object that was initialised, or to 64 bytes of zeroes.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub unsafe fn allocate_checked(list: *const RawList) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { Self::allocate_checked_by(list, Caller::rust()) }
    }

    /// [`RawList::allocate_checked`] for a layer over this library, which tells who called it.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    #[must_use]
    pub unsafe fn allocate_checked_by(list: *const RawList, caller: Caller) -> *mut u8 {
        // SAFETY: `is_served` says that it can be read, and holds parts.
        unsafe { if Self::is_served(list) { Self::allocate_by(list, caller) } else { allocate_slow(list, caller) } }
    }

    /// [`RawList::free`] for callers that are not trusted: a null block has no effect; a misaligned block, or a list
    /// that is none (any more), would lose the block or corrupt memory, so it is a violation: see
    /// [`set_violation_hook`](crate::set_violation_hook).
    ///
    /// # Safety
    /// As for `allocate_checked`; the block is null, or came from the list and nobody uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_checked(list: *const RawList, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { Self::free_checked_by(list, block, Caller::rust()) }
    }

    /// [`RawList::free_checked`] for a layer over this library, which tells who called it.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn free_checked_by(list: *const RawList, block: *mut u8, caller: Caller) {
        // SAFETY: as in allocate_checked.
        unsafe {
            let served = Self::is_served(list);
            if served && !block.is_null() && block.addr() & (*list).alignment_mask as usize == 0 {
                Self::free_by(list, block, caller);
            } else {
                free_slow(list, block, caller);
            }
        }
    }

    /// Whether the fast path may be tried: an object that was never initialised has no processors.
    #[inline(always)]
    pub(super) unsafe fn is_served(list: *const RawList) -> bool {
        // SAFETY: not null, aligned; the caller's promise.
        !list.is_null() && list.addr() & 15 == 0 && unsafe { (*list).parts.processors } != 0
    }

    /// A block that is at hand in the lists, or null: never asks the pool, never waits. May be called in a signal
    /// handler.
    ///
    /// # Safety
    /// `list` is null, or points to 64 bytes that may be read: what is no list is told by the keyed handle.
    #[must_use]
    pub unsafe fn try_allocate(list: *const RawList) -> *mut u8 {
        // A child whose records are not repaired may find locks held that no thread holds.
        let without_locks = manage::is_child_unrepaired();
        // SAFETY: the caller's promise.
        match unsafe { found_without_attending(list) } {
            Ok(record) if record.state() == RecordState::Live => record.list().try_allocate(without_locks),
            _ => core::ptr::null_mut(),
        }
    }

    /// Gives a block back to the list of this processor; to that of the current one where `processor` is no number of
    /// the list's. Otherwise as [`RawList::free_checked`]. For another processor than the current one it takes some
    /// microseconds.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`]; the block is null, or came from the list and nobody uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_to_processor(list: *const RawList, block: *mut u8, processor: u32) {
        // SAFETY: the caller's promise.
        unsafe { Self::free_to_processor_by(list, block, processor, Caller::rust()) }
    }

    /// [`RawList::free_to_processor`] for a layer over this library, which tells who called it.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn free_to_processor_by(list: *const RawList, block: *mut u8, processor: u32, caller: Caller) {
        // SAFETY: the caller's promises.
        unsafe {
            match live(list) {
                Ok(record)
                    if !block.is_null()
                        && record.list().settings().cached
                        && block.addr() & (*list).alignment_mask as usize == 0 =>
                {
                    record.list().free_to(list.cast_mut(), block, processor);
                }
                _ => free_slow(list, block, caller),
            }
        }
    }

    /// Whether these two lists make a pair for a [`PairTable`](super::PairTable): SUCCESS, or why not.
    pub(super) unsafe fn is_pair(p: *const RawList, l: *const RawList) -> Status {
        // SAFETY: the caller's promise.
        let records = unsafe { live(p).and_then(|upper| live(l).map(|lower| (upper, lower))) };
        status_of(records.and_then(|(upper, lower)| {
            let is_pair = lower.list().is_general() && (p == l || upper.list().shares(lower.list()));
            if is_pair { Ok(()) } else { Err(Status::INVALID_PARAMETER) }
        }))
    }

    /// One step of an allocate on a list that is both P and L: never asks the pool.
    pub(super) unsafe fn allocate_here(list: *const RawList) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { live(list) }.map_or(core::ptr::null_mut(), |record| record.list().allocate_here())
    }

    /// One step of a free to a list that is both P and L; answers whether it had room.
    pub(super) unsafe fn free_here(list: *const RawList, block: *mut u8) -> bool {
        // SAFETY: the caller's promises.
        unsafe {
            let whole = |list: &RawList| block.addr() & list.alignment_mask as usize == 0;
            live(list).is_ok_and(|record| whole(&*list) && record.list().free_here(block))
        }
    }

    /// Gives every cached block back to the pool. Counters do not move, except `removed`. O(blocks).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn flush(list: *const RawList) -> Status {
        // SAFETY: the caller's promise.
        status_of(unsafe { live(list) }.map(|record| record.list().flush(list.cast_mut())))
    }

    /// Gives back what the list keeps above its depth. O(blocks).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn trim(list: *const RawList) -> Status {
        // SAFETY: the caller's promise.
        status_of(unsafe { live(list) }.map(|record| record.list().trim(list.cast_mut())))
    }

    /// Fills the list with this many blocks, or as many as its maximum depth has room for; `filled` (if not null) is
    /// told how many. NO_MEMORY when the pool had fewer.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`]; `filled` is null or may be written.
    pub unsafe fn prefill(list: *const RawList, blocks: usize, filled: *mut usize) -> Status {
        // SAFETY: the caller's promise.
        let record = match unsafe { live(list) } {
            Ok(record) => record,
            Err(status) => return status,
        };
        let (count, complete) = record.list().prefill(list.cast_mut(), blocks);
        if !filled.is_null() {
            // SAFETY: the caller's promise.
            unsafe {
                filled.write(count);
                wrote(filled.cast(), size_of::<usize>());
            }
        }
        if complete { Status::SUCCESS } else { Status::NO_MEMORY }
    }

    /// Deletes the list: gives its cached blocks back to the pool, and forgets it.
    ///
    /// SUCCESS; PENDING when callers still hold blocks: they stay valid, may still be freed to this object, and the
    /// last one ends the list; INVALID_PARAMETER, DATATYPE_MISALIGNMENT, INVALID_HANDLE (never initialised),
    /// DELETE_PENDING (deleted before), DEVICE_BUSY (one of its callbacks is running, perhaps the one that calls this;
    /// or it is the shared list of a pair).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`], and no other thread uses the list.
    #[track_caller]
    pub unsafe fn delete(list: *mut RawList) -> Status {
        // SAFETY: the caller's promise.
        unsafe { Self::delete_by(list, Caller::rust()) }
    }

    /// [`RawList::delete`] for a layer over this library, which tells who called it.
    ///
    /// # Safety
    /// As there.
    #[inline(never)]
    pub unsafe fn delete_by(list: *mut RawList, caller: Caller) -> Status {
        // SAFETY: the caller's promise.
        let record = match unsafe { live(list) } {
            Ok(record) => record,
            Err(status) => {
                if verifier::is_program_wide() {
                    let (_, described) = describe(status);
                    verifier::report_no_list(BugCheck::NO_LIST_DELETED, "delete", list, described, place_of(caller));
                }
                return status;
            }
        };
        if record.list().is_in_callback() || record.list().has_sharers() {
            return Status::DEVICE_BUSY;
        }
        if record.list().settings().verified {
            verifier::before_delete(record, list, place_of(caller));
        }
        // SAFETY: the object was found good. From here its fast path finds nothing in range.
        unsafe {
            (*list).parts.processors = 0;
            (*list).locked_processors = 0;
        }
        manage::delete(record, list)
    }

    /// Deletes a list whose object goes away too: blocks that are out have nowhere to come back to.
    #[inline(always)]
    pub(crate) unsafe fn delete_for_ever(list: *mut RawList) {
        let abandon = || {
            // SAFETY: the caller's promise.
            if let Ok(record) = unsafe { found(list) } {
                manage::abandon(record);
            }
        };
        let unwinding = OnUnwind::new(abandon);
        // SAFETY: the caller's promise.
        let status = unsafe { Self::delete_by(list, Caller::Unknown) };
        unwinding.disarm();
        if status == Status::PENDING {
            abandon();
        }
    }

    /// A look at the list's counters, without stopping anybody. O(processors).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn statistics(list: *const RawList) -> Result<Statistics, Status> {
        // SAFETY: the caller's promise.
        unsafe { live(list) }.map(|record| record.list().statistics())
    }

    /// The context that the list was initialised with; null for what is no list.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    #[must_use]
    pub unsafe fn context(list: *const RawList) -> *mut c_void {
        // SAFETY: the caller's promise; `found_without_attending` read the object.
        unsafe { if found_without_attending(list).is_ok() { (*list).context } else { core::ptr::null_mut() } }
    }
}

/// Writes the `!lookaside` row of one list.
///
/// # Safety
/// As for [`RawList::try_allocate`].
pub unsafe fn report_list(list: *const RawList, out: &mut dyn fmt::Write) -> Result<fmt::Result, Status> {
    // SAFETY: the caller's promise.
    unsafe { live(list) }.map(|record| manage::report_record(record, out))
}

/// The parts of a list that the portable engine serves.
#[inline(always)]
pub(super) unsafe fn locked_parts(list: *const RawList) -> Option<Parts> {
    if list.is_null() || !list.is_aligned() {
        return None;
    }
    // SAFETY: not null, aligned; the caller's promise.
    let list = unsafe { &*list };
    if list.locked_processors == 0 {
        return None;
    }
    // In the child of a fork a part's lock may be one that no thread holds.
    manage::attend();
    Some(Parts { processors: list.locked_processors, ..list.parts })
}

/// The record of an object that was initialised and not deleted to the end. Comes before everything else that a call
/// does which leaves the fast path, so here it does what had to wait for such a call.
pub(super) unsafe fn found(list: *const RawList) -> Result<&'static Record, Status> {
    manage::attend();
    // SAFETY: the caller's promise.
    unsafe { found_without_attending(list) }
}

/// [`found`] in a signal handler, and for what is only read.
unsafe fn found_without_attending(list: *const RawList) -> Result<&'static Record, Status> {
    if list.is_null() {
        return Err(Status::INVALID_PARAMETER);
    }
    if !list.is_aligned() {
        return Err(Status::DATATYPE_MISALIGNMENT);
    }
    // SAFETY: not null, aligned; any bytes are a RawList.
    manage::find(unsafe { &*list })
}

/// The record of a live list.
pub(super) unsafe fn live(list: *const RawList) -> Result<&'static Record, Status> {
    // SAFETY: the caller's promise.
    let record = unsafe { found(list) }?;
    if record.state() == RecordState::Live { Ok(record) } else { Err(Status::DELETE_PENDING) }
}

/// The general list that a new pair shall share.
unsafe fn lower_for(creation: &manage::Creation<'_>, shared: *const RawList) -> Result<Lower, Status> {
    // SAFETY: the caller's promise.
    let list = unsafe { live(shared) }?.list();
    let theirs = &list.settings().request;
    let ours = &creation.request;
    let same = (ours.size, ours.alignment, ours.pool_type) == (theirs.size, theirs.alignment, theirs.pool_type);
    if same && list.is_general() && creation.topology == Topology::Pair && creation.flags.is_cached() {
        Ok(Lower { list, object: shared.cast_mut() })
    } else {
        Err(Status::INVALID_PARAMETER)
    }
}

fn status_of<T>(result: Result<T, Status>) -> Status {
    result.map_or_else(|status| status, |_| Status::SUCCESS)
}

#[cold]
#[inline(never)]
unsafe fn allocate_slow(list: *const RawList, caller: Caller) -> *mut u8 {
    // SAFETY: the caller's promise.
    if let Some(parts) = unsafe { locked_parts(list) } {
        // SAFETY: the parts are those of an initialised object.
        let block = unsafe { Portable::pop(&parts) };
        if !block.is_null() {
            return block;
        }
    }
    // SAFETY: the caller's promise.
    let record = match unsafe { live(list) } {
        Ok(record) => record,
        Err(status) => {
            report_no_list(status, list, caller, allocate_slow as *const () as usize);
            return core::ptr::null_mut();
        }
    };
    if record.list().settings().verified {
        return allocate_verified(record, list.cast_mut(), caller);
    }
    record.list().allocate(list.cast_mut())
}

#[cold]
#[inline(never)]
pub(super) unsafe fn free_slow(list: *const RawList, block: *mut u8, caller: Caller) {
    // SAFETY: the caller's promises: about the object here, about the block where it is put away.
    unsafe {
        if let Some(parts) = locked_parts(list) {
            let whole = !block.is_null() && block.addr() & (*list).alignment_mask as usize == 0;
            if whole && Portable::push(&parts, block) {
                return;
            }
        }
        let record = match found(list) {
            Ok(record) => record,
            Err(_) if block.is_null() && !list.is_null() => return,
            Err(status) => return report_free_to_no_list(status, list, block),
        };
        if block.is_null() {
            return;
        }
        if block.addr() & (*list).alignment_mask as usize != 0 {
            return report_misaligned(record, list, block);
        }
        if record.list().settings().verified {
            return free_verified(record, list.cast_mut(), block, caller);
        }
        if record.state() == RecordState::Live {
            record.list().free(list.cast_mut(), block);
        } else {
            manage::free_draining(record, list.cast_mut(), block);
        }
    }
}

// What is rare stands apart, so that a general list's calls, which all come through here, save no registers for it.

#[cold]
#[inline(never)]
fn allocate_verified(record: &'static Record, list: *mut RawList, caller: Caller) -> *mut u8 {
    let (record, list) = followed(record, list);
    verifier::allocate(record, list, place_through(caller, allocate_slow as *const () as usize))
}

#[cold]
#[inline(never)]
unsafe fn free_verified(record: &'static Record, list: *mut RawList, block: *mut u8, caller: Caller) {
    let (record, list) = followed(record, list);
    // SAFETY: the caller's promise about the block.
    unsafe { verifier::free(record, list, block, place_through(caller, free_slow as *const () as usize)) }
}

#[cold]
#[inline(never)]
pub(super) fn report_no_list(status: Status, list: *const RawList, caller: Caller, through: usize) {
    if verifier::is_program_wide() {
        let (bug_check, described) = describe(status);
        verifier::report_no_list(bug_check, "allocate", list, described, place_through(caller, through));
    }
}

#[cold]
#[inline(never)]
fn report_free_to_no_list(status: Status, list: *const RawList, block: *mut u8) {
    let (bug_check, described) = describe(status);
    Violation { list: list.addr(), block: block.addr(), ..Violation::new(bug_check) }
        .report(format_args!("free of block {block:p} to {list:p}, which is {described}"));
}

#[cold]
#[inline(never)]
fn report_misaligned(record: &'static Record, list: *const RawList, block: *mut u8) {
    let Request { tag, alignment, .. } = record.list().settings().request;
    let violation = Violation::new(BugCheck::NEVER_ALLOCATED);
    Violation { list: list.addr(), tag, block: block.addr(), ..violation }.report(format_args!(
        "free of block {block:p} to list {list:p}, whose blocks are aligned to {alignment} bytes"
    ));
}

/// The list that the verifier follows in a verified one's place: the shared list of a pair, whose blocks they are.
pub(super) fn followed(record: &'static Record, list: *mut RawList) -> (&'static Record, *mut RawList) {
    match record.list().settings().lower {
        // SAFETY: whoever made the pair promised that its shared list stays.
        Some(lower) => unsafe { found(lower.object) }.map_or((record, list), |record| (record, lower.object)),
        None => (record, list),
    }
}

/// What is wrong with an object that leads to no list.
fn describe(status: Status) -> (BugCheck, &'static str) {
    match status {
        Status::INVALID_PARAMETER => (BugCheck::NO_LIST, "no list"),
        Status::DATATYPE_MISALIGNMENT => (BugCheck::NO_LIST, "not aligned to 16 bytes"),
        Status::DELETE_PENDING => (BugCheck::DELETED_LIST, "a list that was deleted"),
        _ => (BugCheck::NO_LIST, "no list that was initialised"),
    }
}
