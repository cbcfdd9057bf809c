//! ROOF: the terminal itself: its modes, its keys, and the bytes that change what it shows.

pub mod encode;
pub mod grid;
pub mod pen;
pub mod screen;
