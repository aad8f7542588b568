//! Threads that start together, and threads that follow one another.

use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::machine;

/// What one thread does: a number of pairs each time. Called through a pointer, so that all code around the inner
/// loops is compiled once, and not for each contender.
pub type Work<'a> = Box<dyn FnMut(u64) + 'a>;

/// Lets `threads` threads work side by side, and returns the time from the first start to the last end.
///
/// Where there are processors enough, each thread keeps to one of its own. Otherwise some rounds would have two threads on
/// one processor, where nothing contends and nothing has to cross.
///
/// `member` makes the work of one thread, on that thread. The work is done twice: a quarter of `pairs` to warm up, and
/// then, once all are there, the timed `pairs`.
pub fn team<'a>(threads: usize, pairs: u64, member: &(dyn Fn(usize) -> Work<'a> + Sync)) -> Duration {
    let together = Barrier::new(threads);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let together = &together;
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

/// Does `pairs` pairs by threads that follow one another, of which each does at most `life`.
pub fn lives(mut pairs: u64, life: u64, live: &mut (dyn FnMut(u64) + Send)) {
    while pairs > 0 {
        let share = pairs.min(life);
        pairs -= share;
        thread::scope(|scope| {
            scope.spawn(|| live(share));
        });
    }
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
        let took = team(3, 400, &|_| {
            Box::new(|pairs| {
                done.fetch_add(pairs, Ordering::Relaxed);
                calls.fetch_add(1, Ordering::Relaxed);
            })
        });
        assert_eq!((done.into_inner(), calls.into_inner()), (3 * 500, 3 * 2));
        assert!(took > Duration::ZERO);
        let mut shares = Vec::new();
        lives(25, 10, &mut |share| shares.push(share));
        assert_eq!(shares, [10, 10, 5]);
    }
}
