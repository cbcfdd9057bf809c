//! The Flagstaff terminal: the full-screen interface and the command line, one program.
//!
//! `app`, `screens` and `widgets` are pure; `runtime`, `client`, `terminal` and `cli` are the edges.

pub mod action;
pub mod app;
pub mod cache;
pub mod canvas;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod drafts;
pub mod edit;
pub mod effect;
pub mod guard;
pub mod key;
pub mod keymap;
pub mod message;
pub mod plan;
pub mod request;
pub mod route;
pub mod runtime;
#[cfg(test)]
mod scenery;
pub mod screens;
pub mod secret;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod widgets;
pub mod world;
