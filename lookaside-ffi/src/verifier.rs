//! What becomes of a misuse, and the verifier.

use core::ffi::{c_char, c_void};
use core::mem::{size_of, transmute};
use core::ptr::null_mut;
use core::slice;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use lookaside_core::{Caller, LowResources, Status, Tag, Violation};

use crate::types::{lookaside_list, lookaside_status, lookaside_tag};

/// A misuse of the library, as a hook gets it. Nothing in it outlives the hook's call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lookaside_violation {
    /// `sizeof(lookaside_violation)`.
    pub struct_size: usize,
    /// What was done wrong: a Windows bug check, such as 0xC4.
    pub code: u32,
    /// The bug check's first parameter, such as 0x13; 0 where the code alone says it.
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

/// Sets what is called when the library is misused. When the hook returns, the call that was wrong has no effect, and
/// the program goes on.
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
    lookaside_core::set_violation_hook(hook.map(|_| report as fn(&Violation<'_>)));
}

static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Which allocations fail on purpose: see `lookaside_simulate_low_resources`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lookaside_low_resources {
    /// `sizeof(lookaside_low_resources)`.
    pub struct_size: usize,
    /// What the share is drawn with.
    pub seed: u64,
    /// How many of the first are spared by the share, so that a program can start.
    pub skip: u64,
    /// Numbers of allocations that fail beside the share, from 1 on; NULL if `schedule_length` is 0.
    pub schedule: *const u64,
    /// How many they are, at most 256.
    pub schedule_length: usize,
    /// How many of a million fail, at most a million; Driver Verifier's share is 60000.
    pub share: u32,
    /// Only allocations with this tag are counted and fail; 0 for all.
    pub tag: lookaside_tag,
}

/// Makes pool allocations of verified lists fail, as they do when memory runs out. The same ones fail in each run:
/// whether the nth does is a function of the seed and n. They are counted over all verified lists, from this call on.
///
/// Parameters:
/// - `resources`: which ones; not needed after the call. NULL ends the simulation.
///
/// Returns, and then nothing has changed unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the next allocation is number 1.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `struct_size` is not that of this version, `share` is above a million, the
///   schedule is too long or names a 0, or it is NULL and has a length.
///
/// Memory and threads: any number of threads at once; the last one holds. With several threads at work, which of them
/// gets the nth allocation is theirs to settle. `LOOKASIDE_VERIFY_FAIL` in the environment does the same when the first
/// verified list is made: `share=60000,seed=42,skip=100,tag=Irps,schedule=3,7,9`, in any combination.
///
/// WDK: Driver Verifier's low resources simulation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_simulate_low_resources(
    resources: *const lookaside_low_resources,
) -> lookaside_status {
    // SAFETY: the caller gives null or a structure of which at least the first field may be read, and all of it if that
    // is right; and a schedule as long as it says.
    unsafe {
        if resources.is_null() {
            return lookaside_core::simulate_low_resources(None).0;
        }
        if (*resources).struct_size != size_of::<lookaside_low_resources>() {
            return Status::INVALID_PARAMETER.0;
        }
        let resources = &*resources;
        let schedule = match (resources.schedule.is_null(), resources.schedule_length) {
            (true, 0) => &[],
            (true, _) => return Status::INVALID_PARAMETER.0,
            (false, length) => slice::from_raw_parts(resources.schedule, length),
        };
        let tag = (resources.tag != 0).then_some(Tag(resources.tag));
        let resources =
            LowResources { seed: resources.seed, share: resources.share, skip: resources.skip, schedule, tag };
        lookaside_core::simulate_low_resources(Some(&resources)).0
    }
}

/// Reports a violation, with bug check 0xC4 and parameter 0xCC, if an active list is in memory that is about to be
/// freed: for programs that free memory by other means than this library's.
///
/// Parameters:
/// - `start`: the beginning of the memory; it is not read.
/// - `size`: how many bytes.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: there is none.
/// - `LOOKASIDE_STATUS_DEVICE_BUSY`: there is one, and the violation hook returned.
///
/// Memory and threads: any number of threads at once. It takes time in proportion to the number of lists.
///
/// WDK: Driver Verifier's check of freed pool.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_verify_range(start: *const c_void, size: usize) -> lookaside_status {
    let caller = Caller::Export(lookaside_verify_range as *const () as usize);
    if lookaside_core::check_range_by(start.cast(), size, caller) { Status::SUCCESS.0 } else { Status::DEVICE_BUSY.0 }
}

/// Reports accesses to freed blocks of the special pool, and beside its blocks, by one line on standard error before
/// the signal (`SIGSEGV` or `SIGBUS`) takes its course: the handler that was installed until now, or the default
/// action. `LOOKASIDE_VERIFY=1` in the environment does this with the first list.
///
/// Parameters: none.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: the handlers are installed, by this call or an earlier one. A program that installs
///   its own afterwards replaces them.
/// - `LOOKASIDE_STATUS_NOT_SUPPORTED`: the system refused them.
///
/// Memory and threads: as `sigaction`.
///
/// WDK: bug checks 0xCC and 0xCD, which name the block.
#[unsafe(no_mangle)]
pub extern "C" fn lookaside_verify_faults() -> lookaside_status {
    if lookaside_core::verify_faults() { Status::SUCCESS.0 } else { Status::NOT_SUPPORTED.0 }
}

/// Calls the hook of the C program.
fn report(violation: &Violation<'_>) {
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
const _: () = assert!(size_of::<lookaside_violation>() == 56 && size_of::<lookaside_low_resources>() == 48);
