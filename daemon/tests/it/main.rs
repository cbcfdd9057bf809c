//! Integration tests.

mod edge;
mod program;
