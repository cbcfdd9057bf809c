//! Twenty change sets a second of fifty flags each, for half a minute: nothing is lost, and nobody drowns.

use super::daemon::block_on;
use super::programs::{Bench, FLAGS, change};
use flagstaff::request::{Method, Request};
use shared::json::parse;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(30);
const A_SECOND: u32 = 20;
const EACH: usize = 50;
const AT_ONCE: usize = 4;

pub fn run(bench: &Bench) {
    println!(
        "\n== {A_SECOND} change sets a second of {EACH} flags each for {} s at 100x30 ==",
        LONG.as_secs()
    );
    let flags = bench.open(&bench.ours, (100, 30));
    let mut feed = bench.open(&bench.ours, (100, 30));
    feed.press(b"ga");
    let before = [flags.used(), feed.used()];
    let frames = [flags.frames(), feed.frames()];
    let began = Instant::now();
    let (sent, late) = block_on(async {
        let (mut sent, mut late) = (0_u32, Duration::ZERO);
        let mut flying = tokio::task::JoinSet::new();
        while began.elapsed() < LONG {
            let due = began + Duration::from_secs(1) / A_SECOND * sent;
            tokio::time::sleep_until(due.into()).await;
            late = late.max(due.elapsed());
            // The first page is among them, so that the list that is seen changes too.
            let round = usize::try_from(sent).unwrap();
            let from = round * EACH % FLAGS;
            // They begin turned on: each round changes all of its flags.
            let on = !(round / (FLAGS / EACH)).is_multiple_of(2);
            let body = parse(&change(from..from + EACH, on)).unwrap();
            let request = Request::new(Method::Post, "/api/change-sets").with_body(body);
            let client = bench.daemon.owner();
            // As many people send them: none waits for another.
            flying.spawn(async move { client.send(request).await });
            // A daemon that is slower than that is not flooded itself: the rate that is printed is then a lower one.
            while flying.len() >= AT_ONCE {
                flying.join_next().await.unwrap().unwrap().expect("a change set");
            }
            sent += 1;
        }
        while let Some(done) = flying.join_next().await {
            done.unwrap().expect("a change set");
        }
        (sent, late)
    });
    let took = began.elapsed();
    let revision = bench.revision();
    let word = format!("rev {revision} ");
    let caught = Instant::now();
    flags.shows(&word);
    feed.shows(&word);
    let behind = caught.elapsed();
    println!(
        "{sent} change sets in {:.1} s ({:.1} a second, the latest {:.1} s late); both screens show rev {revision} {:.0} ms after the last one",
        took.as_secs_f64(),
        f64::from(sent) / took.as_secs_f64(),
        late.as_secs_f64(),
        behind.as_secs_f64() * 1e3
    );
    for ((name, pty), (before, frames)) in
        [("flags", &flags), ("feed", &feed)].into_iter().zip(before.into_iter().zip(frames))
    {
        let now = pty.used();
        println!(
            "{name:<6} {:.1} frames/s, {:.0} % of a CPU, {:.1} KiB/s to the terminal, {:.1} MiB resident",
            (pty.frames() - frames) as f64 / took.as_secs_f64(),
            (now.cpu - before.cpu) as f64 / 10.0 / took.as_secs_f64(),
            (now.bytes - before.bytes) as f64 / 1024.0 / took.as_secs_f64(),
            now.memory as f64 / 1024.0
        );
    }
    // A program that starts now reads everything anew: it must show what those show that heard it all.
    let fresh = bench.open(&bench.ours, (100, 30));
    let rows = |text: String| -> Vec<String> {
        text.lines()
            .filter(|l| l.contains("checkout.0"))
            .map(|l| l.trim_start_matches([' ', '>']).to_owned())
            .collect()
    };
    let (heard, read) = (rows(flags.text()), rows(fresh.text()));
    let same = heard
        .iter()
        .zip(&read)
        .filter(|(a, b)| a.split_whitespace().take(4).eq(b.split_whitespace().take(4)))
        .count();
    println!(
        "lost nothing: {} ({same} of {} rows as a fresh start reads them)",
        if same == read.len() { "yes" } else { "NO" },
        read.len()
    );
}
