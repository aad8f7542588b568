//! Environment variables that are misspelt, in C programs.

use crate::toolchain::{ENGINES, Language, Link, build, run, text, with_engine};

#[test]
fn a_misspelt_variable_is_reported_once_in_a_process() {
    for link in [Link::Static, Link::Shared] {
        let program = build(&format!("switches-{}", link.name()), "switches", Language::C, link, "-O1");
        for engine in ENGINES {
            let run = |argument: &[&str]| {
                let output = run(with_engine(&program, engine).args(argument).env("LOOKASIDE_VERFIY", "1"));
                assert!(output.status.success(), "{output:?}");
                text(&output.stderr)
            };
            let reported = run(&[]);
            assert!(reported.starts_with("lookaside: LOOKASIDE_VERFIY has no effect; "), "{reported}");
            assert_eq!(reported.lines().count(), 1, "{reported}");
            assert_eq!(run(&["without an environment"]), "");
        }
    }
}
