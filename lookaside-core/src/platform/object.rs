//! The objects of the process: the program, and the shared libraries beside it.

use core::ffi::{CStr, c_char};
use core::ptr;

/// What the loader knows of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// The name of its file, as the loader has it; empty where it is the program.
    pub name: *const c_char,
    /// Whether it is the program itself.
    pub is_program: bool,
    /// What the loader added to the addresses in the file.
    pub bias: usize,
}

/// Returns the object that was loaded where this address is. The name is there as long as the object. Neither allocates
/// nor takes a lock but the loader's own for its list of objects, which the child of a fork finds free. (That of
/// `dl_iterate_phdr` it may find held, by a thread that it does not have.)
pub(super) fn object_of(address: usize) -> Option<Object> {
    if let Some(bias) = program_bias(address) {
        return Some(Object { name: c"".as_ptr(), is_program: true, bias });
    }
    // SAFETY: zeroes are a valid place for the result; the address is only looked up.
    unsafe {
        let mut found: libc::Dl_info = core::mem::zeroed();
        (libc::dladdr(ptr::without_provenance(address), &mut found) != 0 && !found.dli_fname.is_null())
            .then(|| Object { name: found.dli_fname, is_program: false, bias: found.dli_fbase.addr() })
    }
}

/// Returns what the kernel or the loader added to the program's addresses, if this one is the program's: by its headers
/// as the kernel gave them.
fn program_bias(address: usize) -> Option<usize> {
    // SAFETY: it only reads.
    let [headers, count] = [libc::AT_PHDR, libc::AT_PHNUM].map(|what| unsafe { libc::getauxval(what) as usize });
    if headers == 0 {
        return None;
    }
    // SAFETY: the kernel mapped these headers with the program, which stays.
    let table =
        unsafe { core::slice::from_raw_parts(ptr::with_exposed_provenance::<libc::Elf64_Phdr>(headers), count) };
    // Programs without a loader may have no header for the headers: there they follow the file's.
    let place = |header: &libc::Elf64_Phdr| match header.p_type {
        libc::PT_PHDR => Some(header.p_vaddr as usize),
        libc::PT_LOAD if header.p_offset == 0 => Some(header.p_vaddr as usize + size_of::<libc::Elf64_Ehdr>()),
        _ => None,
    };
    let bias = headers.wrapping_sub(table.iter().find_map(place)?);
    let inside = address.wrapping_sub(bias) as u64;
    let has_it = |header: &libc::Elf64_Phdr| {
        header.p_type == libc::PT_LOAD && inside.wrapping_sub(header.p_vaddr) < header.p_memsz
    };
    table.iter().any(has_it).then_some(bias)
}

/// Returns the path by which the program was started.
pub(super) fn program_path() -> Option<&'static CStr> {
    // SAFETY: it only reads; the kernel's string stays where it is.
    let path = unsafe { ptr::with_exposed_provenance::<c_char>(libc::getauxval(libc::AT_EXECFN) as usize) };
    // SAFETY: as above; it ends in a zero.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) })
}
