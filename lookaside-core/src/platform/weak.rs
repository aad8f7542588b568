//! Symbols that another object of the program may define.

/// The address of a symbol, or null where no object of the program defines it, and on processors for which this cannot
/// look. A weak reference, which serves in static programs and in libraries.
macro_rules! weak {
    ($name:literal) => {{
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let address: *const ();
            // SAFETY: reads an address from the global offset table; an undefined weak symbol has the address null.
            unsafe {
                core::arch::asm!(
                    concat!(".weak ", $name),
                    concat!("mov {address}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                    address = out(reg) address,
                    options(nostack, pure, readonly, preserves_flags),
                );
            }
            address
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            core::ptr::null::<()>()
        }
    }};
}
pub(super) use weak;
