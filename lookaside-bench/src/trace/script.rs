//! The script that the driver runs: a trace made flat before any clock runs.

use super::events::{Action, Trace};

/// Sizes up to here are served by the heap under test, larger ones by the system heap for all alike.
pub const LARGEST: usize = 1024;

/// What the driver asks for at the least: it writes eight bytes to every block.
const SMALLEST: u32 = 8;

/// Allocate or free, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The entry of the table of live blocks; the top bit marks a free.
    slot_and_kind: u32,
    size: u32,
}

const FREE: u32 = 1 << 31;

impl Operation {
    /// Which entry of the table of live blocks it fills or empties.
    #[inline(always)]
    pub fn slot(self) -> usize {
        (self.slot_and_kind & !FREE) as usize
    }

    /// Whether it gives a block back.
    #[inline(always)]
    pub fn is_free(self) -> bool {
        self.slot_and_kind & FREE != 0
    }

    #[inline(always)]
    pub fn size(self) -> usize {
        self.size as usize
    }
}

/// The operations of a trace. Every free names a slot that an allocation of the same size filled before it.
#[derive(Debug, Default)]
pub struct Script {
    operations: Vec<Operation>,
    leftover: Vec<Operation>,
    slots: usize,
    small: usize,
    frees: u64,
    blocks_by_class: Vec<u64>,
    check: u64,
}

impl Script {
    /// Prepares a trace. The threads of the recorded program become one, which does all of it.
    pub fn new(trace: &Trace) -> Script {
        let mut script = Script { blocks_by_class: vec![0; LARGEST / 16], ..Script::default() };
        let mut blocks: Vec<Operation> = Vec::new();
        let mut free_slots = Vec::new();
        for event in trace.events() {
            let operation = match event.action {
                Action::Allocate { size } => {
                    let slot = free_slots.pop().unwrap_or_else(|| {
                        script.slots += 1;
                        script.slots as u32 - 1
                    });
                    assert!(slot < FREE, "2^31 blocks of a byte fit no machine that this runs on");
                    let operation = Operation { slot_and_kind: slot, size: size.max(SMALLEST) };
                    blocks.push(operation);
                    if let Some(blocks) = script.blocks_by_class.get_mut(class(operation.size())) {
                        *blocks += 1;
                    }
                    operation
                }
                Action::Free { id } => {
                    let Operation { slot_and_kind: slot, size } = blocks[id as usize];
                    free_slots.push(slot);
                    blocks[id as usize].slot_and_kind |= FREE;
                    script.frees += 1;
                    script.check = script.check.wrapping_add(u64::from(slot));
                    Operation { slot_and_kind: slot | FREE, size }
                }
            };
            script.small += usize::from(operation.size() <= LARGEST);
            script.operations.push(operation);
        }
        script.leftover = blocks.into_iter().filter(|block| !block.is_free()).collect();
        script
    }

    /// The operations in their order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The allocations whose blocks are still out after the last operation.
    pub fn leftover(&self) -> &[Operation] {
        &self.leftover
    }

    /// Entries that the table of live blocks needs.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Operations on blocks up to [`LARGEST`].
    pub fn small(&self) -> usize {
        self.small
    }

    /// Allocations by size class.
    pub fn blocks_by_class(&self) -> &[u64] {
        &self.blocks_by_class
    }

    /// The sum over all frees of a player's stamp plus the slot: what it must find in the blocks.
    pub fn check(&self, stamp: u64) -> u64 {
        self.check.wrapping_add(self.frees.wrapping_mul(stamp))
    }
}

/// The size class of a size: 0 for 1 to 16 bytes, 1 for 17 to 32, and so on.
#[inline(always)]
pub fn class(size: usize) -> usize {
    size.wrapping_sub(1) / 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::events::Event;

    #[test]
    fn slots_are_used_again_and_leftovers_are_known() {
        let mut trace = Trace::default();
        let allocate = |size| Event { thread: 0, action: Action::Allocate { size } };
        let free = |id| Event { thread: 0, action: Action::Free { id } };
        for event in [allocate(0), allocate(1024), free(0), allocate(1025), free(1), allocate(17)] {
            trace.push(event).unwrap();
        }
        let script = Script::new(&trace);
        let flat: Vec<_> = script.operations().iter().map(|o| (o.is_free(), o.slot(), o.size())).collect();
        let expected =
            [(false, 0, 8), (false, 1, 1024), (true, 0, 8), (false, 0, 1025), (true, 1, 1024), (false, 1, 17)];
        assert_eq!(flat, expected);
        let leftover: Vec<_> = script.leftover().iter().map(|o| (o.slot(), o.size())).collect();
        assert_eq!(leftover, [(0, 1025), (1, 17)]);
        assert_eq!((script.slots(), script.small(), script.check(0), script.check(10)), (2, 5, 1, 21));
        let used: Vec<_> = (0..).zip(script.blocks_by_class()).filter(|(_, n)| **n > 0).collect();
        assert_eq!(used, [(0, &1), (1, &1), (63, &1)]);
    }

    #[test]
    fn classes_are_sixteen_bytes_wide() {
        assert_eq!([1, 16, 17, 32, 33, 1024].map(class), [0, 0, 1, 1, 2, 63]);
    }
}
