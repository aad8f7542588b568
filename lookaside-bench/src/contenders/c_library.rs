//! A pair list through the shared library, as a C program has it: every call is indirect and checks its list.

use std::cell::UnsafeCell;
use std::mem;
use std::path::PathBuf;

use ::lookaside::{LOOKASIDE_POOL_PAGED, lookaside_list, lookaside_parameters, lookaside_statistics, lookaside_status};
use anyhow::{Context, ensure};
use libc::c_void;
use libloading::Library;

use super::Contender;

type Initialize = unsafe extern "C" fn(*mut lookaside_list, *const lookaside_parameters) -> lookaside_status;
type Allocate = unsafe extern "C" fn(*mut lookaside_list) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut lookaside_list, *mut c_void);
type Delete = unsafe extern "C" fn(*mut lookaside_list) -> lookaside_status;
type Statistics = unsafe extern "C" fn(*const lookaside_list, *mut lookaside_statistics) -> lookaside_status;

/// A list of liblookaside.so.
pub struct CLibrary {
    list: Box<UnsafeCell<lookaside_list>>,
    allocate: Allocate,
    free: Free,
    delete: Delete,
    statistics: Statistics,
    _library: Library,
}

// SAFETY: any thread may allocate from and free to a list, and nothing else here changes before the drop.
unsafe impl Sync for CLibrary {}

impl Contender for CLibrary {
    fn new(size: usize) -> anyhow::Result<Self> {
        let path = library()?;
        // SAFETY: the library is this project's own, and does nothing while it is loaded.
        let library = unsafe { Library::new(&path) }.context("the shared library cannot be loaded")?;
        // SAFETY: the types are those that the header gives these names.
        let (initialize, contender) = unsafe {
            let initialize = *library.get::<Initialize>("lookaside_list_initialize")?;
            let contender = Self {
                list: Box::new(UnsafeCell::new(mem::zeroed())),
                allocate: *library.get("lookaside_list_allocate")?,
                free: *library.get("lookaside_list_free")?,
                delete: *library.get("lookaside_list_delete")?,
                statistics: *library.get("lookaside_list_statistics")?,
                _library: library,
            };
            (initialize, contender)
        };
        // SAFETY: as in C, zero stands for the default of every field.
        let mut parameters: lookaside_parameters = unsafe { mem::zeroed() };
        parameters.struct_size = size_of::<lookaside_parameters>();
        parameters.size = size;
        parameters.name = c"compare".as_ptr();
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        // SAFETY: the list has its own place, which it keeps until it is deleted, and the parameters are complete.
        let status = unsafe { initialize(contender.list.get(), &raw const parameters) };
        ensure!(status == 0, "the list cannot be initialised: status {status:#x}");
        Ok(contender)
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the list was initialised.
        unsafe { (self.allocate)(self.list.get()).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the list was initialised, and the caller gives back a block of it.
        unsafe { (self.free)(self.list.get(), block.cast()) };
    }

    fn misses(&self) -> Option<u64> {
        self.statistics().map(|known| known.processor.allocate_misses + known.processor.free_misses)
    }

    fn kept(&self) -> Option<u64> {
        self.statistics().map(|known| known.processor.current_depth + known.shared.current_depth)
    }
}

impl CLibrary {
    fn statistics(&self) -> Option<lookaside_statistics> {
        // SAFETY: the structure is numbers alone.
        let mut statistics: lookaside_statistics = unsafe { mem::zeroed() };
        statistics.struct_size = size_of::<lookaside_statistics>();
        // SAFETY: the list was initialised, and the structure says how long it is.
        let status = unsafe { (self.statistics)(self.list.get(), &raw mut statistics) };
        (status == 0).then_some(statistics)
    }
}

impl Drop for CLibrary {
    fn drop(&mut self) {
        // SAFETY: nobody else can reach the list any more. One that was not initialised is refused.
        unsafe { (self.delete)(self.list.get()) };
    }
}

/// Where cargo puts the shared library when it builds this command: beside the dependencies.
fn library() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    folders
        .flat_map(|folder| [folder.join("deps/liblookaside.so"), folder.join("liblookaside.so")])
        .find(|path| path.exists())
        .context("there is no liblookaside.so beside this program")
}
