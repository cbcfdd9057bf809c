//! GROUND: what the tests stand on.

pub mod ask;
pub mod daemon;
pub mod home;
pub mod program;
pub mod terminal;
pub mod wire;
