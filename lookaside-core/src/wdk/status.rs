//! Status values: NTSTATUS numbers, as the WDK's functions return them.

use core::fmt;

/// What a set-up or maintenance call returns. The numbers are Windows' NTSTATUS values.
///
/// [`Status::SUCCESS`] and [`Status::PENDING`] are successes, all others name what was wrong; after
/// those nothing has changed.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[doc = $doc])* pub const $name: Status = Status($value);)*

            /// Returns the WDK's name of this value, without its `STATUS_` prefix; `"UNKNOWN"` for a value that this
            /// library never returns.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Status::$name => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }

            /// Returns what the value means, in a sentence; an empty text for a value that this library never returns.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Status::$name => concat!($($doc),*).trim_ascii_start(),)*
                    _ => "",
                }
            }
        }
    };
}

statuses! {
    /// The call did what was asked.
    SUCCESS = 0x0000_0000;
    /// The list is deleted, but callers still hold blocks of it: the last free ends it.
    PENDING = 0x0000_0103;
    /// A list object must be at a multiple of 16 bytes.
    DATATYPE_MISALIGNMENT = 0x8000_0002;
    /// The buffer was too short: it holds the beginning, and the length that the whole needs was returned.
    BUFFER_OVERFLOW = 0x8000_0005;
    /// There are no more entries.
    NO_MORE_ENTRIES = 0x8000_001A;
    /// The list is live already, or one of its callbacks is running.
    DEVICE_BUSY = 0x8000_0011;
    /// The object was never initialised (or was overwritten).
    INVALID_HANDLE = 0xC000_0008;
    /// A parameter has no meaning.
    INVALID_PARAMETER = 0xC000_000D;
    /// The pool, or the system, had no memory for it.
    NO_MEMORY = 0xC000_0017;
    /// The list was deleted before.
    DELETE_PENDING = 0xC000_0056;
    /// A size is too large to be counted.
    INTEGER_OVERFLOW = 0xC000_0095;
    /// The limit of locked memory is too small for a nonpaged pool: raise RLIMIT_MEMLOCK (`ulimit -l`), grant
    /// CAP_IPC_LOCK, or ask for best effort.
    WORKING_SET_QUOTA = 0xC000_00A1;
    /// There are as many lists as there can be.
    INSUFFICIENT_RESOURCES = 0xC000_009A;
    /// This build or this machine cannot do what was asked.
    NOT_SUPPORTED = 0xC000_00BB;
}

impl Status {
    /// Returns whether the call did what was asked: NT_SUCCESS, true when the top bit is clear.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    pub(crate) const fn ok(self) -> Result<(), Status> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "STATUS_{} (0x{:08X})", self.name(), self.0)
    }
}

impl core::error::Error for Status {}
