//! The Flagstaff daemon.

pub mod access_log;
pub mod app;
pub mod clock;
pub mod config;
pub mod credential;
pub mod http;
pub mod live;
pub mod net;
pub mod postgres;
pub mod secrets;
pub mod service;
pub mod store;
pub mod telemetry;
