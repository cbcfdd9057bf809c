//! The form of a new flag (ROOF of its files).

mod fields;
mod page;
#[cfg(test)]
mod tests;

pub use page::{ACTIONS, NewFlag};
