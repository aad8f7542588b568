//! The S-list of Windows: a linked stack whose head, a pointer with a sequence number, changes by one 16-byte
//! compare-and-swap. A driver's lookaside list is built on it there.
//!
//! A pop reads the link of a block that another thread may just have taken, so a block stays mapped as long as the list
//! lives: none goes back to malloc before that, and nothing bounds how many the list keeps.

use std::arch::asm;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use anyhow::ensure;

use super::kept::{Kept, Stack};
use crate::ground::contender::About;

pub const SLIST: About =
    About::new("slist", "a stack of free blocks by 16-byte compare-and-swap, which has to keep its blocks mapped");

pub fn new(_size: usize) -> anyhow::Result<Kept<SList>> {
    ensure!(std::arch::is_x86_feature_detected!("cmpxchg16b"), "this processor has no 16-byte compare-and-swap");
    Ok(Kept(SList(UnsafeCell::new([0; 2]))))
}

/// The list, which is there only where the processor has `cmpxchg16b`. The first half of its head is the depth in the low 16
/// bits with a sequence number above them, the second half the first block.
#[repr(align(64))]
pub struct SList(UnsafeCell<[u64; 2]>);

// SAFETY: the halves of the head are only read as atomics, and only written by a compare-and-swap.
unsafe impl Sync for SList {}

impl Stack for SList {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        loop {
            let (state, first) = self.read();
            if first.is_null() {
                return None;
            }
            // SAFETY: the block may have been taken meanwhile, but it is mapped as long as the list lives; the exchange then finds
            // another sequence number.
            let next = unsafe { AtomicPtr::from_ptr(first.cast::<*mut u8>()) }.load(Ordering::Relaxed);
            if self.exchange((state, first), (state + (1 << 16) - 1, next)) {
                return Some(first);
            }
        }
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        loop {
            let (state, first) = self.read();
            // SAFETY: the block is the caller's and has room for a pointer; a late `pop` may read it at the same time.
            unsafe { AtomicPtr::from_ptr(block.cast::<*mut u8>()) }.store(first, Ordering::Relaxed);
            if self.exchange((state, first), (state + (1 << 16) + 1, block)) {
                return true;
            }
        }
    }

    fn depth(&self) -> u64 {
        self.read().0 & 0xFFFF
    }
}

impl SList {
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

    /// Changes the whole head from `old` to `new`; returns false if it was another.
    #[inline(always)]
    fn exchange(&self, old: (u64, *mut u8), new: (u64, *mut u8)) -> bool {
        let same: u64;
        // The instruction wants the low half of the new value in rbx, which no operand can name. The others are named, so that
        // none of them is rbx.
        // SAFETY: `new` saw that the processor has the instruction; the head is 16 bytes at a multiple of 64, and rbx is put back.
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
