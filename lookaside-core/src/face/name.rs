//! Names of lists that are made here.

use core::any::type_name;
use core::panic::Location;

use crate::platform::CutText;
use crate::wdk::NAME_LIMIT;

/// A list's name, cut where a list cuts it.
pub type Name = CutText<NAME_LIMIT>;

/// Returns the file, without its folder, and the line.
pub fn of_place(place: &Location<'_>) -> Name {
    let file = place.file();
    Name::of(format_args!("{}:{}", file.rsplit('/').next().unwrap_or(file), place.line()))
}

/// Returns a type's name without the modules that it is in.
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
    fn places_are_named_by_file_and_line() {
        let place = Location::caller();
        assert_eq!(of_place(place).as_str(), std::format!("name.rs:{}", place.line()));
    }
}
