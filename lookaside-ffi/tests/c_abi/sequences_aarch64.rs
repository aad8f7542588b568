//! What the machine executes on the fast path of AArch64, as a golden file: the library is built for it here, and read
//! with the disassembler of its compiler.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test --release -p lookaside-ffi sequences` writes it anew.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolchain::{compare_with_golden_file, root, scratch, succeed};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const COMPILER: &str = "aarch64-linux-gnu-gcc";
const DISASSEMBLER: &str = "aarch64-linux-gnu-objdump";
/// More instructions than any fast path has.
const LIMIT: usize = 200;

#[test]
fn the_sequences_of_aarch64_are_those_of_their_golden_file() {
    if let Some(reason) = missing() {
        eprintln!("SKIP: {reason}");
        return;
    }
    let library = Code::of(&library());
    let inlined = Code::of(&inlined());
    let mut text = String::from(
        "The restartable sections, each once, from behind the arming (six instructions) to the commit; x, w and q are the\n\
         widths of what is loaded and stored.\n",
    );
    let sections = library.sections();
    assert!(sections.len() >= 5, "pop, push, their forms for many, and the self-test's: {sections:?}");
    sections.iter().for_each(|section| write!(text, "\n{}", listing(section)).expect("a String takes any text"));
    text += "\nThose of lookaside_inline.h.\n";
    let sections = inlined.sections();
    assert_eq!(sections.len(), 2, "an allocate and a free: {sections:?}");
    sections.iter().for_each(|section| write!(text, "\n{}", listing(section)).expect("a String takes any text"));
    text +=
        "\nThe functions of the shared library, from the call to the return, when P has a block, or room for one.\n";
    for function in ["lookaside_list_allocate", "lookaside_list_free"] {
        let straight = library.straight(library.functions[function]);
        write!(text, "\n{function}\n{}", listing(&straight)).expect("a String takes any text");
    }
    compare_with_golden_file(&text, "aarch64.txt");

    // Words are loaded as they are stored (theory §2.8): of a part, which is in x17 by name, one at a time and whole.
    let mut words = 0;
    for instruction in library.sections().iter().chain(&inlined.sections()).flatten() {
        if instruction.operands.contains("[x17") {
            assert!(matches!(instruction.name.as_str(), "ldr" | "str"), "{instruction:?}");
            assert_eq!(instruction.width(), 'x', "{instruction:?}");
            words += 1;
        }
    }
    assert!(words >= 15, "header and depth: {words}");
}

/// What this test needs and the machine lacks.
fn missing() -> Option<&'static str> {
    if cfg!(debug_assertions) {
        return Some("only an optimised build has the sequences that programs execute");
    }
    let is_installed = |program| Command::new(program).arg("--version").output().is_ok();
    if !is_installed(COMPILER) || !is_installed(DISASSEMBLER) {
        return Some("no cross compiler for AArch64 (gcc-aarch64-linux-gnu)");
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output().ok()?.stdout;
    let is_there = String::from_utf8(folder).is_ok_and(|folder| Path::new(folder.trim()).is_dir());
    (!is_there).then_some("no standard library for AArch64 (rustup target add aarch64-unknown-linux-gnu)")
}

/// Builds the shared library.
fn library() -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aarch64");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--release", "-p", "lookaside-ffi", "--lib", "--target", TARGET, "--target-dir"])
        .arg(&out)
        .current_dir(root())
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", COMPILER);
    succeed(&mut cargo);
    out.join(TARGET).join("release/liblookaside.so")
}

/// Compiles the inlined calls into a library.
fn inlined() -> PathBuf {
    let out = scratch("words-aarch64").join("words.so");
    let mut compiler = Command::new(COMPILER);
    compiler
        .args(["-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("include"))
        .arg(root().join("lookaside-ffi/tests/c_abi/words.c"))
        .arg("-o")
        .arg(&out);
    succeed(&mut compiler);
    out
}

/// An instruction as the disassembler prints it.
#[derive(Clone, Debug)]
struct Instruction {
    name: String,
    operands: String,
}

impl Instruction {
    fn loads(&self) -> bool {
        self.name.starts_with("ld")
    }

    fn stores(&self) -> bool {
        self.name.starts_with("st")
    }

    fn branches(&self) -> bool {
        self.name.starts_with("b.")
            || ["b", "bl", "br", "blr", "ret", "cbz", "cbnz", "tbz", "tbnz"].contains(&&*self.name)
    }

    /// Whether it is atomic or orders others.
    fn synchronizes(&self) -> bool {
        let prefixes = ["ldx", "stx", "lda", "stl", "cas", "swp", "ldadd", "ldset", "ldclr", "ldeor", "dmb", "dsb"];
        prefixes.iter().any(|prefix| self.name.starts_with(prefix))
    }

    /// Which registers it loads or stores: x, w or q.
    fn width(&self) -> char {
        self.operands.chars().next().expect("a load has an operand")
    }
}

/// A library, read by the disassembler.
struct Code {
    instructions: BTreeMap<u64, Instruction>,
    functions: BTreeMap<String, u64>,
    /// Of each section, where it starts, and its bytes.
    descriptors: Vec<(u64, u64)>,
}

impl Code {
    fn of(file: &Path) -> Code {
        let print = |arguments: &[&str]| succeed(Command::new(DISASSEMBLER).args(arguments).arg(file));
        // "    1234:\tldr\tx0, [x1, #8]\t// a comment"
        let code = print(&["-d", "--no-show-raw-insn"]);
        let instructions = code.lines().filter_map(|line| {
            let (address, rest) = line.split_once(":\t")?;
            let mut words = rest.split("//").next()?.trim().splitn(2, '\t').map(str::to_owned);
            let (name, operands) = (words.next()?, words.next().unwrap_or_default());
            Some((number(address)?, Instruction { name, operands }))
        });
        // "0000000000001234 g    DF .text  0000000000000010  Base        lookaside_list_free"
        let symbols = print(&["-T"]);
        let functions = symbols.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = number(words.next()?)?;
            line.contains(" DF .text").then(|| Some((words.last()?.to_owned(), address)))?
        });
        // "0000000000001234 R_AARCH64_RELATIVE  *ABS*+0x0000000000005678"
        let relocations: BTreeMap<u64, u64> = print(&["-R"])
            .lines()
            .filter_map(|line| {
                let (place, value) = line.split_once(" R_AARCH64_RELATIVE")?;
                Some((number(place)?, number(value.trim().strip_prefix("*ABS*+0x")?)?))
            })
            .collect();
        // " 1234 00000000 00000000 00000000 00000000  ................": half a descriptor.
        let dump = print(&["-s", "-j", "__rseq_cs"]);
        let halves: Vec<(u64, u64)> = dump
            .lines()
            .filter_map(|line| {
                let mut words = line.strip_prefix(' ')?.split(' ');
                let address = number(words.next()?)?;
                let bytes = words.next()?.to_owned() + words.next()?;
                Some((address, u64::from_str_radix(&bytes, 16).ok()?.swap_bytes()))
            })
            .collect();
        let descriptors = halves.chunks(2).map(|halves| (relocations[&(halves[0].0 + 8)], halves[1].1)).collect();
        Code { instructions: instructions.collect(), functions: functions.collect(), descriptors }
    }

    /// The instructions of the sections, each once, in the order of their text.
    fn sections(&self) -> Vec<Vec<Instruction>> {
        let sections = self.descriptors.iter().map(|(start, bytes)| {
            let section: Vec<Instruction> =
                self.instructions.range(start..&(start + bytes)).map(|(_, instruction)| instruction.clone()).collect();
            assert_eq!(section.len() as u64 * 4, *bytes, "the section at {start:#x}");
            (listing(&section), section)
        });
        sections.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The way from an entry to the return that no conditional branch leaves.
    fn straight(&self, entry: u64) -> Vec<Instruction> {
        let mut instructions = Vec::new();
        let mut at = entry;
        for _ in 0..LIMIT {
            let instruction = self.instructions[&at].clone();
            instructions.push(instruction.clone());
            match instruction.name.as_str() {
                "ret" => return instructions,
                "b" => at = instruction.operands.split(' ').next().and_then(number).expect("a branch has a target"),
                "bl" | "blr" | "br" => panic!("the fast path calls something: {}", listing(&instructions)),
                _ => at += 4,
            }
        }
        panic!("the fast path does not end: {}", listing(&instructions));
    }
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim(), 16).ok()
}

/// Instructions by class and by name.
fn listing(instructions: &[Instruction]) -> String {
    let count = |class: fn(&Instruction) -> bool| instructions.iter().filter(|instruction| class(instruction)).count();
    let names: Vec<String> = instructions
        .iter()
        .map(|instruction| match (instruction.loads(), instruction.stores()) {
            (true, _) => format!("{}({} load)", instruction.name, instruction.width()),
            (_, true) => format!("{}({} store)", instruction.name, instruction.width()),
            _ => instruction.name.clone(),
        })
        .collect();
    format!(
        "{} instructions: {} loads, {} stores, {} branches, {} synchronizing\n    {}\n",
        instructions.len(),
        count(Instruction::loads),
        count(Instruction::stores),
        count(Instruction::branches),
        count(Instruction::synchronizes),
        names.join(" ")
    )
}
