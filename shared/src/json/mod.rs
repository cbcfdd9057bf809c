//! JSON as its author wrote it: parse, write, point, compare, merge, patch.
//!
//! ROOF: it only names its rooms; they import each other's files, never this one. [`Json`] keeps the
//! text of numbers and the order of members, because values are served as they were written
//! (invariant 8 of docs/ARCHITECTURE.md).

pub mod diff;
pub mod digest;
mod identity;
pub mod lex;
pub mod locate;
pub mod merge;
mod parse;
pub mod patch;
pub mod pointer;
mod pretty;
mod value;
mod wire;

pub use diff::{Change, Op, diff};
pub use digest::digest;
pub use lex::{Token, TokenKind, tokens};
pub use locate::{locate, locate_nearest, pointer_at};
pub use merge::{Conflict, Side, merge, settle};
pub use parse::{MAX_DEPTH, ParseError, parse, parse_within};
pub use patch::{json_patch, merge_patch};
pub use pointer::{Pointer, PointerError};
pub use pretty::pretty;
pub use value::Json;
