//! Pieces that screens are built of; none knows the application (ROOF of none).

pub mod change_text;
pub mod change_words;
pub mod code;
pub mod code_view;
pub mod context_text;
pub mod diff;
#[cfg(test)]
pub mod drawn;
pub mod drift;
pub mod edits;
pub mod entry;
pub mod environment_form;
pub mod feed_filter;
pub mod field;
pub mod fleet;
pub mod form;
pub mod imagined;
pub mod lines;
pub mod list;
pub mod matrix;
pub mod membership;
pub mod places;
pub mod revert;
pub mod search;
pub mod segment_line;
pub mod segment_text;
pub mod shares;
pub mod status_text;
pub mod trace;
pub mod typed;
pub mod usage;
pub mod verdict;
pub mod words;
