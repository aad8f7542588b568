//! Calls of the heap with frames that a sanitizer can follow.
//!
//! For each block a sanitizer keeps the stacks of its allocation and its free, which it finds by frame pointers alone.
//! This library is built without them, so there the stacks would end. Here the frames are found by the unwinder and
//! chained on the stack as frame pointers would chain them, up to the first function that has its own.

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub use x86_64::call_with_frames;

/// Calls the function, where frames are not looked for.
///
/// # Safety
/// The function takes no more than these arguments, and they are what it may be called with.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub unsafe fn call_with_frames(function: *const (), arguments: [usize; 4]) -> usize {
    type Function = unsafe extern "C-unwind" fn(usize, usize, usize, usize) -> usize;
    let [first, second, third, fourth] = arguments;
    // SAFETY: the function may be called with these, as the caller promises; C functions may be called with more
    // arguments than they take.
    unsafe { core::mem::transmute::<*const (), Function>(function)(first, second, third, fourth) }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64 {
    use core::ffi::{c_int, c_void};

    /// The most frames that are looked at.
    const MOST: usize = 24;

    /// What a function with a frame pointer has where that points.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Frame {
        next: usize,
        return_address: usize,
    }

    struct Chain {
        frames: [Frame; MOST],
        count: usize,
        /// The frame pointer of the last function.
        pointer: usize,
    }

    /// Calls a function of the heap's, or a routine of the user's in its place, with what it takes. What unwinds goes
    /// through.
    ///
    /// # Safety
    /// The function takes no more than these arguments, and they are what it may be called with.
    pub unsafe fn call_with_frames(function: *const (), arguments: [usize; 4]) -> usize {
        let mut chain = Chain { frames: [Frame { next: 0, return_address: 0 }; MOST], count: 0, pointer: 0 };
        // SAFETY: the function takes a Chain, which outlives the call.
        unsafe { _Unwind_Backtrace(visit, (&raw mut chain).cast()) };
        let start = chain.frames.as_ptr();
        for place in 1..chain.count {
            chain.frames[place - 1].next = start.wrapping_add(place).addr();
        }
        let [first, second, third, fourth] = arguments;
        // SAFETY: the function may be called with these, as the caller promises; the frames outlive the call.
        unsafe { lookaside_call_with_frames(first, second, third, fourth, function, start) }
    }

    const GO_ON: c_int = 0;
    const STOP: c_int = 4;
    /// The number of the frame pointer in unwind tables.
    const FRAME_POINTER: c_int = 6;
    /// What a call and the saving of the frame pointer put on the stack.
    const SAVED: usize = 16;

    extern "C" fn visit(context: *mut c_void, chain: *mut c_void) -> c_int {
        // SAFETY: `call_with_frames` passed a Chain that only this call uses; the context is the unwinder's own.
        unsafe {
            let chain = &mut *chain.cast::<Chain>();
            // The end of the frame before, which has a frame pointer of its own if that points where a call leaves it.
            let end = _Unwind_GetCFA(context);
            if chain.count != 0 && chain.pointer.wrapping_add(SAVED) == end {
                chain.frames[chain.count - 1].next = chain.pointer;
                return STOP;
            }
            if chain.count == MOST {
                return STOP;
            }
            chain.frames[chain.count].return_address = _Unwind_GetIP(context);
            chain.count += 1;
            chain.pointer = _Unwind_GetGR(context, FRAME_POINTER);
            GO_ON
        }
    }

    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
        fn _Unwind_GetCFA(context: *mut c_void) -> usize;
        fn _Unwind_GetGR(context: *mut c_void, number: c_int) -> usize;
    }

    unsafe extern "C-unwind" {
        fn lookaside_call_with_frames(
            first: usize,
            second: usize,
            third: usize,
            fourth: usize,
            function: *const (),
            frames: *const Frame,
        ) -> usize;
    }

    // Calls `function` with the frame pointer at `frames`. Its unwind tables use the stack pointer, so that unwinding
    // by tables goes through it as well. Weak, for programs with two versions of this crate.
    core::arch::global_asm!(
        ".pushsection .text.lookaside_call_with_frames, \"ax\", @progbits",
        ".hidden lookaside_call_with_frames",
        ".weak lookaside_call_with_frames",
        ".type lookaside_call_with_frames, @function",
        "lookaside_call_with_frames:",
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, r9",
        "call r8",
        "pop rbp",
        ".cfi_def_cfa_offset 8",
        "ret",
        ".cfi_endproc",
        ".size lookaside_call_with_frames, . - lookaside_call_with_frames",
        ".popsection",
    );
}
