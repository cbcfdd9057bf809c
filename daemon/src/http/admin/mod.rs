//! ROOF: the rooms of our own API, one file a noun.

pub mod access;
pub mod credentials;
pub mod environments;
pub mod flags;
pub mod projects;
pub mod segments;
