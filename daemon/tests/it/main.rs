//! Integration tests.

mod edge;
