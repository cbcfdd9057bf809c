//! `flagstaffd demo` as a process: made, found again, started over, refused.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::cluster::directory;
use crate::support::program::{self, Program};

fn demo(folder: &std::path::Path, arguments: &[&str]) -> Program {
    let all: Vec<&str> = ["demo", "--headless"].into_iter().chain(arguments.iter().copied()).collect();
    // A real daemon's database on this machine is not the demo's business.
    Program::start(folder, &all, &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")])
}

#[tokio::test]
async fn the_demo_fills_itself_once_finds_it_again_and_starts_over_when_told() {
    let folder = directory("demo");
    let mut first = demo(&folder, &[]);
    let log = first.log();
    assert!(log.contains("x-user-id"), "{log}");
    first.line("Ctrl-C stops everything");
    // The founding document's own lines.
    let (status, body) = first.get("/api/environments/staging/flags").await;
    let flags: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert!(flags["databasePremium"]["version"].is_i64(), "{flags}");
    let off = json!({"environment": "staging", "enabled": false});
    assert_eq!(first.post("/api/flags/databasePremium/toggle", &off).await.0, 200);
    let new = json!({"key": "myNewFeature", "name": "My New Feature", "description": "Enables the new feature",
        "type": "boolean", "enabled": false, "tags": ["feature", "beta"]});
    assert_eq!(first.post("/api/flags", &new).await.0, 201);
    first.signal(Signal::SIGINT);
    assert!(first.end().success(), "{}", first.log());
    assert!(!folder.join("postgres/pgdata/postmaster.pid").exists(), "its PostgreSQL was stopped");

    let second = demo(&folder, &[]);
    assert_eq!(second.get("/api/flags/myNewFeature").await.0, 200);
    assert!(second.log().contains("the flags of the last time are there"), "{}", second.log());
    assert!(second.stop().success());

    let third = demo(&folder, &["--reset"]);
    assert_eq!(third.get("/api/flags/myNewFeature").await.0, 404);
    assert_eq!(third.get("/api/flags/databasePremium").await.0, 200);
}

#[tokio::test]
async fn a_demo_that_runs_keeps_its_port_and_its_data() {
    let folder = directory("demo");
    let running = demo(&folder, &[]);
    let data = folder.display().to_string();
    let port = running.base.rsplit(':').next().unwrap();
    let variables = [("FLAGSTAFF_DATA_DIRECTORY", data.as_str()), ("PORT", port)];
    let output = program::run(&folder, &["demo", "--reset"], &variables);
    assert_eq!(output.status.code(), Some(2), "{}", program::said(&output));
    assert!(program::said(&output).contains("is in use by flagstaffd (pid "), "{}", program::said(&output));
    let other =
        [("FLAGSTAFF_DATA_DIRECTORY", data.as_str()), ("PORT", "0"), ("FLAGSTAFF_SOCKET_ENABLED", "false")];
    let output = program::run(&folder, &["demo", "--reset"], &other);
    assert_eq!(output.status.code(), Some(1), "{}", program::said(&output));
    assert!(program::said(&output).contains("another flagstaffd is using"), "{}", program::said(&output));
    assert_eq!(running.get("/api/flags/databasePremium").await.0, 200);
}

#[test]
fn a_directory_that_is_not_a_demos_is_neither_used_nor_emptied() {
    let folder = directory("mine");
    fs::write(folder.join("precious"), "x").unwrap();
    let data = folder.display().to_string();
    for arguments in [&["demo"][..], &["demo", "--reset"]] {
        let output = program::run(&folder, arguments, &[("FLAGSTAFF_DATA_DIRECTORY", &data), ("PORT", "0")]);
        assert_eq!(output.status.code(), Some(2), "{}", program::said(&output));
        assert!(program::said(&output).contains("was not made by a demo"), "{}", program::said(&output));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn the_demo_is_for_this_machine_alone() {
    let folder = directory("open");
    let data = folder.display().to_string();
    let variables = [("FLAGSTAFF_DATA_DIRECTORY", data.as_str()), ("FLAGSTAFF_HTTP_LISTEN", "0.0.0.0:0")];
    let output = program::run(&folder, &["demo"], &variables);
    assert_eq!(output.status.code(), Some(2), "{}", program::said(&output));
    assert!(program::said(&output).contains("loopback only"), "{}", program::said(&output));
}
