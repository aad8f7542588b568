//! What the linker made of the sections: every descriptor in this program is well formed, every abort address follows the
//! signature that the kernel looks for, and code that stands where compilers put what is seldom run is left alone.
use lookaside_core::{LookasideList, RawList, inline_abi};

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

const SIGNATURE: u32 =
    if cfg!(target_arch = "x86_64") { inline_abi::SIGNATURE_X86_64 } else { inline_abi::SIGNATURE_AARCH64 };

#[test]
fn every_descriptor_is_well_formed() {
    // Puts the inlined sections into this program.
    let list = LookasideList::new(64).unwrap();
    let block = list.allocate().unwrap();
    // SAFETY: the block is of this list, and freed once.
    unsafe { list.free(block) };
    let mut blocks = [std::ptr::null_mut(); 2];
    assert_eq!(list.allocate_many(&mut blocks), 2);
    // SAFETY: as above.
    unsafe { list.free_many(&blocks) };

    // SAFETY: the linker's symbols are the bounds of an array of descriptors; an abort address lies in code, with the
    // signature before it.
    unsafe {
        let start = (&raw const __start___rseq_cs).cast::<Descriptor>();
        let count = (&raw const __stop___rseq_cs).cast::<Descriptor>().offset_from(start) as usize;
        assert!(count >= 6, "pop, push, pop_many with hits and without, push_many and the verdict's: {count}");
        for descriptor in std::slice::from_raw_parts(start, count) {
            assert_eq!((descriptor.version, descriptor.flags), (0, 0));
            assert!((2..256).contains(&descriptor.length), "{}", descriptor.length);
            let section = descriptor.start..descriptor.start + descriptor.length;
            assert!(!section.contains(&descriptor.abort), "the abort address is outside");
            let signature = std::ptr::with_exposed_provenance::<u32>(descriptor.abort - 4);
            assert_eq!(signature.read_unaligned(), SIGNATURE);
        }
        println!("{count} sections");
    }
}

/// Compilers gather seldom run functions in this section. Were a section's abort code there as well, it would be in
/// the middle of the function.
#[unsafe(link_section = ".text.unlikely")]
#[inline(never)]
fn seldom_run(list: *const RawList, blocks: &mut [*mut u8]) {
    // SAFETY: the list is one, and each block goes back once.
    unsafe {
        for block in &mut *blocks {
            *block = RawList::allocate(list);
        }
        for block in &*blocks {
            RawList::free(list, *block);
        }
        assert_eq!(RawList::allocate_many(list, blocks), blocks.len());
        RawList::free_many(list, blocks);
    }
}

#[test]
fn functions_may_stand_where_cold_code_is_gathered() {
    let list = LookasideList::new(64).unwrap();
    // The first calls miss, the later ones hit, and more blocks than there is room for miss again.
    for count in [1, 1, 10_000, 1] {
        seldom_run(list.as_raw(), &mut vec![std::ptr::null_mut(); count]);
    }
    assert_eq!(list.statistics().outstanding, 0);
}
