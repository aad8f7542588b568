//! Faults in the special pool, told in one line before the program ends by them.

use core::fmt::{self, Display, Formatter};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use super::TABLE;
use super::message::{Acted, ListName};
use super::table::{Entry, State};
use crate::platform::{self, Fault};
use crate::wdk::{BugCheck, Tag};

/// A slot of the special pool: a block and the inaccessible page beside it.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Address of the block that stands in it, or stood in it last.
    pub block: usize,
    /// Bytes of the block.
    pub size: usize,
    /// Its tag.
    pub tag: Tag,
    /// Whether the block was freed.
    pub freed: bool,
}

/// Tells the slot that an address lies in; called in signal handlers, so that it may take no lock.
pub type FindSlot = fn(usize) -> Option<Slot>;

static FIND_SLOT: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Sets who knows the slots.
pub fn set_find_slot(find: FindSlot) {
    FIND_SLOT.store(find as *mut (), Relaxed);
}

/// Tells of accesses to freed blocks of the special pool, and beside its blocks, by one line on standard error before
/// the signal (SIGSEGV or SIGBUS) takes its course: the handler that was installed until now, or the default action.
/// `LOOKASIDE_VERIFY=1` in the environment does this with the first list. Answers whether the handlers are installed; a
/// program that installs its own afterwards replaces them.
pub fn verify_faults() -> bool {
    platform::look_at_faults(look)
}

fn look(fault: &Fault) {
    let find = FIND_SLOT.load(Relaxed);
    if find.is_null() {
        return;
    }
    // SAFETY: stored by set_find_slot.
    let find = unsafe { transmute::<*mut (), FindSlot>(find) };
    let Some(slot) = find(fault.address) else { return };
    let known = TABLE.try_find(slot.block).flatten();
    let offset = fault.address.wrapping_sub(slot.block) as isize;
    let (bug_check, what) = if slot.freed {
        (BugCheck::USED_AFTER_FREE, "was used after it was freed,")
    } else {
        (BugCheck::OVERRUN_PAGE, if offset < 0 { "was used before its beginning," } else { "was used behind its end," })
    };
    platform::print(format_args!(
        "{bug_check}: block {:#x} of {}, {} bytes, {what} at offset {offset} by {}{}",
        slot.block,
        Of(&slot, &known),
        slot.size,
        fault.place,
        Acts(&known),
    ));
}

struct Of<'a>(&'a Slot, &'a Option<Entry>);

impl Display for Of<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(entry) => ListName::of_owner(entry).fmt(f),
            None => write!(f, "the special pool ({})", self.0.tag),
        }
    }
}

struct Acts<'a>(&'a Option<Entry>);

impl Display for Acts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(entry) = self.0 else { return Ok(()) };
        write!(f, "; {}", Acted("allocated", entry.allocated))?;
        if entry.state == State::Held { Ok(()) } else { write!(f, ", {}", Acted("freed", entry.freed)) }
    }
}
