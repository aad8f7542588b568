//! A pair list through the shared library, as a C program has it: every call is indirect and checks its list.

use std::path::PathBuf;

use anyhow::Context;
use libloading::Library;

use super::called::{Called, ListCalls};
use crate::ground::contender::About;

pub const C_LIBRARY: About = About::new("lookaside-c", "the same through the shared library, as a C program calls it");

/// The shared library's name.
const NAME: &str = concat!("liblookaside.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// A list of liblookaside.so.
pub fn new(size: usize) -> anyhow::Result<Called<true>> {
    let path = path()?;
    // SAFETY: the library is this project's own, and does nothing while it is loaded.
    let library = unsafe { Library::new(&path) }.context("the shared library cannot be loaded")?;
    // SAFETY: the types are those that the header gives these names.
    unsafe {
        let calls = ListCalls {
            initialize: *library.get("lookaside_list_initialize")?,
            allocate: *library.get("lookaside_list_allocate")?,
            free: *library.get("lookaside_list_free")?,
            many: Some((*library.get("lookaside_list_allocate_many")?, *library.get("lookaside_list_free_many")?)),
            delete: *library.get("lookaside_list_delete")?,
            statistics: *library.get("lookaside_list_statistics")?,
            inline_abi: 0,
            library: Some(library),
        };
        Called::list(C_LIBRARY.name, size, calls, |_| None)
    }
}

/// Where the shared library is: where cargo puts it when it builds this command, beside the dependencies, where both are
/// installed, or else where the loader looks.
pub fn path() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    let mut places = folders.flat_map(|folder| ["deps", "", "lib"].map(|place| folder.join(place).join(NAME)));
    Ok(places.find(|path| path.exists()).unwrap_or_else(|| NAME.into()))
}
