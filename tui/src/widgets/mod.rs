//! Pieces that screens are built of; none knows the application (ROOF of none).

#[cfg(test)]
pub mod drawn;
pub mod drift;
pub mod environment_form;
pub mod field;
pub mod fleet;
pub mod form;
pub mod list;
pub mod matrix;
pub mod membership;
pub mod segment_line;
pub mod segment_text;
pub mod status_text;
