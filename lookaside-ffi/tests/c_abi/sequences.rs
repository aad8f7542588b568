//! What the machine executes on the fast path, as golden files: instructions by class (loads, stores, branches, locked)
//! and by name, so that a longer sequence is a difference that a reviewer sees.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test --release -p lookaside-ffi sequences` writes them anew.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_void};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{ptr, slice};

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory};
use lookaside_core::{PoolType, Tag};

use crate::toolchain::{Language, compare_with_golden_file, libraries, root, scratch, succeed};
use crate::words::{Words, kinds};

/// The kernel's `struct rseq_cs`.
#[repr(C, align(32))]
struct Descriptor {
    version: u32,
    flags: u32,
    start: usize,
    length: usize,
    abort: usize,
}

// The linker sets these around a section whose name is a C identifier.
unsafe extern "C" {
    static __start___rseq_cs: [Descriptor; 0];
    static __stop___rseq_cs: [Descriptor; 0];
}

/// The longest instruction of the processor.
const LONGEST: usize = 15;
/// More instructions than any fast path has.
const LIMIT: usize = 200;

/// The descriptors in this program.
fn descriptors() -> &'static [Descriptor] {
    // Puts the sections into this program: those of lists, and of usage by tag.
    let list = lookaside_core::LookasideList::new(64).expect("a list can be had");
    let block = list.allocate().expect("the heap has room");
    let tag = Tag::new(*b"Sect");
    // SAFETY: the block is of this list, and freed once, as is the other, which is the pool's.
    unsafe {
        list.free(block);
        lookaside_core::pool_free(lookaside_core::pool_allocate(PoolType::PAGED, 64, tag), tag);
    }
    // SAFETY: the linker's symbols are the bounds of an array of descriptors.
    unsafe {
        let start = (&raw const __start___rseq_cs).cast::<Descriptor>();
        let count = (&raw const __stop___rseq_cs).cast::<Descriptor>().offset_from(start);
        slice::from_raw_parts(start, count as usize)
    }
}

#[test]
fn the_sections_have_the_instructions_of_their_golden_file() {
    // The same section is in many places.
    let distinct: BTreeSet<String> =
        descriptors().iter().map(|descriptor| Listing::of(&section(descriptor)).text()).collect();
    assert!(distinct.len() >= 5, "pop, push, their forms for many, and the self-test's: {distinct:?}");
    let mut text = String::from(
        "The restartable sections, each once, from behind the arming (two or three instructions) to the commit.\n",
    );
    for section in distinct {
        write!(text, "\n{section}").expect("a String takes any text");
    }
    compare_with_golden_file(&text, "sections.txt");
}

#[test]
fn sections_load_whole_words() {
    let mut words = Words::new();
    descriptors().iter().for_each(|descriptor| words.add(&section(descriptor)));
    assert!(words.loads_of_parts() >= 6, "pop and push, for one and for many: {}", words.loads_of_parts());
    assert_eq!(words.narrow(), [""; 0]);
}

#[test]
fn sections_inlined_into_c_load_whole_words() {
    let library = scratch("words").join("words.so");
    let mut compiler = Language::C.compiler();
    compiler
        .args(["-fPIC", "-shared", "-Wl,-z,lazy"])
        .arg(root().join("lookaside-ffi/tests/c_abi/words.c"))
        .arg("-o")
        .arg(&library);
    succeed(&mut compiler);
    let library = open(&library);
    // SAFETY: the two functions are of this type, and return the bounds of an array of descriptors.
    let descriptors = unsafe {
        let first: extern "C" fn() -> *const Descriptor = std::mem::transmute(symbol(library, c"first_section"));
        let bytes: extern "C" fn() -> usize = std::mem::transmute(symbol(library, c"bytes_of_sections"));
        slice::from_raw_parts(first(), bytes() / size_of::<Descriptor>())
    };
    let mut words = Words::new();
    descriptors.iter().for_each(|descriptor| words.add(&section(descriptor)));
    assert!(words.loads_of_parts() >= 3, "allocate and free: {}", words.loads_of_parts());
    assert_eq!(words.narrow(), [""; 0]);
}

/// Loads a library, which calls nothing of the library under test while it is loaded.
fn open(path: &Path) -> *mut c_void {
    let path = CString::new(path.as_os_str().as_bytes()).expect("a path has no zero");
    // SAFETY: the library is this project's own, and does nothing while it is loaded.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY) };
    assert!(!library.is_null(), "{path:?}");
    library
}

fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: the library is loaded, and the name ends with a zero.
    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!symbol.is_null(), "{name:?}");
    symbol
}

/// The instructions of a section.
fn section(descriptor: &Descriptor) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut at = descriptor.start;
    while at < descriptor.start + descriptor.length {
        instructions.push(decode(at));
        at += instructions[instructions.len() - 1].len();
    }
    instructions
}

#[test]
fn the_shared_library_has_the_sequences_of_their_golden_file() {
    if cfg!(debug_assertions) {
        eprintln!("SKIP: only an optimised build has the sequences that programs execute");
        return;
    }
    let library = open(&libraries().join("liblookaside.so"));
    let mut text = String::from(
        "The functions of the shared library, from the call to the return, when P has a block, or room for one.\n",
    );
    let functions: [&CStr; 2] = [c"lookaside_list_allocate", c"lookaside_list_free"];
    for function in functions {
        let listing = Listing::of(&straight(symbol(library, function).addr()));
        write!(text, "\n{}\n{}", function.to_string_lossy(), listing.text()).expect("a String takes any text");
    }
    compare_with_golden_file(&text, "functions.txt");
    let mut words = Words::new();
    functions.iter().for_each(|function| words.add(&straight(symbol(library, function).addr())));
    assert_eq!(words.narrow(), [""; 0]);
}

/// The way from an entry to the return that no branch leaves: where the compiler puts what is likely.
fn straight(entry: usize) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut at = entry;
    for _ in 0..LIMIT {
        let instruction = decode(at);
        instructions.push(instruction);
        match instruction.flow_control() {
            FlowControl::Return => return instructions,
            FlowControl::Next | FlowControl::ConditionalBranch => at += instruction.len(),
            FlowControl::UnconditionalBranch => at = instruction.near_branch_target() as usize,
            _ => panic!("the fast path calls something: {}", Listing::of(&instructions).text()),
        }
    }
    panic!("the fast path does not end: {}", Listing::of(&instructions).text());
}

fn decode(at: usize) -> Instruction {
    // SAFETY: code of this process, with more behind it in the same mapping.
    let bytes = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(at), LONGEST) };
    let instruction = Decoder::with_ip(64, bytes, at as u64, DecoderOptions::NONE).decode();
    assert_ne!(instruction.code(), Code::INVALID, "at {at:#x}: {bytes:x?}");
    instruction
}

/// Instructions by class. One that loads and stores counts as both.
#[derive(Default)]
struct Listing {
    names: Vec<String>,
    loads: usize,
    stores: usize,
    branches: usize,
    locked: usize,
}

impl Listing {
    fn of(instructions: &[Instruction]) -> Listing {
        let mut listing = Listing::default();
        instructions.iter().for_each(|instruction| listing.add(instruction));
        listing
    }

    fn add(&mut self, instruction: &Instruction) {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(instruction);
        let any =
            |wanted: fn((bool, bool)) -> bool| info.used_memory().iter().any(|memory| wanted(kinds(memory.access())));
        let (loads, stores) = (any(|(reads, _)| reads), any(|(_, writes)| writes));
        // An exchange with memory is locked without saying so.
        let exchange = matches!(instruction.code(), Code::Xchg_rm32_r32 | Code::Xchg_rm64_r64) && loads;
        self.loads += usize::from(loads);
        self.stores += usize::from(stores);
        self.branches += usize::from(instruction.flow_control() != FlowControl::Next);
        self.locked += usize::from(instruction.has_lock_prefix() || exchange);
        let mut name = format!("{:?}", instruction.mnemonic()).to_lowercase();
        if loads || stores {
            name += match (loads, stores) {
                (true, true) => "(load, store)",
                (true, false) => "(load)",
                _ => "(store)",
            };
        }
        self.names.push(name);
    }

    fn text(&self) -> String {
        let Self { names, loads, stores, branches, locked } = self;
        let total = names.len();
        format!(
            "{total} instructions: {loads} loads, {stores} stores, {branches} branches, {locked} locked\n    {}\n",
            names.join(" ")
        )
    }
}
