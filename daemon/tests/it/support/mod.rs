//! GROUND: what the tests stand on.

pub mod app;
pub mod child;
pub mod cluster;
