//! Containers of C++ with their nodes from several allocators: a B-tree, and a hash map whose elements are linked.
//!
//! The containers and the allocators are C++ (`nodes/`), compiled by the build script into a shared library, which the
//! command carries within it: there the calls of lists and of Boost's pools are inlined. jemalloc and mimalloc are those of
//! this command, called as from any shared library. foonathan/memory, which is a library itself, has one of its own.

use std::ffi::CString;

use ::lookaside::{
    lookaside_list, lookaside_list_allocate, lookaside_list_free, lookaside_list_initialize, lookaside_parameters,
    lookaside_status,
};
use anyhow::bail;
use libc::{c_char, c_int, c_void};
use libloading::Library;

use crate::ground::files::Carried;
use crate::ground::measure::{Absent, Figures, Measure, ROUND, clock, timed};
use crate::ground::workload::{Case, Job, Set, Workload};

/// Changes before the first that is timed: the containers are full by then.
const FILL: u64 = 1 << 15;

pub const JOBS: &[Job] = &[
    Job {
        workload: workload(
            "btree",
            "a B-tree in C++ as index of the last 4096 events: one comes in, the oldest leaves, one is found",
            &[Measure::less("ns", "ns", "nanoseconds for one such change")],
        ),
        cases: ALLOCATORS,
        run: |allocator| run(c"btree".as_ptr(), allocator),
    },
    Job {
        workload: workload(
            "linked-hash-map",
            "a hash map of C++ into a linked list: 4096 sessions, three of four uses replace the eldest",
            &[Measure::less("ns", "ns", "nanoseconds for one use of a session")],
        ),
        cases: ALLOCATORS,
        run: |allocator| run(c"linked-hash-map".as_ptr(), allocator),
    },
];

const fn workload(name: &'static str, about: &'static str, measures: &'static [Measure]) -> Workload {
    Workload { measures, ..Workload::new(Set::Foreign, name, about) }
}

const ALLOCATORS: &[Case] = &[
    Case::new("glibc", ""),
    Case::new("jemalloc", ""),
    Case::new("mimalloc", ""),
    Case::new("boost-fast-pool", "boost::fast_pool_allocator as it comes, which locks a mutex"),
    Case::new("boost-fast-pool-unsync", "the same without the mutex, for programs of one thread"),
    Case::new("foonathan", ""),
    Case::new("lookaside", ""),
    Case { variable: Some(("LOOKASIDE_ENGINE", "slots")), ..Case::new("lookaside-slots", "") },
];

/// `struct nodes_host` of `nodes/nodes.h`.
#[repr(C)]
struct Host {
    jemalloc: unsafe extern "C" fn(usize) -> *mut c_void,
    jemalloc_free: unsafe extern "C" fn(*mut c_void, usize, c_int),
    mimalloc: unsafe extern "C" fn(usize) -> *mut c_void,
    mimalloc_free: unsafe extern "C" fn(*mut c_void),
    list_initialize: unsafe extern "C" fn(*mut lookaside_list, *const lookaside_parameters) -> lookaside_status,
    list_allocate: unsafe extern "C" fn(*mut lookaside_list) -> *mut c_void,
    list_free: unsafe extern "C" fn(*mut lookaside_list, *mut c_void),
}

static HOST: Host = Host {
    jemalloc: tikv_jemalloc_sys::malloc,
    jemalloc_free: tikv_jemalloc_sys::sdallocx,
    mimalloc: libmimalloc_sys::mi_malloc_small,
    mimalloc_free: libmimalloc_sys::mi_free,
    list_initialize: lookaside_list_initialize,
    list_allocate: lookaside_list_allocate,
    list_free: lookaside_list_free,
};

/// A container of C++.
#[repr(C)]
struct Raw {
    _private: [u8; 0],
}

type Make = unsafe extern "C" fn(*const c_char, *const c_char, *const Host) -> *mut Raw;
type Run = unsafe extern "C" fn(*mut Raw, u64) -> u64;
type Size = unsafe extern "C" fn(*const Raw) -> u64;
type Delete = unsafe extern "C" fn(*mut Raw);

/// A library of containers.
struct Source {
    carried: Carried,
    /// The Debian package that brings what it may lack.
    package: &'static str,
}

macro_rules! source {
    ($file:literal, $package:literal) => {
        Source {
            // SAFETY: the library is this project's own; C++'s runtime is what is initialised while it is loaded.
            carried: unsafe { Carried::new("the containers", include_bytes!(concat!(env!("OUT_DIR"), $file))) },
            package: $package,
        }
    };
}

static MOST: Source = source!("/lookaside_nodes.so", "libboost-dev");
static FOONATHAN: Source = source!("/lookaside_nodes_foonathan.so", "libfoonathan-memory-dev");

impl Source {
    fn absent(&self) -> Absent {
        Absent(format!("this command was built without it (Debian: {}; then build it again)", self.package))
    }

    fn library(&'static self) -> anyhow::Result<&'static Library> {
        if self.carried.is_there() { self.carried.library() } else { bail!(self.absent()) }
    }
}

struct Nodes {
    raw: *mut Raw,
    library: &'static Library,
    run: Run,
}

impl Nodes {
    /// An empty container of this kind.
    fn new(container: *const c_char, allocator: &str) -> anyhow::Result<Self> {
        let source = if allocator == "foonathan" { &FOONATHAN } else { &MOST };
        let library = source.library()?;
        let name = CString::new(allocator)?;
        // SAFETY: the types are those of nodes.h, the names are strings, and the host outlives everything.
        let (raw, run) = unsafe {
            let raw = library.get::<Make>(c"nodes_make")?(container, name.as_ptr(), &raw const HOST);
            (raw, *library.get::<Run>(c"nodes_run")?)
        };
        if raw.is_null() {
            bail!(source.absent());
        }
        Ok(Self { raw, library, run })
    }

    /// Changes it this number of times; returns a sum over what was found.
    fn run(&mut self, changes: u64) -> u64 {
        // SAFETY: the container was made, and is this one's own.
        unsafe { (self.run)(self.raw, changes) }
    }

    fn size(&self) -> u64 {
        // SAFETY: as above; the type is that of nodes.h.
        unsafe { self.library.get::<Size>(c"nodes_size").expect("the library has it")(self.raw) }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // SAFETY: the container was made, and no one uses it any more; the type is that of nodes.h.
        unsafe { self.library.get::<Delete>(c"nodes_delete").expect("the library has it")(self.raw) };
    }
}

/// What a container comes to after a number of changes: a sum over what was found, and how many elements are in it.
pub fn sum_and_size(container: &str, allocator: &str, changes: u64) -> anyhow::Result<(u64, u64)> {
    let mut nodes = Nodes::new(CString::new(container)?.as_ptr(), allocator)?;
    Ok((nodes.run(changes), nodes.size()))
}

fn run(container: *const c_char, allocator: &str) -> anyhow::Result<Figures> {
    let mut nodes = Nodes::new(container, allocator)?;
    nodes.run(FILL);
    let nanoseconds = timed(ROUND, &mut |changes| clock(|| _ = std::hint::black_box(nodes.run(changes))));
    Ok(vec![("ns", nanoseconds)])
}
