//! What the children of the verdict run on AArch64: a section that faults, a section that waits, and how they are made.

use core::arch::asm;
use core::ffi::c_void;

use super::SIGNATURE;
use crate::platform::rseq::{Descriptor, Wait};

/// A section that commits nothing and executes an undefined instruction: the kernel must abort it before it delivers
/// the signal. With `armed` false the section is not announced to the kernel, which then cannot.
///
/// ```text
/// *descriptor = &descriptor of this section
/// area.rseq_cs = *descriptor                          // arms
/// 78: an undefined instruction
/// 79:
/// 75: an undefined instruction                        // where an abort arrives
/// ```
///
/// # Safety
/// `area` is registered with the kernel for the calling thread, both places may be written, and a handler of SIGILL
/// that does not return is installed.
pub unsafe fn fault(area: *mut u8, descriptor: *mut *mut Descriptor, armed: bool) -> ! {
    // SAFETY: the area is registered for this thread, both places may be written; nothing is executed after the fault.
    unsafe {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "adrp {address}, 77b",
            "add {address}, {address}, :lo12:77b",
            "str {address}, [{descriptor}]",
            "cbz {armed:w}, 78f",
            "str {address}, [{area}, 8]",
            "78:",
            "udf 0",
            "79:",
            ".inst {SIGNATURE}",
            "75:",
            "udf 0",
            SIGNATURE = const SIGNATURE,
            area = in(reg) area,
            descriptor = in(reg) descriptor,
            armed = in(reg) u32::from(armed),
            address = in(reg) 0usize,
            options(noreturn),
        )
    }
}

/// [`wait`].
pub const WAIT: Option<Wait> = Some(wait);

/// A section that commits nothing and waits until it is released; returns whether it was aborted. With `armed` false it
/// is not announced to the kernel.
///
/// ```text
/// area.rseq_cs = &descriptor                          // arms
/// 78: inside = 1
///     while released == 0
/// 79:
/// 75: aborted = true; goto 79                         // out of line
/// ```
///
/// # Safety
/// `area` is registered with the kernel for the calling thread, and the two words may be used.
unsafe fn wait(area: *mut u8, inside: *mut u32, released: *mut u32, armed: bool) -> bool {
    let aborted: u64;
    // SAFETY: the area is registered for this thread, and the words may be used, as the caller promises.
    unsafe {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "adrp x16, 77b",
            "add x16, x16, :lo12:77b",
            "mov w17, 1",
            "cbz {armed:w}, 78f",
            "str x16, [{area}, 8]",
            "78:",
            "str w17, [{inside}]",
            "72:",
            "ldr w16, [{released}]",
            "cbz w16, 72b",
            "79:",
            ".pushsection .text.unlikely.lookaside, \"ax\"",
            ".inst {SIGNATURE}",
            "75:",
            "mov {aborted}, 1",
            "b 79b",
            ".popsection",
            SIGNATURE = const SIGNATURE,
            area = in(reg) area,
            inside = in(reg) inside,
            released = in(reg) released,
            armed = in(reg) u32::from(armed),
            aborted = inout(reg) 0u64 => aborted,
            out("x16") _,
            out("x17") _,
            options(nostack),
        );
    }
    aborted != 0
}

/// Runs `body(argument)` in a child that shares this process's memory and files, on the stack that ends at `stack`;
/// with `waits` the calling thread waits for its end. Returns the child's number, or the negative error number.
///
/// ```text
/// child = clone(VM | FILES | FS, VFORK if waits, stack)   // no exit signal
/// if child == 0  body(argument)                           // which never returns
/// ```
///
/// # Safety
/// The stack is memory of the caller's, aligned to 16 bytes, until the child has ended. `body` makes system calls alone.
pub unsafe fn run_child(
    waits: bool,
    stack: *mut u8,
    body: extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> isize {
    let shared = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_FS;
    let flags = if waits { shared | libc::CLONE_VFORK } else { shared };
    let child;
    // SAFETY: the child leaves the instructions here by the call alone, on its own stack; the parent goes on at the
    // label with every register but the result's as it was, which is what the kernel does.
    unsafe {
        asm!(
            "svc 0",
            "cbnz x0, 72f",
            "mov x29, xzr",
            "mov x0, {argument}",
            "blr {body}",
            "udf 0",
            "72:",
            argument = in(reg) argument,
            body = in(reg) body,
            in("x8") libc::SYS_clone,
            inlateout("x0") flags as isize => child,
            in("x1") stack,
            in("x2") 0,
            in("x3") 0,
            in("x4") 0,
        );
    }
    child
}
