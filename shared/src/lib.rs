//! The vocabulary of Flagstaff: no I/O, no clock, no async.

pub mod context;
pub mod eval;
pub mod fault;
pub mod json;
pub mod key;
pub mod revision;
pub mod targeting;
