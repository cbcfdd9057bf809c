//! Tests of the conflict screen.
