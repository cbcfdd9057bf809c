//! The Flagstaff terminal; its screens and verbs are built on the API of the daemon.

fn main() {
    println!("flagstaff {}", env!("CARGO_PKG_VERSION"));
}
