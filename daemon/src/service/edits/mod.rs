//! GROUND: edits of what was read, pure, one file a noun; `mutate` says which mutation is which.

pub(in crate::service) mod configs;
pub(in crate::service) mod flags;
mod ground;
pub(in crate::service) mod projects;
pub(in crate::service) mod segments;

pub use flags::{flag_view, read_flag};
pub use projects::{environment_view, project_view, read_environment, read_project};
pub use segments::{read_segment, segment_view};
