//! A typed list reads values into boxes (serde).

use serde_core::de::{Deserialize, DeserializeSeed, Deserializer, Error};

use super::{Lookaside, LookasideBox};

/// Reads a value into a box of the list. A value for which the pool has no block is an error of the format's.
impl<'de, 'a, T: Deserialize<'de>> DeserializeSeed<'de> for &'a Lookaside<T> {
    type Value = LookasideBox<'a, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.allocate(T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
