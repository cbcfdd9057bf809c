//! The history of a flag or segment, with the diffs (ROOF: it only names its rooms).

mod screen;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use screen::{ACTIONS, History};
