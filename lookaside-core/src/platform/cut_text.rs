//! Texts that are cut where their room ends, without allocation.

use core::fmt;

/// A text of up to `ROOM` bytes. What does not fit any more is cut.
pub struct CutText<const ROOM: usize> {
    bytes: [u8; ROOM],
    length: usize,
}

impl<const ROOM: usize> CutText<ROOM> {
    /// The text of no characters.
    pub const EMPTY: Self = CutText { bytes: [0; ROOM], length: 0 };

    /// Makes a text of its parts.
    pub fn of(parts: fmt::Arguments<'_>) -> Self {
        let mut text = Self::EMPTY;
        text.append(parts);
        text
    }

    /// Adds the parts at the end.
    pub fn append(&mut self, parts: fmt::Arguments<'_>) {
        // Cutting is no error.
        let _ = fmt::write(self, parts);
    }

    /// Returns the text, without a character that was cut in two.
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.length];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// Puts the end of a line behind the text, in place of its last byte if there is no room; returns the bytes.
    pub fn end_line(&mut self) -> &[u8] {
        self.length = self.length.min(ROOM - 1) + 1;
        self.bytes[self.length - 1] = b'\n';
        &self.bytes[..self.length]
    }
}

impl<const ROOM: usize> fmt::Write for CutText<ROOM> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fitting = text.len().min(room.len());
        room[..fitting].copy_from_slice(&text.as_bytes()[..fitting]);
        self.length += fitting;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let text = CutText::<32>::of(format_args!("{:>31}ö", "x"));
        assert_eq!(text.as_str().len(), 31);
        assert_eq!(CutText::<4>::of(format_args!("abcd")).end_line(), b"abc\n");
        assert_eq!(CutText::<4>::of(format_args!("ab")).end_line(), b"ab\n");
    }
}
