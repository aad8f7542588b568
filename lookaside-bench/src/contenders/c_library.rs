//! A pair list through the shared library, as a C program has it: every call is indirect and checks its list.

use std::path::PathBuf;

use anyhow::Context;
use libloading::Library;

use super::called::{Called, ListCalls};
use crate::ground::contender::About;

pub const C_LIBRARY: About = About::new("lookaside-c", "the same through the shared library, as a C program calls it");

/// A list of liblookaside.so.
pub fn new(size: usize) -> anyhow::Result<Called<true>> {
    let path = library()?;
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

/// Where cargo puts the shared library when it builds this command: beside the dependencies.
fn library() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    folders
        .flat_map(|folder| [folder.join("deps/liblookaside.so"), folder.join("liblookaside.so")])
        .find(|path| path.exists())
        .context("there is no liblookaside.so beside this program")
}
