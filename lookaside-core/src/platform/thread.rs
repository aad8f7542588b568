//! Threads of the library's own, without Rust's runtime (which aborts when memory runs out).

use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::cancellation::uncancelled;
#[cfg(miri)]
use super::miri as libc;
use super::system_call::{keep_errno, system_call};

/// Bytes of a thread's stack that are tried first. Small, so that `mlockall` locks little; where the program's static
/// thread-locals need more, which are in the stack too, a stack four times as large is tried.
const SMALLEST_STACK: usize = 64 * 1024;
/// The largest stack that is tried.
const LARGEST_STACK: usize = 64 * 1024 * 1024;

/// A thread of the library's own. It has every signal blocked, so that it never takes one of the program's, the
/// system's ordinary scheduling, and a small stack.
#[derive(Debug)]
pub struct Thread(libc::pthread_t);

impl Thread {
    /// Starts `body(argument)`; returns the error number when the system gives no thread. Keeps `errno`. Takes memory
    /// from the heap, so the caller holds no lock.
    ///
    /// # Safety
    /// What `argument` points to must live until the thread is joined, and may be used from another thread.
    pub unsafe fn start(
        body: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> Result<Thread, c_int> {
        // SAFETY: all places are valid; the new thread inherits the full mask, and the old mask is set again. The
        // caller's promise about the argument.
        keep_errno(|| unsafe {
            let [mut all, mut before] = [MaybeUninit::uninit(); 2];
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            let mut result = Err(libc::EINVAL);
            let mut stack = SMALLEST_STACK;
            // EINVAL: the stack is too small.
            while result == Err(libc::EINVAL) && stack <= LARGEST_STACK {
                result = create(body, argument, stack);
                stack *= 4;
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            result.map(Thread)
        })
    }

    /// Waits for the thread's end. Is no cancellation point, unlike `pthread_join`.
    pub fn join(self) {
        // SAFETY: the thread was started joinable, and `self` is gone after this.
        uncancelled(|| unsafe { libc::pthread_join(self.0, ptr::null_mut()) });
    }
}

/// Creates a joinable thread with this stack and ordinary scheduling; returns it, or the error number.
///
/// # Safety
/// As for [`Thread::start`].
unsafe fn create(
    body: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
    stack: usize,
) -> Result<libc::pthread_t, c_int> {
    let mut attributes = MaybeUninit::uninit();
    let mut thread = MaybeUninit::uninit();
    // SAFETY: all places are valid, and the attributes are used between init and destroy; zeroes are valid scheduling
    // parameters.
    unsafe {
        let mut result = libc::pthread_attr_init(attributes.as_mut_ptr());
        if result == 0 {
            let attributes = attributes.as_mut_ptr();
            let ordinary: libc::sched_param = core::mem::zeroed();
            pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
            pthread_attr_setschedpolicy(attributes, libc::SCHED_OTHER);
            pthread_attr_setschedparam(attributes, &ordinary);
            libc::pthread_attr_setstacksize(attributes, stack);
            result = libc::pthread_create(thread.as_mut_ptr(), attributes, body, argument);
            libc::pthread_attr_destroy(attributes);
        }
        if result == 0 { Ok(thread.assume_init()) } else { Err(result) }
    }
}

// The crate libc does not have these on every Linux.
const PTHREAD_EXPLICIT_SCHED: c_int = 1;
#[cfg(miri)]
use libc::{pthread_attr_setinheritsched, pthread_attr_setschedparam, pthread_attr_setschedpolicy};
#[cfg(not(miri))]
unsafe extern "C" {
    fn pthread_attr_setinheritsched(attributes: *mut libc::pthread_attr_t, inherit: c_int) -> c_int;
    fn pthread_attr_setschedpolicy(attributes: *mut libc::pthread_attr_t, policy: c_int) -> c_int;
    fn pthread_attr_setschedparam(attributes: *mut libc::pthread_attr_t, parameters: *const libc::sched_param)
    -> c_int;
}

/// Names the calling thread in lists of the process's threads: up to 15 bytes.
pub fn name_thread(name: &CStr) {
    // SAFETY: the name ends in a zero; the call reads up to 16 bytes of it.
    unsafe { system_call(libc::SYS_prctl, [libc::PR_SET_NAME as usize, name.as_ptr().addr(), 0, 0, 0, 0]) };
}

/// Lets another thread run on this processor.
pub fn yield_now() {
    // SAFETY: no argument; it cannot fail on Linux.
    unsafe { libc::sched_yield() };
}

/// Returns the system's number of the calling thread.
pub fn thread_number() -> u32 {
    // SAFETY: no argument; it cannot fail. (glibc has a function for it from 2.30 on.)
    unsafe { system_call(libc::SYS_gettid, [0; 6]) as u32 }
}

/// Returns the system's number of this process.
pub fn process_number() -> u32 {
    // SAFETY: no argument; it cannot fail.
    unsafe { libc::getpid() as u32 }
}
