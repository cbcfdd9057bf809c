//! Tests of the terminal's pure parts: no daemon, no terminal, no time that passes.

mod manual;
