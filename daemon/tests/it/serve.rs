//! `flagstaffd serve` as a process: which database it finds, how it dies, how it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::cluster::{directory, fresh_database, shared};
use crate::support::program::{self, Program};

fn flag(key: &str) -> Value {
    json!({"key": key, "type": "boolean"})
}

fn version(body: &str) -> i64 {
    let body: Value = serde_json::from_str(body).unwrap();
    body["version"].as_i64().unwrap_or_else(|| panic!("no version in {body}"))
}

#[tokio::test]
async fn the_seeds_variables_name_the_database() {
    let url = fresh_database().await;
    let name = url.split(['/', '?']).nth(3).unwrap();
    let host = shared().socket_dir().display().to_string();
    let folder = directory("serve");
    let variables = [
        ("DB_HOST", host.as_str()),
        ("DB_PORT", "5432"),
        ("DB_NAME", name),
        ("DB_USER", "flagstaff"),
        ("DB_PASSWORD", ""),
    ];
    let program = Program::start(&folder, &["serve"], &variables);
    assert_eq!(program.post("/api/flags", &flag("one")).await.0, 201);
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let key: String = sqlx::query_scalar("select key from feature_flags").fetch_one(&mut conn).await.unwrap();
    assert_eq!(key, "one");
    assert!(program.stop().success());
    assert!(!folder.join("postgres").exists(), "no private server was made");
}

#[tokio::test]
async fn an_empty_database_gets_the_default_project_and_two_environments() {
    let url = fresh_database().await;
    let program = Program::start(&directory("serve"), &["serve"], &[("DATABASE_URL", &url)]);
    for environment in ["staging", "production"] {
        let (status, body) = program.get(&format!("/api/environments/{environment}/flags")).await;
        assert_eq!((status, body.as_str()), (200, "{}"), "{environment}");
    }
    assert!(program.stop().success());
    let again = Program::start(&directory("serve"), &["serve"], &[("DATABASE_URL", &url)]);
    let health: Value = serde_json::from_str(&again.until("/health", 200).await).unwrap();
    assert_eq!(health["revision"], 1, "the second start founds nothing: {health}");
}

#[tokio::test]
async fn without_a_database_it_runs_one_of_its_own_and_finds_it_again_after_a_kill() {
    let folder = directory("private");
    let mut program = Program::start(&folder, &["serve"], &[]);
    assert_eq!(program.post("/api/flags", &flag("kept")).await.0, 201);
    program.signal(Signal::SIGKILL);
    assert!(!program.end().success());
    let again = Program::start(&folder, &["serve"], &[]);
    let (status, body) = again.get("/api/flags/kept").await;
    assert_eq!(status, 200, "{body}");
    // A command on the same data finds the server that the daemon runs.
    let data = folder.display().to_string();
    let output = program::run(&folder, &["check"], &[("FLAGSTAFF_DATA_DIRECTORY", &data)]);
    assert_eq!(output.status.code(), Some(0), "{}", program::said(&output));
    assert!(again.stop().success());
    assert!(
        !folder.join("postgres/pgdata/postmaster.pid").exists(),
        "the server was stopped with its daemon"
    );
}

#[tokio::test]
async fn a_database_that_is_away_stops_no_start() {
    let away = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")];
    let program = Program::start(&directory("away"), &["serve"], &away);
    assert_eq!(program.get("/health/live").await.0, 200);
    assert_eq!(program.get("/health/ready").await.0, 503);
    let (status, body) = program.get("/health").await;
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &health["status"], &health["database"]["connected"]),
        (503, &json!("degraded"), &json!(false))
    );
    assert_eq!(program.get("/api/flags").await.0, 503);
    assert!(program.stop().success());
}

#[tokio::test]
async fn an_address_that_cannot_be_read_ends_with_2_and_a_missing_database_with_1() {
    let folder = directory("wrong");
    let data = folder.display().to_string();
    let base = [
        ("FLAGSTAFF_DATA_DIRECTORY", data.as_str()),
        ("FLAGSTAFF_HTTP_LISTEN", "127.0.0.1:0"),
        ("FLAGSTAFF_SOCKET_ENABLED", "false"),
    ];
    let with = |url: &str| {
        let variables: Vec<(&str, &str)> = base.into_iter().chain([("DATABASE_URL", url)]).collect();
        program::run(&folder, &["serve"], &variables)
    };
    let output = with("mysql://localhost/flags");
    assert_eq!(output.status.code(), Some(2), "{}", program::said(&output));
    assert!(program::said(&output).contains("database.url"), "{}", program::said(&output));
    let output = with(&shared().url_of("there_is_none"));
    assert_eq!(output.status.code(), Some(1), "{}", program::said(&output));
    assert!(program::said(&output).contains("there_is_none"), "{}", program::said(&output));
}

#[tokio::test]
async fn sigterm_while_flags_are_toggled_and_heard_loses_no_write_that_was_answered() {
    let url = fresh_database().await;
    let folder = directory("drain");
    let program = Arc::new(Program::start(&folder, &["serve"], &[("DATABASE_URL", &url)]));
    assert_eq!(program.post("/api/flags", &flag("busy")).await.0, 201);
    let (highest, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = tokio::task::JoinSet::new();
    let address = program.at("/api/flags/busy/toggle");
    for _ in 0..4 {
        let (address, highest, stop) = (address.clone(), Arc::clone(&highest), Arc::clone(&stop));
        writers.spawn(async move {
            let client = reqwest::Client::new();
            while !stop.load(Ordering::Acquire) {
                let asked = client
                    .post(&address)
                    .header("x-user-id", "admin")
                    .json(&json!({"environment": "staging"}));
                // A refused connection or a 503 is the way a daemon goes.
                let Ok(answer) = asked.send().await else { return };
                if answer.status() != 200 {
                    return;
                }
                let Ok(body) = answer.text().await else { return };
                highest.fetch_max(version(&body) as u64, Ordering::AcqRel);
            }
        });
    }
    while highest.load(Ordering::Acquire) < 30 {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let place =
        format!("ws{}?EIO=4&transport=websocket", program.at("/socket.io/").trim_start_matches("http"));
    let (mut socket, _) = tokio_tungstenite::connect_async(place).await.unwrap();
    let opened = futures_util::StreamExt::next(&mut socket).await.unwrap().unwrap();
    assert!(opened.to_text().unwrap().starts_with('0'), "{opened}");
    let hearing =
        tokio::spawn(
            async move { while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {} },
        );
    program.signal(Signal::SIGTERM);
    while writers.join_next().await.is_some() {}
    stop.store(true, Ordering::Release);
    let mut program = Arc::into_inner(program).unwrap();
    assert!(program.end().success(), "{}", program.log());
    hearing.await.unwrap();
    let again = Program::start(&folder, &["serve"], &[("DATABASE_URL", &url)]);
    let (_, body) = again.get("/api/flags/busy/config/staging").await;
    let kept = version(&body);
    let answered = highest.load(Ordering::Acquire) as i64;
    assert!(kept >= answered, "answered up to {answered}, kept {kept}");
}

#[tokio::test]
async fn a_second_daemon_on_the_same_port_is_told_who_has_it() {
    let url = fresh_database().await;
    let program = Program::start(&directory("first"), &["serve"], &[("DATABASE_URL", &url)]);
    let folder = directory("second");
    let data = folder.display().to_string();
    let listen = program.base.trim_start_matches("http://");
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("FLAGSTAFF_DATA_DIRECTORY", &data),
        ("FLAGSTAFF_HTTP_LISTEN", listen),
    ];
    let output = program::run(&folder, &["serve"], &variables);
    assert_eq!(output.status.code(), Some(2), "{}", program::said(&output));
    assert!(program::said(&output).contains("is in use by flagstaffd (pid "), "{}", program::said(&output));
}

#[tokio::test]
async fn exports_and_example_flags_come_in_from_the_command_line() {
    let url = fresh_database().await;
    let folder = directory("tools");
    let data = folder.display().to_string();
    let tool = |arguments: &[&str]| {
        let output =
            program::run(&folder, arguments, &[("DATABASE_URL", &url), ("FLAGSTAFF_DATA_DIRECTORY", &data)]);
        (output.status.code(), program::said(&output))
    };
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/../seeds/launch-darkly-production.json");
    let program = Program::start(&folder, &["serve"], &[("DATABASE_URL", &url)]);
    program.until("/api/environments/staging/flags", 200).await;
    let (code, said) = tool(&["import", export, "--environment", "nowhere"]);
    assert!(code == Some(1) && said.contains("nowhere"), "{code:?} {said}");
    let (code, said) = tool(&["import", export, "--environment", "production", "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = tool(&["import", export, "--environment", "production"]);
    assert!(code == Some(1) && said.contains("--confirm 'production'"), "{code:?} {said}");
    let (_, body) = program.get("/api/environments/production/flags").await;
    assert_eq!(body, "{}");
    let (code, said) = tool(&["seed"]);
    assert_eq!(code, Some(0), "{said}");
    program.until("/api/flags/databasePremium", 200).await;
    let (code, said) = tool(&["seed"]);
    assert!(code == Some(2) && said.contains("has a history already"), "{code:?} {said}");
    let (code, said) = tool(&["import", export, "--environment", "production", "--confirm", "production"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = tool(&["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
}
