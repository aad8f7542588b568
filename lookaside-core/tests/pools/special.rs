//! The special pool: guards, patterns, quarantine, exhaustion, and how many blocks at once.
//!
//! `LOOKASIDE_TEST_SPECIAL_BLOCKS` sets how many blocks are live at once (default 20,000).

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::common::processes::{
    again, case, child_starts_threads, forks, give, in_child, in_own_process, is_emulated, start, status_of, take,
    this_test,
};
use lookaside_core::{
    Builder, ListFlags, LookasideList, PoolKind, SlotState, SpecialBlock, Tag, pool_statistics, special_block,
};

fn special(size: usize) -> Builder<'static> {
    LookasideList::builder(size).flags(ListFlags::SPECIAL_POOL).tag(Tag::new(*b"Spcl"))
}

fn special_start(size: usize) -> Builder<'static> {
    special(size).flags(ListFlags::SPECIAL_POOL_START)
}

#[test]
fn blocks_stand_at_the_end_or_at_the_start() {
    for size in [1, 15, 16, 80, 81, 1000, 4095] {
        for alignment in [1, 8, 16, 64] {
            let list = special(size).alignment(alignment).build().unwrap();
            let block = list.allocate().unwrap();
            let end = block.addr().get() + size;
            assert_eq!(block.addr().get() % alignment, 0);
            assert!(end.next_multiple_of(4096) - end < alignment, "size {size}, alignment {alignment}");
            let first = special_start(size).alignment(alignment).build().unwrap();
            let other = first.allocate().unwrap();
            assert_eq!(other.addr().get() % 4096, 0);
            give(&list, vec![block]);
            give(&first, vec![other]);
        }
    }
}

/// Every block is on a page of its own, holds what is written, and is counted.
#[test]
fn many_blocks_at_once() {
    in_own_process(this_test!(), || {
        let wanted = std::env::var("LOOKASIDE_TEST_SPECIAL_BLOCKS").map_or(20_000, |blocks| blocks.parse().unwrap());
        let list = special(100).build().unwrap();
        let start = Instant::now();
        let blocks = take(&list, wanted);
        let allocated = start.elapsed();
        let now = pool_statistics(PoolKind::Special);
        let served = now.blocks as usize;
        assert_eq!((served + now.fallbacks as usize, now.used), (wanted, 100 * now.blocks));
        // With guards by advice all fit; by mprotect up to the number of mappings that may be made.
        assert!(now.limit >= wanted as u64 * 4096 && served == wanted || now.fallbacks > 0, "{now:?}");
        let pages: HashSet<_> = blocks.iter().map(|block| block.addr().get() / 4096).collect();
        assert!(pages.len() >= served);
        for (number, block) in blocks.iter().enumerate() {
            // SAFETY: the block has 100 bytes.
            unsafe { block.cast::<[u8; 100]>().write([number as u8; 100]) };
        }
        for (number, block) in blocks.iter().enumerate() {
            // SAFETY: the block was written.
            assert_eq!(unsafe { block.cast::<[u8; 100]>().read() }, [number as u8; 100]);
        }
        let start = Instant::now();
        give(&list, blocks);
        let freed = start.elapsed();
        let end = pool_statistics(PoolKind::Special);
        assert_eq!((end.used, end.blocks, end.peak), (0, 0, now.used));
        let start = Instant::now();
        for _ in 0..wanted {
            give(&list, take(&list, 1));
        }
        let each = |time: std::time::Duration| time.as_nanos() / wanted as u128;
        println!(
            "{wanted} blocks at once, {served} of them guarded: {} ns to allocate each, {} ns to free, {} ns for a pair \
             one by one",
            each(allocated),
            each(freed),
            each(start.elapsed())
        );
    });
}

/// Lets `madvise` with the guard's advice fail with EINVAL, as kernels before 6.13 do.
fn forbid_guards_by_advice() {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let mut program = [
        // seccomp_data: the number of the call, and at byte 32 the lower half of its third argument.
        statement(load, 0, 0, 0),
        statement(equal, 0, 3, libc::SYS_madvise as u32),
        statement(load, 0, 0, 32),
        statement(equal, 0, 1, 102),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter is valid; the kernel copies it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
        assert_eq!(libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter), 0);
    }
}

/// Where the kernel has no guards by advice, as many blocks are guarded as the process may have mappings for; the heap
/// serves the others, and mappings for the program itself are left.
#[test]
fn an_older_kernel_guards_by_mappings() {
    if is_emulated() {
        return eprintln!("SKIP: an emulator has no filters of system calls");
    }
    in_own_process(this_test!(), || {
        forbid_guards_by_advice();
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let guarded = limit.trim().parse::<u64>().unwrap() / 4 / 512 * 512;
        let list = special(100).build().unwrap();
        let blocks = take(&list, guarded as usize + 1000);
        let now = pool_statistics(PoolKind::Special);
        assert_eq!((now.blocks, now.fallbacks, now.limit), (guarded, 1000, guarded * 4096));
        for block in &blocks {
            // SAFETY: the block has 100 bytes.
            unsafe { block.write_bytes(0, 100) };
        }
        let last = blocks[guarded as usize - 1];
        give(&list, blocks);
        assert_eq!(pool_statistics(PoolKind::Special).blocks, 0);
        in_child(|| {
            // SAFETY: none: this ends the child.
            let child = start(|| unsafe { last.read_volatile() } == 0);
            status_of(child).signal() == Some(libc::SIGSEGV)
        });
        // Freed pages serve again.
        give(&list, take(&list, 2000));
    });
}

/// What touches a page that is not its own faults; what damages its own page is reported at the free. Each in a process of
/// its own.
#[test]
fn misuse_of_special_blocks_is_found() {
    let faults = ["read behind", "write behind", "before the start", "read after free", "write after free"];
    let reported = [
        ("slack behind", "memory beside it was written to, at offset 81"),
        ("slack before", "memory beside it was written to, at offset -1"),
        ("slack at start", "memory beside it was written to, at offset 3000"),
        ("free twice", "which is a block of the special pool that was freed before"),
        ("free inside", "which is no block of the special pool"),
        ("free of another size", "which is a block of the special pool of another size"),
        ("free of a guard", "which is no block of the special pool"),
    ];
    let Some(case) = case() else {
        for case in faults {
            let output = again(this_test!(), case, &[]);
            assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{case}: {output:?}");
        }
        for (case, message) in reported {
            let output = again(this_test!(), case, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{case}: {said}");
            let line = said.lines().find(|line| line.starts_with("lookaside: ")).unwrap_or(&said);
            assert!(line.contains("tag \"Spcl\"") && line.ends_with(message), "{case}: {said}");
        }
        return;
    };
    let end = special(80).build().unwrap();
    let odd = special(81).build().unwrap();
    let start = special_start(80).build().unwrap();
    // SAFETY: none: this is the misuse.
    unsafe {
        let (of_end, of_odd, of_start) = (end.allocate().unwrap(), odd.allocate().unwrap(), start.allocate().unwrap());
        match case.as_str() {
            "read behind" => println!("{}", of_end.add(80).read_volatile()),
            "write behind" => of_end.add(80).write_volatile(1),
            "before the start" => println!("{}", of_start.sub(1).read_volatile()),
            "read after free" => {
                end.free(of_end);
                println!("{}", of_end.read_volatile());
            }
            "write after free" => {
                start.free(of_start);
                of_start.write_volatile(1);
            }
            "slack behind" => {
                of_odd.add(81).write(0);
                odd.free(of_odd);
            }
            "slack before" => {
                of_end.sub(1).write(0);
                end.free(of_end);
            }
            "slack at start" => {
                of_start.add(3000).write(0);
                start.free(of_start);
            }
            "free twice" => {
                end.free(of_end);
                end.free(of_end);
            }
            "free inside" => end.free(of_end.add(16)),
            "free of another size" => odd.free(of_end),
            "free of a guard" => end.free(of_end.add(96)),
            _ => unreachable!(),
        }
    }
}

#[test]
fn a_freed_page_is_used_again_late() {
    in_own_process(this_test!(), || {
        let list = special(64).build().unwrap();
        let first = list.allocate().unwrap();
        give(&list, vec![first]);
        for _ in 0..1024 {
            let block = list.allocate().unwrap();
            assert_ne!(block, first);
            give(&list, vec![block]);
        }
        // Now the oldest ones come again.
        assert_eq!(list.allocate().unwrap(), first);
    });
}

#[test]
fn large_blocks_come_from_the_heap_and_are_counted() {
    in_own_process(this_test!(), || {
        for builder in [special(4096), special(100_000), special(64).alignment(8192)] {
            let list = builder.build().unwrap();
            give(&list, take(&list, 10));
        }
        let now = pool_statistics(PoolKind::Special);
        assert_eq!((now.fallbacks, now.blocks, now.failures), (30, 0, 0));
    });
}

/// What a fault handler asks: whose is this address?
#[test]
fn addresses_lead_to_their_block() {
    in_own_process(this_test!(), || {
        let list = special(80).build().unwrap();
        let block = list.allocate().unwrap();
        let of = |address: NonNull<u8>, offset: isize| special_block(address.as_ptr().wrapping_offset(offset));
        let live = SpecialBlock { block: block.as_ptr(), size: 80, tag: Tag::new(*b"Spcl"), state: SlotState::Live };
        for offset in [0, 79, 80, 80 + 2047, -1, -4016, -4017, -4016 - 2048] {
            assert_eq!(of(block, offset), Some(live), "{offset}");
        }
        assert_eq!(of(block, 80 + 2048), None);
        give(&list, vec![block]);
        assert_eq!(of(block, 40), Some(SpecialBlock { state: SlotState::Freed, ..live }));
        assert_eq!(special_block(&raw const live as *const u8), None);
    });
}

/// Threads at once, and forks beside them: no page twice, counts exact in the end.
#[test]
fn threads_and_forks_share_the_pool() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        let list = special(64).build().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..3u8 {
                let (list, done) = (&list, &done);
                scope.spawn(move || {
                    while !done.load(Relaxed) {
                        let blocks = take(list, 50);
                        for block in &blocks {
                            // SAFETY: the block has 64 bytes.
                            unsafe { block.write_bytes(thread, 64) };
                        }
                        for block in &blocks {
                            // SAFETY: the block was written.
                            assert_eq!(unsafe { block.cast::<[u8; 64]>().read() }, [thread; 64]);
                        }
                        give(list, blocks);
                    }
                });
            }
            for _ in 0..forks() / 4 {
                in_child(|| {
                    let before = pool_statistics(PoolKind::Special);
                    let blocks = take(&list, 1500);
                    let different = blocks.iter().collect::<HashSet<_>>().len() == blocks.len();
                    for block in &blocks {
                        // SAFETY: the block has 64 bytes.
                        unsafe { block.write_bytes(0xFF, 64) };
                    }
                    give(&list, blocks);
                    let after = pool_statistics(PoolKind::Special);
                    different && (after.used, after.blocks, after.fallbacks) == (before.used, before.blocks, 0)
                });
            }
            done.store(true, Relaxed);
        });
        let end = pool_statistics(PoolKind::Special);
        assert_eq!((end.used, end.blocks, end.fallbacks), (0, 0, 0));
    });
}
