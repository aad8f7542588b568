//! Programs that have all their memory locked, as real-time programs do: what is made resident is what is used.

use std::os::unix::process::CommandExt;

use crate::toolchain::{ENGINES, Language, Link, build, succeed, with_engine};

/// No first list and no first call takes so many KiB.
const LIMIT: u64 = 1024;

#[test]
fn locked_programs_pay_for_what_they_use() {
    let program = build("locked", "locked", Language::C, Link::Static, "-O1");
    for engine in ENGINES {
        for kind in ["paged", "arenas", "nonpaged", "session", "special", "verified", "pool"] {
            let mut command = with_engine(&program, engine);
            // Threads that name no stack get one of this size, which is not what is measured here.
            let stack = libc::rlimit { rlim_cur: 64 * 1024, rlim_max: 64 * 1024 };
            // SAFETY: the child sets a limit of its own and does nothing else.
            unsafe {
                command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_STACK, &stack) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                });
            }
            let printed = succeed(command.arg(kind));
            if printed.trim() == "SKIP" {
                return println!("SKIP: no right to lock memory");
            }
            println!("{kind}, engine {engine:?}: {} KiB", printed.trim());
            let kib: u64 = printed.trim().parse().expect("a number");
            assert!(kib < LIMIT, "{kind}, engine {engine:?}: {kib} KiB");
        }
    }
}
