//! Allocate of zeroed memory, after the fast path found no block. What no caller had since it came from the system is
//! zeroes already, and is not touched; a block that comes by the lists may have been anyone's, and is cleared.

use super::list::{List, by_engine};
use super::processor::Engine;
use crate::wdk::RawList;

impl List {
    /// [`List::allocate`] of a block whose first bytes, this many, are zeroes.
    pub fn allocate_zeroed(&self, object: *mut RawList, bytes: usize) -> *mut u8 {
        let settings = self.settings();
        if settings.slabs && settings.parts.processors != 0 && settings.lower.is_none() {
            let block = by_engine!(self, E => self.allocate_fresh::<E>(object, bytes));
            if !block.is_null() {
                return block;
            }
        }
        let block = self.allocate(object);
        if !block.is_null() {
            // SAFETY: the block is new, and has these bytes.
            unsafe { block.write_bytes(0, bytes) };
        }
        block
    }

    /// Takes the pool's next block, alone, where neither P nor L has one and it need not be cleared, or not all of it. A
    /// batch would leave the others in P, where nothing is known of them. Null otherwise.
    fn allocate_fresh<E: Engine>(&self, object: *mut RawList, bytes: usize) -> *mut u8 {
        let part = self.current_part::<E>();
        if let Some(part) = part {
            // As in `allocate_by`.
            // SAFETY: the list is open.
            let block = unsafe { E::pop(&self.settings().parts) };
            if !block.is_null() {
                // SAFETY: the block is the caller's, and has these bytes.
                unsafe { block.write_bytes(0, bytes) };
                return block;
            }
            self.see_open(part);
        }
        self.attend(object);
        if self.shared().with_blocks().length() != 0 {
            return core::ptr::null_mut();
        }
        let block = self.slabs.allocate_fresh(self.shared.own(), &self.settings().request, bytes);
        if !block.is_null() {
            self.count_allocate_from_pool(part);
        }
        block
    }
}
