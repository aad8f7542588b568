//! The sections for AArch64. Their contract is in the parent module.
//!
//! A section is what it is on x86-64: a descriptor in `__rseq_cs`, the store of its address into the thread's area
//! ("arming"), and the instructions from `78:` to `79:`, of which the last one commits. An aborted one goes on at `75:`,
//! behind the signature, an undefined instruction (theory §2.3).
//!
//! Only the abort code is out of line, in a section of our own name, and nothing but an unconditional branch leads out
//! of it: a conditional one reaches no more than 1 MiB, and no linker mends that. So a section that has nothing to do
//! goes to its own end, with a result that says so from the beginning. Where code is larger than 128 MiB the linker puts
//! a veneer into that branch, which changes x16 and x17; so they are scratch registers here, by name.
//!
//! Loads and stores are plain. In which order other processors see them is theory §3.4.

#[path = "aarch64_children.rs"]
mod children;

pub use children::{WAIT, fault, run_child};

use core::arch::{asm, global_asm};
use core::mem::offset_of;

use super::layout::{COUNTS_SHIFT, DEPTH, HEADER, ONE_HIT, SHIFT, SIGNATURE_AARCH64, SLOTS};
use crate::wdk::Parts;

/// What is before the address of an abort.
pub const SIGNATURE: u32 = SIGNATURE_AARCH64;

/// Whether there are sections.
pub const EXIST: bool = true;

/// With `--cfg lookaside_slow_sections` a pause of about a microsecond is where a closer can come between: so tests
/// meet in seconds what else takes days. Without it, nothing. (Each barrier takes some nanoseconds; and under an
/// emulator an interrupt can come before each, as on a processor before every instruction.)
#[cfg(lookaside_slow_sections)]
macro_rules! slow {
    () => {
        ".rept 32\nisb\n.endr"
    };
}
#[cfg(not(lookaside_slow_sections))]
macro_rules! slow {
    () => {
        ""
    };
}

/// With `--cfg lookaside_unload` a section removes its mark from the thread, so that the kernel does not look for the
/// descriptor when that is unloaded (theory §2.7). Without it, nothing.
#[cfg(lookaside_unload)]
macro_rules! leave {
    () => {
        "str xzr, [{area}, 8]"
    };
}
#[cfg(not(lookaside_unload))]
macro_rules! leave {
    () => {
        ""
    };
}

// One instruction loads both.
const _: () = assert!(offset_of!(Parts, area) == offset_of!(Parts, base) + 8);

/// A section around its own instructions `body`, which finds its part in x17. Where it has nothing to do it goes to
/// `miss`; an aborted one goes on with `abort`, whose last instruction is a branch to `79:` or to that place.
///
/// ```text
/// area = thread pointer + parts.area
/// area.rseq_cs = &descriptor                          // arms
/// 78: part = area.cpu_id
///     if part >= parts.processors  goto miss
///     part = parts.base + (part << SHIFT)
///     body                                            // its last instruction commits
/// 79: leave; end
/// 75: abort                                           // out of line
/// ```
macro_rules! section {
    (
        body = [$($body:expr,)*], miss = $miss:literal, abort = $abort:literal, end = $end:literal,
        parts = $parts:expr, $($operands:tt)*
    ) => {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "mrs x16, tpidr_el0",
            "ldp {base}, {area}, [{parts}, {BASE}]",
            "add {area}, {area}, x16",
            "adrp x16, 77b",
            "add x16, x16, :lo12:77b",
            "str x16, [{area}, 8]",
            "78:",
            "ldr w17, [{area}, 4]",
            "ldr w16, [{parts}, {PROCESSORS}]",
            "cmp w17, w16",
            concat!("b.hs ", $miss),
            "add x17, {base}, x17, lsl {SHIFT}",
            $($body,)*
            "79:",
            leave!(),
            $end,
            ".pushsection .text.unlikely.lookaside, \"ax\"",
            ".inst {SIGNATURE}",
            "75:",
            $abort,
            ".popsection",
            parts = in(reg) $parts,
            base = out(reg) _,
            area = out(reg) _,
            BASE = const offset_of!(Parts, base),
            PROCESSORS = const offset_of!(Parts, processors),
            SHIFT = const SHIFT,
            SIGNATURE = const SIGNATURE,
            out("x16") _,
            $($operands)*
            options(nostack),
        )
    };
}

/// Copies `count` pointers, at least one, through two 16-byte registers: four at a time from the end, then the first
/// four, which may be some of those again. Fewer than four go one by one.
macro_rules! copy {
    ($from:literal => $to:literal) => {
        concat!(
            "add {from_end}, {",
            $from,
            "}, {count}, lsl 3\n",
            "add {to_end}, {",
            $to,
            "}, {count}, lsl 3\n",
            "subs {index}, {count}, 4\n",
            "b.lo 63f\n",
            "b.eq 65f\n",
            "64:\n",
            "ldp {two:q}, {others:q}, [{from_end}, -32]!\n",
            "stp {two:q}, {others:q}, [{to_end}, -32]!\n",
            "subs {index}, {index}, 4\n",
            "b.hi 64b\n",
            "65:\n",
            "ldp {two:q}, {others:q}, [{",
            $from,
            "}]\n",
            "stp {two:q}, {others:q}, [{",
            $to,
            "}]\n",
            "b 66f\n",
            "63:\n",
            "ldr {index}, [{from_end}, -8]!\n",
            "str {index}, [{to_end}, -8]!\n",
            "cmp {to_end}, {",
            $to,
            "}\n",
            "b.ne 63b\n",
            "66:",
        )
    };
}

/// Takes the block that came in last, or returns null.
///
/// ```text
/// block = null
/// header = part.header
/// length = header & 0xFFFF
/// if length == 0  goto 79
/// block = part.slots[length - 1]
/// part.header = header + ONE_HIT                      // commit: one block less, one hit more
/// ```
/// An empty part's length is null already. The commit stores a whole header, not a sum in memory: a closer may have
/// changed it meanwhile, and then must find that it was overwritten (theory §3).
///
/// # Safety
/// `parts` belongs to a list that is initialised, or its `processors` is 0.
#[inline(always)]
pub unsafe fn pop(parts: *const Parts) -> *mut u8 {
    let mut block = core::ptr::null_mut();
    // SAFETY: the processor's number is in range, so x17 is that processor's part, mapped for ever; only sections
    // on this processor and closers write to it. The area belongs to this thread.
    unsafe {
        section!(
            body = [
                "ldr {header}, [x17, {HEADER}]",
                "ands {block}, {header}, 0xffff",
                "b.eq 79f",
                "add {block}, x17, {block}, lsl 3",
                "ldr {block}, [{block}, {SLOTS} - 8]",
                "add {header}, {header}, {one_hit}",
                slow!(),
                "str {header}, [x17, {HEADER}]",
            ],
            miss = "79f",
            abort = "mov {block}, xzr\nb 79b",
            end = "",
            parts = parts,
            out("x17") _,
            header = out(reg) _,
            block = inout(reg) block,
            one_hit = in(reg) u64::from(ONE_HIT),
            HEADER = const HEADER,
            SLOTS = const SLOTS,
        );
    }
    block
}

/// The section of [`push`], which goes to `miss` where there is no room. The depth and the header are loaded each by
/// itself, as they are stored (theory §2.8).
macro_rules! push_section {
    (
        $parts:ident, $block:ident, miss = $miss:literal, abort = $abort:literal, end = $end:literal, $($operands:tt)*
    ) => {
        section!(
            body = [
                "ldr {header}, [x17, {HEADER}]",
                slow!(),
                "ldr x16, [x17, {DEPTH}]",
                "and {slot}, {header}, 0xffff",
                "cmp {slot}, x16",
                concat!("b.hs ", $miss),
                "add {slot}, x17, {slot}, lsl 3",
                "str {block}, [{slot}, {SLOTS}]",
                "add {header}, {header}, 1",
                slow!(),
                "str {header}, [x17, {HEADER}]",
            ],
            miss = $miss,
            abort = $abort,
            end = $end,
            parts = $parts,
            out("x17") _,
            header = out(reg) _,
            slot = out(reg) _,
            block = in(reg) $block,
            HEADER = const HEADER,
            DEPTH = const DEPTH,
            SLOTS = const SLOTS,
            $($operands)*
        )
    };
}

/// Puts a block on top; returns whether there was room.
///
/// ```text
/// header = part.header
/// length = header & 0xFFFF
/// if length >= part.depth  goto full
/// part.slots[length] = block
/// part.header = header + 1                            // commit: one block more
/// ```
/// That no closer's store is lost is theory §3.
///
/// # Safety
/// As for [`pop`]; the block belongs to the caller, who loses it if the result is true.
#[inline(always)]
pub unsafe fn push(parts: *const Parts, block: *mut u8) -> bool {
    // From Rust 1.87 on the section itself goes where there was no room. (`build.rs` looks at the compiler's version.)
    // SAFETY: as in `pop`; a slot below the depth exists.
    #[cfg(all(lookaside_asm_goto, not(lookaside_unload)))]
    unsafe {
        push_section!(parts, block, miss = "{full}", abort = "b {full}", end = "", full = label { return false },);
        true
    }
    // Otherwise, and where every way has to remove the mark, all go to the section's end, and the flags of the last
    // comparison, "lower" at the commit alone, become the result.
    // SAFETY: as above.
    #[cfg(not(all(lookaside_asm_goto, not(lookaside_unload))))]
    unsafe {
        let had_room: u64;
        push_section!(
            parts,
            block,
            miss = "79f",
            abort = "cmp xzr, xzr\nb 79b",
            end = "cset {had_room}, lo",
            had_room = out(reg) had_room,
        );
        had_room != 0
    }
}

/// Takes up to `wanted` blocks from the top into `out`, the last in last; returns how many and whose part they left.
/// Each counts as a hit, or with `HITS` false none does.
///
/// ```text
/// count = 0
/// header = part.header
/// count = min(header & 0xFFFF, wanted)
/// if count == 0  goto 79
/// out[0..count] = part.slots[length - count .. length]
/// part.header = header + count * ONE_HIT              // commit; without hits: header - count
/// ```
/// The slots' addresses are made of the header by arithmetic, and not of `count` alone: a selected value would not keep
/// their loads behind the header's (theory §3.4).
///
/// # Safety
/// As for [`pop`]; `out` has room for `wanted` pointers.
#[inline]
pub unsafe fn pop_many<const HITS: bool>(parts: *const Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
    let mut count = 0;
    let part: usize;
    // SAFETY: as in `pop`; what an aborted copy wrote to `out` is written again or never read.
    unsafe {
        section!(
            body = [
                "ldr {header}, [x17, {HEADER}]",
                "and {from}, {header}, 0xffff",
                "cmp {from}, {wanted}",
                "csel {count}, {from}, {wanted}, lo",
                "cbz {count}, 79f",
                "sub {from}, {from}, {count}",
                "add {from}, x17, {from}, lsl 3",
                "add {from}, {from}, {SLOTS}",
                "madd {header}, {count}, {one}, {header}",
                copy!("from" => "out"),
                slow!(),
                "str {header}, [x17, {HEADER}]",
            ],
            miss = "79f",
            abort = "mov {count}, xzr\nb 79b",
            end = "",
            parts = parts,
            out("x17") part,
            header = out(reg) _,
            from = out(reg) _,
            from_end = out(reg) _,
            to_end = out(reg) _,
            index = out(reg) _,
            two = out(vreg) _,
            others = out(vreg) _,
            out = in(reg) out,
            wanted = in(reg) wanted,
            count = inout(reg) count,
            one = in(reg) if HITS { i64::from(ONE_HIT) } else { -1 },
            HEADER = const HEADER,
            SLOTS = const SLOTS,
        );
    }
    // SAFETY: `parts` may be read.
    (count, if count == 0 { 0 } else { unsafe { super::processor_of(parts, part) } })
}

/// Puts the first blocks of `blocks` on top, as far as there is room; returns how many and into whose part.
///
/// ```text
/// count = 0
/// header = part.header
/// room = part.depth - (header & 0xFFFF)
/// if room <= 0  goto 79
/// count = min(room, offered)
/// if count == 0  goto 79
/// part.slots[length .. length + count] = blocks[0..count]
/// part.header = header + count                        // commit
/// ```
///
/// # Safety
/// As for [`push`]; `blocks` holds `offered` blocks.
#[inline]
pub unsafe fn push_many(parts: *const Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
    let mut count = 0;
    let part: usize;
    // SAFETY: as in `push`.
    unsafe {
        section!(
            body = [
                "ldr {header}, [x17, {HEADER}]",
                slow!(),
                "ldr x16, [x17, {DEPTH}]",
                "and {to}, {header}, 0xffff",
                "subs {index}, x16, {to}",
                "b.ls 79f",
                "cmp {index}, {offered}",
                "csel {count}, {index}, {offered}, lo",
                "cbz {count}, 79f",
                "add {to}, x17, {to}, lsl 3",
                "add {to}, {to}, {SLOTS}",
                copy!("blocks" => "to"),
                "add {header}, {header}, {count}",
                slow!(),
                "str {header}, [x17, {HEADER}]",
            ],
            miss = "79f",
            abort = "mov {count}, xzr\nb 79b",
            end = "",
            parts = parts,
            out("x17") part,
            header = out(reg) _,
            to = out(reg) _,
            from_end = out(reg) _,
            to_end = out(reg) _,
            index = out(reg) _,
            two = out(vreg) _,
            others = out(vreg) _,
            blocks = in(reg) blocks,
            offered = in(reg) offered,
            count = inout(reg) count,
            HEADER = const HEADER,
            DEPTH = const DEPTH,
            SLOTS = const SLOTS,
        );
    }
    // SAFETY: `parts` may be read.
    (count, if count == 0 { 0 } else { unsafe { super::processor_of(parts, part) } })
}

/// The section of [`count`], which goes to `miss` where it counts nothing.
macro_rules! count_section {
    (
        $area:ident, $word:ident, $processors:ident, miss = $miss:literal, abort = $abort:literal, end = $end:literal,
        $($operands:tt)*
    ) => {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "mrs x16, tpidr_el0",
            "add {area}, x16, {distance}",
            "adrp x16, 77b",
            "add x16, x16, :lo12:77b",
            "str x16, [{area}, 8]",
            "78:",
            "ldr w17, [{area}, 4]",
            "cmp w17, {processors:w}",
            concat!("b.hs ", $miss),
            "add x17, {word}, x17, lsl {COUNTS_SHIFT}",
            "ldr x16, [x17]",
            slow!(),
            "add x16, x16, 1",
            "str x16, [x17]",
            "79:",
            leave!(),
            $end,
            ".pushsection .text.unlikely.lookaside, \"ax\"",
            ".inst {SIGNATURE}",
            "75:",
            $abort,
            ".popsection",
            distance = in(reg) $area,
            area = out(reg) _,
            word = in(reg) $word,
            processors = in(reg) $processors,
            COUNTS_SHIFT = const COUNTS_SHIFT,
            SIGNATURE = const SIGNATURE,
            out("x16") _,
            out("x17") _,
            $($operands)*
            options(nostack),
        )
    };
}

/// Adds one to this processor's word, the processor's number times `1 << COUNTS_SHIFT` bytes behind `word`; returns
/// whether it did. Where the number is not below `processors`, or the section was aborted, it did not.
///
/// ```text
/// area.rseq_cs = &descriptor                          // arms
/// 78: processor = area.cpu_id
///     if processor >= processors  goto miss
///     word = word + (processor << COUNTS_SHIFT)
///     *word = *word + 1                               // commit
/// 79: leave
/// ```
///
/// # Safety
/// The area is the calling thread's; the words of these processors are there, and no one writes to them but sections.
#[inline(always)]
pub unsafe fn count(area: isize, word: *mut u64, processors: u32) -> bool {
    // As in `push`.
    // SAFETY: the word is this processor's, and the area this thread's, as the caller promises.
    #[cfg(all(lookaside_asm_goto, not(lookaside_unload)))]
    unsafe {
        count_section!(
            area, word, processors, miss = "{missed}", abort = "b {missed}", end = "",
            missed = label { return false },
        );
        true
    }
    // SAFETY: as above.
    #[cfg(not(all(lookaside_asm_goto, not(lookaside_unload))))]
    unsafe {
        let counted: u64;
        count_section!(
            area,
            word,
            processors,
            miss = "79f",
            abort = "cmp xzr, xzr\nb 79b",
            end = "cset {counted}, lo",
            counted = out(reg) counted,
        );
        counted != 0
    }
}

// The spare area is a thread-local of 32 bytes (version 0 of the kernel's structure) whose processor number says "not
// registered" (`own::UNREGISTERED`).
global_asm!(
    ".pushsection .tdata, \"awT\", %progbits",
    ".balign 32",
    ".hidden lookaside_spare_rseq_area",
    ".globl lookaside_spare_rseq_area",
    ".type lookaside_spare_rseq_area, %object",
    ".size lookaside_spare_rseq_area, 32",
    "lookaside_spare_rseq_area:",
    ".long 0, -1",
    ".quad 0, 0, 0",
    ".popsection",
);

/// This library's own area: the same offset in every thread.
pub fn spare_area() -> isize {
    let offset;
    // SAFETY: reads the offset that the loader put into the global offset table.
    unsafe {
        asm!(
            "adrp {offset}, :gottprel:lookaside_spare_rseq_area",
            "ldr {offset}, [{offset}, :gottprel_lo12:lookaside_spare_rseq_area]",
            offset = out(reg) offset,
            options(nostack, pure, readonly, preserves_flags),
        );
    }
    offset
}

/// Returns the processor's number in the calling thread's area; as a signed number negative where there is none.
pub fn processor_number(area: isize) -> u32 {
    let number: u64;
    // SAFETY: `area` is glibc's, or the spare one.
    unsafe {
        asm!(
            "mrs {number}, tpidr_el0",
            "add {number}, {number}, {area}",
            "ldr {number:w}, [{number}, 4]",
            number = out(reg) number,
            area = in(reg) area,
            options(nostack, readonly, preserves_flags),
        );
    }
    number as u32
}

/// Returns the address that an area's distance is counted from, of the calling thread.
pub fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: it reads a register.
    unsafe {
        asm!("mrs {pointer}, tpidr_el0", pointer = out(reg) pointer, options(nostack, pure, readonly, preserves_flags))
    };
    pointer
}
