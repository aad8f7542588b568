//! Registration of the library's own, where the C library registers no thread: musl, glibc before 2.35, or a glibc that
//! was asked not to (`glibc.pthread.rseq=0`); theory §2.10.
//!
//! The area is the spare one, in each thread's static thread-local storage, so it is as far from the thread pointer in
//! every thread. The processor's number in it is the state of its thread:
//!
//! ```text
//! UNREGISTERED --- first miss: the kernel takes the area ---> the kernel's: 0 or more
//!      |                                                            |
//!      +--- first miss: refused ---> CLOSED <--- end of thread -----+
//! ```
//!
//! Only the kernel writes to the number from the one transition to the other; a thread writes to its own otherwise. In
//! both other states sections miss.

use core::ptr::{null_mut, with_exposed_provenance};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};

use super::sections::SIGNATURE;
use super::{FIRST_VERSION, is_registered_at_start, processor, sections, use_spare_area};
use crate::platform::object::is_in_program;
use crate::platform::system_call::system_call;
use crate::platform::thread::{process_number, thread_number};
use crate::platform::tool::own_value;
use crate::platform::weak::{by_name, weak};

/// The number of a thread that is not registered yet; the kernel's own word for it.
const UNREGISTERED: u32 = -1i32 as u32;
/// The number of a thread that is not to be registered.
const CLOSED: u32 = -2i32 as u32;

const FLAG_UNREGISTER: usize = 1;

/// Whether threads are registered here.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// The kernel's `struct rseq`, as far as it is used.
#[repr(C, align(32))]
struct Area {
    processor_at_start: AtomicU32,
    processor: AtomicU32,
    section: AtomicPtr<u8>,
    rest: [u32; 4],
}

const _: () = assert!(size_of::<Area>() == FIRST_VERSION);

/// The calling thread's area. Atomics, since the kernel writes to it as well; Relaxed, since no other thread does.
fn area<'a>() -> &'a Area {
    let address = sections::thread_pointer().wrapping_add_signed(sections::spare_area());
    // SAFETY: the spare area is in the thread's own storage, aligned to 32 bytes, and there while this thread runs.
    unsafe { &*with_exposed_provenance(address) }
}

/// Who has registered the threads of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The C library, each thread at its start.
    CLibrary,
    /// This library, each thread at its first miss.
    Own,
    /// Another library, or one that will: the thread's registration is that one's.
    Others,
    /// No one as far as this thread can know, and so no one from here on.
    Unknown,
    /// The system has no rseq, or refuses it.
    Absent,
}

/// Has the kernel serve sections in the area of [`initialize`](super::initialize), for the calling thread: registers it
/// where the C library does not see to that, and then also where it is `Unknown` whether another one does if it is
/// `wanted`. One thread at a time.
pub fn register(wanted: bool) -> Registration {
    if !sections::EXIST {
        return Registration::Absent;
    }
    if is_registered_at_start() {
        return Registration::CLibrary;
    }
    if others_register() {
        return Registration::Others;
    }
    if !wanted && !would_see_others() {
        return Registration::Unknown;
    }
    if !ends::are_seen() {
        return Registration::Absent;
    }
    let registered = match register_thread() {
        // The thread may be ending. It is not to stay registered, but shows whether others can be.
        Err(libc::EAGAIN) => take(area()).inspect(|()| leave(UNREGISTERED)),
        result => result,
    };
    match registered {
        Ok(()) => Registration::Own,
        // The kernel has another area. (For this one it would be EBUSY, or with another signature EPERM, which a sandbox
        // may return as well.)
        Err(libc::EINVAL) => Registration::Others,
        Err(_) => Registration::Absent,
    }
}

/// After [`register`]: from now on each thread is registered at its first miss, where the C library does not see to that.
pub fn register_threads() {
    if !is_registered_at_start() {
        // Release pairs with the Acquire of a thread that misses: it sees the key for the ends of threads.
        BEGUN.store(true, Release);
    }
}

/// Undoes [`register`].
pub fn withdraw() {
    if sections::EXIST && !is_registered_at_start() {
        leave(UNREGISTERED);
    }
}

/// [`processor`] in a call that missed, which registers the thread where that is this library's to do. Not in a signal
/// handler: a section that it interrupted could go on with a processor's number, and without its mark.
#[inline]
pub fn processor_of_call() -> Option<u32> {
    processor().or_else(processor_once_registered)
}

#[cold]
fn processor_once_registered() -> Option<u32> {
    (BEGUN.load(Acquire) && register_thread().is_ok()).then(|| area().processor.load(Relaxed))
}

/// Lets the sections of lists that are made from now on run in the calling thread's spare area, as if on the given
/// processor.
///
/// # Safety
/// From now on no other thread uses lists over rseq that are made later, and nothing but this thread's own calls works
/// on their processor lists: no kernel aborts a section in the spare area.
pub unsafe fn pretend(processor: u32) {
    if !sections::EXIST {
        return;
    }
    leave(CLOSED);
    area().processor.store(processor, Relaxed);
    use_spare_area();
}

/// The calling thread is about to end, and stays unregistered.
#[cfg(target_env = "musl")]
pub fn close() {
    leave(CLOSED);
}

/// Registers the calling thread, which is not registered here; fails with the kernel's error number.
fn register_thread() -> Result<(), i32> {
    let area = area();
    match area.processor.load(Relaxed) {
        UNREGISTERED => {}
        CLOSED => return Err(libc::EINVAL),
        _ => return Ok(()),
    }
    ends::expect()?;
    take(area).inspect_err(|_| {
        ends::expect_no_more();
        area.processor.store(CLOSED, Relaxed);
    })
}

/// Has the kernel take the calling thread's area.
fn take(area: &Area) -> Result<(), i32> {
    // The mark of a section that missed. What has that section may be gone by now.
    area.section.store(null_mut(), Relaxed);
    match call(area, 0) {
        0 => Ok(()),
        error => Err(-error as i32),
    }
}

/// Gives the calling thread's registration back, if there is one. Its number is this one then.
fn leave(number: u32) {
    let area = area();
    if (area.processor.load(Relaxed) as i32) < 0 {
        return;
    }
    // A number that `pretend` wrote is not the kernel's, which refuses then, or has no area.
    if call(area, FLAG_UNREGISTER) == 0 {
        area.processor.store(number, Relaxed);
        ends::expect_no_more();
    }
}

fn call(area: &Area, flags: usize) -> isize {
    let address = core::ptr::from_ref(area).expose_provenance();
    // SAFETY: the area is the calling thread's, and no other thread's; it is there until the thread has ended, or has
    // called `leave`.
    unsafe { system_call(libc::SYS_rseq, [address, FIRST_VERSION, flags, SIGNATURE as usize, 0, 0]) }
}

/// Whether another library of the program registers threads, by its own convention: it may do so after us, and then
/// fail. Google's tcmalloc ends the program for that.
fn others_register() -> bool {
    // An object that may be unloaded would take its threads' areas with it.
    cfg!(lookaside_unload)
        || !weak!("MallocExtension_Internal_GetPerCpuCachesActive").is_null()
        || !by_name(c"__rseq_abi").is_null()
}

/// Returns whether the calling thread would find itself registered if a library that shows no name registered threads.
/// Google's tcmalloc in a program registers the first thread before `main`, but the others as they come to it; and a
/// library that was loaded by `dlopen` may not find its name. One that was linked does, as each does with musl, where
/// none can be loaded later.
fn would_see_others() -> bool {
    cfg!(target_env = "musl") || is_in_program() || thread_number() == process_number()
}

/// The ends of threads, as far as the library has to see them.
///
/// When a thread returns to user mode the kernel writes to its area, which has to be there until its last system call.
/// glibc takes the memory of a thread back when the kernel has reported its end, so nothing has to be done. musl unmaps
/// the memory of a detached thread in the thread itself: there the registration is given back before, by the destructor
/// of a key.
#[cfg(not(target_env = "musl"))]
mod ends {
    /// Returns whether the library learns of the end of threads, as far as it has to.
    pub fn are_seen() -> bool {
        true
    }

    /// Has the calling thread's end seen, or fails with an error number.
    pub fn expect() -> Result<(), i32> {
        Ok(())
    }

    /// Ends that.
    pub fn expect_no_more() {}
}

#[cfg(target_env = "musl")]
mod ends {
    use core::ffi::c_void;
    use core::ptr::{null, without_provenance};
    use core::sync::atomic::AtomicU64;
    use core::sync::atomic::Ordering::Relaxed;

    use super::close;
    use crate::platform::cancellation;
    use crate::platform::thread::{process_number, thread_number};

    /// The key, plus 1; 0 until there is one. Relaxed: `BEGUN` publishes it.
    static KEY: AtomicU64 = AtomicU64::new(0);

    // What a thread's key has, by the number of rounds of destructors that are to come.
    const TWO_ROUNDS: *const c_void = without_provenance(2);
    const ONE_ROUND: *const c_void = without_provenance(1);

    /// Returns whether the library learns of the end of threads. One thread at a time.
    pub fn are_seen() -> bool {
        if KEY.load(Relaxed) == 0 {
            let mut key = 0;
            // SAFETY: the place may be written; the destructor is code that stays loaded.
            if unsafe { libc::pthread_key_create(&mut key, Some(at_end)) } == 0 {
                KEY.store(u64::from(key) + 1, Relaxed);
            }
        }
        KEY.load(Relaxed) != 0
    }

    /// Has the calling thread's end seen, or fails with an error number: `EAGAIN` in a thread that may be ending, whose
    /// last destructors may have run. musl disables cancellation before it calls the first; so a thread that has
    /// disabled it is taken to end, but for the first, whose memory stays.
    pub fn expect() -> Result<(), i32> {
        if cancellation::is_disabled() && thread_number() != process_number() {
            return Err(libc::EAGAIN);
        }
        match set(TWO_ROUNDS) {
            0 => Ok(()),
            error => Err(error),
        }
    }

    /// Ends that.
    pub fn expect_no_more() {
        set(null());
    }

    /// Sets the calling thread's value; musl allocates nothing for it.
    fn set(value: *const c_void) -> i32 {
        // SAFETY: the key was made, and is never deleted.
        unsafe { libc::pthread_setspecific((KEY.load(Relaxed) - 1) as libc::pthread_key_t, value) }
    }

    /// Gives the registration back in the second round, so that destructors of the first still hit.
    unsafe extern "C" fn at_end(rounds: *mut c_void) {
        if rounds.cast_const() != TWO_ROUNDS || set(ONE_ROUND) != 0 {
            close();
        }
    }
}

/// For tools that look for races.
pub fn own_statics() {
    super::own_area();
    own_value(&BEGUN);
}
