//! How an embedded object becomes a list, and ends being one.

use super::Parameters;
use super::slow::{found, live};
use super::violations::describe;
use crate::list::{Lower, Settings, Topology};
use crate::manage::{self, Origin, Owner, RecordState, verifier};
use crate::platform::{Caller, Place, place_of, wrote};
use crate::pool::OnUnwind;
use crate::wdk::{BugCheck, ListFlags, RawList, Status};

impl RawList {
    /// Makes a list of the object at `list`, whatever the storage held before.
    ///
    /// Returns SUCCESS; or, with the object untouched: INVALID_PARAMETER (null, or a parameter without meaning),
    /// DATATYPE_MISALIGNMENT, INTEGER_OVERFLOW (size), NOT_SUPPORTED (engine), DEVICE_BUSY (it is a live list, or one
    /// whose blocks are still out), NO_MEMORY, WORKING_SET_QUOTA (the nonpaged pool cannot be locked),
    /// INSUFFICIENT_RESOURCES (65,536 lists).
    ///
    /// # Safety
    /// `list` is null or points to 64 bytes that may be written, and no other thread uses them. Callbacks may be called
    /// as their types say. A list to share is null or may be read, and stays where it is while this one exists.
    #[track_caller]
    pub unsafe fn initialize(list: *mut RawList, parameters: &Parameters<'_>) -> Status {
        // SAFETY: `list` is null or may be written, and the parameters hold, as the caller promises.
        unsafe { Self::initialize_by(list, parameters, Caller::rust()) }
    }

    /// [`RawList::initialize`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `initialize`.
    #[inline(always)]
    pub unsafe fn initialize_by(list: *mut RawList, parameters: &Parameters<'_>, caller: Caller) -> Status {
        if list.is_null() {
            return Status::INVALID_PARAMETER;
        }
        // SAFETY: not null, so it may be written; the parameters hold.
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
        let mut settings = match parameters.check() {
            Ok(settings) => settings,
            Err(error) => return error.status(),
        };
        let mut place = Place::UNKNOWN;
        if settings.verified || owner == Owner::Program && verifier::is_program_wide() {
            place = place_of(caller);
            if parameters.flags.contains(ListFlags::WDK) && parameters.size < verifier::MINIMUM {
                verifier::report_too_small(list, parameters.size, parameters.tag, place);
            }
        }
        if !parameters.shared.is_null() {
            // SAFETY: a list to share may be read.
            if let Err(status) = unsafe { share(&mut settings, parameters.shared) } {
                return status;
            }
        }
        // SAFETY: not null, aligned; any bytes are a RawList.
        if let Ok(record) = manage::find(unsafe { &*list }) {
            let verified = settings.verified || record.list().settings().verified;
            if verified && record.state() == RecordState::Live {
                verifier::report_initialized_twice(record, list, place_of(caller));
            }
            return Status::DEVICE_BUSY;
        }
        let created = match manage::create(settings, &Origin { name: parameters.name, address, owner, place }) {
            Ok(created) => created,
            Err(status) => return status,
        };
        let object = RawList {
            parts: created.parts,
            locked_processors: created.locked_processors,
            slotted: created.slotted,
            alignment_mask: settings.request.alignment as u32 - 1,
            handle: created.handle,
            check: created.check,
            context: parameters.context,
            ..RawList::zeroed()
        };
        // SAFETY: `list` may be written.
        unsafe {
            list.write(object);
            wrote(list.cast(), size_of::<RawList>());
        }
        Status::SUCCESS
    }

    /// Deletes the list: gives its cached blocks back to the pool, and forgets it.
    ///
    /// Returns SUCCESS; PENDING when callers still hold blocks: they stay valid, may still be freed to this object, and
    /// the last one ends the list; INVALID_PARAMETER, DATATYPE_MISALIGNMENT, INVALID_HANDLE (never initialised),
    /// DELETE_PENDING (deleted before), DEVICE_BUSY (one of its callbacks is running, perhaps the one that calls this;
    /// or it is the shared list of a pair).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`], and no other thread uses the list.
    #[track_caller]
    pub unsafe fn delete(list: *mut RawList) -> Status {
        // SAFETY: `list` is null or may be read, and no other thread uses it, as the caller promises.
        unsafe { Self::delete_by(list, Caller::rust()) }
    }

    /// [`RawList::delete`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `delete`.
    #[inline(never)]
    pub unsafe fn delete_by(list: *mut RawList, caller: Caller) -> Status {
        // SAFETY: null, or it may be read.
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
        // SAFETY: the object is a list. From here its fast path finds nothing in range.
        unsafe {
            (*list).parts.processors = 0;
            (*list).locked_processors = 0;
            (*list).slotted = 0;
        }
        manage::delete(record, list)
    }

    /// Deletes a list whose object goes away too: blocks that are out have nowhere to come back to.
    ///
    /// # Safety
    /// As for `delete`.
    #[inline(always)]
    pub(crate) unsafe fn delete_for_ever(list: *mut RawList) {
        let abandon = || {
            // SAFETY: null, or it may be read.
            if let Ok(record) = unsafe { found(list) } {
                manage::abandon(record);
            }
        };
        let unwinding = OnUnwind::new(abandon);
        // SAFETY: null, or it may be read, and no other thread uses it.
        let status = unsafe { Self::delete_by(list, Caller::Unknown) };
        unwinding.disarm();
        if status == Status::PENDING {
            abandon();
        }
    }
}

/// Makes these the settings of a pair over this general list.
///
/// # Safety
/// `shared` may be read, and stays where it is while the new list exists.
unsafe fn share(settings: &mut Settings, shared: *const RawList) -> Result<(), Status> {
    // SAFETY: it may be read.
    let list = unsafe { live(shared) }?.list();
    let theirs = list.settings();
    let key = |settings: &Settings| (settings.request.size, settings.request.alignment, settings.request.pool_type);
    let is_pair = settings.topology == Topology::Pair && settings.cached;
    if key(settings) != key(theirs) || !list.is_general() || !is_pair {
        return Err(Status::INVALID_PARAMETER);
    }
    // Its blocks are those of the shared list, whose routines and pool say what may be done with them.
    settings.backing = theirs.backing;
    settings.lower = Some(Lower { list, object: shared.cast_mut() });
    Ok(())
}
