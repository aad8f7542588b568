//! gperftools' tcmalloc, freeing by size, which spares it the look-up of the size class. Loaded at run time, and
//! called as any function of a shared library is.

use std::ptr;
use std::sync::OnceLock;

use anyhow::Context;
use libc::c_void;
use libloading::Library;

use crate::ground::contender::{About, Contender};

pub const GPERFTOOLS: About = About::malloc("gperftools", "gperftools' tcmalloc, with its free by size");

/// gperftools' `tc_malloc` and `tc_free_sized`.
pub struct Gperftools {
    malloc: unsafe extern "C" fn(usize) -> *mut c_void,
    free_sized: unsafe extern "C" fn(*mut c_void, usize),
}

/// The library without its profiler, and the one with it.
const LIBRARIES: [&str; 2] = ["libtcmalloc_minimal.so.4", "libtcmalloc.so.4"];

/// The library, once loaded. It stays, since what ends with a thread runs its code.
fn library() -> anyhow::Result<&'static Library> {
    static LOADED: OnceLock<Option<Library>> = OnceLock::new();
    // SAFETY: the library does nothing while it is loaded but set up its own heap.
    let load = || LIBRARIES.iter().find_map(|name| unsafe { Library::new(*name) }.ok());
    let loaded = LOADED.get_or_init(load).as_ref();
    loaded.context("gperftools' tcmalloc is not installed (Debian: libtcmalloc-minimal4)")
}

/// Which version it is, where there is one.
pub fn version() -> Option<String> {
    type Version = unsafe extern "C" fn(*mut i32, *mut i32, *mut *const libc::c_char) -> *const libc::c_char;
    let library = library().ok()?;
    let (mut major, mut minor, mut patch) = (0, 0, ptr::null());
    // SAFETY: the type is that of gperftools' header, which fills in all three.
    unsafe { library.get::<Version>("tc_version").ok()?(&raw mut major, &raw mut minor, &raw mut patch) };
    Some(format!("gperftools {major}.{minor}"))
}

pub fn new(_size: usize) -> anyhow::Result<Gperftools> {
    let library = library()?;
    // SAFETY: the types are those of gperftools' header.
    let (malloc, free_sized) = unsafe { (*library.get("tc_malloc")?, *library.get("tc_free_sized")?) };
    Ok(Gperftools { malloc, free_sized })
}

impl Contender for Gperftools {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { (self.malloc)(size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller gives back what tcmalloc gave for this size.
        unsafe { (self.free_sized)(block.cast(), size) };
    }
}
