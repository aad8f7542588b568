//! The cases of misuse_pools.c: see misuse.rs.

use crate::misuse::{Case, End};
use End::{Abort, Well};

/// What the calls of `show_all_small_pool_calls` return, with one status for each call that has one.
macro_rules! small_pool_calls {
    ($status:literal) => {
        concat!($status, "\n", $status, "\n", $status, "\n", $status, "\nNULL\nNULL\n0\n")
    };
}

const NOT_OF_LIST: &str = "0xC4/0x10: block A, freed to a list of 64 bytes, tag \"Test\", is no block of that list; found when it left \
                           its list, maybe after the call that freed it";

pub const CASES: &[Case] = &[
    // Pools that check what comes back.
    (
        "paged pool, block freed twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of a list of 64 bytes, tag \"Test\", was freed twice; found when it left its list, maybe after the call \
             that freed it",
        ),
    ),
    ("paged pool, block freed again after its slab was given back", "STATUS_SUCCESS\n", Abort(NOT_OF_LIST)),
    ("paged pool, block of malloc", "STATUS_SUCCESS\n", Abort(NOT_OF_LIST)),
    ("paged pool, block of another list", "STATUS_SUCCESS\n", Abort(NOT_OF_LIST)),
    (
        "paged pool, middle of a block",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x10: block A, freed to a list of 64 bytes, tag \"Test\", is not the start of a block; found when it left its list, \
             maybe after the call that freed it",
        ),
    ),
    (
        "paged pool, block freed twice, found by delete",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of a list of 64 bytes, tag \"Test\", was freed twice; found when it left its list, maybe after the call \
             that freed it",
        ),
    ),
    (
        "nonpaged pool, block freed twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of a list of 64 bytes, tag \"Test\", was freed twice; found when it left its list, maybe after the call \
             that freed it",
        ),
    ),
    ("nonpaged pool, block freed again after its slab was given back", "STATUS_SUCCESS\n", Abort(NOT_OF_LIST)),
    ("nonpaged pool, block of malloc", "STATUS_SUCCESS\n", Abort(NOT_OF_LIST)),
    (
        "session pool, block freed twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x10: free of block A of 64 bytes, tag \"Test\", which is no block of the session pool in use: it was freed before, or \
             never given",
        ),
    ),
    (
        "special pool, block freed twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: free of block A of 64 bytes, tag \"Test\", which is a block of the special pool that was freed before",
        ),
    ),
    (
        "special pool, write behind an odd block",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC1: block A of 63 bytes, tag \"Test\", of the special pool: memory beside it was written to, at offset 63",
        ),
    ),
    (
        "special pool, write before a block",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC1: block A of 64 bytes, tag \"Test\", of the special pool: memory beside it was written to, at offset -1",
        ),
    ),
    (
        "every call, null small pool",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nNULL\nNULL\n0\n",
        Well,
    ),
    ("every call, misaligned small pool", small_pool_calls!("STATUS_DATATYPE_MISALIGNMENT"), Well),
    ("every call, zeroed small pool", small_pool_calls!("STATUS_INVALID_HANDLE"), Well),
    ("every call, small pool of garbage", small_pool_calls!("STATUS_INVALID_HANDLE"), Well),
    ("every call, deleted small pool", concat!("STATUS_SUCCESS\n", small_pool_calls!("STATUS_DELETE_PENDING")), Well),
    (
        "small pool parameters that cannot be",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_DATATYPE_MISALIGNMENT\nSTATUS_INVALID_PARAMETER\n\
         STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\n\
         STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_NOT_SUPPORTED\nSTATUS_SUCCESS\nSTATUS_DEVICE_BUSY\n\
         STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Well,
    ),
    ("pool blocks that cannot be", "NULL\nNULL\nNULL\nNULL\nNULL\nNULL\nNULL\n", Well),
    ("pool alignments that no block can have", "NULL\nNULL\nNULL\nNULL\n", Well),
    ("pool reallocate, wrong tag", "", Abort("0xC2/0xA: pool block A with tag \"Good\" is freed with tag \"Evil\"")),
    ("pool reallocate, freed block", "", Abort("0xC4/0x13: pool block A with tag \"Good\" is free already")),
    (
        "small pool reallocate, zeroed pool",
        "",
        Abort("0xC4/0x4C01: block A is given to small pool B, which is no small pool that was initialised"),
    ),
    ("pool blocks of no bytes", "1 1\nSTATUS_SUCCESS\n", Well),
    ("pool free, null block", "0\n", Well),
    ("pool free, wrong tag", "", Abort("0xC2/0xA: pool block A with tag \"Good\" is freed with tag \"Evil\"")),
    (
        "pool free, wrong tag of a large block",
        "",
        Abort("0xC2/0xA: pool block A with tag \"Good\" is freed with tag \"Evil\""),
    ),
    (
        "pool free, wrong size",
        "",
        Abort("0xC4/0x10: pool block A with tag \"Good\" has 100 bytes, and is freed as 101"),
    ),
    ("pool free twice", "", Abort("0xC4/0x13: pool block A with tag \"Good\" is free already")),
    ("pool free twice, whole pages", "", Abort("0xC4/0x13: pool block A with tag \"Good\" is free already")),
    (
        "pool free, second page of a block",
        "",
        Abort("0xC4/0x10: block A is not of this pool, or its header was overwritten"),
    ),
    ("pool free, foreign block", "", Abort("0xC4/0x10: block A is not of this pool, or its header was overwritten")),
    ("pool free, misaligned block", "", Abort("0xC4/0x10: block A is not of this pool: it is not aligned to 16 bytes")),
    (
        "pool free, header overwritten",
        "",
        Abort("0xC4/0x10: block A is not of this pool, or its header was overwritten"),
    ),
    ("pool size of a freed block", "", Abort("0xC4/0x13: pool block A with tag \"Good\" is free already")),
    ("pool free, block of a list", "", Abort("0xC4/0x10: block A is not of this pool, or its header was overwritten")),
    (
        "small pool free, block of another pool",
        "",
        Abort("0xC4/0x10: block A is not of this pool, or its header was overwritten"),
    ),
    ("small pool free, null pool", "", Abort("0xC4/0x4C01: block A is given to small pool 0x0, which is no pool")),
    (
        "small pool free, zeroed pool",
        "",
        Abort("0xC4/0x4C01: block A is given to small pool B, which is no small pool that was initialised"),
    ),
    (
        "small pool free bare, misaligned block",
        "",
        Abort("0xC4/0x10: block A is not of this pool: it is not aligned to 16 bytes"),
    ),
    (
        "small pool free bare, no such pool type",
        "",
        Abort("0xC4/0x10: block A is freed as 100 bytes of pool type 0x21, which no block of this pool is"),
    ),
    (
        "small pool free bare, no such size",
        "",
        Abort(
            "0xC4/0x10: block A is freed as 18446744073709551615 bytes of pool type 0x1, which no block of this pool is",
        ),
    ),
    ("small pool free bare, null pool", "", Abort("0xC4/0x4C01: block A is given to small pool 0x0, which is no pool")),
    (
        "small pool free sized, wrong size",
        "",
        Abort("0xC4/0x10: pool block A with tag \"Good\" has 100 bytes, and is freed as 99"),
    ),
    (
        "small pool size, zeroed pool",
        "",
        Abort("0xC4/0x4C01: block A is given to small pool B, which is no small pool that was initialised"),
    ),
    (
        "small pool statistics that cannot be",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\n\
         untouched\nSTATUS_SUCCESS\n512\n",
        Well,
    ),
    ("small pool deleted with a block out", "STATUS_PENDING\nSTATUS_DELETE_PENDING\n", Well),
    (
        "pool misuse, hook that returns",
        "0xC2/0xA block, Good\n0xC4/0x10 block, Good\n0xC4/0x10 block, no tag\n\
         0xC4/0x13 block, Good\n0xC4/0x13 block, Good\n0\n",
        Well,
    ),
];
