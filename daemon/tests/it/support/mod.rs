//! GROUND: what the tests stand on.

pub mod app;
pub mod child;
pub mod cluster;
pub mod program;
pub mod proxy;
pub mod sdk;
