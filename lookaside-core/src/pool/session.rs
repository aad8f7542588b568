//! The session pool: memory that a process shares with the children it forks.
//!
//! One region in shared memory, made with the first session list. All that it consists of is in that memory, its
//! lock too, so parent and children allocate and free at once, and any of them may free what another allocated.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU64};

use super::arena::report;
use super::region::{Fault, Region};
use super::request::Request;
use super::statistics::PoolStatistics;
use crate::platform::{self, ChildRepairs, Lock, SharedLock};
use crate::wdk::Status;

/// The most bytes that session blocks may take.
const LIMIT: usize = 64 << 20;

const POOL: &str = "session";

/// What is before the region, in the shared memory.
#[repr(C, align(4096))]
struct Session {
    lock: SharedLock,
    // Any thread, in any process.
    failures: AtomicU64,
    lost: AtomicU64,
}

static SESSION: AtomicPtr<Session> = AtomicPtr::new(core::ptr::null_mut());
static MAKING: Lock = Lock::new();

/// Makes the pool, if that was not done before: then by this process, or by the one that forked it.
pub fn prepare() -> Result<(), Status> {
    platform::note_used(ChildRepairs::Pools);
    let _making = MAKING.lock();
    if session().is_some() {
        return Ok(());
    }
    let bytes = size_of::<Session>() + Region::bytes(LIMIT);
    let mapping = platform::map_shared(bytes);
    if mapping.is_null() {
        return Err(Status::NO_MEMORY);
    }
    // SAFETY: the mapping is new, zeroed, and large enough for both.
    unsafe {
        if !SharedLock::initialize(mapping.cast()) {
            platform::unmap(mapping, bytes);
            return Err(Status::NO_MEMORY);
        }
        Region::make(mapping.add(size_of::<Session>()), LIMIT, core::ptr::null());
    }
    // Release pairs with the Acquire in `session`.
    SESSION.store(mapping.cast(), Release);
    Ok(())
}

fn session() -> Option<&'static Session> {
    // Acquire pairs with the Release in `prepare`.
    // SAFETY: null, or a session, which stays mapped; its fields are atomic or a lock.
    unsafe { SESSION.load(Acquire).as_ref() }
}

impl Session {
    fn region(&self) -> &Region {
        // SAFETY: `prepare` made the region behind this, and it stays mapped.
        unsafe { &*core::ptr::from_ref(self).add(1).cast() }
    }

    /// Works on the region under the lock; `None` if a process died in here, so that the region may be torn.
    fn with<T>(&self, work: impl FnOnce(&Region) -> T) -> Option<T> {
        let _guard = self.lock.lock()?;
        Some(work(self.region()))
    }
}

/// Allocates a block, or null.
pub fn allocate(request: &Request) -> *mut u8 {
    let Some(session) = session().or_else(|| prepare().ok().and_then(|()| session())) else {
        return core::ptr::null_mut();
    };
    // SAFETY: the lock is held. The bytes that are appended follow, and need no commit, which would be this process'
    // alone.
    let block = session.with(|region| unsafe {
        region.allocate(request.size, request.alignment).or_else(|| {
            region.append(region.growth(request.size, request.alignment)?, false);
            region.allocate(request.size, request.alignment)
        })
    });
    block.flatten().unwrap_or_else(|| {
        session.failures.fetch_add(1, Relaxed);
        core::ptr::null_mut()
    })
}

/// Takes a block back, as an arena does. Once a process has died inside the pool, blocks are dropped and counted.
///
/// # Safety
/// No one uses the block any more, in any process.
pub unsafe fn free(block: *mut u8, request: &Request) {
    let Some(session) = session().filter(|session| session.region().owns(block)) else {
        return report(Fault::Foreign, block, request, POOL);
    };
    // SAFETY: the lock is held; the block is the caller's, if it is one.
    match session.with(|region| unsafe { region.free(block, request.size) }) {
        Some(Ok(())) => {}
        Some(Err(fault)) => report(fault, block, request, POOL),
        None => {
            session.lost.fetch_add(1, Relaxed);
        }
    }
}

/// Returns what all processes of the session together hold.
pub fn statistics() -> PoolStatistics {
    let Some(session) = session() else { return PoolStatistics::default() };
    // A torn region keeps the numbers that it had.
    let region = session.with(Region::statistics).unwrap_or_else(|| session.region().statistics());
    PoolStatistics { failures: session.failures.load(Relaxed), lost: session.lost.load(Relaxed), ..region }
}

/// In the child of a fork: no one is making the pool here.
pub fn repair_after_fork() {
    MAKING.reset_after_fork();
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&SESSION);
    platform::own_value(&MAKING);
}
