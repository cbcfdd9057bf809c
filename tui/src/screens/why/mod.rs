//! Why a context gets what it gets: its steps, elsewhere, then, with something changed (ROOF).

mod actions;
mod answers;
mod asking;
mod moment;
mod page;
mod state;
mod tabs;
#[cfg(test)]
mod tests;

pub use actions::ACTIONS;
pub use state::Why;
