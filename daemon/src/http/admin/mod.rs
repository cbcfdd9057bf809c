//! ROOF: the rooms of our own API, one file a noun.

pub mod compare;
pub mod evaluate;
pub mod flags;
