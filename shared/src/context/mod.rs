//! Whom a flag is evaluated for: contexts of one or several kinds, and how to point into them.
//!
//! ROOF over `kind`, `model`, `parse`, `described`, `reference` and `sent`: it only names them.

mod described;
mod kind;
mod model;
mod parse;
mod reference;
mod sent;

pub use described::Description;
pub use kind::{DEFAULT_KIND, kind_problem};
pub use model::{Context, Individual};
pub use reference::{Reference, ReferenceError};
pub use sent::{MAX_SENT_BYTES, SentError, decode_sent};
