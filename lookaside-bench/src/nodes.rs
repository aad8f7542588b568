//! Containers of C++ with their nodes from several allocators: those of the standard library, a B-tree, and a hash map whose
//! elements are linked.
//!
//! The containers and the allocators are C++ (`nodes/`), compiled by the build script into a shared library, which the
//! command carries within it: there the calls of Boost's pools and of `lookaside.hpp` are inlined, whose other calls are
//! those of the C library. jemalloc and mimalloc are those of this command, called as from any shared library.
//! foonathan/memory, which is a library itself, has one of its own.

use std::ffi::CString;

use anyhow::{Result, bail};
use libc::{c_char, c_int, c_void};
use libloading::Library;

use crate::contenders::native;
use crate::ground::files::Carried;
use crate::ground::measure::{Absent, Figures, Measure, ROUND, clock, timed};
use crate::ground::workload::{Case, Job, Set, Workload};

/// Changes before the first that is timed: the containers are full by then.
const FILL: u64 = 1 << 15;

/// A container as a workload.
macro_rules! job {
    ($name:literal, $about:literal) => {
        Job {
            workload: Workload {
                measures: &[Measure::less("ns", "ns", "nanoseconds for one such change")],
                ..Workload::new(Set::Nodes, $name, $about)
            },
            cases: ALLOCATORS,
            run: |allocator| run($name, allocator),
        }
    };
}

pub const JOBS: &[Job] = &[
    job!("list", "std::list as a queue of 64 numbers: one comes in, one leaves"),
    job!("map", "std::map of 1024 random keys: one leaves, another comes in"),
    job!("set", "std::set of 1024 random keys: one leaves, another comes in"),
    job!("unordered-map", "std::unordered_map of 1024 random keys: one leaves, another comes in"),
    job!("btree", "a B-tree in C++ as index of the last 4096 events: one comes in, the oldest leaves, one is found"),
    job!(
        "linked-hash-map",
        "a hash map of C++ into a linked list: 4096 sessions, three of four uses replace the eldest"
    ),
];

/// Pools that one thread owns.
pub const OF_ONE_THREAD: [&str; 3] = ["pmr-unsync", "boost-fast-pool-unsync", "foonathan"];
/// What threads may share.
pub const SHARED: [&str; 6] = ["glibc", "jemalloc", "mimalloc", "pmr-sync", "boost-fast-pool", "foonathan-mutex"];

const ALLOCATORS: &[Case] = &[
    Case::new("glibc", ""),
    Case::new("jemalloc", ""),
    Case::new("mimalloc", ""),
    Case::new("pmr-sync", "std::pmr::synchronized_pool_resource"),
    Case::new("pmr-unsync", "std::pmr::unsynchronized_pool_resource, for programs of one thread"),
    Case::new("boost-fast-pool", "boost::fast_pool_allocator as it comes, which locks a mutex"),
    Case::new("boost-fast-pool-unsync", "the same without the mutex, for programs of one thread"),
    Case::new("foonathan", ""),
    Case::new("foonathan-mutex", ""),
    Case::new("lookaside", ""),
    Case::new("lookaside-pmr", "lookaside::memory_resource of lookaside.hpp"),
    Case { variable: Some(("LOOKASIDE_ENGINE", "slots")), ..Case::new("lookaside-slots", "") },
];

/// `struct nodes_host` of `nodes/nodes.h`.
#[repr(C)]
struct Host {
    jemalloc: unsafe extern "C" fn(usize) -> *mut c_void,
    jemalloc_free: unsafe extern "C" fn(*mut c_void, usize, c_int),
    mimalloc: unsafe extern "C" fn(usize) -> *mut c_void,
    mimalloc_free: unsafe extern "C" fn(*mut c_void),
}

static HOST: Host = Host {
    jemalloc: tikv_jemalloc_sys::malloc,
    jemalloc_free: tikv_jemalloc_sys::sdallocx,
    mimalloc: libmimalloc_sys::mi_malloc_small,
    mimalloc_free: libmimalloc_sys::mi_free,
};

type Make = unsafe extern "C" fn(*const c_char, *const c_char, *const Host) -> *mut c_void;
type Run = unsafe extern "C" fn(*mut c_void, u64, *mut u64) -> u64;

macro_rules! containers {
    ($of:literal, $packages:literal, $file:literal) => {
        // SAFETY: the library is this project's own; C++'s runtime is what is initialised while it is loaded.
        unsafe { Carried::new($of, $packages, include_bytes!(concat!(env!("OUT_DIR"), $file))) }
    };
}

static MOST: Carried = containers!("the containers", "g++", "/lookaside_nodes.so");
static FOONATHAN: Carried = containers!("foonathan/memory", "libfoonathan-memory-dev", "/lookaside_nodes_foonathan.so");

/// The containers that have this allocator.
fn library(allocator: &str) -> Result<&'static Library> {
    if allocator.starts_with("foonathan") {
        return FOONATHAN.library();
    }
    native::load_c_library()?;
    MOST.library()
}

fn absent(allocator: &str) -> Absent {
    Absent(match allocator {
        "pmr-sync" | "pmr-unsync" | "lookaside-pmr" => "this machine's C++ had no <memory_resource>".into(),
        _ => "this command was built without Boost (Debian: libboost-dev; then build it again)".into(),
    })
}

/// A container, of which a process has one. It stays.
pub struct Nodes {
    raw: *mut c_void,
    run: Run,
}

impl Nodes {
    /// A container of this kind, which may have some elements.
    pub fn new(container: &str, allocator: &str) -> Result<Self> {
        let library = library(allocator)?;
        let (container, name) = (CString::new(container)?, CString::new(allocator)?);
        // SAFETY: the types are those of nodes.h, the names are strings, and the host outlives everything.
        let (raw, run) = unsafe {
            let raw = library.get::<Make>(c"nodes_make")?(container.as_ptr(), name.as_ptr(), &raw const HOST);
            (raw, *library.get::<Run>(c"nodes_run")?)
        };
        if raw.is_null() {
            bail!(absent(allocator));
        }
        Ok(Self { raw, run })
    }

    /// Changes it this number of times; returns a sum over what was found, and how many elements are in it.
    pub fn run(&mut self, changes: u64) -> (u64, u64) {
        let mut size = 0;
        // SAFETY: the container was made, and is this one's own.
        let sum = unsafe { (self.run)(self.raw, changes, &raw mut size) };
        (sum, size)
    }
}

fn run(container: &str, allocator: &str) -> Result<Figures> {
    let mut nodes = Nodes::new(container, allocator)?;
    nodes.run(FILL);
    let nanoseconds = timed(ROUND, &mut |changes| clock(|| _ = std::hint::black_box(nodes.run(changes))));
    Ok(vec![("ns", nanoseconds)])
}
