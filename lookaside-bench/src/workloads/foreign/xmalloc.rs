//! xmalloc-test: some threads do nothing but allocate, others nothing but free. The blocks go from the ones to the others
//! in batches, through one queue.
//!
//! Source: C. Lever and D. Boreham, "malloc() Performance in a Multithreaded Linux Environment", USENIX 2000, and the
//! description of their test in the benchmarks of mimalloc.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};

use super::{Parcel, threads};
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
        let (full, empty) = (&Queue::new(), &Queue::new());
        // Two parcels for every thread that allocates, one to fill while the other is emptied: their number is fixed, so that
        // the allocating side cannot run ahead.
        (0..2 * sides).for_each(|_| empty.put(Parcel::with_room(blocks, BATCH)));
        team(2 * sides, pairs, &|thread| {
            Box::new(move |pairs| match thread % 2 {
                0 => allocate(empty, full, pairs),
                _ => free(full, empty, pairs),
            })
        })
    })
}

#[inline(never)]
fn allocate<'a, C: Contender>(empty: &Queue<'a, C>, full: &Queue<'a, C>, pairs: u64) {
    for _ in 0..pairs.div_ceil(BATCH as u64) {
        let mut parcel = empty.take();
        parcel.fill(BATCH);
        full.put(parcel);
    }
}

#[inline(never)]
fn free<'a, C: Contender>(full: &Queue<'a, C>, empty: &Queue<'a, C>, pairs: u64) {
    // Both sides have the same number of threads, so each takes as many batches as each puts.
    for _ in 0..pairs.div_ceil(BATCH as u64) {
        let mut parcel = full.take();
        parcel.empty();
        empty.put(parcel);
    }
}

/// Parcels on their way, to whichever thread takes the next.
struct Queue<'a, C: Contender> {
    sender: Sender<Parcel<'a, C>>,
    receiver: Mutex<Receiver<Parcel<'a, C>>>,
}

impl<'a, C: Contender> Queue<'a, C> {
    fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver: Mutex::new(receiver) }
    }

    fn put(&self, parcel: Parcel<'a, C>) {
        self.sender.send(parcel).expect("the queue is there");
    }

    /// Takes the oldest, as soon as there is one.
    fn take(&self) -> Parcel<'a, C> {
        lock(&self.receiver).recv().expect("the queue is there")
    }
}
