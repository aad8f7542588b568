//! A pair list of a C program that includes `include/lookaside_inline.h`: in the loops of `pair`, `batch128` and `random`,
//! which are C as well (`inlined/list.c`), its calls are inlined. In other workloads they are functions, so there it has
//! one call more than such a program.

use std::cell::UnsafeCell;
use std::mem;

use ::lookaside::{
    LOOKASIDE_POOL_PAGED, lookaside_list, lookaside_list_delete, lookaside_list_initialize, lookaside_list_statistics,
    lookaside_parameters, lookaside_statistics,
};
use anyhow::ensure;
use libc::c_void;

use super::{Contender, Loops};

unsafe extern "C" {
    fn inlined_abi() -> u16;
    fn inlined_allocate(list: *mut lookaside_list) -> *mut c_void;
    fn inlined_free(list: *mut lookaside_list, block: *mut c_void);
    fn inlined_allocate_many(list: *mut lookaside_list, out: *mut *mut c_void, count: usize) -> usize;
    fn inlined_free_many(list: *mut lookaside_list, blocks: *const *mut c_void, count: usize);
    fn inlined_pair(list: *mut lookaside_list, pairs: u64);
    fn inlined_batch(list: *mut lookaside_list, pairs: u64);
    fn inlined_random(list: *mut lookaside_list, places: *mut *mut c_void, random: *mut u64, pairs: u64);
}

/// A list of the C library, made for inlined calls.
pub struct CInline(Box<UnsafeCell<lookaside_list>>);

// SAFETY: any thread may use a list.
unsafe impl Sync for CInline {}

impl CInline {
    fn statistics(&self) -> Option<lookaside_statistics> {
        // SAFETY: the structure is numbers alone.
        let mut statistics: lookaside_statistics = unsafe { mem::zeroed() };
        statistics.struct_size = size_of::<lookaside_statistics>();
        // SAFETY: the list was initialised, and the structure says how long it is.
        let status = unsafe { lookaside_list_statistics(self.0.get(), &raw mut statistics) };
        (status == 0).then_some(statistics)
    }
}

impl Contender for CInline {
    const LOOPS: Option<Loops<Self>> = Some(Loops {
        // SAFETY: the list was initialised, and every block goes back to it.
        pair: |list, pairs| unsafe { inlined_pair(list.0.get(), pairs) },
        // SAFETY: as above.
        batch: |list, pairs| unsafe { inlined_batch(list.0.get(), pairs) },
        random: |list, places, random, pairs| {
            // SAFETY: as above; what is in the places came from the list.
            unsafe { inlined_random(list.0.get(), places.as_mut_ptr().cast(), random, pairs) };
        },
    });

    fn new(size: usize) -> anyhow::Result<Self> {
        // SAFETY: as in C, zero stands for the default of every field.
        let mut parameters: lookaside_parameters = unsafe { mem::zeroed() };
        parameters.struct_size = size_of::<lookaside_parameters>();
        parameters.size = size;
        parameters.name = c"compare".as_ptr();
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        // SAFETY: the function answers a constant.
        parameters.inline_abi = unsafe { inlined_abi() };
        // SAFETY: an object of zeroes is a list that was never initialised.
        let list = Box::new(UnsafeCell::new(unsafe { mem::zeroed() }));
        // SAFETY: the list has its own place, which it keeps until it is deleted, and the parameters are complete.
        let status = unsafe { lookaside_list_initialize(list.get(), &raw const parameters) };
        ensure!(status == 0, "the list cannot be initialised: status {status:#x}");
        Ok(Self(list))
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the list was initialised.
        unsafe { inlined_allocate(self.0.get()).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the list was initialised, and the caller gives back a block of it.
        unsafe { inlined_free(self.0.get(), block.cast()) };
    }

    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        // SAFETY: the list was initialised, and the slice has so many places.
        unsafe { inlined_allocate_many(self.0.get(), out.as_mut_ptr().cast(), out.len()) }
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8]) {
        // SAFETY: the list was initialised, and the caller gives back blocks of it.
        unsafe { inlined_free_many(self.0.get(), blocks.as_ptr().cast(), blocks.len()) };
    }

    fn kept(&self) -> Option<u64> {
        self.statistics().map(|statistics| statistics.processor.current_depth + statistics.shared.current_depth)
    }
}

impl Drop for CInline {
    fn drop(&mut self) {
        // SAFETY: the list was initialised, and nobody else can reach it any more.
        unsafe { lookaside_list_delete(self.0.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::lookaside::Pair;
    use crate::workloads::random::WorkingSet;
    use crate::workloads::{batch, pair};

    /// The loops in C do as many calls as they are asked for, and give all back; `random` walks as the loop in Rust does.
    #[test]
    fn loops_do_what_those_in_rust_do() {
        let list = CInline::new(64).expect("a list can be had");
        let calls = || {
            let statistics = list.statistics().expect("it is live");
            (statistics.list.total_allocates, statistics.list.total_frees)
        };
        pair::run(&list, 1000);
        assert_eq!(calls(), (1000, 1000));
        batch::run(&list, 1000);
        assert_eq!(calls(), (2024, 2024), "eight whole batches");

        let in_rust = Pair::new(64).expect("a list can be had");
        let mut expected = WorkingSet::new(&in_rust, 7);
        expected.run(5000);
        let mut set = WorkingSet::new(&list, 7);
        set.run(5000);
        assert!(set.filled().eq(expected.filled()));
        let out = set.filled().filter(|filled| *filled).count() as u64;
        let (allocates, frees) = calls();
        assert_eq!(allocates - 2024 + (frees - 2024), 2 * 5000);
        assert_eq!(allocates - frees, out);
        drop(set);
        assert_eq!(list.statistics().expect("it is live").outstanding, 0);
    }
}
