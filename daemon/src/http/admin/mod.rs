//! ROOF: the rooms of our own API, one file a noun.

pub mod access;
pub mod audit;
pub mod audit_shapes;
pub mod changes;
pub mod credentials;
pub mod environments;
pub mod flags;
pub mod projects;
pub mod segments;
