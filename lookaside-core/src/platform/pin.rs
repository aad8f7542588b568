//! Keeping the object that this code is in loaded (theory §2.7).

use core::arch::global_asm;
use core::ffi::{c_char, c_int, c_void};

use super::cancellation::uncancelled;
use super::object::object_of;
use super::system_call::keep_errno;

// A weak reference, since static programs have no `dlopen`; weak itself, for programs with two versions of this crate.
global_asm!(
    ".weak dlopen",
    ".pushsection .data.rel.ro.lookaside_dlopen, \"aw\", @progbits",
    ".balign 8",
    ".hidden lookaside_dlopen",
    ".weak lookaside_dlopen",
    ".type lookaside_dlopen, @object",
    ".size lookaside_dlopen, 8",
    "lookaside_dlopen:",
    ".quad dlopen",
    ".popsection",
);

unsafe extern "C" {
    #[link_name = "lookaside_dlopen"]
    static DLOPEN: Option<unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void>;
}

/// Has the object with this code, and with the sections, stay loaded for the life of the process; without effect on
/// programs, on what is linked with `-z nodelete`, and under Miri, which has no loader. Takes the loader's lock, so no
/// lock of ours may be held.
pub fn stay_loaded() {
    if cfg!(miri) {
        return;
    }
    // SAFETY: a constant that the loader relocated.
    let Some(dlopen) = (unsafe { DLOPEN }) else { return };
    // A program stays anyway.
    let object = object_of(stay_loaded as fn() as usize).filter(|object| !object.is_program);
    let Some(object) = object else { return };
    let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the name belongs to the object, which is loaded while its code runs. The loader finds the object by it
    // among those that are loaded, so the file may be gone and the working directory another. Where that fails there is
    // nothing else to try.
    keep_errno(|| uncancelled(|| unsafe { dlopen(object.name, flags) }));
}
