//! No allocator at all: the ring of `handoff` alone, over blocks that are there already. What the others' figures have on
//! top of its own is theirs.

use crate::ground::contender::About;
use crate::ground::standing::Standing;

pub const RING: About = About {
    only: Some("handoff"),
    ..About::new("ring", "the ring of handoff alone: its blocks are there already, and nothing is allocated or freed")
};

pub fn new(size: usize) -> anyhow::Result<Standing> {
    Ok(Standing::new(size))
}
