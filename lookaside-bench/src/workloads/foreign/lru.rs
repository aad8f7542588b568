//! A cache that forgets what was used least recently: entries in a hash table with chains and in a list by their last use,
//! each entry a block. A key that is not there gets an entry, and the oldest goes. Some keys are asked for far more often
//! than others.
//!
//! Source: the rule is that of D. Sleator and R. Tarjan, "Amortized Efficiency of List Update and Paging Rules", CACM 1985;
//! the form, table plus list, that of memcached's documentation.

use std::ptr;

use super::touch;
use crate::contenders::Contender;
use crate::workloads::dice::Dice;
use crate::workloads::{ROUND, clock, timed};

/// The least bytes that an entry has.
pub const ENTRY: usize = size_of::<Entry>();
/// Entries of a full cache.
const ENTRIES: usize = 4096;
/// Chains of the table.
const CHAINS: usize = 8192;
/// Keys that are asked for.
const KEYS: usize = 16_384;

/// Nanoseconds for an entry that comes and one that goes, with the look-ups that lie between.
pub fn play<C: Contender>(contender: &C) -> f64 {
    let mut cache = Cache::new(contender);
    let mut dice = Dice::new(0);
    timed(ROUND, |pairs| clock(|| run(&mut cache, &mut dice, pairs)))
}

#[inline(never)]
fn run<C: Contender>(cache: &mut Cache<'_, C>, dice: &mut Dice, pairs: u64) {
    let mut made = 0;
    while made < pairs {
        // The product of two numbers leans to the small ones.
        let key = dice.below(KEYS) * dice.below(KEYS) / KEYS;
        made += u64::from(!cache.ask(key));
    }
}

/// What stands in a block.
struct Entry {
    key: usize,
    /// The next of its chain.
    chain: *mut Entry,
    /// Its neighbours in the order of use.
    newer: *mut Entry,
    older: *mut Entry,
}

struct Cache<'a, C: Contender> {
    contender: &'a C,
    chains: Vec<*mut Entry>,
    entries: usize,
    newest: *mut Entry,
    oldest: *mut Entry,
}

impl<'a, C: Contender> Cache<'a, C> {
    fn new(contender: &'a C) -> Self {
        let chains = vec![ptr::null_mut(); CHAINS];
        Self { contender, chains, entries: 0, newest: ptr::null_mut(), oldest: ptr::null_mut() }
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
        let entry = touch(self.contender.allocate()).cast::<Entry>();
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
            self.contender.free(oldest.cast());
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

/// Which chain a key is in.
fn chain_of(key: usize) -> usize {
    (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize >> 51
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::Glibc;

    #[test]
    fn the_least_recently_used_is_forgotten() {
        let contender = Glibc::new(64).expect("malloc is always there");
        let mut cache = Cache::new(&contender);
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
