//! How lists are made and deleted. Above all else of this floor.

use core::sync::atomic::Ordering::Relaxed;

use super::record::{Record, RecordState};
use super::{attention, balance, ending, engine, fork, registry, switches, usage, verifier};
use crate::list::processor::EngineKind;
use crate::list::{Around, Home, List, Settings, Tuning};
use crate::platform::{Place, rseq, slots, tool};
use crate::pool::{OnUnwind, slab};
use crate::wdk::{Parts, RawList, Status};

/// Whose list it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// The program's.
    #[default]
    Program,
    /// A small pool's, which charges the blocks that it hands out itself. What is freed to the list may be the general
    /// pool's.
    SmallPool,
    /// The global allocator's. What is freed to the list may be the general pool's.
    GlobalAllocator,
}

/// What is known of a new list beside its settings.
#[derive(Debug)]
pub struct Origin<'a> {
    /// Its name, for reports.
    pub name: &'a str,
    /// Address to print in reports; `None` for a list whose object may move: then the record's.
    pub address: Option<usize>,
    /// Whose list it is.
    pub owner: Owner,
    /// Where it is made; known for verified lists.
    pub place: Place,
}

/// What a list object needs to hold.
#[derive(Debug)]
pub struct Created {
    pub parts: Parts,
    pub locked_processors: u32,
    pub slotted: u32,
    pub handle: u64,
    pub check: u64,
}

/// Makes a list.
pub fn create(mut settings: Settings, origin: &Origin<'_>) -> Result<Created, Status> {
    attention::attend_at_once();
    switches::report_unknown();
    complete(&mut settings, origin.owner);
    if !engine::is_available(settings.engine) {
        return Err(Status::NOT_SUPPORTED);
    }
    if !fork::prepare_for_forks() {
        return Err(Status::NO_MEMORY);
    }
    // The pool of a pair over a shared list is that list's.
    let served = settings.lower.map_or(settings, |lower| *lower.list.settings());
    let slabs = served.slabs && slab::prepare(served.backing.source.residence())?;
    settings.slabs &= slabs;
    if !slabs {
        settings.backing.prepare()?;
    }
    let guard = registry::lock();
    let by_slot = settings.has_slots();
    let (record, numbers) = registry::take(&guard, settings.maximum_depth, by_slot)?;
    let area = if by_slot { slots::area() } else { rseq::area() };
    let home = Home {
        parts: Parts { base: record.base, area, processors: numbers.parts, never: 0 },
        processors: numbers.processors,
        rows: record.shared_rows,
        around: Around { activity: registry::activity_of(record), repair_child: attention::repair_if_child },
    };
    // SAFETY: the record is free and ours alone; its parts were cleared, and have room for its class.
    unsafe { record.list_mut().open(settings, home) };
    record.set_name(origin.name);
    let address = origin.address.unwrap_or_else(|| core::ptr::from_ref(record).addr());
    record.address.store(address, Relaxed);
    record.set_maker(origin.place, origin.address.is_some());
    record.set_state(RecordState::Live);
    registry::count(&guard, record.list(), true);
    drop(guard);
    balance::see_to_scans();
    if settings.verified {
        verifier::begin();
    }

    let (handle, check) = registry::handle_of(record);
    let parts = record.list().settings().parts;
    let (processors, locked_processors) = match settings.engine {
        EngineKind::Rseq | EngineKind::Slots => (parts.processors, 0),
        // Over the heap there are none.
        EngineKind::TryLock | EngineKind::Heap => (0, parts.processors),
    };
    let parts = Parts { processors, ..parts };
    Ok(Created { parts, locked_processors, slotted: by_slot.into(), handle, check })
}

/// What the settings of a list are beside what was asked for: by its owner, the environment, and the list that it
/// shares, if there is one. A block of a pair may come from either and go to the other: so both are verified or neither
/// is, and both go to the heap or neither does.
fn complete(settings: &mut Settings, owner: Owner) {
    let lower = settings.lower.map(|lower| lower.list.settings());
    if let Some(shared) =
        lower.filter(|shared| (shared.engine == EngineKind::Heap) != (settings.engine == EngineKind::Heap))
    {
        settings.engine = shared.engine;
    }
    if settings.engine == EngineKind::Heap {
        // Without blocks to keep there is no depth to tune, and nothing for a scan to do.
        settings.cached = false;
        settings.tuning = Tuning::Manual;
        settings.backing = settings.backing.traced();
    }
    // Not the library's own lists, nor those over pools that other processes use as well.
    let can = || owner == Owner::Program && !settings.request.pool_type.is_session();
    settings.verified |= lower.map_or_else(|| can() && verifier::is_program_wide(), |shared| shared.verified);
    // Verified lists keep nothing.
    settings.cached &= !settings.verified;
    // Tools that watch memory know the heap. A small pool's nonpaged lists may be given what the general pool gave.
    settings.slabs = lower.is_none()
        && (settings.backing.is_of_heap() || settings.backing.is_nonpaged() && owner == Owner::Program)
        && !settings.backing.calls_back()
        && settings.cached
        && tool().is_none();
    // A small pool charges its own blocks, a shared list those of the pairs before it, and callbacks charge what they
    // call.
    settings.charged = owner != Owner::SmallPool && lower.is_none() && !settings.backing.calls_back();
}

/// Deletes a list: ends its use, gives its cached blocks back, and frees the record unless callers still hold blocks.
pub fn delete(record: &Record, object: *mut RawList) -> Status {
    {
        // A thread that looks at the list under this lock has finished, and none begins any more.
        let _life = record.life.lock();
        if !record.change_state(RecordState::Live, RecordState::Draining) {
            return Status::DELETE_PENDING;
        }
    }
    let forks = fork::forks();
    let finish = || {
        let list = record.list();
        if list.settings().charged {
            usage::fold(&list.statistics());
        }
        // The child that a free routine made counts the lists that are live there, and not this one.
        let is_counted = fork::forks() == forks;
        if is_counted {
            uncount(list);
        }
        let drained = list.finish_delete(is_counted);
        if drained {
            ending::release(record);
        }
        if drained { Status::SUCCESS } else { Status::PENDING }
    };
    let unwinding = OnUnwind::new(|| _ = finish());
    record.list().retire(object);
    unwinding.disarm();
    finish()
}

/// Frees the record of a deleted list whose object is gone, so that no block can come back to it.
pub fn abandon(record: &Record) {
    if record.list().settings().verified {
        verifier::forget(record);
    }
    ending::release(record);
}

/// Counts one live list less; the last one ends the balance set manager's thread.
fn uncount(list: &List) {
    let guard = registry::lock();
    registry::count(&guard, list, false);
    let thread = balance::stop_if_unwanted(&guard);
    drop(guard);
    // Without the lock: the thread may be waiting for it.
    if let Some(thread) = thread {
        thread.join();
    }
}
