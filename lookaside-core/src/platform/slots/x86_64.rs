//! A thread's words on x86-64: 32 bytes among its static thread-locals, which stable Rust without the standard library
//! has no other way to define.

use core::arch::{asm, global_asm};

// The number of the processor that a restartable section finds here is out of range of every list.
global_asm!(
    ".pushsection .tdata, \"awT\", @progbits",
    ".balign 32",
    ".hidden lookaside_slot_area",
    ".globl lookaside_slot_area",
    ".type lookaside_slot_area, @object",
    ".size lookaside_slot_area, 32",
    "lookaside_slot_area:",
    ".long 0, -2",
    ".quad 0, 0, 0",
    ".popsection",
);

/// Returns the distance from the thread pointer to the area: the same in every thread.
pub fn area() -> isize {
    let offset;
    // SAFETY: reads the offset that the loader put into the global offset table.
    unsafe {
        asm!(
            "mov {offset}, qword ptr [rip + lookaside_slot_area@GOTTPOFF]",
            offset = out(reg) offset,
            options(nostack, pure, readonly, preserves_flags),
        );
    }
    offset
}

/// Returns the word at this distance from the thread pointer.
#[inline(always)]
pub fn load(place: isize) -> *mut u8 {
    let word;
    // SAFETY: the distance is one within the area.
    unsafe {
        asm!("mov {word}, qword ptr fs:[{place}]", word = out(reg) word, place = in(reg) place,
            options(nostack, readonly, preserves_flags));
    }
    word
}

/// Writes the word at this distance from the thread pointer.
///
/// # Safety
/// It is a word of this thread's area.
pub unsafe fn store(place: isize, word: usize) {
    // SAFETY: the word is this thread's own.
    unsafe {
        asm!("mov qword ptr fs:[{place}], {word}", place = in(reg) place, word = in(reg) word,
            options(nostack, preserves_flags));
    }
}
