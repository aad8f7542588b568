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
    /// What the loader added to the addresses in the file; of a library where it begins, since its addresses do at 0.
    pub bias: usize,
}

/// Returns the object that was loaded where this address is. The name is there as long as the object. Neither allocates
/// nor takes a lock but the loader's own for its list of objects, which the child of a fork finds free. (That of
/// `dl_iterate_phdr` it may find held, by a thread that it does not have.)
pub(super) fn object_of(address: usize) -> Option<Object> {
    match program_bias(address) {
        Some(bias) => Some(Object { name: c"".as_ptr(), is_program: true, bias }),
        None => library_of(address),
    }
}

/// Returns whether this library is a part of the program, and no object beside it.
pub(super) fn is_in_program() -> bool {
    program_bias(is_in_program as *const () as usize).is_some()
}

fn library_of(address: usize) -> Option<Object> {
    // SAFETY: zeroes are a valid place for the result; the address is only looked up.
    unsafe {
        let mut found: libc::Dl_info = core::mem::zeroed();
        (libc::dladdr(ptr::without_provenance(address), &mut found) != 0 && !found.dli_fname.is_null())
            .then(|| Object { name: found.dli_fname, is_program: false, bias: found.dli_fbase.addr() })
    }
}

/// Returns what the kernel or the loader added to the program's addresses, if this one is the program's: by its headers
/// as the kernel gave them. Plain loops, since a handler may be here on a small stack.
fn program_bias(address: usize) -> Option<usize> {
    // SAFETY: it only reads.
    let (headers, count) = unsafe { (libc::getauxval(libc::AT_PHDR), libc::getauxval(libc::AT_PHNUM)) };
    let first = ptr::with_exposed_provenance::<libc::Elf64_Phdr>(headers as usize);
    let mut place = None;
    for number in 0..count as usize {
        // SAFETY: the kernel mapped this number of headers with the program, which stays.
        let header = unsafe { &*first.add(number) };
        // Programs without a loader may have no header for the headers: there they follow the file's.
        match header.p_type {
            libc::PT_PHDR => place = Some(header.p_vaddr),
            libc::PT_LOAD if header.p_offset == 0 && place.is_none() => {
                place = Some(header.p_vaddr + size_of::<libc::Elf64_Ehdr>() as u64);
            }
            _ => {}
        }
    }
    let bias = headers.wrapping_sub(place?);
    for number in 0..count as usize {
        // SAFETY: as above.
        let header = unsafe { &*first.add(number) };
        let inside = (address as u64).wrapping_sub(bias).wrapping_sub(header.p_vaddr);
        if header.p_type == libc::PT_LOAD && inside < header.p_memsz {
            return Some(bias as usize);
        }
    }
    None
}

/// Returns the path by which the program was started.
pub(super) fn program_path() -> Option<&'static CStr> {
    // SAFETY: it only reads; the kernel's string stays where it is.
    let path = unsafe { ptr::with_exposed_provenance::<c_char>(libc::getauxval(libc::AT_EXECFN) as usize) };
    // SAFETY: as above; it ends in a zero.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) })
}
