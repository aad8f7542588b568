//! The cases of misuse_many.c and misuse_caches.c: see misuse.rs.

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

/// What the calls of `show_all_calls` return for a cache.
macro_rules! cache_calls {
    ($status:literal) => {
        concat!("NULL\n", $status, "\n", $status, "\n", $status, "\nuntouched\n")
    };
}

pub const CACHES: &[Case] = &[
    ("cache: every call, null cache", cache_calls!("STATUS_INVALID_PARAMETER"), Well),
    ("cache: every call, misaligned cache", cache_calls!("STATUS_DATATYPE_MISALIGNMENT"), Well),
    ("cache: every call, zeroed cache", cache_calls!("STATUS_INVALID_HANDLE"), Well),
    ("cache: every call, deleted cache", cache_calls!("STATUS_INVALID_HANDLE"), Well),
    ("cache: inlined calls, zeroed cache", "NULL\nno effect\n", Well),
    (
        "cache: initialize, what cannot be",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\n\
         STATUS_INVALID_PARAMETER\nSTATUS_DATATYPE_MISALIGNMENT\nSTATUS_DATATYPE_MISALIGNMENT\n\
         STATUS_DATATYPE_MISALIGNMENT\nSTATUS_INVALID_HANDLE\nSTATUS_DELETE_PENDING\nuntouched\n",
        Well,
    ),
    ("cache: counters, null", "STATUS_INVALID_PARAMETER\n", Well),
    ("cache: free, null block", "no effect\n", Well),
    ("cache: free, null cache", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("cache: free, misaligned cache", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("cache: free, zeroed cache", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("cache: free inlined, deleted cache", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    (
        "cache: free, misaligned block",
        "",
        Abort("0xC4/0x10: free of block A to list B, whose blocks are aligned to 16 bytes"),
    ),
    (
        "cache: free inlined, misaligned block",
        "",
        Abort("0xC4/0x10: free of block A to list B, whose blocks are aligned to 16 bytes"),
    ),
    (
        "cache: list deleted before it",
        "STATUS_PENDING\nnot NULL\nSTATUS_DEVICE_BUSY\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Well,
    ),
    ("cache: callback has no memory", "STATUS_SUCCESS\nNULL\n1 allocates, 1 misses\n", Well),
    (
        "cache: called and inlined alike",
        "100 allocates, 88 hits, 100 frees, 16 in the cache\n100 allocates, 88 hits, 100 frees, 16 in the cache\n\
         100 allocates, 88 hits, 100 frees, 16 in the cache\n0 out\n",
        Well,
    ),
    (
        "cache, verified: block freed twice",
        "",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
    (
        "cache, verified: block freed twice, inlined",
        "",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
];
