//! A minute in which nothing happens.

use super::programs::Bench;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

pub fn run(bench: &Bench) {
    println!("\n== {} s of nothing at 100x30, all at once ==", LONG.as_secs());
    let open: Vec<_> = std::iter::once(&bench.ours)
        .chain(&bench.others)
        .map(|p| (p.name, bench.open(p, (100, 30))))
        .collect();
    std::thread::sleep(Duration::from_secs(3));
    let before: Vec<_> = open.iter().map(|(_, pty)| pty.used()).collect();
    std::thread::sleep(LONG);
    for ((name, pty), before) in open.iter().zip(before) {
        let now = pty.used();
        println!(
            "{name:<10} {:>6} B, {:>5} ms CPU, {:>6.2} wake-ups/s, {:.1} MiB resident",
            now.bytes - before.bytes,
            now.cpu - before.cpu,
            (now.wakes - before.wakes) as f64 / LONG.as_secs_f64(),
            now.memory as f64 / 1024.0
        );
    }
}
