//! The Flagstaff daemon.

pub mod app;
pub mod clock;
pub mod config;
pub mod http;
pub mod live;
pub mod net;
pub mod postgres;
pub mod protocol;
pub mod service;
pub mod store;
pub mod telemetry;
