//! What SDKs ask for: requests a second and CPU a request, against a bare server of as many bytes.
//!
//! For each number of flags the daemon and the bare hyper server, each in a process of its own, are asked by turns.
//! `FLAGSTAFF_BENCH_FLAGS=1,100` and `FLAGSTAFF_BENCH_SECONDS=2` make it shorter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints"
)]
#![allow(dead_code, reason = "the rig is shared by several programs")]

mod rig;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flagstaffd::clock::{Clock as _, SystemClock};
use rig::load::{self, Client, request};
use rig::program::Program;
use serde_json::{Value, json};
use shared::access::CredentialKind;

const CONNECTIONS: usize = 8;
const ROUNDS: usize = 3;

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    rig::bare::serve_if_asked().await;
    let list = std::env::var("FLAGSTAFF_BENCH_FLAGS").unwrap_or_else(|_| "1,100,1000,5000".to_owned());
    let sizes: Vec<usize> = list.split(',').map(|size| size.trim().parse().unwrap()).collect();
    let seconds = std::env::var("FLAGSTAFF_BENCH_SECONDS").ok().and_then(|v| v.parse().ok()).unwrap_or(2.0);
    let time = Duration::from_secs_f64(seconds);

    let database = rig::Database::start().await;
    let keys = filled(&database, &sizes).await;
    let daemon = Program::daemon(&database).await;
    let bare = Program::bare();
    println!(
        "daemon {:.1} MiB resident with {list} flags; load {}; {CONNECTIONS} connections, {ROUNDS} rounds of {seconds} s by turns",
        daemon.resident() as f64 / 1048576.0,
        rig::busy(),
    );
    println!(
        "{:<34} {:>6} {:>8} {:>9} {:>22} {:>9} {:>6}",
        "", "flags", "bytes", "a second", "us of CPU (min-max)", "bare", "ratio"
    );
    let mut evalx = Vec::new();
    for (size, (server, client)) in sizes.iter().zip(&keys) {
        let mut context = rig::flags::context();
        let encoded = URL_SAFE_NO_PAD.encode(context.to_string());
        let path = format!("/sdk/evalx/{client}/contexts/{encoded}");
        let auth = format!("authorization: Bearer {server}\r\ncontent-type: application/json\r\n");
        context["targetingKey"] = context["key"].clone();
        context.as_object_mut().unwrap().retain(|name, _| name != "key" && name != "kind");
        let ofrep = json!({ "context": context }).to_string();
        let cases: Vec<(&str, Arc<[u8]>, bool)> = vec![
            ("evalx", request("GET", &path, "", ""), true),
            ("evalx with reasons", request("GET", &format!("{path}?withReasons=true"), "", ""), false),
            ("evalx 304", tagged(&daemon, "GET", &path, "", "").await, false),
            ("OFREP, all flags", request("POST", "/ofrep/v1/evaluate/flags", &auth, &ofrep), false),
            ("OFREP 304", tagged(&daemon, "POST", "/ofrep/v1/evaluate/flags", &auth, &ofrep).await, false),
            (
                "OFREP, one flag",
                request("POST", &format!("/ofrep/v1/evaluate/flags/{}", rig::flags::key(0)), &auth, &ofrep),
                false,
            ),
            ("server payload", request("GET", "/sdk/latest-all", &auth, ""), false),
            (
                "server payload, gzip",
                request("GET", "/sdk/latest-all", &format!("{auth}accept-encoding: gzip\r\n"), ""),
                false,
            ),
            ("server payload 304", tagged(&daemon, "GET", "/sdk/latest-all", &auth, "").await, false),
            ("events of 50 flags", events(server, *size), false),
        ];
        for (name, request, main) in cases {
            let cost = row(&daemon, &bare, name, *size, &request, time).await;
            if main {
                evalx.push((*size, cost));
            }
        }
    }
    for pair in evalx.windows(2) {
        let ((few, low), (many, high)) = (pair[0], pair[1]);
        println!("evalx, us of CPU a flag from {few} to {many}: {:.3}", (high - low) / (many - few) as f64);
    }
    println!("daemon {:.1} MiB resident after all", daemon.resident() as f64 / 1048576.0);
    drop(daemon);
    database.stop().await;
}

/// A request that the daemon answers 304.
async fn tagged(daemon: &Program, method: &str, path: &str, headers: &str, body: &str) -> Arc<[u8]> {
    let mut client = Client::connect(daemon.address).await;
    client.ask(&request(method, path, headers, body)).await;
    let tag = client.header("etag").unwrap_or_else(|| panic!("{path} has a tag: {}", client.head));
    request(method, path, &format!("{headers}if-none-match: {tag}\r\n"), body)
}

/// A summary of 50 flags, as server-side SDKs send it each minute.
fn events(key: &str, flags: usize) -> Arc<[u8]> {
    let features: serde_json::Map<String, Value> = (0..50.min(flags))
        .map(|i| {
            let counters = json!([{ "variation": 0, "version": 3, "value": true, "count": 7 }]);
            (rig::flags::key(i), json!({ "default": false, "contextKinds": ["user"], "counters": counters }))
        })
        .collect();
    let now = SystemClock::new().now().unix_timestamp() * 1000;
    let body =
        json!([{ "kind": "summary", "startDate": now - 60_000, "endDate": now, "features": features }]);
    let headers = format!(
        "authorization: {key}\r\ncontent-type: application/json\r\nx-launchdarkly-event-schema: 4\r\n"
    );
    request("POST", "/bulk", &headers, &body.to_string())
}

/// Asks daemon and bare server by turns, prints the row, and returns the daemon's microseconds a request.
async fn row(
    daemon: &Program,
    bare: &Program,
    name: &str,
    flags: usize,
    asked: &Arc<[u8]>,
    time: Duration,
) -> f64 {
    let (mut ours, mut limit, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut size, mut status) = (0, 0);
    for _ in 0..ROUNDS {
        let before = daemon.cpu();
        let round = load::round(daemon.address, asked, CONNECTIONS, time).await;
        ours.push((daemon.cpu() - before) / (round.rate * time.as_secs_f64()) * 1e6);
        rates.push(round.rate);
        (size, status) = (round.size, round.status);
        let path = if status == 304 { "/304".to_owned() } else { format!("/{size}") };
        let method = if asked.starts_with(b"POST") { "POST" } else { "GET" };
        let text = String::from_utf8_lossy(asked);
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        let same = request(method, &path, "", body);
        let before = bare.cpu();
        let round = load::round(bare.address, &same, CONNECTIONS, time).await;
        limit.push((bare.cpu() - before) / (round.rate * time.as_secs_f64()) * 1e6);
    }
    let (low, cost, high) = rig::spread(&mut ours);
    let (_, floor, _) = rig::spread(&mut limit);
    let (_, rate, _) = rig::spread(&mut rates);
    println!(
        "{name:<34} {flags:>6} {size:>8} {rate:>9.0} {:>22} {floor:>9.1} {:>6.2}  {status}",
        format!("{cost:.1} ({low:.1}-{high:.1})"),
        cost / floor,
    );
    cost
}

/// Fills the database: an environment a size, and its server key and client-side id.
async fn filled(database: &rig::Database, sizes: &[usize]) -> Vec<(String, String)> {
    let daemon = rig::Daemon::start(database).await;
    let mut keys = Vec::new();
    for size in sizes {
        let environment = format!("flags-{size}");
        daemon.found(&[&environment]).await;
        let server = daemon.credential(&environment, CredentialKind::Server).await;
        let client = daemon.credential(&environment, CredentialKind::ClientSideId).await;
        daemon.import(&environment, &rig::flags::document(*size)).await;
        keys.push((server, client));
    }
    daemon.stop().await;
    keys
}
