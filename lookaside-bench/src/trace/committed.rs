//! The traces that the command carries with it; `traces/README.md` says how each was recorded.

/// A committed trace: the name of its file without `.trace`, and the file.
pub type Committed = (&'static str, &'static [u8]);

macro_rules! committed {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/traces/", $name, ".trace")) as &[u8])),*]
    };
}

/// All of them; the main job replays the first.
pub const COMMITTED: [Committed; 4] = committed!["sqlite-index", "cc1plus-compile", "python-json", "git-pack"];
