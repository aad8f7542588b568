//! The containers of C++ find the same under every allocator, and hold what they should. In a process of its own, since the
//! first library that brings the C++ runtime decides whose `malloc` that calls.

use lookaside_bench::ground::measure::Absent;
use lookaside_bench::nodes::{JOBS, Nodes};

#[test]
fn containers_find_the_same_under_every_allocator() {
    const CHANGES: u64 = 3 << 15;
    for job in JOBS {
        let full = match job.workload.name {
            "list" => 64,
            "map" | "set" | "unordered-map" => 1024,
            _ => 4096,
        };
        let mut sums = Vec::new();
        for case in job.cases {
            match Nodes::new(job.workload.name, case.name) {
                Ok(mut nodes) => {
                    let (sum, size) = nodes.run(CHANGES);
                    assert_eq!(size, full, "{}, {}", job.workload.name, case.name);
                    sums.push((case.name, sum));
                }
                Err(reason) => {
                    assert!(reason.is::<Absent>(), "{}: {reason:#}", case.name);
                    println!("skipped: {}: {reason}", case.name);
                }
            }
        }
        assert!(sums.len() >= 5, "what needs no package is there: {sums:?}");
        assert!(sums.iter().all(|&(_, sum)| sum == sums[0].1 && sum > CHANGES / 4), "{}: {sums:?}", job.workload.name);
    }
}
