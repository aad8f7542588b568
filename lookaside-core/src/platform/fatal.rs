//! The end of a program that would corrupt memory.

use core::fmt::{self, Write};

/// Writes one line to standard error, with neither lock nor allocation, and aborts.
#[cold]
pub fn fatal(message: fmt::Arguments<'_>) -> ! {
    let mut line = Line { bytes: [0; 256], length: 0 };
    // A line that is too long is cut; the abort matters more.
    let _ = write!(line, "lookaside: {message}");
    line.length = line.length.min(line.bytes.len() - 1);
    line.bytes[line.length] = b'\n';
    // SAFETY: the buffer holds `length + 1` bytes. Nothing can be done if the write fails.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.length + 1);
        libc::abort()
    }
}

struct Line {
    bytes: [u8; 256],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fitting = text.len().min(room.len());
        room[..fitting].copy_from_slice(&text.as_bytes()[..fitting]);
        self.length += fitting;
        Ok(())
    }
}
