//! The standard library's maps on all processors: each thread changes a B-tree and a hash map of strings at random, and now
//! and then exchanges its hash map for the one that another thread left, so that blocks are freed where they were not
//! allocated.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::Mutex;

use crate::ground::machine;
use crate::ground::measure::{ROUND, timed_from};
use crate::ground::random::Random;
use crate::ground::team::{Work, lock, team};

/// Keys, of which about half are in a map.
const KEYS: usize = 8192;
/// Changes after which a thread exchanges its map.
const EXCHANGE: u64 = 4096;

/// Changes after which maps are as full as they become.
const FILL: u64 = 8 * KEYS as u64;

type Words = HashMap<String, Vec<u32>>;

/// Nanoseconds for a change of a tree and one of a map, on each processor at once.
pub fn run() -> anyhow::Result<f64> {
    let left = Mutex::new(Words::new());
    // They outlive the threads, so that each team goes on with full ones.
    let maps: Vec<Mutex<Maps>> = (0..machine::processors()).map(|thread| Mutex::new(Maps::new(thread))).collect();
    maps.iter().for_each(|maps| lock(maps).change(FILL, &left));
    let member = |thread: usize| -> Work<'_> {
        let (mut maps, left) = (lock(&maps[thread]), &left);
        Box::new(move |changes| maps.change(changes, left))
    };
    Ok(timed_from(EXCHANGE, ROUND, &mut |changes| team(machine::processors(), changes, &member)))
}

struct Maps {
    random: Random,
    tree: BTreeMap<u64, Box<[u8]>>,
    words: Words,
}

impl Maps {
    fn new(thread: usize) -> Self {
        Self { random: Random::new(thread), tree: BTreeMap::new(), words: Words::new() }
    }

    /// Takes a random key out of each map if it is there, or puts it in, this number of times.
    fn change(&mut self, changes: u64, left: &Mutex<Words>) {
        for change in 1..=changes {
            let key = self.random.below(KEYS) as u64;
            if self.tree.remove(&key).is_none() {
                self.tree.insert(key, vec![key as u8; 8 + key as usize % 120].into_boxed_slice());
            }
            let key = self.random.below(KEYS);
            let word = format!("key number {key} of a map");
            if self.words.remove(&word).is_none() {
                self.words.insert(word, vec![key as u32; 1 + key % 16]);
            }
            if change % EXCHANGE == 0 {
                mem::swap(&mut self.words, &mut lock(left));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_fill_to_the_half_and_change_hands() {
        let left = Mutex::new(Words::new());
        let mut maps = [Maps::new(0), Maps::new(1)];
        for _ in 0..20 {
            maps.iter_mut().for_each(|maps| maps.change(EXCHANGE, &left));
        }
        let half = KEYS * 2 / 5..KEYS * 3 / 5;
        for maps in &maps {
            assert!(half.contains(&maps.tree.len()) && half.contains(&maps.words.len()), "{}", maps.words.len());
        }
        assert!(half.contains(&left.lock().unwrap().len()), "a map was left for another thread");
        assert!(maps[0].tree.iter().all(|(&key, bytes)| bytes.len() == 8 + key as usize % 120));
    }
}
