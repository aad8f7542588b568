//! Pools in other languages, and lists as those see them: everything that is called through functions of C.
//!
//! They are one type, whose functions are pointers, so that each workload is compiled once for all of them.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

use anyhow::bail;
use libc::{c_char, c_void};

use crate::ground::contender::{Contender, Loops};
use crate::ground::measure::exhausted;

/// `struct peer` of `peers/peer.h`: a pool of blocks of one size, with its calls.
#[repr(C)]
pub struct Peer {
    pool: *mut c_void,
    allocate: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
    allocate_many: Option<unsafe extern "C" fn(*mut c_void, *mut *mut c_void, usize) -> usize>,
    free_many: Option<unsafe extern "C" fn(*mut c_void, *const *mut c_void, usize)>,
    kept: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// `lookaside_peer_make` of `peers/peer.h`.
pub type Make = unsafe extern "C" fn(*const c_char, usize, *mut Peer) -> *const c_char;

/// Such a pool, and whether threads may share it.
pub struct Called<const SHARED: bool> {
    name: &'static str,
    peer: Peer,
    loops: Option<fn(*mut c_void) -> Loops>,
}

// SAFETY: the functions of a shared pool may be called on any thread, and nothing else here changes before the drop.
unsafe impl Sync for Called<true> {}

impl<const SHARED: bool> Called<SHARED> {
    /// Makes the pool of this name, for blocks of this size.
    ///
    /// # Safety
    /// The functions that `make` fills in stay. Any thread may call them if the pool is shared, and the loops are its own.
    pub unsafe fn new(
        name: &'static str,
        size: usize,
        make: Make,
        loops: Option<fn(*mut c_void) -> Loops>,
    ) -> anyhow::Result<Self> {
        let shape = CString::new(name)?;
        let mut peer = MaybeUninit::uninit();
        // SAFETY: the name is a string, and there is room for what is filled in unless the function says why not.
        unsafe {
            let reason = make(shape.as_ptr(), size, peer.as_mut_ptr());
            if !reason.is_null() {
                bail!("{name}: {}", CStr::from_ptr(reason).to_string_lossy());
            }
            Ok(Self { name, peer: peer.assume_init(), loops })
        }
    }

    pub fn pool(&self) -> *mut c_void {
        self.peer.pool
    }
}

impl<const SHARED: bool> Contender for Called<SHARED> {
    fn loops(&self) -> Option<Loops> {
        self.loops.map(|loops| loops(self.peer.pool))
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

    fn kept(&self) -> Option<u64> {
        // SAFETY: the pool was made, and its functions belong to it.
        self.peer.kept.map(|kept| unsafe { kept(self.peer.pool) })
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
