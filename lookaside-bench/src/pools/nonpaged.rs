//! Locked memory, from none on.

use std::time::{Duration, Instant};

use anyhow::ensure;
use lookaside_core::PoolKind;

use super::sources::{self, map, page};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Absent, Figures, figures};
use crate::mallocs;

const MIB: usize = 1 << 20;
const TOTAL: usize = 16 * MIB;
const BLOCK: usize = 32 << 10;

/// Takes all of it once, as a program does.
pub fn grow(contender: &str) -> anyhow::Result<Figures> {
    let (took, locked) = match contender {
        "by-hand" => pieces(true)?,
        "lookaside" => blocks(&Blocks::new(sources::nonpaged, BLOCK)?, || {
            lookaside_core::pool_statistics(PoolKind::NonPaged).locked
        })?,
        "first-touch" => pieces(false)?,
        _ => blocks(&Blocks::new(mallocs::glibc, BLOCK)?, || 0)?,
    };
    Ok(figures(("us", took.as_secs_f64() * 1e6 / (TOTAL / MIB) as f64), "locked_bytes", locked))
}

/// By pieces of a MiB from the system, each locked if they shall be.
fn pieces(locked: bool) -> anyhow::Result<(Duration, u64)> {
    let (mut took, mut total) = (Duration::ZERO, 0);
    for _ in 0..TOTAL / MIB {
        let start = Instant::now();
        let piece = map(MIB, libc::PROT_READ | libc::PROT_WRITE);
        ensure!(!piece.is_null(), "no memory");
        if locked {
            // SAFETY: the piece is ours.
            ensure!(unsafe { libc::mlock(piece.cast(), MIB) } == 0, Absent("memory may not be locked".into()));
            total += MIB as u64;
        }
        touch_pages(piece, MIB);
        took += start.elapsed();
    }
    Ok((took, total))
}

/// By blocks of a pool, which are given back after the clock stopped.
fn blocks<C: Contender>(pool: &Blocks<C>, locked: impl FnOnce() -> u64) -> anyhow::Result<(Duration, u64)> {
    let start = Instant::now();
    let mut blocks = Vec::with_capacity(TOTAL / BLOCK);
    for _ in 0..TOTAL / BLOCK {
        let block = pool.allocate();
        ensure!(!block.is_null(), Absent("the pool has no more".into()));
        touch_pages(block, BLOCK);
        blocks.push(block);
    }
    let took = start.elapsed();
    let locked = locked();
    ensure!(locked == 0 || locked >= TOTAL as u64, "of {TOTAL} bytes {locked} are locked");
    for block in blocks {
        // SAFETY: the block came from this pool, and is freed once.
        unsafe { pool.free(block) };
    }
    Ok((took, locked))
}

fn touch_pages(start: *mut u8, bytes: usize) {
    for offset in (0..bytes).step_by(page()) {
        // SAFETY: the byte is within the piece, which is ours.
        unsafe { start.add(offset).write_volatile(1) };
    }
}
