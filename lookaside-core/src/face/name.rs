//! Names of lists that are made here.

use core::any::type_name;
use core::fmt::{self, Write};
use core::panic::Location;

use crate::wdk::NAME_LIMIT;

/// A list's name, cut where a list cuts it.
pub struct Name {
    bytes: [u8; NAME_LIMIT],
    length: usize,
}

impl Name {
    /// A name from its parts.
    pub fn of(parts: fmt::Arguments<'_>) -> Name {
        let mut name = Name { bytes: [0; NAME_LIMIT], length: 0 };
        // What does not fit any more is cut.
        let _ = name.write_fmt(parts);
        name
    }

    /// The file, without its folder, and the line.
    pub fn of_place(place: &Location<'_>) -> Name {
        let file = place.file();
        Name::of(format_args!("{}:{}", file.rsplit('/').next().unwrap_or(file), place.line()))
    }

    pub fn text(&self) -> &str {
        let bytes = &self.bytes[..self.length];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            // A character was cut in two.
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fitting = text.len().min(room.len());
        room[..fitting].copy_from_slice(&text.as_bytes()[..fitting]);
        self.length += fitting;
        Ok(())
    }
}

/// A type's name without the modules that it is in.
pub fn of_type<T>() -> &'static str {
    let whole = type_name::<T>();
    // The parameters of a generic type have paths of their own.
    let own = whole.find(['<', '[', '(']).unwrap_or(whole.len());
    whole[..own].rfind("::").map_or(whole, |place| &whole[place + 2..])
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn types_are_named_without_their_modules() {
        struct Packet;
        struct Of<T>(T);
        assert_eq!((of_type::<Packet>(), of_type::<u64>(), of_type::<[u8; 64]>()), ("Packet", "u64", "[u8; 64]"));
        let of = of_type::<Of<std::string::String>>();
        assert_eq!(of, "Of<alloc::string::String>");
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(Name::of(format_args!("{:>31}ö", "x")).text().len(), 31);
        let place = Location::caller();
        assert_eq!(Name::of_place(place).text(), std::format!("name.rs:{}", place.line()));
    }
}
