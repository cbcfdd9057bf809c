//! Pieces that screens are built of; none knows the application (ROOF of none).

pub mod change_text;
pub mod change_words;
pub mod diff;
pub mod feed_filter;
pub mod field;
pub mod list;
pub mod matrix;
pub mod revert;
