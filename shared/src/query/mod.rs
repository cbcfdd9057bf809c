//! The query language of lists of flags: one for the terminal, the command line and the API.
//!
//! ROOF over its rooms: `fault` (what is wrong and where), `chars` (a text as a reader walks it), `pattern`,
//! `fuzzy` and `age` (what values can be), `term` (the terms), `parse` (text to tree), `subject` (what is
//! asked), `matching` (the answer) and `complete` (what could be typed next).
//!
//! Words stand beside each other where all must be so, with `|` between them where one is enough; `-`
//! excludes, `(` `)` group, quotes allow spaces. A word alone is fuzzy over key, name and tags. In a term,
//! `,` separates values of which one is enough, and `*` stands for any text. `env:` beside other terms says
//! which environments they are about.

mod age;
mod chars;
mod complete;
mod fault;
mod fuzzy;
mod matching;
mod parse;
mod pattern;
mod subject;
mod term;
mod tree;

pub use age::span;
pub use complete::{Completions, completions};
pub use fault::QueryFault;
pub use fuzzy::fuzzy;
pub use parse::MOST_CHARACTERS;
pub use subject::{Place, State, Subject};
pub use term::{Described, TERMS};
pub use tree::Query;
