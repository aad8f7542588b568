//! Pools in C and C++: Boost.Pool, foonathan/memory and DPDK's rte_mempool.
//!
//! Each is a small shared library of its own (`peers/`), compiled by the build script where the pool's headers are, and
//! loaded by the rounds that play it. There the compiler has inlined the pool into two functions, which a round calls: one
//! call more for each allocate and free than a program in C or C++ has, as with `lookaside-c`.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use anyhow::{Context, anyhow, bail};
use libc::{c_char, c_int, c_void};
use libloading::Library;

use super::{Contender, exhausted};
use crate::files;

/// `struct peer` of `peers/peer.h`.
#[repr(C)]
struct Peer {
    pool: *mut c_void,
    allocate: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
    allocate_many: Option<unsafe extern "C" fn(*mut c_void, *mut *mut c_void, usize) -> c_int>,
    free_many: Option<unsafe extern "C" fn(*mut c_void, *const *mut c_void, usize)>,
    kept: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    destroy: unsafe extern "C" fn(*mut c_void),
}

type Make = unsafe extern "C" fn(*const c_char, usize, *mut Peer) -> *const c_char;
type Start = unsafe extern "C" fn() -> *const c_char;
type Version = unsafe extern "C" fn() -> *const c_char;

/// A library of such pools.
pub struct Source {
    /// Its name.
    name: &'static str,
    /// The Debian packages that bring what its build needs.
    packages: &'static str,
    /// The shared library that carries it; empty where the build script could not make it.
    carried: &'static [u8],
    /// Why it could not, if its headers were there.
    fault: &'static str,
    /// The library, loaded. It stays, since what ends with a thread runs its code.
    loaded: OnceLock<anyhow::Result<Library>>,
}

macro_rules! source {
    ($name:literal, $packages:literal, $file:literal) => {
        Source {
            name: $name,
            packages: $packages,
            carried: include_bytes!(concat!(env!("OUT_DIR"), "/peer_", $file, ".so")),
            fault: include_str!(concat!(env!("OUT_DIR"), "/peer_", $file, ".txt")),
            loaded: OnceLock::new(),
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
        self.carried.is_empty().then(|| match *fault {
            "" => format!("this command was built without {name} (Debian: {packages}; then build it again)"),
            _ => format!("{name} could not be built (it needs Debian's {packages}): {fault}"),
        })
    }

    fn library(&self) -> anyhow::Result<&Library> {
        let loaded = self.loaded.get_or_init(|| self.load());
        loaded.as_ref().map_err(|reason| anyhow!("{reason:#}"))
    }

    fn load(&self) -> anyhow::Result<Library> {
        if let Some(reason) = self.missing() {
            bail!(reason);
        }
        // SAFETY: the library is this project's own, and does nothing while it is loaded but what the pool's library does.
        let loaded = unsafe { files::load(self.carried) };
        loaded.with_context(|| format!("{} cannot be loaded", self.name))
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

/// Why this command has no pool of this shape.
#[cfg(test)]
pub fn missing<S: Shape>() -> Option<String> {
    S::SOURCE.missing()
}

/// One pool of a source.
pub trait Shape {
    /// What brings it.
    const SOURCE: &'static Source;
    /// Its name, in tables and in the source.
    const NAME: &'static str;
}

/// A shape that threads may share.
pub trait Shared: Shape {}

macro_rules! shapes {
    ($($(#[$about:meta])* $shape:ident: $source:ident $name:literal $($shared:ident)?;)*) => {$(
        $(#[$about])*
        pub struct $shape;

        impl Shape for $shape {
            const SOURCE: &'static Source = &$source;
            const NAME: &'static str = $name;
        }

        $(impl $shared for $shape {})?
    )*};
}

shapes! {
    /// `boost::pool`.
    BoostPool: BOOST "boost-pool";
    /// `boost::singleton_pool`, behind a mutex.
    BoostSingletonPool: BOOST "boost-singleton-pool" Shared;
    /// `memory_pool<node_pool>`.
    Foonathan: FOONATHAN "foonathan";
    /// The same behind a mutex.
    FoonathanMutex: FOONATHAN "foonathan-mutex" Shared;
    /// `rte_mempool` with a cache for each core.
    Dpdk: DPDK "dpdk" Shared;
    /// `rte_mempool` with caches that threads own.
    DpdkUserCache: DPDK "dpdk-user-cache" Shared;
}

/// A pool of this shape.
pub struct Native<S> {
    peer: Peer,
    _shape: PhantomData<S>,
}

// SAFETY: the functions of a shared shape may be called on any thread, and nothing else here changes before the drop.
unsafe impl<S: Shared> Sync for Native<S> {}

impl<S: Shape> Contender for Native<S> {
    fn start() {
        // What fails here fails again, and is told, where a pool is made.
        if let Ok(library) = S::SOURCE.library() {
            // SAFETY: the type is that of peer.h.
            _ = unsafe { library.get::<Start>(c"lookaside_peer_start").map(|start| start()) };
        }
    }

    fn new(size: usize) -> anyhow::Result<Self> {
        let library = S::SOURCE.library()?;
        let name = CString::new(S::NAME)?;
        let mut peer = MaybeUninit::<Peer>::uninit();
        // SAFETY: the type is that of peer.h, and the function fills in the pool unless it says why not.
        let peer = unsafe {
            let reason = library.get::<Make>(c"lookaside_peer_make")?(name.as_ptr(), size, peer.as_mut_ptr());
            if !reason.is_null() {
                bail!("{}: {}", S::SOURCE.name, CStr::from_ptr(reason).to_string_lossy());
            }
            peer.assume_init()
        };
        Ok(Self { peer, _shape: PhantomData })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the pool was made.
        let block = unsafe { (self.peer.allocate)(self.peer.pool) };
        if block.is_null() {
            exhausted(S::NAME);
        }
        block.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the pool was made, and the caller gives back a block of it.
        unsafe { (self.peer.free)(self.peer.pool, block.cast()) };
    }

    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        match self.peer.allocate_many {
            Some(many) => {
                // SAFETY: the pool was made, and there are so many places.
                if unsafe { many(self.peer.pool, out.as_mut_ptr().cast(), out.len()) } == 0 {
                    exhausted(S::NAME);
                }
            }
            None => out.fill_with(|| self.allocate()),
        }
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8]) {
        match self.peer.free_many {
            // SAFETY: the pool was made, and the caller gives back so many blocks of it.
            Some(many) => unsafe { many(self.peer.pool, blocks.as_ptr().cast(), blocks.len()) },
            None => {
                for &block in blocks {
                    // SAFETY: as the caller says.
                    unsafe { self.free(block) };
                }
            }
        }
    }

    fn kept(&self) -> Option<u64> {
        // SAFETY: the pool was made, and its functions belong to it.
        self.peer.kept.map(|kept| unsafe { kept(self.peer.pool) })
    }
}

impl<S> Drop for Native<S> {
    fn drop(&mut self) {
        // SAFETY: the pool was made, and nobody else can reach it any more.
        unsafe { (self.peer.destroy)(self.peer.pool) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_libraries() {
        for source in [&BOOST, &FOONATHAN, &DPDK] {
            match source.missing() {
                None => assert!(source.version().expect("it was built").starts_with(source.name), "{}", source.name),
                Some(reason) => eprintln!("skipped: {reason}"),
            }
        }
    }
}
