//! Blocks that end where memory ends.

use anyhow::ensure;
use lookaside_core::PoolKind;

use super::sources::{self, is_inaccessible};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Absent, Figures, ROUND, clock, figures, timed_from, touch};
use crate::mallocs;
use crate::workloads::pair;

/// Bytes of a block.
const SIZE: usize = 64;
/// Blocks that are asked for at once.
const MANY: usize = 120_000;
/// Of this number of blocks one is looked at, whether it is guarded.
const SAMPLE: usize = 512;

/// One block at a time.
pub fn one(contender: &str) -> anyhow::Result<Figures> {
    match contender {
        "by-hand" => pairs(&Blocks::new(sources::guarded_pages, SIZE)?, true),
        "lookaside" => pairs(&Blocks::new(sources::special, SIZE)?, true),
        _ => pairs(&Blocks::new(mallocs::glibc, SIZE)?, false),
    }
}

fn pairs<C: Contender>(contender: &Blocks<C>, guarded: bool) -> anyhow::Result<Figures> {
    let block = touch(contender.allocate());
    let found = is_guarded(block);
    // SAFETY: the block was allocated above, and is freed once.
    unsafe { contender.free(block) };
    ensure!(found == guarded, "a block's guard is {found} and not {guarded}");
    let mut work = pair(contender);
    let figure = timed_from(64, ROUND, &mut |pairs| clock(|| work(pairs)));
    Ok(figures(("ns", figure), "blocks_per_second", (1e9 / figure) as u64))
}

/// As many blocks at once as can be had.
pub fn many(contender: &str) -> anyhow::Result<Figures> {
    match contender {
        "by-hand" => out_at_once(&Blocks::new(sources::guarded_pages, SIZE)?, |blocks| blocks as u64),
        "lookaside" => {
            let pool = Blocks::new(sources::special, SIZE)?;
            // Where the pool is full the process heap serves, without a guard.
            out_at_once(&pool, |_| lookaside_core::pool_statistics(PoolKind::Special).blocks)
        }
        _ => out_at_once(&Blocks::new(mallocs::glibc, SIZE)?, |_| 0),
    }
}

fn out_at_once<C: Contender>(contender: &Blocks<C>, guarded: impl FnOnce(usize) -> u64) -> anyhow::Result<Figures> {
    let mut blocks = Vec::with_capacity(MANY);
    let taking = clock(|| {
        while blocks.len() < MANY {
            let block = contender.allocate();
            if block.is_null() {
                break;
            }
            blocks.push(touch(block));
        }
    });
    ensure!(!blocks.is_empty(), Absent("there is no block".into()));
    let guarded = guarded(blocks.len());
    let sample = blocks.iter().take(guarded as usize).step_by(SAMPLE);
    ensure!(sample.clone().all(|&block| is_guarded(block)), "a block has no guard");
    let giving = clock(|| {
        for &block in &blocks {
            // SAFETY: the block was allocated above, and is freed once.
            unsafe { contender.free(block) };
        }
    });
    let figure = (taking + giving).as_secs_f64() * 1e9 / blocks.len() as f64;
    Ok(figures(("ns", figure), "guarded_at_once", guarded))
}

/// Whether no one may touch what is behind the block.
fn is_guarded(block: *mut u8) -> bool {
    !is_inaccessible(block.wrapping_add(SIZE - 1)) && is_inaccessible(block.wrapping_add(SIZE))
}
