//! ROOF: what is set: directories, profiles, tokens, and which daemon is meant.

pub mod choose;
pub mod edit;
pub mod places;
pub mod read;
pub mod settings;
pub mod token;

pub use choose::{Chosen, Wanted, Where};
pub use places::Places;
pub use read::ConfigError;
pub use settings::{Profile, ReadOnly, Settings, Ui};
