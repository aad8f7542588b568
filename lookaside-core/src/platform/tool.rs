//! Debugging tools that watch memory: whether one is in this process, and what a pool says to it.
//!
//! A sanitizer is found by the function that starts it, through a weak reference, which serves in static programs and
//! libraries too. Valgrind's tools react to requests of their own, a sequence of instructions without effect elsewhere;
//! Callgrind, Cachegrind, Massif and DHAT look at no memory and react to none of these.

use core::mem::transmute;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::weak::weak;

/// A tool that follows each block from its allocation to its free.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    AddressSanitizer = 1,
    ThreadSanitizer,
    MemorySanitizer,
    LeakSanitizer,
    Memcheck,
    Helgrind,
    Drd,
}

/// The tools in the order of their numbers.
const TOOLS: [Tool; 7] = [
    Tool::AddressSanitizer,
    Tool::ThreadSanitizer,
    Tool::MemorySanitizer,
    Tool::LeakSanitizer,
    Tool::Memcheck,
    Tool::Helgrind,
    Tool::Drd,
];

static FOUND: AtomicU32 = AtomicU32::new(0);
const NONE: u32 = u32::MAX;

/// Returns the tool that watches this process, if there is one; found out once.
#[inline]
pub fn tool() -> Option<Tool> {
    // Relaxed: each thread that looks finds the same.
    match FOUND.load(Relaxed) {
        NONE => None,
        0 => find(),
        number => TOOLS.get(number as usize - 1).copied(),
    }
}

#[cold]
fn find() -> Option<Tool> {
    let found = TOOLS.into_iter().find(|tool| is_present(*tool));
    FOUND.store(found.map_or(NONE, |tool| tool as u32), Relaxed);
    found
}

fn is_present(tool: Tool) -> bool {
    match tool {
        Tool::AddressSanitizer => !weak!("__asan_init").is_null(),
        Tool::ThreadSanitizer => !weak!("__tsan_init").is_null(),
        Tool::MemorySanitizer => !weak!("__msan_init").is_null(),
        Tool::LeakSanitizer => !weak!("__lsan_init").is_null(),
        Tool::Memcheck => valgrind::is_memcheck(),
        Tool::Helgrind => valgrind::is_helgrind(),
        Tool::Drd => valgrind::is_drd(),
    }
}

type OnRange = unsafe extern "C" fn(*const u8, usize);

/// Says to a sanitizer what a function with a range of memory says, if there is that function.
macro_rules! say {
    ($name:literal, $($argument:expr),+) => {{
        let function = weak!($name);
        if !function.is_null() {
            // SAFETY: the sanitizers' public interface: a range, or an address, of this library's own memory.
            unsafe { call(function, $($argument),+) };
        }
    }};
}

/// # Safety
/// The function takes a range of memory, or its address alone, and its effect on that is wanted.
unsafe fn call(function: *const (), start: *const u8, bytes: usize) {
    // SAFETY: the function is the tool's, and takes these arguments; a sanitizer's functions neither unwind nor call
    // back, and one that takes the address alone does not look at the register with the second argument.
    unsafe { transmute::<*const (), OnRange>(function)(start, bytes) }
}

/// Says that a pool of this library's own hands out a block, after its own work on it.
#[inline]
pub fn handed_out(block: *const u8, bytes: usize) {
    if let Some(tool) = tool() {
        hand_out(tool, block, bytes);
    }
}

#[cold]
fn hand_out(tool: Tool, block: *const u8, bytes: usize) {
    match tool {
        Tool::AddressSanitizer => say!("__asan_unpoison_memory_region", block, bytes),
        Tool::ThreadSanitizer => {
            // The thread that had the block before gave it back before this call.
            say!("__tsan_acquire", block, bytes);
        }
        Tool::Memcheck => valgrind::handed_out(block, bytes),
        Tool::Helgrind => {
            valgrind::look_for_races(block, bytes);
            valgrind::forget_history(block, bytes);
        }
        Tool::Drd => {
            valgrind::look_for_conflicts(block, bytes);
            valgrind::forget_history(block, bytes);
        }
        Tool::MemorySanitizer | Tool::LeakSanitizer => {}
    }
}

/// Says that a pool of this library's own takes a block back, after its own work on it: until it is handed out again
/// only the pool may touch it.
#[inline]
pub fn taken_back(block: *const u8, bytes: usize) {
    if let Some(tool) = tool() {
        take_back(tool, block, bytes);
    }
}

#[cold]
fn take_back(tool: Tool, block: *const u8, bytes: usize) {
    match tool {
        // A library that is instrumented itself would be caught at its own work on free blocks.
        Tool::AddressSanitizer if cfg!(lookaside_sanitized) => {}
        Tool::AddressSanitizer => say!("__asan_poison_memory_region", block, bytes),
        Tool::ThreadSanitizer => say!("__tsan_release", block, bytes),
        Tool::Memcheck => valgrind::taken_back(block),
        Tool::Helgrind | Tool::Drd => own(block, bytes),
        Tool::MemorySanitizer | Tool::LeakSanitizer => {}
    }
}

/// Returns whether a tool keeps the stack of each allocation and free, and finds it by frame pointers.
pub fn keeps_stacks() -> bool {
    matches!(tool(), Some(Tool::AddressSanitizer | Tool::LeakSanitizer | Tool::MemorySanitizer))
}

/// [`handed_out`] for a block between inaccessible pages: a tool that checks each byte needs no more than those.
#[inline]
pub fn handed_out_guarded(block: *const u8, bytes: usize) {
    match tool() {
        // The memory around cannot be read, so each block by itself may hold pointers.
        Some(Tool::AddressSanitizer | Tool::LeakSanitizer) => say!("__lsan_register_root_region", block, bytes),
        None | Some(Tool::Memcheck) => {}
        Some(tool) => hand_out(tool, block, bytes),
    }
}

/// [`taken_back`] for such a block, before its page is closed.
#[inline]
pub fn taken_back_guarded(block: *const u8, bytes: usize) {
    match tool() {
        Some(Tool::AddressSanitizer | Tool::LeakSanitizer) => say!("__lsan_unregister_root_region", block, bytes),
        None | Some(Tool::Memcheck) => {}
        Some(tool) => take_back(tool, block, bytes),
    }
}

/// Runs work on memory that only this library touches now, without reports of tools of Valgrind's: Memcheck takes free
/// memory of pools for inaccessible, and the others do not know which reads are atomic.
#[inline]
pub fn unwatched<T>(work: impl FnOnce() -> T) -> T {
    let watched = matches!(tool(), Some(Tool::Memcheck | Tool::Helgrind | Tool::Drd));
    if watched {
        valgrind::report_errors(false);
    }
    let result = work();
    if watched {
        valgrind::report_errors(true);
    }
    result
}

/// Says that a pool of this library's own has memory for blocks, of which it has handed out none yet. The program may
/// keep its only pointers to other blocks in there.
pub fn watch(start: *const u8, bytes: usize) {
    match tool() {
        Some(tool @ (Tool::AddressSanitizer | Tool::LeakSanitizer)) => {
            say!("__lsan_register_root_region", start, bytes);
            take_back(tool, start, bytes);
        }
        Some(Tool::Memcheck) => valgrind::forbid(start, bytes),
        _ => {}
    }
}

/// Says that only this library touches this memory, by atomics and by locks that tools which look for races do not
/// know.
#[inline]
pub fn own(start: *const u8, bytes: usize) {
    match tool() {
        Some(Tool::Helgrind) => valgrind::ignore_races(start, bytes),
        Some(Tool::Drd) => valgrind::ignore_conflicts(start, bytes),
        _ => {}
    }
}

/// [`own`] of a value.
pub fn own_value<T>(value: &T) {
    own(core::ptr::from_ref(value).cast(), size_of::<T>());
}

/// Says that a thread which calls [`received`] for this object after this call sees what this thread wrote before it.
/// The object is one of the program's, which this library changes by atomics that a tool may not see.
#[inline]
pub fn published<T>(object: &T) {
    if let Some(tool) = tool() {
        order(tool, core::ptr::from_ref(object).cast(), true);
    }
}

/// Says that this thread sees what threads wrote before they called [`published`] for this object.
#[inline]
pub fn received<T>(object: &T) {
    if let Some(tool) = tool() {
        order(tool, core::ptr::from_ref(object).cast(), false);
    }
}

#[cold]
fn order(tool: Tool, object: *const u8, before: bool) {
    match tool {
        Tool::ThreadSanitizer if before => say!("__tsan_release", object, 0),
        Tool::ThreadSanitizer => say!("__tsan_acquire", object, 0),
        Tool::Helgrind | Tool::Drd => valgrind::order(object, before),
        _ => {}
    }
}

/// Says so of the values here.
pub(super) fn own_statics() {
    own_value(&FOUND);
}

/// Says that this library, which no sanitizer has instrumented, wrote to memory of the program.
///
/// # Safety
/// The memory was written.
#[inline]
pub unsafe fn wrote(start: *const u8, bytes: usize) {
    if tool() == Some(Tool::MemorySanitizer) {
        say!("__msan_unpoison", start, bytes);
    }
}

/// Requests to Valgrind: valgrind.h's calling sequence and the requests' numbers, which are a promise of its.
mod valgrind {
    /// The number of a tool's first request, by its two letters.
    const fn base(letters: [u8; 2]) -> usize {
        (letters[0] as usize) << 24 | (letters[1] as usize) << 16
    }

    const MALLOC_LIKE: usize = 0x1301;
    const FREE_LIKE: usize = 0x1302;
    const CHANGE_REPORTING: usize = 0x1801;
    const MEMCHECK_FORBID: usize = base(*b"MC");
    const MEMCHECK_GET_BITS: usize = base(*b"MC") + 8;
    // DRD takes these three too.
    const CLEAN: usize = base(*b"HG");
    const HAPPENS_BEFORE: usize = base(*b"HG") + 256 + 33;
    const HAPPENS_AFTER: usize = base(*b"HG") + 256 + 34;
    const HELGRIND_GET_BITS: usize = base(*b"HG") + 256 + 46;
    const HELGRIND_IGNORE: usize = base(*b"HG") + 256 + 39;
    const HELGRIND_LOOK: usize = base(*b"HG") + 256 + 40;
    const DRD_THREAD: usize = base(*b"DR");
    const DRD_IGNORE: usize = base(*b"DR") + 2;
    const DRD_LOOK: usize = base(*b"DR") + 3;

    pub fn is_memcheck() -> bool {
        let (looked_at, mut bits) = (0u64, 0u64);
        request(MEMCHECK_GET_BITS, [(&raw const looked_at).addr(), (&raw mut bits).addr(), 8, 0, 0]) != 0
    }

    pub fn is_helgrind() -> bool {
        let (looked_at, mut bits) = (0u64, 0u64);
        request(HELGRIND_GET_BITS, [(&raw const looked_at).addr(), (&raw mut bits).addr(), 8, 0, 0]) != 0
    }

    pub fn is_drd() -> bool {
        request(DRD_THREAD, [0; 5]) != 0
    }

    pub fn handed_out(block: *const u8, bytes: usize) {
        request(MALLOC_LIKE, [block.addr(), bytes, 0, 0, 0]);
    }

    pub fn taken_back(block: *const u8) {
        request(FREE_LIKE, [block.addr(), 0, 0, 0, 0]);
    }

    pub fn forbid(start: *const u8, bytes: usize) {
        request(MEMCHECK_FORBID, [start.addr(), bytes, 0, 0, 0]);
    }

    pub fn forget_history(block: *const u8, bytes: usize) {
        request(CLEAN, [block.addr(), bytes, 0, 0, 0]);
    }

    pub fn order(object: *const u8, before: bool) {
        request(if before { HAPPENS_BEFORE } else { HAPPENS_AFTER }, [object.addr(), 0, 0, 0, 0]);
    }

    pub fn ignore_races(start: *const u8, bytes: usize) {
        request(HELGRIND_IGNORE, [start.addr(), bytes, 0, 0, 0]);
    }

    pub fn look_for_races(start: *const u8, bytes: usize) {
        request(HELGRIND_LOOK, [start.addr(), bytes, 0, 0, 0]);
    }

    pub fn ignore_conflicts(start: *const u8, bytes: usize) {
        request(DRD_IGNORE, [start.addr(), bytes, 0, 0, 0]);
    }

    pub fn look_for_conflicts(start: *const u8, bytes: usize) {
        request(DRD_LOOK, [start.addr(), bytes, 0, 0, 0]);
    }

    /// Of this thread's errors alone.
    pub fn report_errors(on: bool) {
        request(CHANGE_REPORTING, [if on { usize::MAX } else { 1 }, 0, 0, 0, 0]);
    }

    /// A request's result; 0 from a tool that does not know it, and from a processor.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn request(number: usize, arguments: [usize; 5]) -> usize {
        let [a, b, c, d, e] = arguments;
        let words = [number, a, b, c, d, e];
        let mut result = 0usize;
        // SAFETY: the rotations come to twice 64 bits and the exchange is of a register with itself, so that a
        // processor changes nothing but flags; Valgrind reads the six words and writes its result to rdx. It may read
        // and write memory that the words lead to.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") words.as_ptr(),
                inout("rdx") result,
                options(nostack),
            );
        }
        result
    }

    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    fn request(_number: usize, _arguments: [usize; 5]) -> usize {
        0
    }
}
