//! Faults in the special pool, reported in one line before they end the program.

use core::fmt::{self, Display, Formatter};

use super::TABLE;
use super::message::{Acted, ListName};
use super::table::{BlockEntry, BlockState};
use crate::platform::{self, Fault};
use crate::pool::{SlotState, SpecialBlock, special_block};
use crate::wdk::BugCheck;

/// Reports accesses to freed blocks of the special pool, and beside its blocks, by one line on standard error before
/// the signal (SIGSEGV or SIGBUS) takes its course: the handler that was installed until now, or the default action.
/// `LOOKASIDE_VERIFY=1` in the environment does this with the first list. Returns whether the handlers are installed; a
/// program that installs its own afterwards replaces them. They take up to 4 KiB of the stack for signals, if the thread
/// has one, beyond what the kernel writes there.
pub fn verify_faults() -> bool {
    platform::look_at_faults(look)
}

fn look(fault: &Fault) {
    let Some(slot) = special_block(fault.address as *const u8) else { return };
    let known = TABLE.try_find(slot.block.addr()).flatten();
    let offset = fault.address.wrapping_sub(slot.block.addr()) as isize;
    let (bug_check, what) = if slot.state != SlotState::Live {
        (BugCheck::USED_AFTER_FREE, "was used after it was freed,")
    } else {
        (BugCheck::OVERRUN_PAGE, if offset < 0 { "was used before its beginning," } else { "was used behind its end," })
    };
    platform::print(format_args!(
        "{bug_check}: block {:p} of {}, {} bytes, {what} at offset {offset} by {}{}",
        slot.block,
        Of(&slot, &known),
        slot.size,
        fault.place,
        Acts(&known),
    ));
}

struct Of<'a>(&'a SpecialBlock, &'a Option<BlockEntry>);

impl Display for Of<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(entry) => ListName::of_owner(entry).fmt(f),
            None => write!(f, "the special pool ({})", self.0.tag),
        }
    }
}

struct Acts<'a>(&'a Option<BlockEntry>);

impl Display for Acts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(entry) = self.0 else { return Ok(()) };
        write!(f, "; {}", Acted("allocated", entry.allocated))?;
        if entry.state == BlockState::Held { Ok(()) } else { write!(f, ", {}", Acted("freed", entry.freed)) }
    }
}
