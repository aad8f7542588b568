//! What is still to be done when a callback unwinds.

use core::mem::ManuallyDrop;

/// Does its work when the code up to [`OnUnwind::disarm`] unwinds.
pub struct OnUnwind<F: FnMut()>(F);

impl<F: FnMut()> OnUnwind<F> {
    pub fn new(work: F) -> OnUnwind<F> {
        OnUnwind(work)
    }

    /// Nothing unwound: the work is not done.
    pub fn disarm(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl<F: FnMut()> Drop for OnUnwind<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
