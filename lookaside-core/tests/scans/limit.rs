//! The bound for what all lists together keep.

use crate::common::processes::{again, case, give, in_own_process, take, this_test};
use lookaside_core::{LookasideList, Topology, Tuning, adjust_depth, limit, set_limit, trim_on_pressure};

const SIZE: usize = 1024;

/// A list that keeps this many blocks.
fn filled(blocks: usize, tuning: Tuning, topology: Topology) -> LookasideList {
    let builder = LookasideList::builder(SIZE).tuning(tuning).topology(topology).maximum_depth(4096);
    let list = builder.initial_depth(2048).build().unwrap();
    give(&list, take(&list, blocks));
    assert!(kept(&list) >= blocks as u64 / 2, "{}", kept(&list));
    list
}

fn kept(list: &LookasideList) -> u64 {
    list.statistics().list.current_depth
}

/// The list that was used keeps its blocks, the one that was not gives them up, whichever was made first.
#[test]
fn the_coldest_list_gives_up_first() {
    in_own_process(this_test!(), || {
        for cold_first in [false, true] {
            for (tuning, topology) in [(Tuning::Default, Topology::Pair), (Tuning::Manual, Topology::General)] {
                let lists = [(); 2].map(|()| filled(1000, tuning, topology));
                let [cold, hot] = if cold_first { [&lists[0], &lists[1]] } else { [&lists[1], &lists[0]] };
                // The scan after which only one of them is used.
                adjust_depth();
                give(cold, take(cold, 10));
                (0..50).for_each(|_| give(hot, take(hot, 500)));
                let (before, both) = (kept(hot), kept(hot) + kept(cold));
                set_limit((both * SIZE as u64) - 1);
                adjust_depth();
                assert!(kept(cold) == 0, "{} of {both} blocks, cold first: {cold_first}", kept(cold));
                assert!(kept(hot) > before / 2, "{} of {before} blocks", kept(hot));
                set_limit(0);
                adjust_depth();
                assert_eq!(kept(hot) + kept(cold), 0);
                set_limit(u64::MAX);
                give(cold, take(cold, 100));
                assert!(kept(cold) > 0, "without a limit it keeps blocks again");
            }
        }
    });
}

#[test]
fn there_is_no_limit_to_begin_with_and_the_environment_sets_one() {
    if case().is_some() {
        let expected = std::env::var("LOOKASIDE_LIMIT").map_or(u64::MAX, |_| 64 << 10);
        assert_eq!(limit(), expected);
        let list = filled(1000, Tuning::Manual, Topology::Pair);
        adjust_depth();
        assert_eq!(kept(&list) == 0, expected != u64::MAX);
        return;
    }
    for wrapper in [["env", "-u", "LOOKASIDE_LIMIT"].as_slice(), ["env", "LOOKASIDE_LIMIT=64K"].as_slice()] {
        let output = again(this_test!(), "run", wrapper);
        assert!(output.status.success(), "{output:?}");
    }
}

/// A file like the kernel's says how long tasks waited for memory. The path is that of a test's own.
#[test]
fn under_pressure_lists_give_up_half() {
    if let Some(path) = case() {
        let waited = |total: u64| {
            std::fs::write(&path, format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n")).unwrap();
        };
        let lists = [(); 2].map(|()| filled(1000, Tuning::Manual, Topology::Pair));
        let all = || lists.iter().map(kept).sum::<u64>();
        waited(5_000_000);
        adjust_depth();
        let before = all();
        adjust_depth();
        assert_eq!(all(), before, "no one waited");
        waited(5_000_000 + (1 << 40));
        adjust_depth();
        assert!(all() <= before / 2, "{} of {before}", all());
        std::fs::remove_file(&path).unwrap();
        let before = all();
        adjust_depth();
        assert_eq!(all(), before, "nothing is reported");
        trim_on_pressure(false);
        waited(1 << 50);
        adjust_depth();
        assert_eq!(all(), before, "no scan looks");
        return;
    }
    let path = std::env::temp_dir().join(format!("lookaside-pressure-{}", std::process::id()));
    let path = path.to_str().unwrap();
    let output = again(this_test!(), path, &["env", &format!("LOOKASIDE_PRESSURE={path}")]);
    let _ = std::fs::remove_file(path);
    assert!(output.status.success(), "{output:?}");
}
