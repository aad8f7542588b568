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
    events: usize,
    slots: usize,
    small: usize,
    blocks_by_class: Vec<u64>,
}

impl Script {
    /// Prepares a trace. The threads of the recorded program become one, which does all of it, and at the end gives back what
    /// the program did not.
    pub fn new(trace: &Trace) -> Script {
        let mut script = Script { blocks_by_class: vec![0; LARGEST / 16], ..Script::default() };
        let mut blocks: Vec<Operation> = Vec::new();
        let mut free_slots = Vec::new();
        for event in trace.events() {
            match event.action {
                Action::Allocate { size } => {
                    let slot = free_slots.pop().unwrap_or_else(|| {
                        script.slots += 1;
                        script.slots as u32 - 1
                    });
                    assert!(slot < FREE, "2^31 blocks of a byte fit no machine that this runs on");
                    let operation = Operation { slot_and_kind: slot, size: size.max(SMALLEST) };
                    if let Some(blocks) = script.blocks_by_class.get_mut(class(operation.size())) {
                        *blocks += 1;
                    }
                    script.operations.push(operation);
                    // What frees it, and with size 0 has done so.
                    blocks.push(Operation { slot_and_kind: slot | FREE, ..operation });
                }
                Action::Free { id } => {
                    let free = blocks[id as usize];
                    blocks[id as usize].size = 0;
                    free_slots.push(free.slot() as u32);
                    script.operations.push(free);
                }
            }
        }
        script.events = script.operations.len();
        script.small = script.operations.iter().filter(|operation| operation.size() <= LARGEST).count();
        script.operations.extend(blocks.iter().filter(|free| free.size != 0));
        script
    }

    /// The operations in their order, the program's and then those that give back what it did not.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// How many of them are the program's.
    pub fn events(&self) -> usize {
        self.events
    }

    /// Entries that the table of live blocks needs.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The program's operations on blocks up to [`LARGEST`].
    pub fn small(&self) -> usize {
        self.small
    }

    /// Allocations by size class.
    pub fn blocks_by_class(&self) -> &[u64] {
        &self.blocks_by_class
    }

    /// The sum over all frees of a stamp plus the slot: what the blocks hold together.
    pub fn check(&self, stamp: u64) -> u64 {
        let frees = self.operations.iter().filter(|operation| operation.is_free());
        frees.fold(0, |sum, free| sum.wrapping_add(stamp | free.slot() as u64))
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
    fn slots_are_used_again_and_all_is_given_back() {
        let mut trace = Trace::default();
        let allocate = |size| Event { thread: 0, action: Action::Allocate { size } };
        let free = |id| Event { thread: 0, action: Action::Free { id } };
        for event in [allocate(0), allocate(1024), free(0), allocate(1025), free(1), allocate(17)] {
            trace.push(event).unwrap();
        }
        let script = Script::new(&trace);
        let flat: Vec<_> = script.operations().iter().map(|o| (o.is_free(), o.slot(), o.size())).collect();
        let program =
            [(false, 0, 8), (false, 1, 1024), (true, 0, 8), (false, 0, 1025), (true, 1, 1024), (false, 1, 17)];
        assert_eq!((&flat[..script.events()], &flat[6..]), (&program[..], &[(true, 0, 1025), (true, 1, 17)][..]));
        assert_eq!((script.slots(), script.small(), script.check(0), script.check(16)), (2, 5, 2, 66));
        let used: Vec<_> = (0..).zip(script.blocks_by_class()).filter(|(_, n)| **n > 0).collect();
        assert_eq!(used, [(0, &1), (1, &1), (63, &1)]);
    }

    #[test]
    fn classes_are_sixteen_bytes_wide() {
        assert_eq!([1, 16, 17, 32, 33, 1024].map(class), [0, 0, 1, 1, 2, 63]);
    }
}
