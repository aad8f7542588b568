//! Where in a program a call came from.

use core::ffi::{CStr, c_int, c_void};
use core::fmt;
use core::panic::Location;
use core::ptr;

use super::object::{object_of, program_path};

/// Who made a call, as an entry point of the library knows it; `place_of` makes a place of it where one is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// A line of a Rust source.
    Rust(&'static Location<'static>),
    /// The caller of the exported function that begins at this address.
    Export(usize),
    /// The caller of the library, as far as frames show.
    Unknown,
}

impl Caller {
    /// Returns the Rust code that called the function which says `Caller::rust()`, or its caller if that one is
    /// `#[track_caller]`.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub const fn rust() -> Caller {
        Caller::Rust(Location::caller())
    }
}

/// A place in the program: a line of a Rust source, or an instruction; in one word. 0 is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(u64);

/// Addresses of the user's half stay below this bit.
const RUST: u64 = 1 << 63;

/// Returns the place of a caller. The asking function must be the one that the entry point calls, and must not be left
/// before the address came: its frame is the one that is passed over. No allocation.
#[inline(always)]
pub fn place_of(caller: Caller) -> Place {
    place_through(caller, 0)
}

/// `place_of`, where the asking function may have been called by `through`, the one that the entry point calls, or
/// jumped to.
#[inline(always)]
pub fn place_through(caller: Caller, through: usize) -> Place {
    match caller {
        Caller::Rust(location) => Place(ptr::from_ref(location).expose_provenance() as u64 | RUST),
        Caller::Export(function) => instruction(function, through),
        Caller::Unknown => instruction(0, through),
    }
}

struct Walk {
    passed_over: [usize; 2],
    frame: u32,
    found: usize,
}

/// The call that is in the third frame up; further if that frame is one of these two functions'. It is not where
/// the function jumped to the one that asks.
#[inline(never)]
fn instruction(export: usize, through: usize) -> Place {
    if cfg!(miri) {
        // It has no unwinder that could be asked.
        return Place::UNKNOWN;
    }
    let mut walk = Walk { passed_over: [export, through], frame: 0, found: 0 };
    // SAFETY: the function takes a Walk, which outlives the call. A thread's `errno` can always be read and written:
    // not by `keep_errno`, which would add frames.
    unsafe {
        let errno = libc::__errno_location();
        let before = errno.read();
        // The last destructors of a static program run when its tables for unwinding are gone: there the unwinder
        // aborts.
        if !_Unwind_FindEnclosingFunction(instruction as *const () as usize + 1).is_null() {
            _Unwind_Backtrace(visit, (&raw mut walk).cast());
        }
        errno.write(before);
    }
    Place(walk.found as u64)
}

const GO_ON: c_int = 0;
const STOP: c_int = 4;

extern "C" fn visit(context: *mut c_void, walk: *mut c_void) -> c_int {
    // SAFETY: `instruction` gave a Walk that is no one else's; the context is the unwinder's own.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        // Frame 0 is `instruction`, frame 1 the function that asks.
        if walk.frame >= 2 {
            // The return address, less one: an address within the call.
            walk.found = _Unwind_GetIP(context).wrapping_sub(1);
            if walk.passed_over == [0; 2] || walk.frame == 4 {
                return STOP;
            }
            let function = _Unwind_FindEnclosingFunction(walk.found).addr();
            if function == 0 || !walk.passed_over.contains(&function) {
                return STOP;
            }
        }
        walk.frame += 1;
        GO_ON
    }
}

// The unwinder's interface, as every C compiler's runtime has it; Rust's standard library links it.
unsafe extern "C" {
    fn _Unwind_Backtrace(visit: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn _Unwind_FindEnclosingFunction(address: usize) -> *mut c_void;
}

impl Place {
    /// No place.
    pub const UNKNOWN: Place = Place(0);

    /// Returns the place of an instruction.
    pub fn of_instruction(address: usize) -> Place {
        Place(address as u64)
    }

    /// Returns the place as a number, for keeping in an atomic.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns the place that became this number.
    ///
    /// # Safety
    /// The number came from [`Place::to_bits`].
    pub unsafe fn from_bits(bits: u64) -> Place {
        Place(bits)
    }
}

/// `file:line` for Rust, `module+0xoffset` as `addr2line -e module 0xoffset` takes it for anything else.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("an unknown place");
        }
        if self.0 & RUST != 0 {
            // SAFETY: `place_of` made it from a location, which lives for ever.
            let location = unsafe { &*ptr::with_exposed_provenance::<Location<'static>>((self.0 & !RUST) as usize) };
            return write!(f, "{}:{}", location.file(), location.line());
        }
        match module_of(self.0 as usize) {
            Some((name, offset)) => write!(f, "{name}+{offset:#x}"),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

/// The file that this instruction was loaded from, without its folder, and the instruction's address in the file's own
/// numbering. Neither allocates nor takes a lock but the loader's own. Modules that hold callers of this library are not
/// unloaded while their blocks are known to it, or the name is read as it was.
fn module_of(address: usize) -> Option<(&'static str, usize)> {
    let object = object_of(address)?;
    // SAFETY: a library's name ends in a zero.
    let path = if object.is_program { program_path()? } else { unsafe { CStr::from_ptr(object.name) } };
    let path = path.to_str().ok()?;
    Some((path.rsplit('/').next().unwrap_or(path), address.wrapping_sub(object.bias)))
}
