//! ROOF: the rooms of our own API, one file a noun.

pub mod audit;
pub mod audit_shapes;
pub mod changes;
pub mod compare;
pub mod evaluate;
pub mod evaluation;
pub mod flags;
