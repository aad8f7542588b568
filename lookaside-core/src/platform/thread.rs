//! Threads of the library's own, without Rust's runtime (which aborts when memory runs out).

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;

/// A thread of the library's own. It has every signal blocked, so that it never takes one of the program's.
#[derive(Debug)]
pub struct Thread(libc::pthread_t);

impl Thread {
    /// Starts `body(argument)`; `None` when the system gives no thread.
    ///
    /// # Safety
    /// What `argument` points to must live until the thread is joined, and may be used from another thread.
    pub unsafe fn start(body: extern "C" fn(*mut c_void) -> *mut c_void, argument: *mut c_void) -> Option<Thread> {
        let mut thread = MaybeUninit::uninit();
        // SAFETY: all places are valid; the new thread inherits the full mask, and the old mask is set again.
        unsafe {
            let mut all = MaybeUninit::uninit();
            let mut before = MaybeUninit::uninit();
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            let result = libc::pthread_create(thread.as_mut_ptr(), ptr::null(), body, argument);
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            (result == 0).then(|| Thread(thread.assume_init()))
        }
    }

    /// Waits for the thread's end.
    pub fn join(self) {
        // SAFETY: the thread was started joinable, and `self` is gone after this.
        unsafe { libc::pthread_join(self.0, ptr::null_mut()) };
    }
}

/// Binds the calling thread to one processor; answers whether that was possible.
pub fn pin_to(processor: u32) -> bool {
    if processor >= libc::CPU_SETSIZE as u32 {
        return false;
    }
    // SAFETY: a set of zeroes is an empty set, and the number fits.
    unsafe {
        let mut set: libc::cpu_set_t = core::mem::zeroed();
        libc::CPU_SET(processor as usize, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) == 0
    }
}

/// Lets another thread run on this processor.
pub fn yield_now() {
    // SAFETY: no argument; it cannot fail on Linux.
    unsafe { libc::sched_yield() };
}

/// Gives the calling thread the system's ordinary scheduling, whatever it inherited.
pub fn schedule_ordinarily() {
    // SAFETY: the parameter is valid. Giving up a privilege is always allowed.
    unsafe {
        let parameter: libc::sched_param = core::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &parameter);
    }
}

/// Sleeps. Leaves `errno` alone, since a caller of allocate or free may be waiting here.
pub fn sleep_microseconds(microseconds: u32) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(microseconds) * 1000 };
    // SAFETY: the time is valid; an early return by a signal is as good as a late one.
    unsafe {
        let errno = libc::__errno_location();
        let before = errno.read();
        libc::nanosleep(&time, ptr::null_mut());
        errno.write(before);
    }
}

/// The system's number of the calling thread.
pub fn thread_number() -> u32 {
    // SAFETY: no argument; it cannot fail.
    unsafe { libc::gettid() as u32 }
}

/// The system's number of this process.
pub fn process_number() -> u32 {
    // SAFETY: no argument; it cannot fail.
    unsafe { libc::getpid() as u32 }
}
