//! The rseq engine: the owner's operations are the sections of `platform::rseq`; closing is theory §3.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::{Engine, LENGTH_MASK, Part};
use crate::platform::{self, rseq};
use crate::wdk::Parts;

/// Restartable sequences.
#[derive(Debug)]
pub struct Rseq;

impl Engine for Rseq {
    unsafe fn pop(parts: &Parts) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { rseq::pop(parts) }
    }

    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
        // SAFETY: the caller's promise.
        unsafe { rseq::pop_many(parts, out, wanted) }
    }

    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
        // SAFETY: the caller's promise.
        unsafe { rseq::push_many(parts, blocks, offered) }
    }

    unsafe fn close(part: &Part, processor: u32) -> usize {
        part.depth.store(0, SeqCst);
        platform::barrier(processor);
        // From here no free commits. An allocate may still be between its load and its store.
        loop {
            let header = part.header.load(Relaxed);
            if header & LENGTH_MASK == 0 {
                return 0;
            }
            let emptied = header & !LENGTH_MASK;
            if part.header.compare_exchange(header, emptied, SeqCst, Relaxed).is_err() {
                continue;
            }
            platform::barrier(processor);
            // Each repeat means that one allocate committed over the exchange.
            if part.header.load(Relaxed) == emptied {
                return (header & LENGTH_MASK) as usize;
            }
        }
    }

    unsafe fn reopen(part: &Part, length: usize, depth: u32) {
        part.open_with(length, depth);
    }
}
