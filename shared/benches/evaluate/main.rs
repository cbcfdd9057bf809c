//! Nanoseconds an evaluation, ours against LaunchDarkly's own engine, by turns in one process.
//!
//! `cargo bench -p flagstaff-shared --bench evaluate [-- PART OF A NAME] [--gate]`. What counts is the ratio: both engines
//! run in short slices one after the other, so that a busy machine meets both alike. A round's time is
//! the median of its slices; printed are the medians of the rounds and, in brackets, the least and the
//! most. With `--gate` it fails if a ratio is beyond twice its goal.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_truncation)]

mod engines;
mod mix;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use engines::{Ours, Theirs};
use shared::eval::Ruleset;

const ROUNDS: usize = 7;
const SLICES: usize = 30;
const SLICE: Duration = Duration::from_micros(200);

/// What came out of one comparison, in nanoseconds.
struct Compared {
    ours: Spread,
    theirs: Spread,
    ratio: Spread,
}

struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
    }
}

fn slice(times: u32, run: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    for _ in 0..times {
        run();
    }
    begin.elapsed().as_nanos() as f64 / f64::from(times)
}

fn times(run: &mut dyn FnMut()) -> u32 {
    let once = (0..5).map(|_| slice(10, run)).fold(f64::INFINITY, f64::min);
    ((SLICE.as_nanos() as f64 / once) as u32).max(1)
}

/// Runs both by turns; `units` is how many evaluations a run is.
fn compare(units: usize, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) -> Compared {
    let (mine, others) = (times(ours), times(theirs));
    let rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let slices = (0..SLICES).map(|_| (slice(mine, ours), slice(others, theirs)));
            let (a, b): (Vec<f64>, Vec<f64>) = slices.unzip();
            (Spread::of(a).median / units as f64, Spread::of(b).median / units as f64)
        })
        .collect();
    Compared {
        ours: Spread::of(rounds.iter().map(|round| round.0).collect()),
        theirs: Spread::of(rounds.iter().map(|round| round.1).collect()),
        ratio: Spread::of(rounds.iter().map(|round| round.0 / round.1).collect()),
    }
}

/// Prints a line; true if the ratio is within twice the goal.
fn tell(name: &str, goal: f64, found: &Compared) -> bool {
    let Compared { ours, theirs, ratio } = found;
    println!(
        "{name:<18} {:>9.1} ({:.1}-{:.1}) {:>11.1} ({:.1}-{:.1}) {:>9.4} ({:.4}-{:.4})  {} {goal}",
        ours.median,
        ours.least,
        ours.most,
        theirs.median,
        theirs.least,
        theirs.most,
        ratio.median,
        ratio.least,
        ratio.most,
        if ratio.median <= goal { "within" } else { "BEYOND" },
    );
    ratio.median <= 2.0 * goal
}

fn main() -> ExitCode {
    println!("{:<18} {:>9} ns {:>22} ns {:>18}", "case", "ours", "theirs", "ratio");
    let mut within = true;
    let asked: Option<String> = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| asked.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let (documents, cases) = mix::shapes();
    let (ours, theirs) = (Ours::load(&documents), Theirs::load(&documents));
    for case in cases.iter().filter(|case| wanted(case.name)) {
        let (mine, other) = (Ours::context(&case.context), Theirs::context(&case.context));
        let index = ours.ruleset.index_of(case.flag).unwrap();
        assert_eq!(ours.one(index, &mine), theirs.one(case.flag, &other), "{}", case.name);
        let found = compare(
            1,
            &mut || {
                black_box(ours.ruleset.evaluate(black_box(index), black_box(&mine)));
            },
            &mut || {
                black_box(theirs.one(black_box(case.flag), black_box(&other)));
            },
        );
        within &= tell(case.name, case.goal, &found);
    }
    for count in [100, 1_000, 5_000] {
        let names = [format!("mix of {count}"), format!("evalx of {count}")];
        if !names.iter().any(|name| wanted(name)) {
            continue;
        }
        let documents = mix::environment(count, 4);
        let (ours, theirs) = (Ours::load(&documents), Theirs::load(&documents));
        let text = mix::person("person-00042");
        let (mine, other) = (Ours::context(&text), Theirs::context(&text));
        assert_eq!(ours.all(&mine), theirs.all(&other));
        let [mix, evalx] = names;
        if wanted(&mix) {
            let mut all = || {
                black_box(ours.all(&mine));
            };
            let found = compare(count, &mut all, &mut || {
                black_box(theirs.all(&other));
            });
            within &= tell(&mix, 0.2, &found);
        }
        if wanted(&evalx) {
            let mut answer = || {
                black_box(ours.answer(&mine));
            };
            let found = compare(count, &mut answer, &mut || {
                black_box(theirs.answer(&other));
            });
            within &= tell(&evalx, 0.25, &found);
        }
    }
    if wanted("linking") {
        link();
    }
    if within || !std::env::args().any(|arg| arg == "--gate") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What it costs to link an environment, which happens once a revision.
fn link() {
    let prepared = Ours::load(&mix::environment(10_000, 4)).ruleset;
    let spent = Spread::of(
        (0..20)
            .map(|_| {
                let begin = Instant::now();
                black_box(Ruleset::new(prepared.flags().cloned(), prepared.segments().cloned()));
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect(),
    );
    println!("linking 10,000 flags: {:.2} ms ({:.2}-{:.2})", spent.median, spent.least, spent.most);
}
