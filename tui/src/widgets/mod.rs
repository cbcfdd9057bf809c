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
#[cfg(test)]
pub mod drawn;
pub mod environment_form;
pub mod field;
pub mod fleet;
pub mod form;
pub mod list;
pub mod matrix;
pub mod membership;
pub mod segment_line;
pub mod segment_text;
