//! Pools in C and C++: Boost.Pool, foonathan/memory and DPDK's rte_mempool.
//!
//! Each is a small shared library of its own (`peers/`), compiled by the build script where the pool's headers are, and
//! loaded by the rounds that need it. There the compiler has inlined the pool into two functions, which a round calls: one
//! call more for each allocate and free than a program in C or C++ has, as with `lookaside-c`.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

use anyhow::bail;
use libc::c_char;
use libloading::Library;

use super::called::{Called, Peer};
use crate::ground::contender::About;
use crate::ground::files::Carried;

type Make = unsafe extern "C" fn(*const c_char, usize, *mut Peer) -> *const c_char;
type Start = unsafe extern "C" fn() -> *const c_char;
type Version = unsafe extern "C" fn() -> *const c_char;

/// A library of such pools.
pub struct Source {
    name: &'static str,
    /// The Debian packages that bring what its build needs.
    packages: &'static str,
    carried: Carried,
    /// Why the build script could not make it, if its headers were there.
    fault: &'static str,
}

macro_rules! source {
    ($name:literal, $packages:literal, $file:literal) => {
        Source {
            name: $name,
            packages: $packages,
            // SAFETY: the library is this project's own, and does nothing while it is loaded but what the pool's library does.
            carried: unsafe { Carried::new($name, include_bytes!(concat!(env!("OUT_DIR"), "/peer_", $file, ".so"))) },
            fault: include_str!(concat!(env!("OUT_DIR"), "/peer_", $file, ".txt")),
        }
    };
}

static BOOST: Source = source!("Boost.Pool", "libboost-dev", "boost_pool");
static FOONATHAN: Source = source!("foonathan/memory", "libfoonathan-memory-dev", "foonathan");
static DPDK: Source = source!("DPDK", "libdpdk-dev, libbsd-dev and libnuma-dev", "dpdk");

impl Source {
    /// Why this command has no such pool.
    fn missing(&self) -> Option<String> {
        let Self { name, packages, fault, .. } = self;
        (!self.carried.is_there()).then(|| match *fault {
            "" => format!("this command was built without {name} (Debian: {packages}; then build it again)"),
            _ => format!("{name} could not be built (it needs Debian's {packages}): {fault}"),
        })
    }

    fn library(&self) -> anyhow::Result<&Library> {
        self.missing().map_or_else(|| self.carried.library(), |reason| bail!(reason))
    }

    /// Starts the library, where it has to be.
    fn start(&self) {
        // What fails here fails again, and is reported, where a pool is made.
        if let Ok(library) = self.library() {
            // SAFETY: the type is that of peer.h.
            _ = unsafe { library.get::<Start>(c"lookaside_peer_start").map(|start| start()) };
        }
    }

    /// A pool of this name, which may be shared only if its name says so in `peers/`.
    fn pool<const SHARED: bool>(&self, about: &About, size: usize) -> anyhow::Result<Called<SHARED>> {
        let library = self.library()?;
        let name = CString::new(about.name)?;
        let mut peer = MaybeUninit::<Peer>::uninit();
        // SAFETY: the type is that of peer.h, and the function fills in the pool unless it says why not.
        unsafe {
            let reason = library.get::<Make>(c"lookaside_peer_make")?(name.as_ptr(), size, peer.as_mut_ptr());
            if !reason.is_null() {
                bail!("{}: {}", self.name, CStr::from_ptr(reason).to_string_lossy());
            }
            Ok(Called::new(about.name, peer.assume_init()))
        }
    }

    fn version(&self) -> anyhow::Result<String> {
        let library = self.library()?;
        // SAFETY: the type is that of peer.h, and the text is the library's, which stays loaded.
        let version = unsafe { CStr::from_ptr(library.get::<Version>(c"lookaside_peer_version")?()) };
        Ok(version.to_string_lossy().into_owned())
    }
}

/// The versions of those that there are.
pub fn versions() -> impl Iterator<Item = String> {
    [&BOOST, &FOONATHAN, &DPDK].into_iter().filter_map(|source| source.version().ok())
}

macro_rules! pools {
    ($($name:ident $new:ident: $source:ident $shared:literal $text:literal, $about:literal;)*) => {$(
        pub const $name: About = About::beside($text, $about);

        pub fn $new(size: usize) -> anyhow::Result<Called<$shared>> {
            $source.pool(&$name, size)
        }
    )*};
}

pools! {
    BOOST_POOL boost_pool: BOOST false "boost-pool", "boost::pool, which one thread owns";
    BOOST_SINGLETON_POOL boost_singleton_pool: BOOST true "boost-singleton-pool",
        "boost::singleton_pool, which has a mutex";
    FOONATHAN_POOL foonathan: FOONATHAN false "foonathan", "foonathan/memory's memory_pool, which one thread owns";
    FOONATHAN_MUTEX foonathan_mutex: FOONATHAN true "foonathan-mutex",
        "the same with a mutex, as that library has it for threads";
    DPDK_POOL dpdk: DPDK true "dpdk", "DPDK's rte_mempool, with its cache for each core";
    DPDK_USER_CACHE dpdk_user_cache: DPDK true "dpdk-user-cache", "the same with caches that the program owns";
}

/// Starts DPDK, which takes memory once for a process.
pub fn start_dpdk() {
    DPDK.start();
}

/// Why this command has no pool of this library, if it has none.
pub fn missing(library: &str) -> Option<String> {
    [&BOOST, &FOONATHAN, &DPDK].into_iter().find(|source| source.name == library)?.missing()
}
