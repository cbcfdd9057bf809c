//! The Flagstaff terminal: its arguments, and what they start.

use std::process::ExitCode;

fn main() -> ExitCode {
    flagstaff::cli::main()
}
