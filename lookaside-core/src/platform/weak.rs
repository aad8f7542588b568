//! Symbols that another object of the program may define.
//!
//! A weak reference finds them in static programs and in libraries. But where the C library gives a symbol a version,
//! an object with a reference to it does not load with a C library that lacks the version. The shared library has to, so
//! it is linked without such references, and asks the loader instead: `lookaside-ffi/build.rs` sets their names to the
//! address of [`BY_NAME`].

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use super::system_call::keep_errno;

/// The address of a symbol, or null where no object of the program defines it, and on processors for which this cannot
/// look. A weak reference, which serves in static programs and in libraries.
macro_rules! weak {
    ($name:literal) => {{
        let address: *const ();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: reads an address from the global offset table; an undefined weak symbol has the address null.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {address}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                address = out(reg) address,
                options(nostack, pure, readonly, preserves_flags),
            );
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        // SAFETY: as above.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("adrp {address}, :got:", $name),
                concat!("ldr {address}, [{address}, :got_lo12:", $name, "]"),
                address = out(reg) address,
                options(nostack, pure, readonly, preserves_flags),
            );
        }
        #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
        {
            address = core::ptr::null();
        }
        address
    }};
}
pub(super) use weak;

/// [`weak`] for a symbol that the C library may have with a version.
macro_rules! weak_versioned {
    ($name:literal) => {{
        static NAMED: $crate::platform::weak::Named = $crate::platform::weak::Named::new();
        const NAME: &core::ffi::CStr = match core::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => panic!("a name has no zero in it"),
        };
        NAMED.address($crate::platform::weak::weak!($name), NAME)
    }};
}
pub(super) use weak_versioned;

// Weak itself, for programs with two versions of this crate.
global_asm!(
    ".pushsection .rodata.lookaside_by_name, \"a\", %progbits",
    ".hidden lookaside_by_name",
    ".weak lookaside_by_name",
    ".type lookaside_by_name, %object",
    ".size lookaside_by_name, 1",
    "lookaside_by_name:",
    ".byte 0",
    ".popsection",
);

unsafe extern "C" {
    /// What the shared library finds in the place of a symbol with a version.
    #[link_name = "lookaside_by_name"]
    static BY_NAME: u8;
}

/// A symbol that is looked for by its name, once.
pub(super) struct Named(AtomicPtr<()>);

impl Named {
    pub const fn new() -> Named {
        Named(AtomicPtr::new(null_mut()))
    }

    /// Returns what a weak reference found, or in the shared library what the loader finds.
    #[inline]
    pub fn address(&self, weak: *const (), name: &CStr) -> *const () {
        // Miri has no such symbol, and no loader.
        if cfg!(miri) || weak != (&raw const BY_NAME).cast() {
            return weak;
        }
        // Relaxed: each thread that looks finds the same address, of what is there from the program's start.
        match self.0.load(Relaxed).cast_const() {
            found if found.is_null() => self.look(name),
            found if found == (&raw const BY_NAME).cast() => core::ptr::null(),
            found => found,
        }
    }

    #[cold]
    fn look(&self, name: &CStr) -> *const () {
        let found = by_name(name);
        let kept = if found.is_null() { (&raw const BY_NAME).cast() } else { found };
        self.0.store(kept.cast_mut(), Relaxed);
        found
    }
}

/// Asks the loader for a symbol; null where it has none, and in static programs, which have no loader to ask.
pub(super) fn by_name(name: &CStr) -> *const () {
    let dlsym = weak!("dlsym");
    if dlsym.is_null() {
        return core::ptr::null();
    }
    type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    // SAFETY: the C library's function, which is no cancellation point, with a name that ends in a zero.
    keep_errno(|| unsafe { transmute::<*const (), Dlsym>(dlsym)(libc::RTLD_DEFAULT, name.as_ptr()) })
        .cast_const()
        .cast()
}
