//! Arenas: pools of this library's own, in private memory.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};

use super::region::{CHUNK, Fault, Region};
use super::request::Request;
use super::statistics::PoolStatistics;
use crate::platform::{self, ChildRepairs, Guard, Lock, Violation};
use crate::wdk::{BugCheck, Status};

/// Whether an arena's memory stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residence {
    /// The system may page it out.
    Pageable,
    /// It is locked, or there is none.
    Locked,
    /// It is locked if the limit permits; if not, it is resident to begin with.
    BestEffort,
}

/// A reserved range of addresses, committed by chunks as blocks are asked for, and never unmapped.
///
/// Lock order: `growing`, then `lock`, which is held for one call of the heap. Nothing else is locked below them.
#[derive(Debug)]
pub struct Arena {
    name: &'static str,
    residence: Residence,
    /// How many bytes it may grow to.
    limit: fn() -> u64,
    /// That, once it was asked for.
    capacity: AtomicU64,
    // Under `growing`; the commits of memory take long, so `lock` is not held meanwhile.
    growing: Lock,
    /// Bytes that slabs have of the limit.
    share: AtomicU64,
    /// The memory is not locked any more, since this is the child of a fork.
    unlocked: AtomicBool,
    // Under `lock`: what the region holds. The pointer is set under `growing`.
    lock: Lock,
    region: AtomicPtr<Region>,
    /// The last one that a fork tore, and through it those before.
    torn: AtomicPtr<Region>,
    // Any thread.
    failures: AtomicU64,
    lost: AtomicU64,
}

impl Arena {
    /// Makes an arena without memory. The name is for messages, the limit is asked for when the range is reserved.
    pub const fn new(name: &'static str, residence: Residence, limit: fn() -> u64) -> Arena {
        Arena {
            name,
            residence,
            limit,
            capacity: AtomicU64::new(0),
            growing: Lock::new(),
            share: AtomicU64::new(0),
            unlocked: AtomicBool::new(false),
            lock: Lock::new(),
            region: AtomicPtr::new(core::ptr::null_mut()),
            torn: AtomicPtr::new(core::ptr::null_mut()),
            failures: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Reserves the range, and where memory has to be locked commits its first chunk, if that was not done before.
    pub fn prepare(&self) -> Result<(), Status> {
        platform::note_used(ChildRepairs::Pools);
        let growing = self.growing.lock();
        if self.region().is_null() {
            let region = Region::reserve(self.capacity() as usize, self.torn.load(Relaxed));
            if region.is_null() {
                return Err(Status::NO_MEMORY);
            }
            // Release pairs with the Acquire in `region`.
            self.region.store(region, Release);
        }
        self.lock_again(&growing)?;
        // SAFETY: regions stay mapped.
        let begins = self.residence != Residence::Pageable && unsafe { &*self.region() }.committed() == 0;
        if begins { self.grow(&growing, CHUNK) } else { Ok(()) }
    }

    /// Returns whether its memory has to be locked.
    pub fn residence(&self) -> Residence {
        self.residence
    }

    /// Returns how many bytes it and slabs may take together.
    pub fn capacity(&self) -> u64 {
        // Relaxed: a number alone; all threads would store the same.
        if self.capacity.load(Relaxed) == 0 {
            let bytes = usize::try_from((self.limit)()).unwrap_or(usize::MAX / 2).max(CHUNK) & !(CHUNK - 1);
            self.capacity.store(bytes as u64, Relaxed);
        }
        self.capacity.load(Relaxed)
    }

    /// Takes this much of the limit for slabs; returns whether it was left.
    pub fn take_share(&self, bytes: u64) -> bool {
        let growing = self.growing.lock();
        let is_left = bytes <= self.left(&growing);
        if is_left {
            self.share.store(self.share.load(Relaxed) + bytes, Relaxed);
        }
        is_left
    }

    /// Returns this much of the limit that slabs had.
    pub fn give_share(&self, bytes: u64) {
        let _growing = self.growing.lock();
        self.share.store(self.share.load(Relaxed).wrapping_sub(bytes), Relaxed);
    }

    /// In the child of a fork: slabs have this much of the limit.
    pub fn set_share(&self, bytes: u64) {
        self.share.store(bytes, Relaxed);
    }

    /// Returns how many bytes of the limit no one has.
    fn left(&self, _growing: &Guard<'_>) -> u64 {
        // SAFETY: null, or a region, which stays mapped.
        let committed = unsafe { self.region().as_ref() }.map_or(0, Region::committed) as u64;
        self.capacity().saturating_sub(committed).saturating_sub(self.share.load(Relaxed))
    }

    /// Allocates a block, or null, which is counted.
    pub fn allocate(&self, request: &Request) -> *mut u8 {
        self.allocate_here(request).unwrap_or_else(|| self.count_failure())
    }

    /// Allocates a block, if the arena has one or gets more memory.
    pub fn allocate_here(&self, request: &Request) -> Option<*mut u8> {
        self.try_allocate(request, || Some(self.lock.lock())).or_else(|| self.allocate_by_growth(request))
    }

    /// Allocates a block, if no one holds the lock and the arena has one without more memory.
    pub fn allocate_at_once(&self, request: &Request) -> Option<*mut u8> {
        self.try_allocate(request, || self.lock.try_lock())
    }

    /// Counts an allocation that failed.
    pub fn count_failure(&self) -> *mut u8 {
        self.failures.fetch_add(1, Relaxed);
        core::ptr::null_mut()
    }

    /// A block of what is committed, under a lock that `lock` takes if it can.
    fn try_allocate<'a>(&'a self, request: &Request, lock: impl FnOnce() -> Option<Guard<'a>>) -> Option<*mut u8> {
        let region = self.region();
        if region.is_null() || self.unlocked.load(Relaxed) {
            return None;
        }
        let _guard = lock()?;
        // SAFETY: the lock is held, so no one else has the region.
        unsafe { (*region).allocate(request.size, request.alignment) }
    }

    #[cold]
    fn allocate_by_growth(&self, request: &Request) -> Option<*mut u8> {
        loop {
            let growing = self.growing.lock();
            if self.region().is_null() {
                // It was never prepared, or a fork tore the region that it had.
                drop(growing);
                if request.size as u64 > self.capacity() {
                    return None;
                }
                self.prepare().ok()?;
                continue;
            }
            self.lock_again(&growing).ok()?;
            // The thread that held the lock before may have made room.
            if let Some(block) = self.try_allocate(request, || Some(self.lock.lock())) {
                return Some(block);
            }
            // SAFETY: regions stay mapped.
            let bytes = unsafe { &*self.region() }.growth(request.size, request.alignment)?;
            self.grow(&growing, bytes).ok()?;
        }
    }

    /// Commits the next bytes: all of them, or nothing.
    fn grow(&self, growing: &Guard<'_>, bytes: usize) -> Result<(), Status> {
        if bytes as u64 > self.left(growing) {
            return Err(Status::NO_MEMORY);
        }
        let region = self.region();
        // SAFETY: regions stay mapped, and no one else commits memory of this one. Its bytes belong to no one before
        // they are appended, which is done under the lock.
        unsafe {
            let start = (*region).commit(bytes).ok_or(Status::NO_MEMORY)?;
            let locked = self.residence != Residence::Pageable && platform::lock_pages(start, bytes);
            match self.residence {
                Residence::Locked if !locked => {
                    platform::decommit(start, bytes);
                    return Err(Status::WORKING_SET_QUOTA);
                }
                Residence::BestEffort if !locked => platform::populate(start, bytes),
                _ => {}
            }
            let _guard = self.lock.lock();
            (*region).append(bytes, locked);
        }
        Ok(())
    }

    /// In the child of a fork, locks all memory again before a block is given.
    fn lock_again(&self, _growing: &Guard<'_>) -> Result<(), Status> {
        if !self.unlocked.load(Relaxed) {
            return Ok(());
        }
        for region in self.regions() {
            // SAFETY: what is committed may be locked.
            let locked = unsafe { platform::lock_pages(region.blocks(), region.committed()) };
            if !locked && self.residence == Residence::Locked {
                return Err(Status::WORKING_SET_QUOTA);
            }
            region.set_locked(if locked { region.committed() } else { 0 });
        }
        self.unlocked.store(false, Relaxed);
        Ok(())
    }

    /// Returns whether the address is in the arena's range.
    pub fn owns(&self, address: *const u8) -> bool {
        self.regions().any(|region| region.owns(address))
    }

    /// Takes a block back. What is no block of the arena in use, or one of another size, is reported and has no effect;
    /// a block that a fork left in a torn region is dropped and counted.
    ///
    /// # Safety
    /// No one uses the block any more.
    pub unsafe fn free(&self, block: *mut u8, request: &Request) {
        let region = self.region();
        // SAFETY: null, or a region, which stays mapped.
        let result = match unsafe { region.as_ref() } {
            Some(known) if known.owns(block) => {
                let _guard = self.lock.lock();
                // SAFETY: the lock is held; the block is the caller's, if it is one.
                unsafe { known.free(block, request.size) }
            }
            _ if self.owns(block) => {
                self.lost.fetch_add(1, Relaxed);
                Ok(())
            }
            _ => Err(Fault::Foreign),
        };
        if let Err(fault) = result {
            report(fault, block, request, self.name);
        }
    }

    /// Returns what the arena holds: exact, as of one moment.
    pub fn statistics(&self) -> PoolStatistics {
        platform::note_used(ChildRepairs::Pools);
        let _guard = self.lock.lock();
        let mut sum = PoolStatistics {
            failures: self.failures.load(Relaxed),
            lost: self.lost.load(Relaxed),
            limit: self.capacity.load(Relaxed),
            ..PoolStatistics::default()
        };
        for region in self.regions() {
            let found = region.statistics();
            // Of a region that a fork tore, what it takes from the system is all that is known.
            let torn = PoolStatistics { reserved: found.reserved, locked: found.locked, ..PoolStatistics::default() };
            let found = PoolStatistics { limit: 0, ..found };
            sum.add(if core::ptr::eq(region, self.region()) { &found } else { &torn });
        }
        sum
    }

    /// The region in use, and those that forks tore.
    fn regions(&self) -> impl Iterator<Item = &'static Region> {
        let torn = self.torn.load(Relaxed);
        let region = self.region();
        // SAFETY: null, or a region, which stays mapped; what changes in it are atomic numbers.
        let first = unsafe { if region.is_null() { torn.as_ref() } else { region.as_ref() } };
        // SAFETY: regions are never unmapped, and linked under the lock.
        core::iter::successors(first, |region| unsafe { region.before.as_ref() })
    }

    fn region(&self) -> *mut Region {
        // Acquire pairs with the Release in `prepare`.
        self.region.load(Acquire)
    }

    /// In the child of a fork. A torn region is never touched again; what its blocks hold stays.
    pub fn repair_after_fork(&self) {
        self.growing.reset_after_fork();
        let torn = self.lock.is_held();
        self.lock.reset_after_fork();
        if self.residence != Residence::Pageable {
            let held = self.regions().filter(|region| region.committed() != 0);
            let locked = held.map(|region| region.set_locked(0)).count();
            self.unlocked.store(locked != 0, Relaxed);
        }
        let region = self.region();
        if torn && !region.is_null() {
            self.torn.store(region, Relaxed);
            self.region.store(core::ptr::null_mut(), Relaxed);
        }
    }
}

/// Reports a free that would corrupt an arena.
pub fn report(fault: Fault, block: *mut u8, request: &Request, pool: &str) {
    let Request { size, tag, .. } = *request;
    let violation = Violation { block: block.addr(), tag, ..Violation::new(BugCheck::NEVER_ALLOCATED) };
    match fault {
        Fault::Foreign => violation.report(format_args!(
            "free of block {block:p} of {size} bytes, tag \"{tag}\", which is not of the {pool} pool"
        )),
        Fault::NoBlock => violation.report(format_args!(
            "free of block {block:p} of {size} bytes, tag \"{tag}\", which is no block of the {pool} pool in use: it was \
             freed before, or never given"
        )),
        Fault::Size(other) => violation.report(format_args!(
            "free of block {block:p} of {size} bytes, tag \"{tag}\", which is a block of the {pool} pool of {other} bytes"
        )),
    }
}
