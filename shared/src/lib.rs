//! The vocabulary of Flagstaff: no I/O, no clock, no async.

pub mod access;
pub mod api;
pub mod audit;
pub mod change;
pub mod context;
pub mod eval;
pub mod evaluated;
pub mod fault;
pub mod flag;
pub mod import;
pub mod json;
pub mod key;
pub mod project;
pub mod promotion;
pub mod query;
pub mod read;
pub mod revision;
pub mod segment;
pub mod system_config;
pub mod targeting;
