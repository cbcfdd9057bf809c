//! One change to thousands of streams against a bare broadcast; their memory; a herd that returns.
//!
//! `FLAGSTAFF_BENCH_CLIENTS=1000,5000` makes it shorter. Each stream needs two file descriptors: `ulimit -n 65536`.
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

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rig::program::Program;
use serde_json::json;
use shared::access::CredentialKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const CHANGES: usize = 10;
/// Flags of the environment whose streams are opened.
const FLAGS: [usize; 2] = [100, 1_000];

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    rig::bare::serve_if_asked().await;
    let list = std::env::var("FLAGSTAFF_BENCH_CLIENTS").unwrap_or_else(|_| "1000,5000,10000".to_owned());
    let sizes: Vec<usize> = list.split(',').map(|size| size.trim().parse().unwrap()).collect();
    let database = rig::Database::start().await;
    let mut keys = Vec::new();
    let filler = rig::Daemon::start(&database).await;
    for flags in FLAGS {
        let environment = format!("flags-{flags}");
        filler.found(&[&environment]).await;
        let key = filler.credential(&environment, CredentialKind::Server).await;
        filler.import(&environment, &rig::flags::document(flags)).await;
        keys.push((environment, key));
    }
    filler.stop().await;
    println!(
        "load {}; {CHANGES} changes each; wall time is shared with the clients on the same machine",
        rig::busy()
    );
    for clients in &sizes {
        for deaf in [0, clients / 100] {
            for (environment, key) in &keys {
                let daemon = Program::daemon(&database).await;
                ours(&daemon, environment, key, *clients, deaf).await;
            }
            let mut bare = Program::bare();
            limit(&mut bare, *clients, deaf).await;
        }
    }
    herd(&database, &keys[1].1).await;
    database.stop().await;
}

/// Opens streams; each `patch` event that one of them reads is told.
async fn opened(
    address: SocketAddr,
    head: &str,
    clients: usize,
    deaf: usize,
) -> (mpsc::UnboundedReceiver<Instant>, Vec<tokio::task::JoinHandle<()>>, Vec<TcpStream>) {
    let (told, tells) = mpsc::unbounded_channel();
    let ready = Arc::new(AtomicUsize::new(0));
    let (mut tasks, mut idle) = (Vec::new(), Vec::new());
    for number in 0..clients + deaf {
        let mut socket = connect(address).await;
        socket.write_all(head.as_bytes()).await.unwrap();
        if number >= clients {
            // It never reads.
            idle.push(socket);
            continue;
        }
        let (told, ready) = (told.clone(), Arc::clone(&ready));
        tasks.push(tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            let (mut put, mut tail) = (false, Vec::new());
            loop {
                let Ok(read @ 1..) = socket.read(&mut buffer).await else { return };
                let now = Instant::now();
                tail.extend_from_slice(&buffer[..read]);
                if !put && ends(&tail) {
                    put = true;
                    ready.fetch_add(1, Ordering::Relaxed);
                    tail.clear();
                } else if put && contains(&tail, b"event: patch") {
                    let _ = told.send(now);
                    tail.clear();
                }
                if tail.len() > 8192 {
                    tail.drain(..tail.len() - 64);
                }
            }
        }));
    }
    let end = Instant::now() + Duration::from_secs(120);
    while ready.load(Ordering::Relaxed) < clients {
        assert!(Instant::now() < end, "{} of {clients} streams began", ready.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (tells, tasks, idle)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Whether a first event, or its last chunk, is complete.
fn ends(tail: &[u8]) -> bool {
    tail.ends_with(b"\n\n") || tail.ends_with(b"\n\n\r\n")
}

/// A crowd may fill the queue of the listener: then the next try is let in.
async fn connect(address: SocketAddr) -> TcpStream {
    for _ in 0..50 {
        if let Ok(socket) = TcpStream::connect(address).await {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no connection");
}

async fn ours(daemon: &Program, environment: &str, key: &str, clients: usize, deaf: usize) {
    let before = daemon.resident();
    let cpu = daemon.cpu();
    let head = format!(
        "GET /all HTTP/1.1\r\nhost: bench\r\nauthorization: {key}\r\naccept: text/event-stream\r\n\r\n"
    );
    let (mut tells, tasks, idle) = opened(daemon.address, &head, clients, deaf).await;
    let connecting = (daemon.cpu() - cpu) / (clients + deaf) as f64 * 1e6;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = daemon.resident().saturating_sub(before) as f64 / (clients + deaf) as f64 / 1024.0;
    let http = reqwest::Client::new();
    let path = format!("http://{}/api/flags/{}/toggle", daemon.address, rig::flags::key(0));
    let (mut last, cpu) = (Vec::new(), daemon.cpu());
    for number in 0..CHANGES {
        let body = json!({ "environment": environment, "enabled": number % 2 == 1 });
        let answer = http.post(&path).header("x-user-id", "bench").json(&body).send().await.unwrap();
        let answered = Instant::now();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        last.push(heard(&mut tells, clients, answered).await);
    }
    let delivery = (daemon.cpu() - cpu) / (CHANGES * clients) as f64 * 1e6;
    let (a, b, c) = rig::spread(&mut last);
    println!(
        "flagstaffd {environment:<10} {clients:>6} streams, {deaf:>3} that never read: last has it {b:.0} ms ({a:.0}-{c:.0}) after the answer, {delivery:.1} us of CPU a delivery, {each:.1} KiB a stream, {connecting:.0} us of CPU to connect"
    );
    finish(tasks, idle);
}

async fn limit(bare: &mut Program, clients: usize, deaf: usize) {
    let before = bare.resident();
    let head = "GET /stream/1000 HTTP/1.1\r\nhost: bench\r\n\r\n";
    let (mut tells, tasks, idle) = opened(bare.address, head, clients, deaf).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = bare.resident().saturating_sub(before) as f64 / (clients + deaf) as f64 / 1024.0;
    let (mut last, cpu) = (Vec::new(), bare.cpu());
    for _ in 0..CHANGES {
        let start = Instant::now();
        bare.tell("patch 1000");
        last.push(heard(&mut tells, clients, start).await);
    }
    let delivery = (bare.cpu() - cpu) / (CHANGES * clients) as f64 * 1e6;
    let (a, b, c) = rig::spread(&mut last);
    println!(
        "bare hyper            {clients:>6} streams, {deaf:>3} that never read: last has it {b:.0} ms ({a:.0}-{c:.0}), {delivery:.1} us of CPU a delivery, {each:.1} KiB a stream"
    );
    finish(tasks, idle);
}

fn finish(tasks: Vec<tokio::task::JoinHandle<()>>, idle: Vec<TcpStream>) {
    for task in tasks {
        task.abort();
    }
    drop(idle);
}

/// Milliseconds until so many streams have told of a change.
async fn heard(tells: &mut mpsc::UnboundedReceiver<Instant>, clients: usize, from: Instant) -> f64 {
    let mut last = from;
    for left in 0..clients {
        let told = tokio::time::timeout(Duration::from_secs(60), tells.recv()).await;
        let at = told.unwrap_or_else(|_| panic!("{left} of {clients} heard of it")).unwrap();
        last = last.max(at);
    }
    last.duration_since(from).as_secs_f64() * 1e3
}

/// 5,000 SDKs whose connections all broke come back at once, each for the whole payload of 1,000 flags; whoever is
/// asked to come later does.
async fn herd(database: &rig::Database, key: &str) {
    let clients = 5_000;
    let daemon = Program::daemon(database).await;
    let (idle, cpu, start) = (daemon.resident(), daemon.cpu(), Instant::now());
    let later = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (address, later) = (daemon.address, Arc::clone(&later));
        let head = format!("GET /all HTTP/1.1\r\nhost: bench\r\nauthorization: {key}\r\n\r\n");
        tasks.push(tokio::spawn(async move {
            loop {
                let mut socket = connect(address).await;
                if socket.write_all(head.as_bytes()).await.is_err() {
                    continue;
                }
                let mut buffer = vec![0; 16 * 1024];
                let Ok(read @ 1..) = socket.read(&mut buffer).await else { continue };
                if !buffer[..read].starts_with(b"HTTP/1.1 200") {
                    later.fetch_add(1, Ordering::Relaxed);
                    let text = String::from_utf8_lossy(&buffer[..read]).to_lowercase();
                    let wait = text.split("retry-after: ").nth(1).and_then(|rest| rest.split("\r\n").next());
                    let wait = wait.and_then(|wait| wait.parse().ok()).unwrap_or(1);
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                    continue;
                }
                let mut end = buffer[..read].ends_with(b"\n\n\r\n");
                while !end {
                    let Ok(read @ 1..) = socket.read(&mut buffer).await else { break };
                    end = ends(&buffer[..read]);
                }
                if end {
                    return (socket, Instant::now());
                }
            }
        }));
    }
    let mut most = 0;
    let mut times = Vec::new();
    let mut kept = Vec::new();
    for task in tasks {
        most = most.max(daemon.resident());
        let (socket, at) = task.await.unwrap();
        times.push(at.duration_since(start).as_secs_f64());
        kept.push(socket);
    }
    let (_, median, last) = rig::spread(&mut times);
    println!(
        "herd of {clients} for the payload of 1,000 flags: half have it after {median:.1} s, all after {last:.1} s; {} were asked to come later; {:.0} us of CPU each; memory {:.0} MiB before, {:.0} MiB at most",
        later.load(Ordering::Relaxed),
        (daemon.cpu() - cpu) / clients as f64 * 1e6,
        idle as f64 / 1048576.0,
        most as f64 / 1048576.0,
    );
}
