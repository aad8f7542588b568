//! The rseq engine: the owner's operations are the sections of `platform::rseq`; closing is theory §3.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::{CLOSING_MARK, Engine, LENGTH_MASK, Part};
use crate::platform::{self, rseq};
use crate::wdk::Parts;

/// Restartable sequences.
#[derive(Debug)]
pub struct Rseq;

impl Engine for Rseq {
    fn current() -> u32 {
        platform::current_of_call()
    }

    fn current_in_handler() -> u32 {
        platform::current()
    }

    unsafe fn pop(parts: &Parts) -> *mut u8 {
        // SAFETY: `parts` are those of an initialised list.
        unsafe { rseq::pop(parts) }
    }

    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { rseq::pop_many::<false>(parts, out, wanted) }
    }

    unsafe fn pop_hits(parts: &Parts, out: *mut *mut u8, wanted: usize) -> usize {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { rseq::pop_many::<true>(parts, out, wanted) }.0
    }

    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list, and the blocks are the caller's.
        unsafe { rseq::push_many(parts, blocks, offered) }
    }

    unsafe fn close(part: Part, processor: u32) -> Option<usize> {
        let depth = part.depth.swap(0, SeqCst);
        if !platform::barrier(processor) {
            part.depth.store(depth, Relaxed);
            return None;
        }
        // From here no free commits. An allocate or a batch may still be between its load and its store.
        loop {
            let header = part.header.load(Relaxed);
            if header & LENGTH_MASK == 0 {
                return Some(0);
            }
            let emptied = header & !LENGTH_MASK;
            let marked = emptied ^ CLOSING_MARK;
            if part.header.compare_exchange(header, marked, SeqCst, Relaxed).is_err() {
                continue;
            }
            if !platform::barrier(processor) {
                // It worked a moment ago. Whether a section will still store is unknown, so nothing can go on.
                platform::fatal(format_args!("membarrier stopped working"));
            }
            // Each repeat means that one section committed over the exchange.
            if part.header.load(Relaxed) == marked {
                part.header.store(emptied, Relaxed);
                return Some((header & LENGTH_MASK) as usize);
            }
        }
    }

    unsafe fn reopen(part: Part, processor: u32, length: usize, depth: u32) {
        part.restore(length);
        // A free may have read the header of the closed part, with length 0 or with the mark, and not yet the depth:
        // with the new depth it would store that header back. After the barrier it has missed or starts anew; at length
        // 0 too (theory §3). Without a barrier the part stays closed.
        if depth != 0 && platform::barrier(processor) {
            part.admit(depth);
        }
    }
}
