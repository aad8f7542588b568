//! The objects of the process: the program, and the shared libraries beside it.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

/// What the loader knows of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// The name of its file, as the loader has it: empty, or not a file's, where it is the program.
    pub name: *const c_char,
    /// Whether it is the program itself.
    pub is_program: bool,
    /// What the loader added to the addresses in the file.
    pub bias: usize,
}

struct Search {
    address: usize,
    looked_at: usize,
    found: Option<Object>,
}

/// Returns the object that was loaded where this address is. The name is there as long as the object. Neither allocates
/// nor takes a lock but the loader's own.
pub(super) fn object_of(address: usize) -> Option<Object> {
    let mut search = Search { address, looked_at: 0, found: None };
    // SAFETY: the function takes a Search, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

/// Stops at the object that has the address.
unsafe extern "C" fn look(object: *mut libc::dl_phdr_info, _size: usize, search: *mut c_void) -> c_int {
    // SAFETY: the loader gives a valid object with its program headers and a name that ends in a zero, and `object_of`
    // a Search that is no one else's.
    unsafe {
        let (object, search) = (&*object, &mut *search.cast::<Search>());
        let is_first = search.looked_at == 0;
        search.looked_at += 1;
        let headers = core::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into());
        let inside = (search.address as u64).wrapping_sub(object.dlpi_addr);
        let has_it = |header: &libc::Elf64_Phdr| {
            header.p_type == libc::PT_LOAD && inside.wrapping_sub(header.p_vaddr) < header.p_memsz
        };
        if !headers.iter().any(has_it) {
            return 0;
        }
        // glibc gives the program no name. musl does, and lists it first; glibc lists other objects first where they
        // were loaded apart from the program.
        let unnamed = object.dlpi_name.is_null() || CStr::from_ptr(object.dlpi_name).is_empty();
        let is_program = unnamed || cfg!(target_env = "musl") && is_first;
        search.found = Some(Object { name: object.dlpi_name, is_program, bias: object.dlpi_addr as usize });
        1
    }
}

/// Returns the path by which the program was started.
pub(super) fn program_path() -> Option<&'static CStr> {
    // SAFETY: it only reads; the kernel's string stays where it is.
    let path = unsafe { ptr::with_exposed_provenance::<c_char>(libc::getauxval(libc::AT_EXECFN) as usize) };
    // SAFETY: as above; it ends in a zero.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) })
}
