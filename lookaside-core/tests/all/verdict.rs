//! The verdict over this kernel, in a process in which nothing else asks for it.
use lookaside_core::hooks::{Planted, Verdict, judge};
use lookaside_core::{EngineKind, LookasideList};

/// How often each is judged: `LOOKASIDE_TEST_VERDICTS`.
fn times() -> usize {
    std::env::var("LOOKASIDE_TEST_VERDICTS").ok().map_or(1000, |times| times.parse().unwrap())
}

#[test]
fn a_sound_kernel_is_found_sound_and_planted_faults_are_convicted_every_time() {
    // Whether there are sections to judge is asked by a list that insists on them.
    if LookasideList::builder(8).engine(EngineKind::Rseq).build().is_err() {
        eprintln!("SKIP: {}", lookaside_core::engine_description().to_string_lossy());
        return;
    }
    for _ in 0..times() {
        assert_eq!(judge(Planted::Nothing), Verdict::Sound);
        assert_eq!(judge(Planted::Unarmed), Verdict::Convicted);
        assert_eq!(judge(Planted::Signature), Verdict::Convicted);
        if cfg!(target_arch = "aarch64") {
            assert_eq!(judge(Planted::SignalsAlone), Verdict::Convicted);
        }
    }
}
