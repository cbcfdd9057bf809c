//! The Flagstaff daemon.

pub mod clock;
pub mod config;
pub mod net;
pub mod telemetry;
