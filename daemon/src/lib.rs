//! The Flagstaff daemon.

pub mod clock;
pub mod config;
pub mod live;
pub mod service;
pub mod store;
pub mod telemetry;
