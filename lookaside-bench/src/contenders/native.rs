//! Pools in C and C++: Boost.Pool, foonathan/memory and DPDK's rte_mempool; and lists as C has them.
//!
//! Each is a small shared library of its own (`peers/`), compiled by the build script where the pool's headers are, and
//! loaded by the rounds that need it. There the compiler has inlined the pool into two functions, which a round calls: one
//! call more for each allocate and free than a program in C or C++ has, as with `lookaside-c`.

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, anyhow};
use libc::c_char;
use libloading::os::unix;

use super::called::{Called, Make};
use crate::ground::contender::About;
use crate::ground::files::Carried;

/// A function of peer.h that returns a text.
type Text = unsafe extern "C" fn() -> *const c_char;

/// A library of such pools.
pub struct Source(Carried);

macro_rules! source {
    ($name:literal, $packages:literal, $file:literal) => {{
        const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/peer_", $file, ".so"));
        // SAFETY: the library is this project's own, and does nothing while it is loaded but what the pool's library does.
        Source(unsafe { Carried::new($name, $packages, BYTES) })
    }};
}

static BOOST: Source = source!("Boost.Pool", "libboost-dev", "boost_pool");
static FOONATHAN: Source = source!("foonathan/memory", "libfoonathan-memory-dev", "foonathan");
static DPDK: Source = source!("DPDK", "libdpdk-dev, libbsd-dev and libnuma-dev", "dpdk");
/// Lists of the shared library, which is loaded before this.
static LOOKASIDE: Source = source!("lookaside", "", "lookaside");

impl Source {
    /// Starts the library, where it has to be.
    fn start(&self) {
        // What fails here fails again, and is reported, where a pool is made.
        if let Ok(library) = self.0.library() {
            // SAFETY: the type is that of peer.h.
            _ = unsafe { library.get::<Text>(c"lookaside_peer_start").map(|start| start()) };
        }
    }

    /// A pool of this name, which may be shared only if its name says so in `peers/`.
    fn pool<const SHARED: bool>(&self, about: &About, size: usize) -> anyhow::Result<Called<SHARED>> {
        // SAFETY: the type is that of peer.h, and the library stays loaded.
        unsafe { Called::new(about.name, size, *self.0.library()?.get::<Make>(c"lookaside_peer_make")?, None) }
    }

    fn version(&self) -> anyhow::Result<String> {
        let library = self.0.library()?;
        // SAFETY: the type is that of peer.h, and the text is the library's, which stays loaded.
        let version = unsafe { CStr::from_ptr(library.get::<Text>(c"lookaside_peer_version")?()) };
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

pub const C_LIBRARY: About = About::new("lookaside-c", "the same through the shared library, as a C program calls it");

/// The shared library's name.
const NAME: &str = concat!("liblookaside.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// A pair list of liblookaside.so, as a C program has it: every call is indirect and checks its list.
pub fn c_library(size: usize) -> anyhow::Result<Called<true>> {
    load_c_library()?;
    LOOKASIDE.pool(&C_LIBRARY, size)
}

/// Loads the shared library, so that others which are loaded later find its calls.
pub fn load_c_library() -> anyhow::Result<()> {
    static LOADED: OnceLock<anyhow::Result<unix::Library>> = OnceLock::new();
    let load = || {
        // SAFETY: the library is this project's own, and does nothing while it is loaded.
        let library = unsafe { unix::Library::open(Some(path()?), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        library.context("the shared library cannot be loaded")
    };
    LOADED.get_or_init(load).as_ref().map(|_| ()).map_err(|reason| anyhow!("{reason:#}"))
}

/// Where the shared library is: where cargo puts it when it builds this command, beside the dependencies, where both are
/// installed, or else where the loader looks.
fn path() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    let mut places = folders.flat_map(|folder| ["deps", "", "lib"].map(|place| folder.join(place).join(NAME)));
    Ok(places.find(|path| path.exists()).unwrap_or_else(|| NAME.into()))
}
