//! What the terminal shows after each frame, and what the frame cost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod budgets;
mod equal;
mod terminal;
