//! The values of this floor that tools which look for races have to leave alone.

use super::{clock, fatal, fork, membarrier, processors, rseq, slots, tool};

/// Says so to the tool, before a list is made.
pub fn own_statics() {
    tool::own_statics();
    clock::own_statics();
    fatal::own_statics();
    fork::own_statics();
    membarrier::own_statics();
    processors::own_statics();
    rseq::own_statics();
    slots::own_statics();
}
