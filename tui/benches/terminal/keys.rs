//! Bytes, writes and time of a key, of a page, of a scroll by one, of a letter of the filter, of a change.

use super::programs::{Bench, Program};
use super::pty::{Cost, Pty};
use std::time::Duration;

const TIMES: usize = 10;
const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 50)];

fn median(costs: &[Cost]) -> Cost {
    let mut bytes: Vec<usize> = costs.iter().map(|c| c.bytes).collect();
    let mut took: Vec<Duration> = costs.iter().map(|c| c.took).collect();
    bytes.sort_unstable();
    took.sort_unstable();
    Cost { bytes: bytes[bytes.len() / 2], took: took[took.len() / 2] }
}

fn times(pty: &mut Pty, key: &str) -> Cost {
    let costs: Vec<Cost> = (0..TIMES).map(|_| pty.press(key.as_bytes())).collect();
    median(&costs)
}

/// Down, page, and scroll by one: after a page down and more, `up` past the top of the window scrolls.
fn lists(bench: &Bench, program: &Program, size: (u16, u16)) -> [Cost; 3] {
    let mut pty = bench.open(program, size);
    let down = times(&mut pty, program.keys.down);
    for _ in 0..usize::from(size.1) {
        pty.send(program.keys.down.as_bytes());
        std::thread::sleep(Duration::from_millis(5));
    }
    pty.quiet();
    let scroll = times(&mut pty, program.keys.down);
    let page = times(&mut pty, program.keys.page);
    [down, page, scroll]
}

/// Writes to the terminal for so many keys, counted by `strace`.
fn writes(bench: &Bench, program: &Program) -> f64 {
    let notes = bench.file(&format!("{}.strace", program.name));
    let pty = Pty::start(bench.traced(program, &notes), (100, 30));
    pty.shows(&program.ready);
    if program.name == "flagstaff" {
        pty.shows("LIVE");
    }
    let mut pty = pty;
    pty.press(program.keys.down.as_bytes());
    let count = || {
        let text = std::fs::read_to_string(&notes).unwrap_or_default();
        text.lines().filter(|l| l.contains("/dev/pts/") || l.contains("/dev/tty")).count()
    };
    let before = count();
    for _ in 0..TIMES {
        pty.press(program.keys.page.as_bytes());
    }
    (count() - before) as f64 / TIMES as f64
}

pub fn run(bench: &Bench) {
    println!("\n== bytes to the terminal and time to the last byte, median of {TIMES} (10,000 flags) ==");
    println!("{:<10} {:>8}  {:>16} {:>16} {:>16}", "", "size", "cursor down", "scroll by one", "page");
    let shown = |c: Cost| format!("{} B {:.1} ms", c.bytes, c.took.as_secs_f64() * 1e3);
    for size in SIZES {
        let mut ours = None;
        for program in std::iter::once(&bench.ours).chain(&bench.others) {
            let [down, page, scroll] = lists(bench, program, size);
            let name = format!("{}x{}", size.0, size.1);
            print!(
                "{:<10} {name:>8}  {:>16} {:>16} {:>16}",
                program.name,
                shown(down),
                shown(scroll),
                shown(page)
            );
            match ours {
                None => ours = Some([down, scroll, page]),
                Some(ours) => {
                    let ratios = [down, scroll, page]
                        .into_iter()
                        .zip(ours)
                        .map(|(t, o)| format!("{:.1}", t.bytes as f64 / o.bytes.max(1) as f64));
                    print!("   bytes of ours times {}", ratios.collect::<Vec<_>>().join(" / "));
                }
            }
            println!();
        }
    }
    println!("\n== write(2) to the terminal per page (strace, 100x30) ==");
    for program in std::iter::once(&bench.ours).chain(&bench.others) {
        println!("{:<10} {:.1}", program.name, writes(bench, program));
    }
    println!("\n== ours alone ==");
    for size in SIZES {
        let mut pty = bench.open(&bench.ours, size);
        let before = (pty.bytes(), pty.frames());
        bench.turn(0..1, true);
        pty.quiet();
        std::thread::sleep(super::pty::QUIET * 3);
        bench.turn(0..1, false);
        std::thread::sleep(super::pty::QUIET * 3);
        pty.quiet();
        let change = (pty.bytes() - before.0, pty.frames() - before.1);
        let (open, word) = bench.ours.keys.filter.unwrap();
        pty.press(open.as_bytes());
        let letters: Vec<Cost> = word.chars().map(|c| pty.press(c.to_string().as_bytes())).collect();
        let letter = median(&letters);
        pty.press(b"\r");
        pty.press(b"\x1b");
        pty.press(b"ga");
        pty.quiet();
        let before = (pty.bytes(), pty.frames());
        bench.turn(0..1, true);
        std::thread::sleep(super::pty::QUIET * 3);
        pty.quiet();
        let line = (pty.bytes() - before.0, pty.frames() - before.1);
        println!(
            "{:>3}x{:<3} two changes that are seen {} B in {} frames; letter of the filter {}; line of the feed {} B in {} frames",
            size.0,
            size.1,
            change.0,
            change.1,
            shown(letter),
            line.0,
            line.1
        );
    }
}
