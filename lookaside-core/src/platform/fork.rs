//! The handler after `fork`.

/// Registers a handler that runs in the child of every fork. Answers whether there was memory for it.
pub fn at_fork(child: unsafe extern "C" fn()) -> bool {
    // SAFETY: the handler is a function of this library, which is never unloaded.
    unsafe { libc::pthread_atfork(None, None, Some(child)) == 0 }
}
