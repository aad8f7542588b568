//! Threads that start together.

use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine;

/// Lets `threads` threads work side by side, and returns the time from the first start to the last end.
///
/// Where there are processors enough, each thread keeps to one of its own. Otherwise some rounds would have two threads on
/// one processor, where nothing contends and nothing has to cross.
///
/// `member` makes the work of one thread, on that thread. The work is done twice: a quarter of `pairs` to warm up, and
/// then, once all are there, the timed `pairs`.
pub fn team<W: FnMut(u64)>(threads: usize, pairs: u64, member: impl Fn(usize) -> W + Sync) -> Duration {
    let together = Barrier::new(threads);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let (together, member) = (&together, &member);
        let spawn = |thread| {
            scope.spawn(move || {
                if threads <= machine::processors() {
                    machine::pin(thread);
                }
                let mut work = member(thread);
                work(pairs / 4);
                together.wait();
                let start = Instant::now();
                work(pairs);
                (start, Instant::now())
            })
        };
        let team: Vec<_> = (0..threads).map(spawn).collect();
        team.into_iter().map(|thread| thread.join().expect("a thread of the workload panicked")).collect()
    });
    let first = spans.iter().map(|span| span.0).min();
    let last = spans.iter().map(|span| span.1).max();
    last.zip(first).map_or(Duration::ZERO, |(last, first)| last - first)
}

/// Locks; what a panic elsewhere left behind is a failure that the team reports anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_member_warms_up_and_works() {
        let (done, calls) = (AtomicU64::new(0), AtomicU64::new(0));
        let took = team(3, 400, |_| {
            |pairs| {
                done.fetch_add(pairs, Ordering::Relaxed);
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!((done.into_inner(), calls.into_inner()), (3 * 500, 3 * 2));
        assert!(took > Duration::ZERO);
    }
}
