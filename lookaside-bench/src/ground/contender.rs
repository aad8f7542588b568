//! One trait for whatever allocates: lists, mallocs, pools of other projects, global allocators.

use libc::c_void;

/// Something that allocates blocks.
///
/// Its calls are marked `#[inline(always)]`, so that a workload holds exactly what a user's code would hold.
pub trait Contender: Sized {
    /// The inner loops of workloads, where they are not Rust's.
    fn loops(&self) -> Option<Loops> {
        None
    }

    /// Allocates a block.
    ///
    /// # Safety
    /// `size` is what the contender was made for.
    unsafe fn allocate(&self, size: usize) -> *mut u8;

    /// Frees a block.
    ///
    /// # Safety
    /// `block` came from `allocate` of this contender with this `size`, and was not freed since.
    unsafe fn free(&self, block: *mut u8, size: usize);

    /// Allocates a block for each place, and returns how many of them, from the front, could be filled.
    ///
    /// # Safety
    /// As for `allocate`.
    #[inline(always)]
    unsafe fn allocate_many(&self, out: &mut [*mut u8], size: usize) -> usize {
        for (filled, place) in out.iter_mut().enumerate() {
            // SAFETY: as the caller says.
            *place = unsafe { self.allocate(size) };
            if place.is_null() {
                return filled;
            }
        }
        out.len()
    }

    /// Frees blocks.
    ///
    /// # Safety
    /// As for `free`, of each of them; none is there twice.
    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8], size: usize) {
        for &block in blocks {
            // SAFETY: as the caller says.
            unsafe { self.free(block, size) };
        }
    }

    /// How many free blocks it keeps, if it knows.
    fn kept(&self) -> Option<u64> {
        None
    }
}

/// The largest block that contenders are asked for; the smallest has 16 bytes.
pub const LARGEST: usize = 4096;

/// How many blocks a cache written by hand keeps.
pub const CAPACITY: usize = 1024;

/// Places of the workload `random`.
pub const PLACES: usize = 512;

/// Makes a contender for blocks of a size, 16 to [`LARGEST`]; an error says why this machine has none.
///
/// A thread may have several, also of other sizes; where an existing one makes another impossible, that is the error.
pub type Make<C> = fn(usize) -> anyhow::Result<C>;

/// Loops that a contender brings along because its calls are inlined in another language. Each does what the workload's
/// own does, and touches every block as that does.
#[derive(Clone, Copy)]
pub struct Loops {
    /// Where the blocks are from, as the loops' first argument.
    pub pool: *mut c_void,
    pub pair: unsafe extern "C" fn(*mut c_void, u64),
    pub batch: unsafe extern "C" fn(*mut c_void, u64),
    /// Pairs of `random`, with its [`PLACES`] and its random number.
    pub random: unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u64, u64),
}

/// What a contender is, as a constant in its file.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What tables and the command line call it.
    pub name: &'static str,
    /// What it is, as far as its name does not say it.
    pub about: &'static str,
    /// Whether it is a general allocator, one that lists have to beat.
    pub malloc: bool,
    /// Whether it takes part only where several blocks are asked for at once: elsewhere it is another of these.
    pub runs: bool,
    /// Whether `--quick` skips it unless it is named: less known, or another way into the same.
    pub beside: bool,
    /// The one workload that it runs, without allocating anything.
    pub only: Option<&'static str>,
    /// What its process finds in the environment.
    pub variable: Option<(&'static str, &'static str)>,
}

impl About {
    /// A contender that is nothing special.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, malloc: false, runs: false, beside: false, only: None, variable: None }
    }

    /// One that `--quick` skips.
    pub const fn beside(name: &'static str, about: &'static str) -> Self {
        Self { beside: true, ..Self::new(name, about) }
    }

    /// The same with this in the environment of its process.
    pub const fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { variable: Some((name, value)), ..self }
    }

    /// A general allocator.
    pub const fn malloc(name: &'static str, about: &'static str) -> Self {
        Self { malloc: true, ..Self::new(name, about) }
    }
}

/// A contender with the size that it was made for: where workloads get their blocks.
pub struct Blocks<C> {
    source: C,
    size: usize,
}

impl<C: Contender> Blocks<C> {
    /// Makes a contender for blocks of this size.
    pub fn new(make: Make<C>, size: usize) -> anyhow::Result<Self> {
        Ok(Self { source: make(size)?, size })
    }

    pub fn source(&self) -> &C {
        &self.source
    }

    #[inline(always)]
    pub fn allocate(&self) -> *mut u8 {
        // SAFETY: the contender was made for this size.
        unsafe { self.source.allocate(self.size) }
    }

    /// Frees a block.
    ///
    /// # Safety
    /// `block` came from here, and was not freed since.
    #[inline(always)]
    pub unsafe fn free(&self, block: *mut u8) {
        // SAFETY: as the caller says, and by this size.
        unsafe { self.source.free(block, self.size) };
    }

    /// Allocates a block for each place, and returns how many of them, from the front, could be filled.
    #[inline(always)]
    pub fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        // SAFETY: the contender was made for this size.
        unsafe { self.source.allocate_many(out, self.size) }
    }

    /// Frees blocks.
    ///
    /// # Safety
    /// Each of the blocks came from here, is there once, and was not freed since.
    #[inline(always)]
    pub unsafe fn free_many(&self, blocks: &[*mut u8]) {
        // SAFETY: as the caller says, and by this size.
        unsafe { self.source.free_many(blocks, self.size) };
    }
}
