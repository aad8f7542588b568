//! How a misuse is reported, and the end of a program that would corrupt memory.

use core::fmt;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use super::cancellation::uncancelled;
use super::cut_text::CutText;
use super::system_call::system_call;
use crate::wdk::{BugCheck, Tag};

/// A misuse of the library, as a hook gets it.
#[derive(Clone, Copy, Debug)]
pub struct Violation<'a> {
    /// What was done wrong.
    pub bug_check: BugCheck,
    /// Address of the list; 0 when it concerns none.
    pub list: usize,
    /// The list's name; empty when that is not known.
    pub name: &'a str,
    /// The tag of the list or block; 0 when that is not known.
    pub tag: Tag,
    /// Address of the block; 0 when it concerns none.
    pub block: usize,
    /// The line that would be written to standard error, without its end.
    pub line: &'a str,
}

/// A function that is called with a violation, on the thread that made it, with no lock held.
pub type ViolationHook = fn(&Violation<'_>);

static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Sets what is called when the library is misused; `None` for the default: one line on standard error, then abort.
/// When the hook returns, the call that was wrong has no effect, and the program goes on.
///
/// ```
/// use lookaside_core::{BugCheck, Violation, set_violation_hook};
///
/// fn report(violation: &Violation<'_>) {
///     assert_eq!(violation.bug_check, BugCheck::NO_LIST);
///     println!("{}", violation.line);
/// }
///
/// set_violation_hook(Some(report));
/// // SAFETY: an object that was never initialised may be named; the block belongs to no list.
/// unsafe { lookaside_core::RawList::free_checked(&lookaside_core::RawList::zeroed(), 16 as *mut u8) };
/// ```
pub fn set_violation_hook(hook: Option<ViolationHook>) {
    // Relaxed: a function is there from the start.
    HOOK.store(hook.map_or(null_mut(), |hook| hook as *mut ()), Relaxed);
}

impl Violation<'_> {
    /// Makes a violation that concerns no list and no block yet.
    pub(crate) const fn new(bug_check: BugCheck) -> Self {
        Violation { bug_check, list: 0, name: "", tag: Tag(0), block: 0, line: "" }
    }

    /// Calls the hook, or writes the line and aborts. Returns when the hook does; then the misuse is to have no effect.
    #[cold]
    #[inline(never)]
    pub(crate) fn report(&self, message: fmt::Arguments<'_>) {
        let mut line = Line::EMPTY;
        line.append(format_args!("lookaside: {}: {message}", self.bug_check));
        // Relaxed: see set_violation_hook.
        let hook = HOOK.load(Relaxed);
        if hook.is_null() {
            end(&mut line);
        }
        // SAFETY: what is not null was stored by set_violation_hook, from a function of this type.
        let hook = unsafe { transmute::<*mut (), ViolationHook>(hook) };
        uncancelled(|| hook(&Violation { line: line.as_str(), ..*self }));
    }
}

/// Writes one line to standard error, with neither lock nor allocation, and aborts: for proofs of a corruption or of
/// a system that broke its word, where nothing may go on.
#[cold]
pub fn fatal(message: fmt::Arguments<'_>) -> ! {
    let mut line = Line::EMPTY;
    line.append(format_args!("lookaside: {message}"));
    end(&mut line)
}

/// Writes one line to standard error, with neither lock nor allocation.
pub fn print(message: fmt::Arguments<'_>) {
    let mut line = Line::EMPTY;
    line.append(format_args!("lookaside: {message}"));
    write(&mut line);
}

/// A line that is too long is cut: what comes after it matters more. It stays where it is made, since the stack of a
/// signal handler has no room for copies.
type Line = CutText<1024>;

fn write(line: &mut Line) {
    let bytes = line.end_line();
    let start = bytes.as_ptr().expose_provenance();
    // SAFETY: the kernel only reads these bytes. Nothing can be done if the write fails.
    unsafe { system_call(libc::SYS_write, [libc::STDERR_FILENO as usize, start, bytes.len(), 0, 0, 0]) };
}

fn end(line: &mut Line) -> ! {
    write(line);
    // SAFETY: it does not return.
    unsafe { libc::abort() }
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&HOOK);
}
