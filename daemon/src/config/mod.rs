//! The configuration: `config.example.toml`, a file, `.env`, the environment.
//!
//! ROOF: it uses its children; none of them imports it.

pub mod error;
pub mod layers;
pub mod load;
pub mod model;
pub mod places;
pub mod readable;
pub mod sources;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use model::Config;
