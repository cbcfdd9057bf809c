//! GROUND: what the tests stand on.

pub mod daemon;
pub mod program;
