//! GROUND: the words of the HTTP API that both sides speak.

pub mod problem;
