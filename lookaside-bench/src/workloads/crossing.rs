//! How far apart two processors are. A virtual machine's processors wander over the host's, and what a block costs that
//! goes from one thread to another follows them; so this figure belongs beside such tables.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ground::machine;
use crate::ground::team::team;

const JOURNEYS: u64 = 2000;
/// Tries, of which the fastest counts.
const TRIES: u32 = 5;

/// Nanoseconds that a cache line takes to another processor and back; nothing where there is only one.
pub fn crossing() -> Option<f64> {
    if machine::processors() < 2 {
        return None;
    }
    let tries = (0..TRIES).map(|_| journeys().as_secs_f64() * 1e9 / JOURNEYS as f64);
    tries.min_by(f64::total_cmp)
}

/// Two threads change one word by turns.
fn journeys() -> std::time::Duration {
    let word = AtomicU64::new(0);
    team(2, JOURNEYS, &|thread| {
        let (word, mut turn) = (&word, thread as u64);
        Box::new(move |journeys| {
            for _ in 0..journeys {
                while word.load(Ordering::Relaxed) != turn {}
                word.store(turn + 1, Ordering::Relaxed);
                turn += 2;
            }
        })
    })
}
