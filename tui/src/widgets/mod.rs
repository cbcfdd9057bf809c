//! Pieces that screens are built of; none knows the application (ROOF of none).

pub mod edits;
pub mod entry;
pub mod code;
pub mod code_view;
pub mod change_text;
pub mod change_words;
pub mod diff;
pub mod feed_filter;
pub mod field;
pub mod lines;
pub mod list;
pub mod matrix;
pub mod shares;
pub mod typed;
pub mod words;
pub mod revert;
