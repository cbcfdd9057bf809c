//! The Flagstaff daemon.

pub mod access_log;
pub mod app;
pub mod backup;
pub mod clock;
pub mod config;
pub mod credential;
pub mod http;
pub mod import;
pub mod live;
pub mod net;
pub mod postgres;
pub mod protocol;
pub mod secrets;
pub mod secure_mode;
pub mod seed;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod usage;
