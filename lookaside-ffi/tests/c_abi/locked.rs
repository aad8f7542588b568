//! Programs that have all their memory locked, as real-time programs do: what is made resident is what is used.

use crate::toolchain::{ENGINES, Language, Link, build, succeed, with_engine};

/// No first list and no first call takes this many KiB.
const LIMIT: u64 = 1024;

#[test]
fn locked_programs_pay_for_what_they_use() {
    let program = build("locked", "locked", Language::C, Link::Static, "-O1");
    for engine in ENGINES {
        for kind in ["paged", "arenas", "nonpaged", "session", "special", "verified", "pool"] {
            let printed = succeed(with_engine(&program, engine).arg(kind));
            if printed.trim() == "SKIP" {
                return println!("SKIP: no right to lock memory");
            }
            println!("{kind}, engine {engine:?}: {} KiB", printed.trim());
            let kib: u64 = printed.trim().parse().expect("a number");
            assert!(kib < LIMIT, "{kind}, engine {engine:?}: {kib} KiB");
        }
    }
}
