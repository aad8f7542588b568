//! xmalloc-test: some threads do nothing but allocate, others nothing but free. The blocks go from the ones to the others
//! in batches, through one queue.
//!
//! Source: C. Lever and D. Boreham, "malloc() Performance in a Multithreaded Linux Environment", USENIX 2000, and the
//! description of their test in the benchmarks of mimalloc.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::parcel::{Parcel, threads};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed};
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};

pub const XMALLOC: Workload = Workload::shared(
    Set::Foreign,
    "xmalloc",
    "threads that only allocate, and threads that only free, by batches of 4096 through a queue",
);

const BATCH: usize = 4096;

/// Nanoseconds for a block, from thread to thread.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    let sides = threads() / 2;
    timed(TEAM_ROUND, &mut |pairs| {
        let queue = Queue::new(sides);
        team(2 * sides, pairs, &|thread| {
            let queue = &queue;
            Box::new(move |pairs| match thread % 2 {
                0 => allocate(blocks, queue, pairs),
                _ => free(blocks, queue, pairs),
            })
        })
    })
}

#[inline(never)]
fn allocate<C: Contender>(blocks: &Blocks<C>, queue: &Queue, pairs: u64) {
    for batch in batches(pairs) {
        let mut parcel = queue.empty.take();
        parcel.fill(blocks, batch);
        queue.full.put(parcel);
    }
}

#[inline(never)]
fn free<C: Contender>(blocks: &Blocks<C>, queue: &Queue, pairs: u64) {
    // There are as many of one side as of the other, so each takes as many batches as each puts.
    for _ in batches(pairs) {
        let mut parcel = queue.full.take();
        // SAFETY: the other side filled the parcel from this contender.
        unsafe { parcel.empty(blocks) };
        queue.empty.put(parcel);
    }
}

/// The sizes of the batches in which these blocks go.
fn batches(pairs: u64) -> impl Iterator<Item = usize> {
    let last = pairs as usize % BATCH;
    (0..pairs as usize / BATCH).map(|_| BATCH).chain((last > 0).then_some(last))
}

/// Parcels on their way, and parcels on their way back; their number is fixed, so the allocating side cannot run ahead.
struct Queue {
    full: Shelf,
    empty: Shelf,
}

impl Queue {
    /// Two parcels for every thread that allocates: one to fill while the other is emptied.
    fn new(sides: usize) -> Self {
        let empty = Shelf::default();
        (0..2 * sides).for_each(|_| empty.put(Parcel::with_room(BATCH)));
        Self { full: Shelf::default(), empty }
    }
}

#[derive(Default)]
struct Shelf {
    parcels: Mutex<VecDeque<Parcel>>,
    arrived: Condvar,
}

impl Shelf {
    fn put(&self, parcel: Parcel) {
        lock(&self.parcels).push_back(parcel);
        self.arrived.notify_one();
    }

    /// Takes the oldest, as soon as there is one.
    fn take(&self) -> Parcel {
        let mut parcels = lock(&self.parcels);
        loop {
            match parcels.pop_front() {
                Some(parcel) => return parcel,
                None => parcels = self.arrived.wait(parcels).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_make_up_the_number() {
        for pairs in [0, 1, 4095, 4096, 4097, 100_000] {
            assert_eq!(batches(pairs).sum::<usize>() as u64, pairs);
            assert!(batches(pairs).all(|batch| batch > 0 && batch <= BATCH));
        }
    }
}
