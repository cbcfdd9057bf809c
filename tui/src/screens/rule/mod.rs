//! The form of one targeting rule (ROOF of its files).

mod fields;
mod page;
#[cfg(test)]
mod tests;

pub use page::{ACTIONS, Rule};
