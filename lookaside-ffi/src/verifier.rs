//! What becomes of a misuse, and the verifier.

use core::ffi::{c_char, c_void};
use core::mem::{size_of, transmute};
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use lookaside_core::Violation;

use crate::types::{lookaside_list, lookaside_tag};

/// A misuse of the library, as a hook is told of it. Nothing in it outlives the hook's call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lookaside_violation {
    /// `sizeof(lookaside_violation)`.
    pub struct_size: usize,
    /// What was done wrong: a Windows bug check, such as 0xC4.
    pub code: u32,
    /// The bug check's first parameter, such as 0x13; 0 where the code alone tells.
    pub parameter: u32,
    /// The list, or NULL when it concerns none. It may be no list any more.
    pub list: *const lookaside_list,
    /// The list's name; empty when that is not known.
    pub name: *const c_char,
    /// The block, or NULL when it concerns none.
    pub block: *const c_void,
    /// The line that would be written to standard error, without a line end.
    pub line: *const c_char,
    /// The tag of the list or block; 0 when that is not known.
    pub tag: lookaside_tag,
    /// 0.
    pub reserved: u32,
}

/// What is called with a violation, on the thread that made it, with no lock held. It must return, or end the process.
pub type lookaside_violation_hook = Option<unsafe extern "C-unwind" fn(violation: *const lookaside_violation)>;

/// Sets what is called when the library is misused. When the hook returns, the call that was wrong has no effect, and the
/// program goes on.
///
/// Parameters:
/// - `hook`: the function; NULL for the default, which writes one line to standard error and aborts.
///
/// Returns nothing.
///
/// Memory and threads: any number of threads at once; the last one holds. The hook may be called on several threads at
/// once, and in the `free` of a program whose heap is this library's: it should not allocate.
///
/// WDK: a bug check callback, except that the system stops after it.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_set_violation_hook(hook: lookaside_violation_hook) {
    // Relaxed: a function is there from the start.
    HOOK.store(hook.map_or(null_mut(), |hook| hook as *mut ()), Relaxed);
    lookaside_core::set_violation_hook(hook.map(|_| tell as fn(&Violation<'_>)));
}

static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Tells the hook of the C program.
fn tell(violation: &Violation<'_>) {
    // Relaxed: see lookaside_set_violation_hook.
    let hook = HOOK.load(Relaxed);
    // SAFETY: null, or stored from a function of this type.
    let Some(hook) = (unsafe { transmute::<*mut (), lookaside_violation_hook>(hook) }) else { return };
    let (name, line) = (Text::<64>::new(violation.name), Text::<1025>::new(violation.line));
    let violation = lookaside_violation {
        struct_size: size_of::<lookaside_violation>(),
        code: violation.bug_check.code,
        parameter: violation.bug_check.parameter,
        list: violation.list as *const lookaside_list,
        name: name.0.as_ptr().cast(),
        block: violation.block as *const c_void,
        line: line.0.as_ptr().cast(),
        tag: violation.tag.0,
        reserved: 0,
    };
    // SAFETY: the caller gave a function of this type, and the structure outlives the call.
    unsafe { hook(&violation) };
}

/// A string with a zero byte behind it, cut where it does not fit.
struct Text<const ROOM: usize>([u8; ROOM]);

impl<const ROOM: usize> Text<ROOM> {
    fn new(text: &str) -> Self {
        let mut bytes = [0; ROOM];
        let length = text.len().min(ROOM - 1);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Text(bytes)
    }
}

// The header asserts the same numbers.
const _: () = assert!(size_of::<lookaside_violation>() == 56);
