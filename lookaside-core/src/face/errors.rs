//! What a call returns that could not be done: with the value that it was given, or with the parameter that was wrong.

use core::any::type_name;
use core::error::Error;
use core::fmt;

use crate::list::processor::EngineKind;
use crate::wdk::{RawList, Status};

/// A value for which a list had no block. It carries the value, and asks nothing of it: `?` and `expect` work for
/// every type, and [`AllocateError::into_inner`] gives the value back.
///
/// ```
/// use lookaside_core::{AllocateError, Lookaside};
///
/// struct Request([u8; 64]); // Neither `Debug` nor anything else.
///
/// fn first(requests: &Lookaside<Request>) -> Result<u8, AllocateError<Request>> {
///     let request = requests.allocate(Request([7; 64]))?;
///     Ok(request.0[0])
/// }
///
/// let requests = Lookaside::new()?;
/// assert_eq!(first(&requests).expect("the heap has room"), 7);
/// // `try_allocate` never asks the pool.
/// assert_eq!(requests.try_allocate(Request([8; 64])).map(|_| ()).unwrap_or_else(|error| assert_eq!(error.0.0[0], 8)), ());
/// # Ok::<(), lookaside_core::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllocateError<T>(
    /// The value.
    pub T,
);

impl<T> AllocateError<T> {
    /// Returns the value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Shows the type, not the value.
impl<T> fmt::Debug for AllocateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AllocateError<{}>", type_name::<T>())
    }
}

impl<T> fmt::Display for AllocateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list has no block for a value of type {}", type_name::<T>())
    }
}

impl<T> Error for AllocateError<T> {}

/// NO_MEMORY. Drops the value.
impl<T> From<AllocateError<T>> for Status {
    fn from(_: AllocateError<T>) -> Status {
        Status::NO_MEMORY
    }
}

/// Why a list could not be made: a status, and the parameter that it is about where there is one.
///
/// It is equal to its status, and becomes one by `?` in functions that return a [`Status`].
///
/// ```
/// use lookaside_core::{LookasideList, Status};
///
/// let error = LookasideList::builder(64).alignment(24).build().unwrap_err();
/// assert_eq!(error, Status::INVALID_PARAMETER);
/// assert_eq!(error.parameter(), Some("alignment"));
/// assert_eq!(
///     error.to_string(),
///     "alignment is 24: it must be a power of two, at most 65536 (STATUS_INVALID_PARAMETER)"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BuildError {
    status: Status,
    wrong: Option<Wrong>,
}

/// A parameter without meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wrong {
    parameter: &'static str,
    value: Value,
    rule: &'static str,
}

/// What a parameter was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Bits(u32),
    Engine(EngineKind),
    List(*const RawList),
}

// SAFETY: the address of a list is shown, and nothing else is done with it.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Bits(bits) => write!(f, "{bits:#x}"),
            Value::Engine(engine) => write!(f, "{engine:?}"),
            Value::List(list) => write!(f, "the list at {list:p}"),
        }
    }
}

impl BuildError {
    pub(super) fn of(status: Status) -> BuildError {
        BuildError { status, wrong: None }
    }

    /// `rule` goes on where "the parameter is this:" ended.
    pub(super) fn wrong(status: Status, parameter: &'static str, value: Value, rule: &'static str) -> BuildError {
        BuildError { status, wrong: Some(Wrong { parameter, value, rule }) }
    }

    /// Returns the status, as C programs get it.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the name of the parameter that was wrong, as [`Parameters`](crate::Parameters) has it; `None` where the
    /// parameters were right, and the system or the pool refused.
    #[must_use]
    pub fn parameter(&self) -> Option<&'static str> {
        self.wrong.map(|wrong| wrong.parameter)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong {
            None => write!(f, "STATUS_{}: {}", self.status.name(), self.status.description()),
            Some(Wrong { parameter, value, rule }) => {
                write!(f, "{parameter} is {value}: {rule} (STATUS_{})", self.status.name())
            }
        }
    }
}

/// As `Display`: it is what `unwrap` and `main` print.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Error for BuildError {}

impl PartialEq<Status> for BuildError {
    fn eq(&self, status: &Status) -> bool {
        self.status == *status
    }
}

impl From<BuildError> for Status {
    fn from(error: BuildError) -> Status {
        error.status
    }
}

impl From<Status> for BuildError {
    fn from(status: Status) -> BuildError {
        BuildError::of(status)
    }
}
