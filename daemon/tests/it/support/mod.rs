//! GROUND: what the tests stand on.

pub mod app;
pub mod cluster;
pub mod program;
