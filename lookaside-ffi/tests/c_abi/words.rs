//! No load of fewer bytes of a word than the last store to it wrote: on some processors such a load waits until the
//! store has left for the cache, which costs more than all else in a section, and which no count of instructions shows.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use lookaside_core::inline_abi::{DEPTH, HEADER, SHIFT};

/// What a register holds, as far as addresses of words are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// The address of a processor's part.
    Part,
    /// What the register held at the beginning of the sequence with this number.
    Entry(usize, Register),
    /// The result of an instruction, by its number.
    Result(usize),
}

/// A load or a store.
#[derive(Clone, Copy, Debug)]
struct Access {
    base: Value,
    offset: i64,
    bytes: i64,
    stores: bool,
}

impl Access {
    fn overlaps(&self, other: &Access) -> bool {
        self.base == other.base && self.offset < other.offset + other.bytes && other.offset < self.offset + self.bytes
    }

    fn covers(&self, other: &Access) -> bool {
        self.offset <= other.offset && other.offset + other.bytes <= self.offset + self.bytes
    }
}

impl Display for Access {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:?} + {}", self.bytes, self.base, self.offset)
    }
}

/// The words that sequences of instructions load and store.
pub struct Words {
    accesses: Vec<Access>,
    sequences: usize,
    instructions: usize,
    factory: InstructionInfoFactory,
}

impl Words {
    /// The core stores the header and the depth of a part whole, from everywhere.
    pub fn new() -> Words {
        let stored = |offset: usize| Access { base: Value::Part, offset: offset as i64, bytes: 8, stores: true };
        let accesses = [HEADER, DEPTH].map(stored).to_vec();
        Words { accesses, sequences: 0, instructions: 0, factory: InstructionInfoFactory::new() }
    }

    /// Adds what a sequence does. Parts are the same words in all sequences; where sequences are compiled into functions,
    /// a register holds something else at the beginning of each.
    pub fn add(&mut self, sequence: &[Instruction]) {
        self.sequences += 1;
        let mut held: HashMap<Register, Value> = HashMap::new();
        for instruction in sequence {
            self.instructions += 1;
            let value = |register: Register| {
                let register = register.full_register();
                held.get(&register).copied().unwrap_or(Value::Entry(self.sequences, register))
            };
            let info = self.factory.info(instruction);
            // With an index it is a slot, and in another segment or without a base it is no word of ours.
            let words = info.used_memory().iter().filter(|memory| {
                memory.index() == Register::None
                    && !matches!(memory.base(), Register::None | Register::RIP)
                    && !matches!(memory.segment(), Register::FS | Register::GS)
            });
            for memory in words {
                let access = |stores| Access {
                    base: value(memory.base()),
                    offset: memory.displacement() as i64,
                    bytes: memory.memory_size().size() as i64,
                    stores,
                };
                let (reads, writes) = kinds(memory.access());
                self.accesses.extend(reads.then(|| access(false)));
                self.accesses.extend(writes.then(|| access(true)));
            }
            let result = match instruction.mnemonic() {
                Mnemonic::Shl if instruction.op_count() == 2 && is_shift(instruction) => Value::Part,
                Mnemonic::Add if value(instruction.op0_register()) == Value::Part => Value::Part,
                Mnemonic::Mov if instruction.op1_kind() == OpKind::Register => value(instruction.op1_register()),
                _ => Value::Result(self.instructions),
            };
            for register in info.used_registers().iter().filter(|register| kinds(register.access()).1) {
                held.insert(register.register().full_register(), result);
            }
        }
    }

    /// The loads that do not cover a store to the same word.
    pub fn narrow(&self) -> Vec<String> {
        let (stores, loads): (Vec<&Access>, Vec<&Access>) = self.accesses.iter().partition(|access| access.stores);
        let of = |load: &&Access| {
            let store = stores.iter().find(|store| load.overlaps(store) && !load.covers(store))?;
            Some(format!("loads {load}, stores {store}"))
        };
        loads.iter().filter_map(of).collect()
    }

    /// Loads of a part's words.
    pub fn loads_of_parts(&self) -> usize {
        self.accesses.iter().filter(|access| !access.stores && access.base == Value::Part).count()
    }
}

/// Whether a processor's number becomes the distance of its part.
fn is_shift(instruction: &Instruction) -> bool {
    instruction.op1_kind() == OpKind::Immediate8 && u32::from(instruction.immediate8()) == SHIFT
}

/// Whether an access reads, and whether it writes.
pub fn kinds(access: OpAccess) -> (bool, bool) {
    use OpAccess::{CondRead, CondWrite, Read, ReadCondWrite, ReadWrite, Write};
    (
        matches!(access, Read | CondRead | ReadWrite | ReadCondWrite),
        matches!(access, Write | CondWrite | ReadWrite | ReadCondWrite),
    )
}
