//! ROOF: the rooms of our own API, one file a noun.

pub mod backups;
pub mod flags;
