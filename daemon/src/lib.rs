//! The Flagstaff daemon.

pub mod clock;
pub mod config;
pub mod store;
pub mod telemetry;
