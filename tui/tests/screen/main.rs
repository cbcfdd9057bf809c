//! What the terminal shows after each frame, and what the frame cost.

mod budgets;
mod equal;
mod terminal;
