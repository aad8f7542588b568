//! Four-character tags.

use core::fmt;

/// Four characters that say whose blocks these are, the first in the lowest byte as in the WDK.
///
/// ```
/// use lookaside_core::Tag;
/// assert_eq!(Tag::new(*b"Irps").0, 0x73707249);
/// assert_eq!(Tag::new(*b"Irps").to_string(), "Irps");
/// assert_eq!(format!("{:?}", Tag::new(*b"Irps")), "Tag(\"Irps\")");
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tag(pub u32);

impl Tag {
    /// Returns the tag of these four characters. Any bytes are accepted; those outside 0x20 to 0x7E print as a dot.
    #[must_use]
    pub const fn new(characters: [u8; 4]) -> Tag {
        Tag(u32::from_le_bytes(characters))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag(\"{self}\")")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.to_le_bytes() {
            let shown = if (0x20..=0x7E).contains(&byte) { byte } else { b'.' };
            fmt::Write::write_char(f, shown.into())?;
        }
        Ok(())
    }
}
