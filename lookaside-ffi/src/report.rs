//! Statistics, the report, tuning by hand, and words for statuses and the version.

use core::ffi::{CStr, c_char, c_int};
use core::fmt::{self, Write};
use core::mem::{MaybeUninit, size_of};
use core::slice;

use lookaside_core::{RawList, Status};

use crate::types::*;
use crate::written::{fill, wrote};

/// Returns what a list is and has done. The numbers are exact when no one uses the list during the call.
///
/// Parameters:
/// - `list`: the list.
/// - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_statistics)` by the caller.
///
/// Returns, and then `out` is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `struct_size` is not that of this version.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
///
/// Memory and threads: any number of threads at once; no one is stopped.
///
/// WDK: `NtQuerySystemInformation` with class 0x2D.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_list_statistics(
    list: *const lookaside_list,
    out: *mut lookaside_statistics,
) -> lookaside_status {
    // SAFETY: the caller gives null or a structure of which at least the first field may be read.
    if out.is_null() || unsafe { (*out).struct_size } != size_of::<lookaside_statistics>() {
        return Status::INVALID_PARAMETER.0;
    }
    // SAFETY: a list, or memory that may be read and is none.
    match unsafe { RawList::statistics(list.cast()) } {
        Ok(statistics) => {
            // SAFETY: not null, and the caller said that the whole structure is there.
            unsafe { fill(out, statistics.into()) };
            Status::SUCCESS.0
        }
        Err(status) => status.0,
    }
}

/// Returns which engine serves lists that ask for none, and why.
///
/// Parameters: none.
///
/// Returns a text such as `heap, because AddressSanitizer is present`: the engine's name as `LOOKASIDE_ENGINE` takes
/// it, and the reason. The same pointer at each call; not to be freed. The first call chooses the engine, if no list
/// did.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_engine() -> *const c_char {
    lookaside_core::engine_description().as_ptr()
}

/// Runs one scan over all lists now, as the balance set manager does once a second.
///
/// In a program with one thread, which no thread scans, a timer of its event loop may call it once a second.
///
/// Parameters: none.
///
/// Returns nothing.
///
/// Memory and threads: any number of threads at once. No callback runs.
///
/// WDK: `ExAdjustLookasideDepth`.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_adjust_depth() {
    lookaside_core::adjust_depth();
}

/// Sets how many bytes all lists together may keep.
///
/// Scans enforce it: when lists keep more, those that were used least since the scan before give up all that they keep,
/// one after the other, and a depth that tunes itself begins anew. So between two scans they may keep more. Lists with a
/// free callback do so at their next miss. What callers hold does not count. While there is a limit a scan looks at
/// every list.
///
/// Parameters:
/// - `bytes`: the limit; `UINT64_MAX` for none, which is the default. `LOOKASIDE_LIMIT` in the environment does the
///   same.
///
/// Returns nothing.
///
/// Memory and threads: any number of threads at once. O(1).
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_set_limit(bytes: u64) {
    lookaside_core::set_limit(bytes);
}

/// Has scans look at memory pressure, or no more. Where tasks of the process's control group (of the system, where the
/// group reports none) waited for memory for more than a tenth of the time since the last scan, the lists that were used
/// least give up what they keep until all together keep half; the next scan does the same, as long as it lasts.
///
/// Off is the default, since a scan then makes system calls that a sandbox may forbid: openat, read, close.
///
/// Parameters:
/// - `on`: not 0 to look. `LOOKASIDE_PRESSURE` in the environment does the same.
///
/// Returns nothing. Where the kernel reports no pressure, nothing happens.
///
/// Memory and threads: any number of threads at once. O(1).
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_trim_on_pressure(on: c_int) {
    lookaside_core::trim_on_pressure(on != 0);
}

/// Starts the thread that scans the lists once a second, also in a process that has one thread.
///
/// Without this call the library starts it as soon as the process has a second thread and a list whose tuning is not
/// `LOOKASIDE_TUNING_MANUAL`. Until then calls scan, and a program whose calls are all hits is not scanned: it either
/// calls this, or `lookaside_adjust_depth` from a timer of its event loop.
///
/// Parameters: none.
///
/// Returns `LOOKASIDE_STATUS_SUCCESS`: the thread runs, or will when the first list is made; or
/// `LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES`: the system gives no thread, so calls scan, and it is tried again once a
/// second.
///
/// Memory and threads: any number of threads at once. The thread has a small stack and every signal blocked. It ends
/// with the last list, and is started again with the next.
///
/// WDK: the kernel's balance set manager runs in any case.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_start_balance_thread() -> lookaside_status {
    lookaside_core::start_balance_thread().0
}

/// Writes the report of a list, or of all lists with their totals, in the shape of the debugger's `!lookaside`.
///
/// Parameters:
/// - `list`: the list, or NULL for all.
/// - `buffer`: where the text goes, ending with a zero byte. NULL if `capacity` is 0.
/// - `capacity`: how many bytes `buffer` has.
/// - `needed`: where to write how many bytes the whole text takes with its zero byte, or NULL.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the whole text is in `buffer`.
/// - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: it is longer. `buffer` holds the part that fits, with a zero byte behind it;
///   call again with `*needed` bytes, and be ready to do so more than once while lists come and go.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `buffer` is NULL and `capacity` is not 0. `*needed` is set all the same.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: as
///   for `lookaside_list_statistics`. Nothing is written.
///
/// Memory and threads: any number of threads at once; no one is stopped, and nothing is allocated.
///
/// WDK: `!lookaside` in the kernel debugger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_report(
    list: *const lookaside_list,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> lookaside_status {
    // SAFETY: the buffer has room for `capacity` bytes, and `needed` is null or may be written; the list may be read.
    unsafe {
        write_text(buffer, capacity, needed, |text| {
            if list.is_null() {
                Ok(lookaside_core::report(text))
            } else {
                lookaside_core::report_list(list.cast(), text)
            }
        })
    }
}

/// Returns the name of a status, such as `STATUS_INVALID_PARAMETER`.
///
/// Parameters:
/// - `status`: any value.
///
/// Returns a string that is valid for ever; `STATUS_UNKNOWN` for a value that this library does not use.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: the names of ntstatus.h.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_status_string(status: lookaside_status) -> *const c_char {
    status_name(status).as_ptr()
}

/// Returns the version of the library that is loaded, such as `0.2.0`.
///
/// Parameters: none.
///
/// Returns a string that is valid for ever.
///
/// Memory and threads: any number of threads at once.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The core's name for a status, as a C string.
fn status_name(status: lookaside_status) -> &'static CStr {
    match status {
        LOOKASIDE_STATUS_SUCCESS => c"STATUS_SUCCESS",
        LOOKASIDE_STATUS_PENDING => c"STATUS_PENDING",
        LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT => c"STATUS_DATATYPE_MISALIGNMENT",
        LOOKASIDE_STATUS_BUFFER_OVERFLOW => c"STATUS_BUFFER_OVERFLOW",
        LOOKASIDE_STATUS_NO_MORE_ENTRIES => c"STATUS_NO_MORE_ENTRIES",
        LOOKASIDE_STATUS_DEVICE_BUSY => c"STATUS_DEVICE_BUSY",
        LOOKASIDE_STATUS_INVALID_HANDLE => c"STATUS_INVALID_HANDLE",
        LOOKASIDE_STATUS_INVALID_PARAMETER => c"STATUS_INVALID_PARAMETER",
        LOOKASIDE_STATUS_NO_MEMORY => c"STATUS_NO_MEMORY",
        LOOKASIDE_STATUS_DELETE_PENDING => c"STATUS_DELETE_PENDING",
        LOOKASIDE_STATUS_INTEGER_OVERFLOW => c"STATUS_INTEGER_OVERFLOW",
        LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES => c"STATUS_INSUFFICIENT_RESOURCES",
        LOOKASIDE_STATUS_WORKING_SET_QUOTA => c"STATUS_WORKING_SET_QUOTA",
        LOOKASIDE_STATUS_NOT_SUPPORTED => c"STATUS_NOT_SUPPORTED",
        _ => c"STATUS_UNKNOWN",
    }
}

/// Lets `write` write into a caller's buffer, and returns the status of that; nothing is written where `write` returns
/// one.
///
/// # Safety
///
/// `buffer` is null, or `capacity` bytes that are no one else's during the call; `needed` is null or may be written.
pub(crate) unsafe fn write_text(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    write: impl FnOnce(&mut dyn Write) -> Result<fmt::Result, Status>,
) -> lookaside_status {
    let room = if buffer.is_null() {
        &mut []
    } else {
        // SAFETY: not null, so the caller gives `capacity` bytes.
        unsafe { slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), capacity) }
    };
    let bytes = room.len();
    let mut text = Text { buffer: room, length: 0, cut: None };
    // The text itself takes everything, so only what is written about can be wrong.
    if let Err(status) = write(&mut text) {
        return status.0;
    }
    let length = text.finish();
    // SAFETY: the text and its end were written.
    unsafe { wrote(buffer.cast(), length.min(bytes)) };
    if !needed.is_null() {
        // SAFETY: not null, so the caller gives room for a size.
        unsafe { fill(needed, length) };
    }
    if buffer.is_null() && capacity != 0 {
        Status::INVALID_PARAMETER.0
    } else if length > capacity {
        Status::BUFFER_OVERFLOW.0
    } else {
        Status::SUCCESS.0
    }
}

/// A buffer that takes text as far as it has room for it, and counts all of it.
struct Text<'a> {
    /// The last byte is for the zero byte.
    buffer: &'a mut [MaybeUninit<u8>],
    /// Bytes of text so far, whether they had room or not.
    length: usize,
    /// Bytes of text in `buffer`, once some had no room.
    cut: Option<usize>,
}

impl Text<'_> {
    /// Ends the text in the buffer and returns how many bytes all of it takes.
    fn finish(self) -> usize {
        if let Some(end) = self.buffer.get_mut(self.cut.unwrap_or(self.length)) {
            end.write(0);
        }
        self.length + 1
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.cut.is_none() {
            let mut fits = part.len().min(self.buffer.len().saturating_sub(self.length + 1));
            while !part.is_char_boundary(fits) {
                fits -= 1;
            }
            for (to, from) in self.buffer.iter_mut().skip(self.length).zip(&part.as_bytes()[..fits]) {
                to.write(*from);
            }
            if fits < part.len() {
                self.cut = Some(self.length + fits);
            }
        }
        self.length += part.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_names_of_the_core() {
        let named: Vec<u32> = (0..=0xFFFF)
            .flat_map(|low| [low, 0x8000_0000 | low, 0xC000_0000 | low])
            .filter(|&status| status_name(status) != c"STATUS_UNKNOWN")
            .collect();
        assert_eq!(named.len(), 14);
        for status in named {
            let name = status_name(status).to_str().unwrap();
            assert_eq!(name.strip_prefix("STATUS_"), Some(Status(status).name()));
        }
    }

    #[test]
    fn text_is_cut_between_characters_and_counted_whole() {
        for (room, kept) in
            [(0, None), (1, Some("")), (2, Some("a")), (3, Some("a")), (4, Some("aé")), (9, Some("aéb"))]
        {
            let mut bytes = [MaybeUninit::new(0xFF); 16];
            let mut text = Text { buffer: &mut bytes[..room], length: 0, cut: None };
            write!(text, "a").unwrap();
            write!(text, "é").unwrap();
            write!(text, "b").unwrap();
            assert_eq!(text.finish(), 5);
            // SAFETY: all sixteen bytes were initialised.
            let bytes = bytes.map(|byte| unsafe { byte.assume_init() });
            let written = CStr::from_bytes_until_nul(&bytes).ok().map(|text| text.to_str().unwrap());
            assert_eq!(written, kept, "room of {room}");
            assert!(bytes[room..].iter().all(|&byte| byte == 0xFF), "room of {room}");
        }
    }
}
