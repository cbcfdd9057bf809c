//! The daemon's tests against real servers: one binary, a module a resource.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod postgres;
mod support;
