//! Keeping the object that this code is in loaded (theory §2.7).

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

use super::cancellation::uncancelled;
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
    let mut name: *const c_char = ptr::null();
    // SAFETY: all places are valid. The name belongs to the object, which is loaded while its code runs. The loader
    // finds the object by it among those that are loaded, so the file may be gone and the working directory another.
    unsafe {
        libc::dl_iterate_phdr(Some(find), (&raw mut name).cast());
        // A program's own name is empty.
        if name.is_null() || CStr::from_ptr(name).is_empty() {
            return;
        }
        // Null where it fails, and there is nothing else to try.
        let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
        keep_errno(|| uncancelled(|| dlopen(name, flags)));
    }
}

/// Stops at the object that has this function, and writes its name to `name`.
unsafe extern "C" fn find(object: *mut libc::dl_phdr_info, _size: usize, name: *mut c_void) -> c_int {
    // SAFETY: the loader gives a valid object with its program headers, and `name` is as in `stay_loaded`.
    unsafe {
        let object = &*object;
        let headers = core::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into());
        let here = (stay_loaded as fn() as usize as u64).wrapping_sub(object.dlpi_addr);
        let is_here = |header: &libc::Elf64_Phdr| {
            header.p_type == libc::PT_LOAD && here.wrapping_sub(header.p_vaddr) < header.p_memsz
        };
        if !headers.iter().any(is_here) {
            return 0;
        }
        name.cast::<*const c_char>().write(object.dlpi_name);
        1
    }
}
