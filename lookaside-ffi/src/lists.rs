//! All lists, as data.

use core::ffi::c_char;
use core::mem::{align_of, size_of};
use core::ptr;

use lookaside_core::{ListInfo, Lists, Status};

use crate::types::*;
use crate::written::fill;

/// What a list is called, where it is, and what it has done.
#[repr(C)]
pub struct lookaside_list_info {
    /// `sizeof(lookaside_list_info)`, set by the caller.
    pub struct_size: usize,
    /// The list; NULL for one that may move, as lists of Rust and of small pools may. It may be deleted as soon as the
    /// call has returned, unless the program sees to that.
    pub list: *const lookaside_list,
    /// Its name as reports have it, in UTF-8, with a zero byte behind it.
    pub name: [c_char; 40],
    /// Its statistics.
    pub statistics: lookaside_statistics,
}

const _: () = assert!(size_of::<lookaside_list_info>() == 368 && align_of::<lookaside_list_info>() == 8);

impl From<ListInfo> for lookaside_list_info {
    fn from(info: ListInfo) -> Self {
        let mut name = [0; 40];
        for (to, from) in name.iter_mut().zip(info.name().bytes()) {
            *to = from as c_char;
        }
        Self {
            struct_size: size_of::<Self>(),
            list: ptr::with_exposed_provenance(info.address),
            name,
            statistics: info.statistics.into(),
        }
    }
}

/// Returns one list after another: every list of the process, those of small pools and of
/// `lookaside_process_list` included, in no particular order.
///
/// Parameters:
/// - `cursor`: where the walk is; 0 begins. Each call moves it on.
/// - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_list_info)` by the caller.
///
/// Returns, and then `out` is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
/// - `LOOKASIDE_STATUS_NO_MORE_ENTRIES`: the walk is over.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `struct_size` is not that of this version. The cursor
///   stays.
///
/// Memory and threads: any number of threads at once, each with a cursor of its own; no one is stopped, and nothing is
/// held between two calls: lists may be made and deleted meanwhile. A list that is there all the time comes once; one
/// that comes or goes may or may not be among them.
///
/// WDK: `NtQuerySystemInformation` with class 0x2D.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_next_list(cursor: *mut u64, out: *mut lookaside_list_info) -> lookaside_status {
    // SAFETY: the caller gives null or a structure of which at least the first field may be read.
    if cursor.is_null() || out.is_null() || unsafe { (*out).struct_size } != size_of::<lookaside_list_info>() {
        return Status::INVALID_PARAMETER.0;
    }
    // SAFETY: not null, so the caller gives a cursor of its own, and the whole structure is there.
    unsafe {
        let mut lists = Lists::from_cursor(*cursor);
        let found = lists.next();
        fill(cursor, lists.cursor());
        match found {
            Some(info) => {
                fill(out, info.into());
                Status::SUCCESS.0
            }
            None => Status::NO_MORE_ENTRIES.0,
        }
    }
}
