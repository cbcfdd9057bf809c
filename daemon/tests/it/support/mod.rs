//! GROUND: what the tests stand on.

pub mod cluster;
