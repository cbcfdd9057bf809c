//! The audit feed: every change as it comes (ROOF: it only names its rooms).

mod draw;
mod feed;
mod report;
mod screen;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use screen::{ACTIONS, Audit};
