//! ROOF: the terminal itself: its modes, its keys, and the bytes that change what it shows.

pub mod clipboard;
mod encode;
mod frames;
mod grid;
pub mod guard;
pub mod input;
pub mod pace;
mod pen;
pub mod reader;
pub mod screen;
pub mod signals;
pub mod size;
pub mod tty;
