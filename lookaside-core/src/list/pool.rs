//! Calls of a list's pool, and of the routines of the user that take its place.

use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

use super::batch::Batch;
use super::list::List;
use crate::platform::Violation;
use crate::pool::{OnUnwind, Pool, Request, slab};
use crate::wdk::{BugCheck, RawList};

impl List {
    pub(super) fn pool_allocate(&self, object: *mut RawList) -> *mut u8 {
        if !self.settings().slabs {
            return self.pool_allocate_as(object, &self.settings().request);
        }
        let mut block = null_mut();
        // SAFETY: there is room for one block.
        unsafe { self.pool_allocate_run(&mut block, 1) };
        block
    }

    /// Writes up to `wanted` new blocks of the slabs; returns how many. If there is none, a failure is counted.
    ///
    /// # Safety
    /// There is room for `wanted` pointers at `out`.
    unsafe fn pool_allocate_run(&self, out: *mut *mut u8, wanted: usize) -> usize {
        // SAFETY: there is room, as the caller promises.
        let taken = unsafe { self.slabs.allocate(self.shared.own(), &self.settings().request, out, wanted) };
        self.pool_failures.fetch_add((taken == 0).into(), Relaxed);
        taken
    }

    /// Adds new blocks to a batch: `wanted`, of which all but the first are optional. If there is not even that, a
    /// failure is counted.
    pub(super) fn pool_allocate_many(&self, object: *mut RawList, batch: &mut Batch, wanted: usize) {
        if self.settings().slabs {
            // SAFETY: it writes as many blocks as it returns, which are ours.
            unsafe { batch.fill(wanted, |place, wanted| self.pool_allocate_run(place, wanted)) };
            return;
        }
        for number in 0..wanted {
            let block = self.pool_allocate(object);
            if block.is_null() {
                // The optional ones did not fail.
                self.pool_failures.fetch_sub((number != 0).into(), Relaxed);
                break;
            }
            batch.push(block);
        }
    }

    pub(super) fn pool_allocate_as(&self, object: *mut RawList, request: &Request) -> *mut u8 {
        let settings = self.settings();
        let unwinding = OnUnwind::new(|| _ = self.pool_failures.fetch_add(1, Relaxed));
        let running = self.enter_pool(settings.backing.allocates_by_callback());
        if let Some(lower) = settings.lower {
            if settings.parts.processors == 0 {
                lower.list.count_allocate();
            }
            let block = lower.list.pool_allocate(lower.object);
            unwinding.disarm();
            self.pool_failures.fetch_add(block.is_null().into(), Relaxed);
            return block;
        }
        let mut block = settings.backing.allocate(request, object);
        unwinding.disarm();
        drop(running);
        if block.addr() & (settings.request.alignment - 1) != 0 {
            let (list, tag) = (object.addr(), settings.request.tag);
            Violation { list, tag, block: block.addr(), ..Violation::new(BugCheck::BAD_CALLBACK_BLOCK) }.report(
                format_args!(
                    "allocate routine of list {list:#x} returned block {block:p}, which is not aligned to {} bytes",
                    settings.request.alignment
                ),
            );
            // It stays the routine's.
            block = null_mut();
        }
        if block.is_null() {
            self.pool_failures.fetch_add(1, Relaxed);
        }
        block
    }

    pub(super) unsafe fn pool_free_all(&self, object: *mut RawList, blocks: &[*mut u8]) {
        let settings = self.settings();
        if let Some(lower) = settings.lower {
            let _running = self.enter_pool(settings.backing.frees_by_callback());
            if settings.parts.processors == 0 {
                lower.list.shared.only().count_free_misses(blocks.len() as u64);
            }
            // SAFETY: the caller owns the blocks.
            return unsafe { lower.list.pool_free_all(lower.object, blocks) };
        }
        if settings.slabs {
            // SAFETY: the caller owns the blocks.
            return unsafe { slab::free(self.slabs.key(), blocks, &settings.request) };
        }
        let mut rest = blocks.iter();
        while let Some(block) = rest.next() {
            // SAFETY: the caller owns the blocks, of which the rest was not freed.
            let unwinding = OnUnwind::new(|| unsafe { self.pool_free_all(object, rest.as_slice()) });
            let _running = self.enter_pool(settings.backing.frees_by_callback());
            // SAFETY: the caller owns the blocks.
            unsafe { settings.backing.free(*block, &settings.request, object) };
            unwinding.disarm();
        }
    }

    /// Counts a callback as running until the result is dropped, also by unwinding.
    pub(super) fn enter_pool(&self, by_callback: bool) -> Option<impl Drop + '_> {
        struct Running<'a>(&'a List);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                // 0 in the child of a fork that this very callback made.
                let _ = self.0.callbacks_running.fetch_update(Relaxed, Relaxed, |running| running.checked_sub(1));
                (self.0.around().repair_child)();
            }
        }
        by_callback.then(|| {
            self.callbacks_running.fetch_add(1, Relaxed);
            Running(self)
        })
    }

    /// Returns whether one of the list's callbacks is running on some thread.
    pub fn is_in_callback(&self) -> bool {
        self.callbacks_running.load(Relaxed) != 0
    }
}
