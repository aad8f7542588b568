//! A cache that forgets what was used least recently: entries in a hash table with chains and in a list by their last use,
//! each entry a block. A key that is not there gets an entry, and the oldest goes. Some keys are asked for far more often
//! than others.
//!
//! Source: the rule is that of D. Sleator and R. Tarjan, "Amortized Efficiency of List Update and Paging Rules", CACM 1985;
//! the form, table plus list, that of memcached's documentation.

use std::ptr;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{ROUND, clock, timed, touch};
use crate::ground::random::Random;
use crate::ground::workload::{Set, Workload};

pub const LRU: Workload = Workload {
    sizes: (size_of::<Entry>(), usize::MAX),
    ..Workload::new(
        Set::Foreign,
        "lru",
        "an LRU cache of 4096 entries, each a block; figures are for an entry that comes and one that goes",
    )
};

/// Entries of a full cache.
const ENTRIES: usize = 4096;
const CHAINS: usize = 8192;
const KEYS: usize = 16_384;

/// Nanoseconds for an entry that comes and one that goes, with the look-ups that lie between.
pub fn run<C: Contender>(blocks: &Blocks<C>) -> f64 {
    let mut cache = Cache::new(blocks);
    let mut random = Random::new(0);
    timed(ROUND, &mut |pairs| clock(|| ask(&mut cache, &mut random, pairs)))
}

#[inline(never)]
fn ask<C: Contender>(cache: &mut Cache<'_, C>, random: &mut Random, pairs: u64) {
    let mut made = 0;
    while made < pairs {
        // The product of two numbers leans to the small ones.
        let key = random.below(KEYS) * random.below(KEYS) / KEYS;
        made += u64::from(!cache.ask(key));
    }
}

struct Entry {
    key: usize,
    chain: *mut Entry,
    /// Its neighbours in the order of use.
    newer: *mut Entry,
    older: *mut Entry,
}

struct Cache<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    chains: Vec<*mut Entry>,
    entries: usize,
    newest: *mut Entry,
    oldest: *mut Entry,
}

impl<'a, C: Contender> Cache<'a, C> {
    fn new(blocks: &'a Blocks<C>) -> Self {
        let chains = vec![ptr::null_mut(); CHAINS];
        Self { blocks, chains, entries: 0, newest: ptr::null_mut(), oldest: ptr::null_mut() }
    }

    /// Whether the key was there; it is now.
    fn ask(&mut self, key: usize) -> bool {
        let mut entry = self.chains[chain_of(key)];
        // SAFETY: chains lead from entry to entry, and all of them are blocks that are out.
        while let Some(found) = unsafe { entry.as_ref() } {
            if found.key == key {
                self.unlink(entry);
                self.link(entry);
                return true;
            }
            entry = found.chain;
        }
        let entry = touch(self.blocks.allocate()).cast::<Entry>();
        let chain = &mut self.chains[chain_of(key)];
        // SAFETY: the block is new, aligned, and has room for an entry.
        unsafe { entry.write(Entry { key, chain: *chain, newer: ptr::null_mut(), older: ptr::null_mut() }) };
        *chain = entry;
        self.link(entry);
        self.entries += 1;
        if self.entries > ENTRIES {
            self.forget();
        }
        false
    }

    /// Makes an entry the newest.
    fn link(&mut self, entry: *mut Entry) {
        // SAFETY: the entry and the newest are blocks that are out.
        unsafe {
            (*entry).newer = ptr::null_mut();
            (*entry).older = self.newest;
            match self.newest.as_mut() {
                Some(newest) => newest.newer = entry,
                None => self.oldest = entry,
            }
        }
        self.newest = entry;
    }

    /// Takes an entry out of the order of use.
    fn unlink(&mut self, entry: *mut Entry) {
        // SAFETY: the entry and its neighbours are blocks that are out.
        unsafe {
            let (newer, older) = ((*entry).newer, (*entry).older);
            match newer.as_mut() {
                Some(newer) => newer.older = older,
                None => self.newest = older,
            }
            match older.as_mut() {
                Some(older) => older.newer = newer,
                None => self.oldest = newer,
            }
        }
    }

    /// Gives the oldest entry back.
    fn forget(&mut self) {
        let oldest = self.oldest;
        self.unlink(oldest);
        // SAFETY: the oldest is a block that is out.
        let mut link: *mut *mut Entry = &raw mut self.chains[chain_of(unsafe { (*oldest).key })];
        // SAFETY: its chain leads to it, over blocks that are out, and it leaves the chain before it is given back.
        unsafe {
            while *link != oldest {
                link = &raw mut (**link).chain;
            }
            *link = (*oldest).chain;
            self.blocks.free(oldest.cast());
        }
        self.entries -= 1;
    }
}

impl<C: Contender> Drop for Cache<'_, C> {
    fn drop(&mut self) {
        while !self.oldest.is_null() {
            self.forget();
        }
    }
}

fn chain_of(key: usize) -> usize {
    (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize >> 51
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::glibc;

    #[test]
    fn the_least_recently_used_is_forgotten() {
        let blocks = Blocks::new(glibc::new, 64).expect("malloc is always there");
        let mut cache = Cache::new(&blocks);
        assert!((0..ENTRIES).all(|key| !cache.ask(key)), "nothing was there");
        assert!((0..ENTRIES).all(|key| cache.ask(key)), "everything is there");
        assert!(cache.ask(0), "and 0 is the newest now");
        assert!(!cache.ask(ENTRIES), "this is one too many, for which 1 goes");
        assert!(cache.ask(0) && !cache.ask(1));
        assert_eq!(cache.entries, ENTRIES);
    }

    #[test]
    fn chains_are_of_the_table() {
        assert!((0..KEYS).all(|key| chain_of(key) < CHAINS));
    }
}
