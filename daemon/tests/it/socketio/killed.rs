//! The program itself, killed as a machine kills it: the seed's snippet hears on.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::{POLLING, Script, WEBSOCKET, create, daemon, free, shared_key, toggle};
use crate::support::cluster;

/// Starts `flagstaffd serve` and waits until it serves.
async fn program(url: &str, key: &Path, data: &Path, address: SocketAddr) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flagstaffd"))
        .arg("serve")
        .current_dir(data)
        .env_clear()
        .env("HOME", data)
        .env("DATABASE_URL", url)
        .env("FLAGSTAFF_HTTP_LISTEN", address.to_string())
        .env("FLAGSTAFF_DATA_DIRECTORY", data)
        .env("FLAGSTAFF_SECRETS_KEY_FILE", key)
        .env("FLAGSTAFF_ACCESS_MODE", "demo")
        .env("FLAGSTAFF_SOCKET_ENABLED", "false")
        .env("FLAGSTAFF_LOG_LEVEL", "error")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let end = tokio::time::Instant::now() + Duration::from_secs(30);
    let flags = format!("http://{address}/api/environments/staging/flags");
    while !reqwest::get(&flags).await.is_ok_and(|answer| answer.status() == 200) {
        assert!(child.try_wait().unwrap().is_none(), "the program ended by itself");
        assert!(tokio::time::Instant::now() < end, "the program does not serve");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

#[tokio::test]
async fn the_seeds_snippet_hears_on_after_its_daemon_was_killed() {
    let (url, key, data) = (cluster::fresh_database().await, shared_key(), cluster::directory("killed"));
    let other = daemon(&url, &key, None).await;
    create(&other, "a").await;
    create(&other, "b").await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for options in [POLLING, WEBSOCKET] {
        free(address).await;
        let mut first = program(&url, &key, &data, address).await;
        let mut script = Script::snippet(address, options);
        script.hears("subscribed").await;
        first.kill().await.unwrap();
        script.hears("disconnect").await;
        toggle(&other, "a", true).await;
        let mut second = program(&url, &key, &data, address).await;
        script.hears("connect recovered").await;
        script.hears("Flag updated: a").await;
        let updated = script.told("updated").await;
        let flags = format!("http://{address}/api/environments/staging/flags");
        let payload: Value = reqwest::get(&flags).await.unwrap().json().await.unwrap();
        assert_eq!(updated["config"], payload["a"]);
        script.hears("Flag toggled: a true").await;
        toggle(&other, "b", true).await;
        script.hears("Flag toggled: b true").await;
        second.kill().await.unwrap();
        toggle(&other, "a", false).await;
        toggle(&other, "b", false).await;
    }
}
