//! JSON as its author wrote it: parse, write, point, compare, merge, patch.
//!
//! ROOF over nothing: it only names its rooms. [`Json`] keeps the text of numbers and the order of
//! members, because values are served as they were written (invariant 8 of docs/ARCHITECTURE.md).

mod parse;
mod value;

pub use parse::{ParseError, parse, parse_within};
pub use value::Json;
