//! The Flagstaff terminal: its arguments, and what they start.

fn main() {
    println!("flagstaff {}", env!("CARGO_PKG_VERSION"));
}
