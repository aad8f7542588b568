//! The cases of misuse_many.c: see misuse.rs.

use crate::misuse::{Case, End};
use End::{Abort, Well};

pub const CASES: &[Case] = &[
    ("allocate many, null list", "0\n", Well),
    ("allocate many, misaligned list", "0\n", Well),
    ("allocate many, zeroed list", "0\n", Well),
    ("allocate many, deleted list", "0\n", Well),
    ("allocate many, null array", "0\n0 allocates, 0 out\n", Well),
    ("allocate many, misaligned array", "0\n0 allocates, 0 out\n", Well),
    ("allocate many, more than memory has room for", "0\n0\n0 allocates, 0 out\n", Well),
    ("allocate many, none", "0\nuntouched\n", Well),
    ("allocate many, callback has no memory", "STATUS_SUCCESS\n0\n1 allocates, 0 out\n", Well),
    ("free many, null array", "no effect\n", Well),
    ("free many, more than memory has room for", "0 frees, 4 out\n", Well),
    ("free many, none", "no effect\n", Well),
    ("free many, null blocks among others", "4 frees, 0 out\n", Well),
    ("free many, misaligned array", "4 frees, 0 out\n", Well),
    ("free many, null list", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("free many, misaligned list", "", Abort("0xC4/0x4C01: free of block A to B, which is not aligned to 16 bytes")),
    ("free many, zeroed list", "", Abort("0xC4/0x4C01: free of block A to B, which is no list that was initialised")),
    ("free many, deleted list", "", Abort("0xC4/0x4C02: free of block A to B, which is a list that was deleted")),
    (
        "free many, misaligned block",
        "",
        Abort("0xC4/0x10: free of block A to list B, whose blocks are aligned to 16 bytes"),
    ),
    ("free many, misaligned block, and a hook that returns", "0xC4/0x10\n3 frees, 1 out\n", Well),
    ("free many, draining list", "STATUS_PENDING\n0\nSTATUS_DEVICE_BUSY\nSTATUS_SUCCESS\n", Well),
    (
        "verified: a block twice in a run",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
    ("verified: a run is whole", "STATUS_SUCCESS\n4 frees, 0 out\nSTATUS_SUCCESS\n", Well),
];
