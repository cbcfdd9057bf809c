//! The Flagstaff daemon.

pub mod postgres;
