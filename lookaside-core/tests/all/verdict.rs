//! The verdict over this kernel, in a process in which nothing else asks for it.
use lookaside_core::hooks::{Planted, Verdict, judge};
use lookaside_core::{EngineKind, LookasideList};

/// How often each is judged.
const TIMES: usize = 1000;

#[test]
fn a_sound_kernel_is_found_sound_and_planted_faults_are_convicted_every_time() {
    // Whether there are sections to judge is asked by a list that insists on them.
    if LookasideList::builder(8).engine(EngineKind::Rseq).build().is_err() {
        eprintln!("SKIP: {}", lookaside_core::engine_description().to_string_lossy());
        return;
    }
    for _ in 0..TIMES {
        assert_eq!(judge(Planted::Nothing), Verdict::Sound);
        assert_eq!(judge(Planted::Unarmed), Verdict::Convicted);
        assert_eq!(judge(Planted::Signature), Verdict::Convicted);
    }
}
