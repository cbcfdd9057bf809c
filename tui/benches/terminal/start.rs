//! From the start to the first byte, to the first whole frame, and to live.

use super::programs::Bench;
use super::pty::Pty;
use std::time::Duration;

const TIMES: usize = 20;
const GOAL: f64 = 50.0;

fn shown(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |part: usize| all[(all.len() * part / 100).min(all.len() - 1)].as_secs_f64() * 1e3;
    format!("{:.1} ms (p90 {:.1})", at(50), at(90))
}

pub fn run(bench: &Bench) {
    println!("\n== start at 100x30, median of {TIMES} ==");
    let (mut first, mut frame, mut live) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let pty = Pty::start(bench.command(&bench.ours), (100, 30));
        frame.push(pty.shows("Flags"));
        first.push(pty.first().unwrap());
        pty.shows(&bench.ours.ready);
        live.push(pty.shows("LIVE"));
    }
    let mut sorted = frame.clone();
    sorted.sort_unstable();
    let median = sorted[sorted.len() / 2].as_secs_f64() * 1e3;
    println!(
        "flagstaff  first byte {}, first frame {}, live with 10,000 flags {}",
        shown(first),
        shown(frame),
        shown(live)
    );
    println!("           first frame under {GOAL} ms: {}", if median < GOAL { "yes" } else { "NO" });
    for program in &bench.others {
        let (mut first, mut ready) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let pty = Pty::start(bench.command(program), (100, 30));
            ready.push(pty.shows(&program.ready));
            first.push(pty.first().unwrap());
        }
        let mut sorted = ready.clone();
        sorted.sort_unstable();
        let ratio = sorted[sorted.len() / 2].as_secs_f64() * 1e3 / median;
        println!(
            "{:<10} first byte {}, ready {}; our first frame times {ratio:.1}",
            program.name,
            shown(first),
            shown(ready)
        );
    }
}
