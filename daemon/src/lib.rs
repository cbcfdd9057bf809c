//! The Flagstaff daemon.

pub mod clock;
pub mod config;
pub mod live;
pub mod net;
pub mod service;
pub mod store;
pub mod telemetry;
