//! The daemon's tests against real servers: one binary, a module a resource.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

mod access;
mod audit;
mod backup;
mod backup_queue;
mod chaos;
mod demo;
mod documents;
mod drain;
mod edge;
mod evaluate;
mod flags;
mod health;
mod import;
mod live;
mod matrix;
mod openapi;
mod postgres;
mod program;
mod promote;
mod readme;
mod reads;
mod renewal;
mod rows;
mod schemathesis;
mod sdk;
mod serve;
mod socketio;
mod support;
mod system_config;
mod usage;
mod writes;
