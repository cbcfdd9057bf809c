//! Things die under eight writers: nothing that was acknowledged is lost, nothing is done twice.
//!
//! `FLAGSTAFF_TEST_KILLS` says how often (default 4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flagstaffd::postgres::cluster::{self as postgres, Options, Running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

use crate::support::child::Child;
use crate::support::cluster;

const WRITERS: usize = 8;

fn kills() -> usize {
    std::env::var("FLAGSTAFF_TEST_KILLS").ok().and_then(|v| v.parse().ok()).unwrap_or(4)
}

/// What the writers know: the revision of each key that was acknowledged.
struct Ledger {
    ports: Vec<u16>,
    acknowledged: Mutex<BTreeMap<String, i64>>,
    tried: AtomicU64,
    refused: AtomicU64,
    stop: AtomicBool,
}

/// Writes until told to stop; each write is repeated with its key until it is acknowledged.
async fn writer(ledger: Arc<Ledger>, number: usize) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let mut turn = 0_usize;
    while !ledger.stop.load(Ordering::Acquire) {
        turn += 1;
        let key = format!("w{number}-{turn}");
        let body = json!({"environment": "staging", "enabled": turn % 2 == 1, "comment": key});
        for attempt in 0_usize.. {
            let port = ledger.ports[(number + attempt) % ledger.ports.len()];
            ledger.tried.fetch_add(1, Ordering::Relaxed);
            let answer = client
                .post(format!("http://127.0.0.1:{port}/api/flags/flag-{number}/toggle"))
                .header("x-user-id", "chaos")
                .header("idempotency-key", &key)
                .json(&body)
                .send()
                .await;
            match answer {
                Ok(answer) if answer.status() == 200 => {
                    if let Ok(body) = answer.json::<Value>().await {
                        let revision = body["revision"].as_i64().unwrap();
                        ledger.acknowledged.lock().await.insert(key, revision);
                        break;
                    }
                }
                Ok(answer) => {
                    assert_eq!(answer.status(), 503, "{}", answer.text().await.unwrap_or_default());
                    assert!(answer.headers().contains_key("retry-after"), "a 503 says when to come back");
                    ledger.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            assert!(attempt < 5_000, "the write {key} is never acknowledged");
        }
    }
}

async fn prepared(port: u16) {
    let client = reqwest::Client::new();
    for number in 0..WRITERS {
        let made = client
            .post(format!("http://127.0.0.1:{port}/api/flags"))
            .header("x-user-id", "chaos")
            .json(&json!({"key": format!("flag-{number}")}))
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
    }
}

/// Lets eight writers loose on these daemons.
fn writers(ports: Vec<u16>) -> (Arc<Ledger>, Vec<tokio::task::JoinHandle<()>>) {
    let ledger = Arc::new(Ledger {
        ports,
        acknowledged: Mutex::default(),
        tried: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let tasks = (0..WRITERS).map(|number| tokio::spawn(writer(Arc::clone(&ledger), number))).collect();
    (ledger, tasks)
}

/// Lets each writer finish what it began.
async fn finish(ledger: &Ledger, tasks: Vec<tokio::task::JoinHandle<()>>) {
    ledger.stop.store(true, Ordering::Release);
    for task in tasks {
        task.await.unwrap();
    }
}

/// Waits until the writers got something through again.
async fn progress(ledger: &Ledger, more: usize) {
    let before = ledger.acknowledged.lock().await.len();
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while ledger.acknowledged.lock().await.len() < before + more {
        assert!(tokio::time::Instant::now() < end, "no write gets through any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The history against what the writers were told.
async fn settle(url: &str, ledger: &Ledger, program: &Child) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let rows: Vec<(i64, Option<String>)> =
        sqlx::query_as("select number, comment from revision order by number")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let numbers: Vec<i64> = rows.iter().map(|(n, _)| *n).collect();
    let expected: Vec<i64> = (1..=numbers.len() as i64).collect();
    assert_eq!(numbers, expected, "revisions are gap-free");
    let mut made: BTreeMap<&str, i64> = BTreeMap::new();
    for (number, comment) in &rows {
        if let Some(key) = comment.as_deref().filter(|c| c.starts_with('w')) {
            assert!(made.insert(key, *number).is_none(), "the write {key} was made twice");
        }
    }
    let acknowledged = ledger.acknowledged.lock().await;
    for (key, revision) in acknowledged.iter() {
        assert_eq!(made.get(key.as_str()), Some(revision), "the acknowledged write {key} is in the history");
    }
    assert_eq!(made.len(), acknowledged.len(), "every write that was made was acknowledged in the end");
    let verified = program.run(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    println!(
        "{} writes acknowledged, {} attempts, {} answered 503",
        acknowledged.len(),
        ledger.tried.load(Ordering::Relaxed),
        ledger.refused.load(Ordering::Relaxed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_daemons_lose_nothing_and_do_nothing_twice() {
    let url = cluster::fresh_database().await;
    let mut daemons = [Child::serve(&url).await, Child::serve(&url).await];
    prepared(daemons[0].port).await;
    let (ledger, tasks) = writers(daemons.iter().map(|d| d.port).collect());
    for round in 0..kills() {
        progress(&ledger, 20).await;
        let victim = &mut daemons[round % 2];
        victim.kill().await;
        victim.start().await;
    }
    progress(&ledger, 20).await;
    finish(&ledger, tasks).await;
    settle(&url, &ledger, &daemons[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgresql_loses_nothing_and_the_daemon_goes_on() {
    let options = Options::new(cluster::directory("killed"), cluster::binaries());
    let server: Running = postgres::start(options).await.unwrap();
    let daemon = Child::serve(&server.url()).await;
    prepared(daemon.port).await;
    let (ledger, tasks) = writers(vec![daemon.port]);
    for _ in 0..kills() {
        progress(&ledger, 20).await;
        let pid = Pid::from_raw(i32::try_from(server.pid().expect("it runs")).unwrap());
        kill(pid, Signal::SIGKILL).unwrap();
        let reads = reqwest::get(format!("http://127.0.0.1:{}/api/environments/staging/flags", daemon.port));
        assert_eq!(reads.await.unwrap().status(), 200, "reads go on");
    }
    progress(&ledger, 20).await;
    finish(&ledger, tasks).await;
    settle(&server.url(), &ledger, &daemon).await;
    drop(daemon);
    server.stop().await;
}
