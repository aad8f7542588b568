//! The sections for x86-64. Their contract is in the parent module.
//!
//! A section is three things: a descriptor in `__rseq_cs` (version, flags, start, length, abort address), the
//! store of the descriptor's address into the thread's area ("arming"), and the instructions from `78:` to
//! `79:`, of which the last one commits. When the kernel finds an interrupted thread inside them it
//! disarms and continues at the abort address, which must follow the signature that glibc registered.
//! The abort leaves like a miss: the slow path tries once more before it believes it (theory §2.3).
//!
//! What is out of line is emitted into a section of our own name. In one that compilers use, such as `.text.unlikely`,
//! it would be in the middle of a function that is emitted there, which would run into it.

use core::arch::{asm, global_asm};
use core::ffi::c_void;
use core::mem::offset_of;

use super::layout::{COUNTS_SHIFT, DEPTH, HEADER, ONE_HIT, SHIFT, SIGNATURE_X86_64, SLOTS};
use super::{Descriptor, Wait};
use crate::wdk::Parts;

/// What is before the address of an abort.
pub const SIGNATURE: u32 = SIGNATURE_X86_64;

/// Whether there are sections.
pub const EXIST: bool = true;

/// With `--cfg lookaside_slow_sections` a pause of about a microsecond is where a closer can come between: so tests
/// meet in seconds what else takes days. Without it, nothing.
#[cfg(lookaside_slow_sections)]
macro_rules! slow {
    () => {
        ".rept 32\npause\n.endr"
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
        "mov qword ptr fs:[{area} + 8], 0"
    };
}
#[cfg(not(lookaside_unload))]
macro_rules! leave {
    () => {
        ""
    };
}

/// A section around its own instructions `body`, with `miss` for the case that it has nothing to do.
///
/// ```text
/// parts.area.rseq_cs = &descriptor                    // arms
/// 78: part = parts.area.cpu_id
///     if part >= parts.processors  goto 71
///     part = parts.base + (part << SHIFT)
///     body                                            // its last instruction commits
/// 79: leave
/// 71: miss; goto 79                                   // out of line, and where an abort arrives
/// ```
macro_rules! section {
    (body = [$($body:expr,)*], miss = $miss:expr, parts = $parts:expr, part = $($operands:tt)*) => {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "mov {area}, qword ptr [{parts} + {AREA}]",
            "lea {part}, [rip + 77b]",
            "mov qword ptr fs:[{area} + 8], {part}",
            "78:",
            "mov {part:e}, dword ptr fs:[{area} + 4]",
            "cmp {part:e}, dword ptr [{parts} + {PROCESSORS}]",
            "jae 71f",
            "shl {part}, {SHIFT}",
            "add {part}, qword ptr [{parts} + {BASE}]",
            $($body,)*
            "79:",
            leave!(),
            ".pushsection .text.unlikely.lookaside, \"ax\"",
            ".byte 0x0f, 0xb9, 0x3d", // With the signature after it, an undefined instruction for disassemblers.
            ".long {SIGNATURE}",
            "75:",
            "71:",
            $miss,
            "jmp 79b",
            ".popsection",
            area = out(reg) _,
            AREA = const offset_of!(Parts, area),
            parts = in(reg) $parts,
            PROCESSORS = const offset_of!(Parts, processors),
            BASE = const offset_of!(Parts, base),
            SHIFT = const SHIFT,
            SIGNATURE = const SIGNATURE,
            part = $($operands)*
            options(nostack),
        )
    };
}

/// Copies `count` pointers, at least one, through two 16-byte registers: four at a time from the end, then the first
/// four, which may be some of those again. Fewer than four go one by one.
macro_rules! copy {
    ($from:literal => $to:literal) => {
        concat!(
            "mov {index}, {count}\n",
            "sub {index}, 4\n",
            "jae 63f\n",
            "add {index}, 4\n",
            "62:\n",
            "mov {block}, qword ptr [{",
            $from,
            "} + {index}*8 - 8]\n",
            "mov qword ptr [{",
            $to,
            "} + {index}*8 - 8], {block}\n",
            "dec {index}\n",
            "jnz 62b\n",
            "jmp 66f\n",
            "63:\n",
            "jz 65f\n",
            "64:\n",
            "movups {two}, xmmword ptr [{",
            $from,
            "} + {index}*8]\n",
            "movups {others}, xmmword ptr [{",
            $from,
            "} + {index}*8 + 16]\n",
            "movups xmmword ptr [{",
            $to,
            "} + {index}*8], {two}\n",
            "movups xmmword ptr [{",
            $to,
            "} + {index}*8 + 16], {others}\n",
            "sub {index}, 4\n",
            "ja 64b\n",
            "65:\n",
            "movups {two}, xmmword ptr [{",
            $from,
            "}]\n",
            "movups {others}, xmmword ptr [{",
            $from,
            "} + 16]\n",
            "movups xmmword ptr [{",
            $to,
            "}], {two}\n",
            "movups xmmword ptr [{",
            $to,
            "} + 16], {others}\n",
            "66:",
        )
    };
}

/// Takes the block that came in last, or returns null.
///
/// ```text
/// header = part.header
/// length = header & 0xFFFF
/// if length == 0  goto 71
/// block = part.slots[length - 1]
/// part.header = header + ONE_HIT                      // commit: one block less, one hit more
/// ```
/// The commit stores a whole header, not a sum in memory: a closer may have changed it meanwhile, and then must
/// find that it was overwritten (theory §3).
///
/// # Safety
/// `parts` belongs to a list that is initialised, or its `processors` is 0.
#[inline(always)]
pub unsafe fn pop(parts: *const Parts) -> *mut u8 {
    let block;
    // SAFETY: the processor's number is in range, so `part` is that processor's part, mapped for ever; only sections
    // on this processor and closers write to it. The area belongs to this thread.
    unsafe {
        section!(
            body = [
                "mov {header}, qword ptr [{part} + {HEADER}]",
                "movzx {block:e}, {header:x}",
                "test {block:e}, {block:e}",
                "jz 71f",
                "mov {block}, qword ptr [{part} + {block}*8 + {SLOTS} - 8]",
                "add {header}, {ONE_HIT}",
                slow!(),
                "mov qword ptr [{part} + {HEADER}], {header}",
            ],
            miss = "xor {block:e}, {block:e}",
            parts = parts,
            part = out(reg) _,
            header = out(reg) _,
            block = out(reg) block,
            HEADER = const HEADER,
            SLOTS = const SLOTS,
            ONE_HIT = const ONE_HIT,
        );
    }
    block
}

/// The section of [`push`], which leaves by `miss` where there is no room.
macro_rules! push_section {
    ($parts:ident, $block:ident, miss = $miss:expr, part = $($part:tt)*) => {
        section!(
            body = [
                "mov {header}, qword ptr [{part} + {HEADER}]",
                "movzx {length:e}, {header:x}",
                slow!(),
                "cmp {length}, qword ptr [{part} + {DEPTH}]",
                "jae 71f",
                "mov qword ptr [{part} + {length}*8 + {SLOTS}], {block}",
                "inc {header}",
                slow!(),
                "mov qword ptr [{part} + {HEADER}], {header}",
            ],
            miss = $miss,
            parts = $parts,
            part = $($part)*
            header = out(reg) _,
            length = out(reg) _,
            block = in(reg) $block,
            HEADER = const HEADER,
            DEPTH = const DEPTH,
            SLOTS = const SLOTS,
        )
    };
}

/// Puts a block on top; returns whether there was room.
///
/// ```text
/// header = part.header
/// length = header & 0xFFFF
/// if length >= part.depth  goto 71
/// part.slots[length] = block
/// part.header = header + 1                            // commit: one block more
/// ```
/// The header is loaded and stored whole, as every word that is stored often: a load of fewer bytes than the last store
/// wrote waits for that store on some processors. That no closer's store is lost is theory §3.
///
/// # Safety
/// As for [`pop`]; the block belongs to the caller, who loses it if the result is true.
#[inline(always)]
pub unsafe fn push(parts: *const Parts, block: *mut u8) -> bool {
    // From Rust 1.87 on the section itself goes where there was no room. (`build.rs` looks at the compiler's version.)
    // SAFETY: as in `pop`; a slot below the depth exists.
    #[cfg(lookaside_asm_goto)]
    unsafe {
        push_section!(
            parts,
            block,
            miss = concat!(leave!(), "\njmp {full}"),
            part = out(reg) _, full = label { return false },
        );
        true
    }
    // SAFETY: as above.
    #[cfg(not(lookaside_asm_goto))]
    unsafe {
        let part: usize;
        push_section!(parts, block, miss = "xor {part:e}, {part:e}", part = out(reg) part,);
        part != 0
    }
}

/// Takes up to `wanted` blocks from the top into `out`, the last in last; returns how many and whose part they left.
/// Each counts as a hit, or with `HITS` false none does.
///
/// ```text
/// header = part.header
/// count = min(header & 0xFFFF, wanted)
/// if count == 0  goto 71
/// out[0..count] = part.slots[length - count .. length]
/// part.header = header + count * ONE_HIT              // commit; without hits: header - count
/// ```
///
/// # Safety
/// As for [`pop`]; `out` has room for `wanted` pointers.
#[inline]
pub unsafe fn pop_many<const HITS: bool>(parts: *const Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
    let mut count = wanted;
    let part: usize;
    // SAFETY: as in `pop`; what an aborted copy wrote to `out` is written again or never read.
    unsafe {
        section!(
            body = [
                "mov {header}, qword ptr [{part} + {HEADER}]",
                "movzx {from:e}, {header:x}",
                "cmp {from}, {count}",
                "cmovb {count}, {from}",
                "sub {from}, {count}",
                "test {count}, {count}",
                "jz 71f",
                "imul {index}, {count}, {ONE_BLOCK}",
                "add {header}, {index}",
                "lea {from}, [{part} + {from}*8 + {SLOTS}]",
                copy!("from" => "out"),
                slow!(),
                "mov qword ptr [{part} + {HEADER}], {header}",
            ],
            miss = "xor {count:e}, {count:e}",
            parts = parts,
            part = out(reg) part,
            header = out(reg) _,
            from = out(reg) _,
            index = out(reg) _,
            block = out(reg) _,
            two = out(xmm_reg) _,
            others = out(xmm_reg) _,
            out = in(reg) out,
            count = inout(reg) count,
            HEADER = const HEADER,
            SLOTS = const SLOTS,
            ONE_BLOCK = const if HITS { ONE_HIT as i32 } else { -1 },
        );
    }
    // SAFETY: `parts` may be read.
    (count, if count == 0 { 0 } else { unsafe { super::processor_of(parts, part) } })
}

/// Puts the first blocks of `blocks` on top, as far as there is room; returns how many and into whose part.
///
/// ```text
/// header = part.header
/// room = part.depth - (header & 0xFFFF)
/// if room <= 0  goto 71
/// count = min(room, offered)
/// part.slots[length .. length + count] = blocks[0..count]
/// part.header = header + count                        // commit
/// ```
///
/// # Safety
/// As for [`push`]; `blocks` holds `offered` blocks.
#[inline]
pub unsafe fn push_many(parts: *const Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
    let mut count = offered;
    let part: usize;
    // SAFETY: as in `push`.
    unsafe {
        section!(
            body = [
                "mov {header}, qword ptr [{part} + {HEADER}]",
                "movzx {to:e}, {header:x}",
                slow!(),
                "mov {index}, qword ptr [{part} + {DEPTH}]",
                "sub {index}, {to}",
                "jbe 71f",
                "cmp {index}, {count}",
                "cmovb {count}, {index}",
                "test {count}, {count}",
                "jz 71f",
                "lea {to}, [{part} + {to}*8 + {SLOTS}]",
                copy!("blocks" => "to"),
                "add {header}, {count}",
                slow!(),
                "mov qword ptr [{part} + {HEADER}], {header}",
            ],
            miss = "xor {count:e}, {count:e}",
            parts = parts,
            part = out(reg) part,
            header = out(reg) _,
            to = out(reg) _,
            index = out(reg) _,
            block = out(reg) _,
            two = out(xmm_reg) _,
            others = out(xmm_reg) _,
            blocks = in(reg) blocks,
            count = inout(reg) count,
            HEADER = const HEADER,
            DEPTH = const DEPTH,
            SLOTS = const SLOTS,
        );
    }
    // SAFETY: `parts` may be read.
    (count, if count == 0 { 0 } else { unsafe { super::processor_of(parts, part) } })
}

/// The section of [`count`], which leaves by `miss` where it counted nothing.
macro_rules! count_section {
    ($area:ident, $word:ident, $processors:ident, miss = $miss:expr, place = $($place:tt)*) => {
        asm!(
            ".pushsection __rseq_cs, \"aw\"",
            ".balign 32",
            "77: .long 0, 0",
            ".quad 78f, 79f - 78f, 75f",
            ".popsection",
            "lea {place}, [rip + 77b]",
            "mov qword ptr fs:[{area} + 8], {place}",
            "78:",
            "mov {place:e}, dword ptr fs:[{area} + 4]",
            "cmp {place:e}, {processors:e}",
            "jae 71f",
            "shl {place}, {COUNTS_SHIFT}",
            slow!(),
            "inc qword ptr [{word} + {place}]",
            "79:",
            leave!(),
            ".pushsection .text.unlikely.lookaside, \"ax\"",
            ".byte 0x0f, 0xb9, 0x3d",
            ".long {SIGNATURE}",
            "75:",
            "71:",
            $miss,
            ".popsection",
            area = in(reg) $area,
            word = in(reg) $word,
            processors = in(reg) $processors,
            COUNTS_SHIFT = const COUNTS_SHIFT,
            SIGNATURE = const SIGNATURE,
            place = $($place)*
            options(nostack),
        )
    };
}

/// Adds one to this processor's word, the processor's number times `1 << COUNTS_SHIFT` bytes behind `word`; returns
/// whether it did. Where the number is not below `processors`, or the section was aborted, it did not.
///
/// ```text
/// area.rseq_cs = &descriptor                          // arms
/// 78: place = area.cpu_id
///     if place >= processors  goto 71
///     word[place << COUNTS_SHIFT] += 1                // commit
/// 79: leave
/// 71: leave, counted = false                          // out of line, and where an abort arrives
/// ```
///
/// # Safety
/// The area is the calling thread's; the words of these processors are there, and no one writes to them but sections.
#[inline(always)]
pub unsafe fn count(area: isize, word: *mut u64, processors: u32) -> bool {
    // SAFETY: the word is this processor's, and the area this thread's, as the caller promises.
    #[cfg(lookaside_asm_goto)]
    unsafe {
        count_section!(
            area,
            word,
            processors,
            miss = concat!(leave!(), "\njmp {missed}"),
            place = out(reg) _, missed = label { return false },
        );
        true
    }
    // SAFETY: as above.
    #[cfg(not(lookaside_asm_goto))]
    unsafe {
        let place: usize;
        count_section!(
            area,
            word,
            processors,
            miss = "mov {place}, -1\njmp 79b",
            place = out(reg) place,
        );
        place != usize::MAX
    }
}

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
            "lea {address}, [rip + 77b]",
            "mov qword ptr [{descriptor}], {address}",
            "test {armed:e}, {armed:e}",
            "jz 78f",
            "mov qword ptr [{area} + 8], {address}",
            "78:",
            "ud2",
            "79:",
            ".byte 0x0f, 0xb9, 0x3d",
            ".long {SIGNATURE}",
            "75:",
            "ud2",
            SIGNATURE = const SIGNATURE,
            area = in(reg) area,
            descriptor = in(reg) descriptor,
            armed = in(reg) u32::from(armed),
            address = in(reg) 0usize,
            options(noreturn),
        )
    }
}

/// There is no section that waits: no kernel is known that aborts sections here for a signal alone.
pub const WAIT: Option<Wait> = None;

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
    // label with every register but those named as the kernel left them.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 72f",
            "xor ebp, ebp",
            "mov rdi, {argument}",
            "call {body}",
            "ud2",
            "72:",
            argument = in(reg) argument,
            body = in(reg) body,
            inlateout("rax") libc::SYS_clone as isize => child,
            in("rdi") flags,
            in("rsi") stack,
            in("rdx") 0,
            in("r10") 0,
            in("r8") 0,
            out("rcx") _,
            out("r11") _,
        );
    }
    child
}

// The spare area is a thread-local of 32 bytes (version 0 of the kernel's structure) whose processor number says "not
// registered" (`own::UNREGISTERED`).
global_asm!(
    ".pushsection .tdata, \"awT\", @progbits",
    ".balign 32",
    ".hidden lookaside_spare_rseq_area",
    ".globl lookaside_spare_rseq_area",
    ".type lookaside_spare_rseq_area, @object",
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
            "mov {offset}, qword ptr [rip + lookaside_spare_rseq_area@GOTTPOFF]",
            offset = out(reg) offset,
            options(nostack, pure, readonly, preserves_flags),
        );
    }
    offset
}

/// Returns the processor's number in the calling thread's area; as a signed number negative where there is none.
pub fn processor_number(area: isize) -> u32 {
    let number;
    // SAFETY: `area` is glibc's, or the spare one.
    unsafe {
        asm!("mov {number:e}, dword ptr fs:[{area} + 4]", number = out(reg) number, area = in(reg) area,
            options(nostack, readonly, preserves_flags));
    }
    number
}

/// Returns the address that an area's distance is counted from, of the calling thread.
pub fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: the first word that the thread pointer leads to is the thread pointer, as the ABI has it.
    unsafe {
        asm!("mov {pointer}, qword ptr fs:[0]", pointer = out(reg) pointer, options(nostack, pure, readonly, preserves_flags));
    }
    pointer
}
