//! ROOF: the rooms of our own API, one file a noun.

pub mod flags;
pub mod import;
