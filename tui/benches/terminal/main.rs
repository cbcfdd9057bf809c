//! What the program costs on a real terminal, on a real daemon with 10,000 flags, and what others cost there.
//!
//!     cargo build --release --bin flagstaffd --bin flagstaff && scripts/tools tig htop bottom
//!     cargo bench -p flagstaff --bench terminal [-- keys start idle flood]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark stops where something is wrong"
)]

#[allow(dead_code, reason = "made for the tests")]
#[path = "../../tests/it/support/daemon.rs"]
mod daemon;
mod flood;
mod idle;
mod keys;
mod programs;
mod pty;
mod start;

use programs::Bench;

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!("load average before: {}", load());
    let bench = Bench::begin();
    if wants("keys") {
        keys::run(&bench);
    }
    if wants("start") {
        start::run(&bench);
    }
    if wants("idle") {
        idle::run(&bench);
    }
    if wants("flood") {
        flood::run(&bench);
    }
    println!("\nload average after: {}", load());
}
