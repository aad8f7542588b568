//! The handlers around `fork`.

/// Registers handlers that run around every fork: before it, after it in the parent, and in the child. Answers whether there
/// was memory for them.
pub fn at_fork(before: unsafe extern "C" fn(), parent: unsafe extern "C" fn(), child: unsafe extern "C" fn()) -> bool {
    // SAFETY: the handlers are functions of this library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) == 0 }
}
