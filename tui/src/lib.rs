//! The Flagstaff terminal: the full-screen interface and the command line, one program.
//!
//! `app`, `screens` and `widgets` are pure; `runtime`, `client`, `terminal` and `cli` are the edges.

pub mod canvas;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod key;
pub mod request;
pub mod text;
pub mod theme;
