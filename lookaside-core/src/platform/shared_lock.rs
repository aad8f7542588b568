//! A lock in memory that processes share.

use core::cell::UnsafeCell;

/// A mutex that threads of several processes take: the system's robust mutex, which reports a holder that died. Two
/// calls of the C library for a section, and no waiting on a process that is gone.
#[derive(Debug)]
#[repr(transparent)]
pub struct SharedLock(UnsafeCell<libc::pthread_mutex_t>);

/// Holds a [`SharedLock`] until it is dropped.
#[derive(Debug)]
pub struct SharedGuard<'a>(&'a SharedLock);

impl SharedLock {
    /// Makes a free lock of zeroed memory; returns whether the system could.
    ///
    /// # Safety
    /// `place` is in shared memory that stays mapped and that no one else uses yet.
    pub unsafe fn initialize(place: *mut SharedLock) -> bool {
        // SAFETY: the mutex may be written, and no one uses it yet; the attributes are valid between init and destroy.
        unsafe {
            let mut attributes = core::mem::zeroed();
            if libc::pthread_mutexattr_init(&mut attributes) != 0 {
                return false;
            }
            let made = libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED) == 0
                && libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST) == 0
                && libc::pthread_mutex_init(place.cast(), &attributes) == 0;
            libc::pthread_mutexattr_destroy(&mut attributes);
            made
        }
    }

    /// Takes the lock; waits while another thread of any process holds it. `None` once a process has died with it: what
    /// it guards may be torn, and no one gets it any more.
    pub fn lock(&self) -> Option<SharedGuard<'_>> {
        // SAFETY: the mutex was initialised. With EOWNERDEAD it is ours, but not consistent: letting it go like
        // this makes every later lock fail.
        unsafe {
            match libc::pthread_mutex_lock(self.0.get()) {
                0 => Some(SharedGuard(self)),
                libc::EOWNERDEAD => {
                    libc::pthread_mutex_unlock(self.0.get());
                    None
                }
                _ => None,
            }
        }
    }
}

// SAFETY: that is what a mutex is for.
unsafe impl Sync for SharedLock {}

impl Drop for SharedGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex.
        unsafe { libc::pthread_mutex_unlock(self.0.0.get()) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::platform::map_shared;
    use core::sync::atomic::AtomicU64;
    use core::sync::atomic::Ordering::Relaxed;

    #[repr(C)]
    struct Shared {
        lock: SharedLock,
        count: AtomicU64,
    }

    /// A new one; none where the system does not follow which thread holds what, as an emulator of programs does not.
    fn shared() -> Option<&'static Shared> {
        let (mut head, mut length) = (0_usize, 0_usize);
        // SAFETY: the call writes to the two words.
        if unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) } != 0 {
            std::eprintln!("SKIP: the system has no robust mutexes");
            return None;
        }
        let place: *mut Shared = map_shared(size_of::<Shared>()).cast();
        // SAFETY: the mapping is new.
        unsafe {
            assert!(SharedLock::initialize((&raw mut (*place).lock).cast()));
            Some(&*place)
        }
    }

    fn child(body: impl FnOnce()) -> libc::pid_t {
        // SAFETY: the child calls nothing but the body, which takes no lock of others, and _exit.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                // A child that hangs is killed.
                libc::alarm(3600);
                body();
                libc::_exit(0);
            }
            assert!(child > 0);
            child
        }
    }

    fn wait_for(child: libc::pid_t) {
        let mut status = 0;
        // SAFETY: the child is this process'.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "how the child ended");
    }

    #[test]
    fn processes_take_turns() {
        let Some(shared) = shared() else { return };
        let work = || {
            for _ in 0..100_000 {
                let _guard = shared.lock.lock().unwrap();
                shared.count.store(shared.count.load(Relaxed) + 1, Relaxed);
            }
        };
        let others = [child(work), child(work)];
        work();
        others.into_iter().for_each(wait_for);
        assert_eq!(shared.count.load(Relaxed), 300_000);
    }

    /// Also while the one that died is not yet waited for.
    #[test]
    fn a_holder_that_dies_closes_the_lock_for_ever() {
        let Some(shared) = shared() else { return };
        let other = child(|| {
            core::mem::forget(shared.lock.lock());
            shared.count.store(1, Relaxed);
        });
        while shared.count.load(Relaxed) == 0 {
            super::super::thread::yield_now();
        }
        assert!(shared.lock.lock().is_none());
        assert!(shared.lock.lock().is_none());
        wait_for(other);
        assert!(shared.lock.lock().is_none());
    }
}
