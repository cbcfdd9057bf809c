//! The Flagstaff daemon.

pub mod store;
