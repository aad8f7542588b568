//! A thread's words on aarch64: 32 bytes among its static thread-locals, which stable Rust without the standard library
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
    ".word 0, -2",
    ".xword 0, 0, 0",
    ".popsection",
);

/// Returns the distance from the thread pointer to the area: the same in every thread.
pub fn area() -> isize {
    let offset;
    // SAFETY: reads the offset that the loader put into the global offset table.
    unsafe {
        asm!(
            "adrp {offset}, :gottprel:lookaside_slot_area",
            "ldr {offset}, [{offset}, :gottprel_lo12:lookaside_slot_area]",
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
        asm!("mrs {word}, tpidr_el0", "ldr {word}, [{word}, {place}]", word = out(reg) word, place = in(reg) place,
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
        asm!("mrs {thread}, tpidr_el0", "str {word}, [{thread}, {place}]", thread = out(reg) _, place = in(reg) place,
            word = in(reg) word, options(nostack, preserves_flags));
    }
}
