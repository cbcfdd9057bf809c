//! Pieces that screens are built of; none knows the application (ROOF of none).

pub mod field;
pub mod list;
pub mod matrix;
pub mod search;
