//! The S-list of Windows: a linked stack whose head, a pointer with a sequence number, changes by one 16-byte
//! compare-and-swap. It is what a driver's lookaside list stands on there.
//!
//! A pop reads the link of a block that another thread may just have taken, so a block stays mapped as long as the list
//! lives: none goes back to malloc before that, and nothing bounds how many the list keeps.

use std::arch::asm;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use anyhow::ensure;

use super::Contender;

/// An S-list of free blocks.
pub struct SList {
    size: usize,
    free: Stack,
}

impl Contender for SList {
    fn new(size: usize) -> anyhow::Result<Self> {
        ensure!(std::arch::is_x86_feature_detected!("cmpxchg16b"), "this processor has no 16-byte compare-and-swap");
        let free = Stack::new();
        Ok(Self { size, free })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: `new` saw that the processor has the instruction, and blocks stay mapped.
        let block = unsafe { self.free.pop() };
        if block.is_null() {
            // SAFETY: malloc takes any size.
            return unsafe { libc::malloc(self.size).cast() };
        }
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: `new` saw that the processor has the instruction; the caller gives the block back, which is longer than a word.
        unsafe { self.free.push(block) };
    }

    fn kept(&self) -> Option<u64> {
        Some(self.free.depth())
    }
}

impl Drop for SList {
    fn drop(&mut self) {
        loop {
            // SAFETY: as in `allocate`.
            let block = unsafe { self.free.pop() };
            if block.is_null() {
                break;
            }
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}

/// The head of the list: its first half is the depth in the low 16 bits with a sequence number above them, its second
/// half the first block.
#[repr(align(64))]
struct Stack(UnsafeCell<[u64; 2]>);

// SAFETY: the halves of the head are only read as atomics, and only written by a compare-and-swap.
unsafe impl Sync for Stack {}

impl Stack {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; 2]))
    }

    /// Takes the first block, or null.
    ///
    /// # Safety
    /// The processor has `cmpxchg16b`, and every block that was ever pushed is still mapped.
    #[inline(always)]
    unsafe fn pop(&self) -> *mut u8 {
        loop {
            let (state, first) = self.read();
            if first.is_null() {
                return first;
            }
            // SAFETY: the block may have been taken meanwhile, but it is mapped; the exchange then finds another sequence number.
            let next = unsafe { AtomicPtr::from_ptr(first.cast::<*mut u8>()) }.load(Ordering::Relaxed);
            // SAFETY: the processor has the instruction.
            if unsafe { self.exchange((state, first), (state + (1 << 16) - 1, next)) } {
                return first;
            }
        }
    }

    /// Puts a block on top.
    ///
    /// # Safety
    /// The processor has `cmpxchg16b`, and `block` is at least a word long, aligned, and the caller's to give.
    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) {
        loop {
            let (state, first) = self.read();
            // SAFETY: the block is the caller's and has room for a pointer; a late `pop` may read it at the same time.
            unsafe { AtomicPtr::from_ptr(block.cast::<*mut u8>()) }.store(first, Ordering::Relaxed);
            // SAFETY: the processor has the instruction.
            if unsafe { self.exchange((state, first), (state + (1 << 16) + 1, block)) } {
                return;
            }
        }
    }

    fn depth(&self) -> u64 {
        self.read().0 & 0xFFFF
    }

    /// Both halves of the head, which may be of two moments: the exchange then fails.
    #[inline(always)]
    fn read(&self) -> (u64, *mut u8) {
        let head = self.0.get();
        // SAFETY: both halves lie inside the head, aligned, and change only by the exchange, which is atomic.
        unsafe {
            let state = AtomicU64::from_ptr(head.cast());
            let first = AtomicPtr::from_ptr(head.cast::<*mut u8>().add(1));
            // Acquire pairs with the locked exchange that put the block there.
            (state.load(Ordering::Acquire), first.load(Ordering::Acquire))
        }
    }

    /// Changes the whole head from `old` to `new`, or says that it was another.
    ///
    /// # Safety
    /// The processor has `cmpxchg16b`.
    #[inline(always)]
    unsafe fn exchange(&self, old: (u64, *mut u8), new: (u64, *mut u8)) -> bool {
        let same: u64;
        // The instruction wants the low half of the new value in rbx, which no operand can name. The others are named, so that
        // none of them is rbx.
        // SAFETY: the head is 16 bytes at a multiple of 64, and rbx is put back.
        unsafe {
            asm!(
                "xchg {low}, rbx",
                "lock cmpxchg16b xmmword ptr [rdi]",
                "sete cl",
                "mov rbx, {low}",
                low = inout(reg) new.0 => _,
                in("rdi") self.0.get(),
                inout("rax") old.0 => _,
                inout("rdx") old.1 => _,
                inout("rcx") new.1 => same,
                options(nostack),
            );
        }
        same & 0xFF != 0
    }
}
