//! One flag: its tabs, its environments, what is staged (ROOF of its files).

mod actions;
mod counted;
mod evals;
mod head;
mod item;
mod overview;
mod page;
mod past;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod writes;

pub use actions::ACTIONS;
pub use page::Flag;
