//! Pools in other languages, and lists as those see them: everything that is called through functions of C.
//!
//! They are one type, whose functions are pointers, so that each workload is compiled once for all of them.

use std::cell::UnsafeCell;
use std::mem;

use ::lookaside::{LOOKASIDE_POOL_PAGED, lookaside_list, lookaside_parameters, lookaside_statistics, lookaside_status};
use anyhow::ensure;
use libc::c_void;
use libloading::Library;

use crate::ground::contender::{Contender, Loops};
use crate::ground::measure::exhausted;

type AllocateMany = unsafe extern "C" fn(*mut c_void, *mut *mut c_void, usize) -> usize;
type FreeMany = unsafe extern "C" fn(*mut c_void, *const *mut c_void, usize);

/// `struct peer` of `peers/peer.h`: a pool of blocks of one size, with its calls.
#[repr(C)]
pub struct Peer {
    pub pool: *mut c_void,
    pub allocate: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void, *mut c_void),
    pub allocate_many: Option<AllocateMany>,
    pub free_many: Option<FreeMany>,
    pub kept: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// Such a pool, and whether threads may share it.
pub struct Called<const SHARED: bool> {
    name: &'static str,
    peer: Peer,
    loops: Option<Loops>,
    list: Option<List>,
}

// SAFETY: the functions of a shared pool may be called on any thread, and nothing else here changes before the drop.
unsafe impl Sync for Called<true> {}

impl<const SHARED: bool> Called<SHARED> {
    /// The pool of this name.
    ///
    /// # Safety
    /// The functions are those of the pool, and stay; any thread may call them if it is shared.
    pub unsafe fn new(name: &'static str, peer: Peer) -> Self {
        Self { name, peer, loops: None, list: None }
    }

    #[cfg(test)]
    pub fn pool(&self) -> *mut c_void {
        self.peer.pool
    }

    pub fn statistics(&self) -> Option<lookaside_statistics> {
        self.list.as_ref()?.statistics()
    }
}

impl<const SHARED: bool> Contender for Called<SHARED> {
    fn loops(&self) -> Option<Loops> {
        self.loops
    }

    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        // SAFETY: the pool was made.
        let block = unsafe { (self.peer.allocate)(self.peer.pool) };
        if block.is_null() {
            exhausted(self.name);
        }
        block.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the pool was made, and the caller gives back a block of it.
        unsafe { (self.peer.free)(self.peer.pool, block.cast()) };
    }

    #[inline(always)]
    unsafe fn allocate_many(&self, out: &mut [*mut u8], size: usize) -> usize {
        match self.peer.allocate_many {
            Some(many) => {
                // SAFETY: the pool was made, and the slice is as long as it says.
                if unsafe { many(self.peer.pool, out.as_mut_ptr().cast(), out.len()) } < out.len() {
                    exhausted(self.name);
                }
            }
            // SAFETY: as the caller says.
            None => out.fill_with(|| unsafe { self.allocate(size) }),
        }
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8], size: usize) {
        match self.peer.free_many {
            // SAFETY: the pool was made, and the caller gives back blocks of it.
            Some(many) => unsafe { many(self.peer.pool, blocks.as_ptr().cast(), blocks.len()) },
            // SAFETY: as the caller says.
            None => blocks.iter().for_each(|&block| unsafe { self.free(block, size) }),
        }
    }

    fn misses(&self) -> Option<u64> {
        self.statistics().map(|known| known.processor.allocate_misses + known.processor.free_misses)
    }

    fn kept(&self) -> Option<u64> {
        // SAFETY: the pool was made, and its functions belong to it.
        let of_peer = self.peer.kept.map(|kept| unsafe { kept(self.peer.pool) });
        let of_list = || self.statistics().map(|known| known.processor.current_depth + known.shared.current_depth);
        of_peer.or_else(of_list)
    }
}

impl<const SHARED: bool> Drop for Called<SHARED> {
    fn drop(&mut self) {
        if let Some(destroy) = self.peer.destroy {
            // SAFETY: the pool was made, and no one else can reach it any more.
            unsafe { destroy(self.peer.pool) };
        }
    }
}

type Initialize = unsafe extern "C" fn(*mut lookaside_list, *const lookaside_parameters) -> lookaside_status;
type Delete = unsafe extern "C" fn(*mut lookaside_list) -> lookaside_status;
type Statistics = unsafe extern "C" fn(*const lookaside_list, *mut lookaside_statistics) -> lookaside_status;

/// The functions of lists, from wherever they are.
pub struct ListCalls {
    pub initialize: Initialize,
    pub allocate: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void, *mut c_void),
    pub many: Option<(AllocateMany, FreeMany)>,
    pub delete: Delete,
    pub statistics: Statistics,
    /// What the list has to be made for, where its calls are inlined.
    pub inline_abi: u16,
    /// Where the functions are in a library that was loaded.
    pub library: Option<Library>,
}

/// A list of the library, as C has it.
struct List {
    object: Box<UnsafeCell<lookaside_list>>,
    delete: Delete,
    statistics: Statistics,
    _library: Option<Library>,
}

impl List {
    fn statistics(&self) -> Option<lookaside_statistics> {
        // SAFETY: the structure is numbers alone.
        let mut statistics: lookaside_statistics = unsafe { mem::zeroed() };
        statistics.struct_size = size_of::<lookaside_statistics>();
        // SAFETY: the list was initialised, and the structure says how long it is.
        let status = unsafe { (self.statistics)(self.object.get(), &raw mut statistics) };
        (status == 0).then_some(statistics)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: no one else can reach the list any more. One that was not initialised is refused.
        unsafe { (self.delete)(self.object.get()) };
    }
}

impl Called<true> {
    /// A pair list, by these calls, and with these loops over it.
    ///
    /// # Safety
    /// The calls and the loops are those of lists.
    pub unsafe fn list(
        name: &'static str,
        size: usize,
        calls: ListCalls,
        loops: impl FnOnce(*mut c_void) -> Option<Loops>,
    ) -> anyhow::Result<Self> {
        // SAFETY: as in C, zero is the default of every field.
        let mut parameters: lookaside_parameters = unsafe { mem::zeroed() };
        parameters.struct_size = size_of::<lookaside_parameters>();
        parameters.size = size;
        parameters.name = c"compare".as_ptr();
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        parameters.inline_abi = calls.inline_abi;
        // SAFETY: an object of zeroes is a list that was never initialised.
        let object = Box::new(UnsafeCell::new(unsafe { mem::zeroed() }));
        let list = List { object, delete: calls.delete, statistics: calls.statistics, _library: calls.library };
        // SAFETY: the list stays in its box until it is deleted, and the parameters are complete.
        let status = unsafe { (calls.initialize)(list.object.get(), &raw const parameters) };
        ensure!(status == 0, "the list cannot be initialised: status {status:#x}");
        let pool = list.object.get().cast();
        let (allocate_many, free_many) = calls.many.unzip();
        let peer = Peer {
            pool,
            allocate: calls.allocate,
            free: calls.free,
            allocate_many,
            free_many,
            kept: None,
            destroy: None,
        };
        Ok(Self { name, peer, loops: loops(pool), list: Some(list) })
    }
}
