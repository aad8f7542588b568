//! A shared list in divisions: threads, forks and maintenance meet several of them, also on a machine that would have one.

use std::collections::HashSet;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::thread;

use crate::common::processes::{give, in_child, take};
use crate::common::{accounted, allowed_processors, alone, assert_identities, blocks_out, engines, move_to};
use lookaside_core::{EngineKind, LookasideList, Tuning, adjust_depth};

struct Sent(Vec<NonNull<u8>>);
// SAFETY: the receiver is the only one who has the blocks.
unsafe impl Send for Sent {}

/// A processor that only frees and one that only allocates have divisions of their own: the blocks pass from one to the
/// other, and none is lost or there twice.
#[test]
fn blocks_pass_between_divisions() {
    const LOTS: usize = 4_000;
    const LOT: usize = 32;
    let _alone = alone();
    let allowed = allowed_processors();
    for engine in engines() {
        let list = accounted().engine(engine).divisions(4).build().unwrap();
        let (sender, receiver) = mpsc::sync_channel::<Sent>(8);
        thread::scope(|scope| {
            let (list, allowed) = (&list, &allowed);
            scope.spawn(move || {
                move_to(allowed, 0);
                for lot in 0..LOTS {
                    let blocks = take(list, LOT);
                    for block in &blocks {
                        // SAFETY: the block has room for a word, and is ours.
                        unsafe { block.cast::<usize>().write(lot) };
                    }
                    sender.send(Sent(blocks)).unwrap();
                }
            });
            scope.spawn(move || {
                move_to(allowed, allowed.len() - 1);
                for lot in 0..LOTS {
                    let Sent(blocks) = receiver.recv().unwrap();
                    // SAFETY: as above: no one else writes to a block that is out.
                    assert!(blocks.iter().all(|block| unsafe { block.cast::<usize>().read() } == lot));
                    give(list, blocks);
                }
            });
        });
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(statistics.list.total_allocates, (LOTS * LOT) as u64);
        assert_eq!(statistics.list.total_frees, (LOTS * LOT) as u64);
        assert_eq!(statistics.outstanding, 0);
        assert_eq!(blocks_out() as u64, statistics.list.current_depth);
        // Most blocks came back by the shared list, not by the pool.
        assert!(statistics.pool_allocates < (LOTS * LOT / 4) as u64, "{statistics:?}");
        list.flush();
        assert_eq!(blocks_out(), 0);
    }
}

/// Each division's processors have slabs of their own.
#[test]
fn processors_of_two_divisions_share_no_slab() {
    const DIVISIONS: u16 = 4;
    const SLAB: usize = 64 * 1024;
    let _alone = alone();
    let allowed = allowed_processors();
    // A slot's division does not follow from its processor.
    for engine in engines().into_iter().filter(|engine| *engine != EngineKind::Slots) {
        let list = LookasideList::builder(64).engine(engine).divisions(DIVISIONS).build().unwrap();
        let ends = [0, allowed.len() - 1];
        let division = |index: usize| allowed[index] * usize::from(DIVISIONS) / list.statistics().processors as usize;
        let take_at = |index: usize| {
            let on_it = || {
                move_to(&allowed, index);
                Sent(take(&list, 2_000))
            };
            thread::scope(|scope| scope.spawn(on_it).join().unwrap())
        };
        let blocks = ends.map(take_at);
        let of_slabs = |blocks: &Sent| blocks.0.iter().map(|block| block.addr().get() / SLAB).collect::<HashSet<_>>();
        if division(ends[0]) == division(ends[1]) || list.statistics().resident == 0 {
            println!("SKIP: {engine:?}: no processors of two divisions, or no slabs");
        } else {
            assert!(of_slabs(&blocks[0]).is_disjoint(&of_slabs(&blocks[1])), "{engine:?}");
        }
        blocks.into_iter().for_each(|blocks| give(&list, blocks.0));
        assert_eq!(list.statistics().outstanding, 0);
    }
}

/// Fills the divisions of all processors.
fn spread(list: &LookasideList, allowed: &[usize]) {
    thread::scope(|scope| {
        for index in 0..allowed.len() {
            scope.spawn(move || {
                move_to(allowed, index);
                let blocks = take(list, 160);
                give(list, blocks);
            });
        }
    });
}

/// Idle scans lower the depth of each division, trim takes out what lies above, and a list that is made in the memory of one
/// that was divided starts empty.
#[test]
fn each_division_is_trimmed_and_cleared() {
    let _alone = alone();
    let allowed = allowed_processors();
    for engine in engines() {
        // Records come again after some others.
        for _ in 0..40 {
            let list =
                accounted().engine(engine).divisions(4).initial_depth(64).tuning(Tuning::Manual).batch(8).build();
            let list = list.unwrap();
            assert_eq!(list.statistics().shared.current_depth, 0);
            spread(&list, &allowed);
            list.prefill(32).unwrap();
            let shared = list.statistics().shared;
            assert!(shared.current_depth >= 32, "{shared:?}");
            for _ in 0..8 {
                adjust_depth();
            }
            // The routines are the user's, so what is too much stays until somebody asks.
            list.trim();
            let shared = list.statistics().shared;
            assert!(shared.current_depth <= shared.depth && shared.depth <= 4 * 4, "{shared:?}");
            assert_identities(&list.statistics());
            drop(list);
            assert_eq!(blocks_out(), 0);
        }
    }
}

/// A child has the blocks of every division, and may go on with them.
#[test]
fn a_child_finds_every_division() {
    let _alone = alone();
    let allowed = allowed_processors();
    for engine in engines() {
        let list = accounted().engine(engine).divisions(2).initial_depth(16).tuning(Tuning::Manual).batch(4).build();
        let list = list.unwrap();
        spread(&list, &allowed);
        let held = list.statistics().list.current_depth;
        in_child(|| {
            let blocks = take(&list, 64);
            let distinct: std::collections::HashSet<_> = blocks.iter().collect();
            let all_there = distinct.len() == 64;
            give(&list, blocks);
            list.flush();
            all_there && list.statistics().list.current_depth == 0 && blocks_out() == 0
        });
        assert_eq!(list.statistics().list.current_depth, held);
    }
    assert_eq!(blocks_out(), 0);
}
