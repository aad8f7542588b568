//! Several paged pools, so that threads wait less for each other.

use lookaside_core::ListFlags;

use super::list::OverPool;
use crate::contenders::{Contender, Glibc};
use crate::rounds::Figures;
use crate::workloads::team::team;
use crate::workloads::{NS, batch, timed_from};

/// Bytes of a block.
const SIZE: usize = 256;
const THREADS: usize = 2;

/// Both threads at once, each with blocks of its own.
pub fn two_threads(contender: &str) -> anyhow::Result<Figures> {
    let figure = match contender {
        "lookaside-heap" => play(&OverPool::paged(SIZE, ListFlags::default())?),
        "lookaside-arenas" => play(&OverPool::paged(SIZE, ListFlags::PAGED_ARENAS)?),
        _ => play(&Glibc::new(SIZE)?),
    };
    Ok(vec![(NS.name, figure)])
}

fn play<C: Contender + Sync>(pool: &C) -> f64 {
    timed_from(1024, super::ROUND, |pairs| team(THREADS, pairs, |_| |pairs| batch::run(pool, pairs)))
}
