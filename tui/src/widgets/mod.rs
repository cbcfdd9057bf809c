//! Pieces that screens are built of; none knows the application (ROOF of none).

pub mod code;
pub mod code_view;
pub mod field;
pub mod list;
pub mod matrix;
