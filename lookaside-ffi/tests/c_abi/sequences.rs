//! What the machine executes on the fast path, as golden files: instructions by class (loads, stores, branches, locked)
//! and by name, so that a longer sequence is a difference that a reviewer sees.
//!
//! `LOOKASIDE_UPDATE_EXPECTED=1 cargo test --release -p lookaside-ffi sequences` writes them anew.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{env, fs, ptr, slice};

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess};

use crate::toolchain::{libraries, root};

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
/// No fast path has so many instructions.
const LIMIT: usize = 200;

#[test]
fn the_sections_have_the_instructions_of_their_golden_file() {
    // Puts the sections into this program.
    let list = lookaside_core::LookasideList::new(64).expect("a list can be had");
    let block = list.allocate().expect("the heap has room");
    // SAFETY: the block is of this list, and freed once.
    unsafe { list.free(block) };
    // SAFETY: the linker's symbols are the bounds of an array of descriptors.
    let descriptors = unsafe {
        let start = (&raw const __start___rseq_cs).cast::<Descriptor>();
        let count = (&raw const __stop___rseq_cs).cast::<Descriptor>().offset_from(start);
        slice::from_raw_parts(start, count as usize)
    };
    // The same section stands in many places.
    let distinct: BTreeSet<String> = descriptors.iter().map(section).collect();
    assert!(distinct.len() >= 5, "pop, push, their forms for many, and the self-test's: {distinct:?}");
    let mut text = String::from(
        "The restartable sections, each once, from behind the arming (two or three instructions) to the commit.\n",
    );
    for section in distinct {
        write!(text, "\n{section}").expect("a String takes any text");
    }
    compare(&text, "sections.txt");
}

/// Two lines: the classes, and the instructions.
fn section(descriptor: &Descriptor) -> String {
    let mut listing = Listing::default();
    let mut at = descriptor.start;
    while at < descriptor.start + descriptor.length {
        let instruction = decode(at);
        listing.add(&instruction);
        at += instruction.len();
    }
    listing.text()
}

#[test]
fn the_shared_library_has_the_sequences_of_their_golden_file() {
    if cfg!(debug_assertions) {
        eprintln!("SKIP: only an optimised build has the sequences that programs execute");
        return;
    }
    let path = libraries().join("liblookaside.so");
    let path = CString::new(path.as_os_str().as_bytes()).expect("a path has no zero");
    // SAFETY: the library is this project's own, and does nothing while it is loaded.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null());
    let mut text = String::from(
        "The functions of the shared library, from the call to the return, when P has a block, or room for one.\n",
    );
    let functions: [&CStr; 2] = [c"lookaside_list_allocate", c"lookaside_list_free"];
    for function in functions {
        // SAFETY: the name ends with a zero.
        let entry = unsafe { libc::dlsym(library, function.as_ptr()) };
        assert!(!entry.is_null(), "{function:?}");
        write!(text, "\n{}\n{}", function.to_string_lossy(), straight(entry.addr())).expect("a String takes any text");
    }
    compare(&text, "functions.txt");
}

/// The way from an entry to the return that no branch leaves: where the compiler puts what is likely.
fn straight(entry: usize) -> String {
    let mut listing = Listing::default();
    let mut at = entry;
    for _ in 0..LIMIT {
        let instruction = decode(at);
        listing.add(&instruction);
        match instruction.flow_control() {
            FlowControl::Return => return listing.text(),
            FlowControl::Next | FlowControl::ConditionalBranch => at += instruction.len(),
            FlowControl::UnconditionalBranch => at = instruction.near_branch_target() as usize,
            _ => panic!("the fast path calls something: {}", listing.text()),
        }
    }
    panic!("the fast path does not end: {}", listing.text());
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
    fn add(&mut self, instruction: &Instruction) {
        let mut factory = InstructionInfoFactory::new();
        let accesses: Vec<OpAccess> =
            factory.info(instruction).used_memory().iter().map(iced_x86::UsedMemory::access).collect();
        let any = |kinds: &[OpAccess]| accesses.iter().any(|access| kinds.contains(access));
        let loads = any(&[OpAccess::Read, OpAccess::CondRead, OpAccess::ReadWrite, OpAccess::ReadCondWrite]);
        let stores = any(&[OpAccess::Write, OpAccess::CondWrite, OpAccess::ReadWrite, OpAccess::ReadCondWrite]);
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

/// Compares a text with its golden file, or writes that anew.
fn compare(text: &str, file: &str) {
    let path = root().join("lookaside-ffi/tests/c_abi/sequences").join(file);
    if env::var_os("LOOKASIDE_UPDATE_EXPECTED").is_some() {
        fs::write(&path, text).expect("the golden file can be written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "{}", name(&path));
}

fn name(path: &Path) -> String {
    format!("{} is not what the machine executes; if that is meant, write it anew as this test says", path.display())
}
