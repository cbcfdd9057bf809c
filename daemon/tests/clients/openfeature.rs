//! OpenFeature's providers of remote evaluation, and a suite of scenarios through one of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use shared::access::CredentialKind;

use crate::harness::{Client, Side, Words, is_served};
use crate::support::app::TestApp;
use crate::support::sdk::key;

#[tokio::test]
async fn the_server_provider_for_javascript() {
    let client = Client::node("openfeature/server.mjs", Side::Server).saying(Words::OpenFeature);
    let mut client = client.that_asks_each_time();
    // The newest that there is takes an answer without a value for an error.
    client.wants_values = true;
    is_served(client).await;
}

#[tokio::test]
async fn the_web_provider_in_node() {
    is_served(Client::node("openfeature/web.mjs", Side::Browser).saying(Words::OpenFeature)).await;
}

#[tokio::test]
async fn the_web_provider_in_chromium() {
    is_served(Client::chromium("openfeature/web.mjs", Side::Browser).saying(Words::OpenFeature)).await;
}

#[tokio::test]
async fn the_provider_for_python() {
    let client = Client::python("openfeature/server.py", Side::Server).saying(Words::OpenFeature);
    is_served(client.that_asks_each_time()).await;
}

/// A file or folder that scripts/tools made.
fn tool(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path);
    assert!(path.exists(), "{} is missing: run `scripts/tools python gherkin`", path.display());
    path.canonicalize().expect("it is there")
}

#[tokio::test]
async fn flagds_own_scenarios_through_the_provider_for_python() {
    let app = TestApp::start().await;
    let key = key(&app, "staging", CredentialKind::Server).await;
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/gherkin");
    let run = tokio::process::Command::new(tool("bin/python"))
        .args(["-B", "-m", "pytest", "--quiet", "--tb=short", "-p", "no:cacheprovider"])
        .arg("--import-mode=prepend")
        .arg(&suite)
        .env("FLAGSTAFF_URL", app.at(""))
        .env("FLAGSTAFF_KEY", &key.text)
        .env("FLAGSTAFF_TESTBED", tool("gherkin"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("python runs");
    let (said, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}{errors}");
    // Every scenario has run: none was left out in silence.
    let last = said.lines().rev().find(|line| line.contains("passed")).expect("a summary").to_owned();
    let passed: u32 = last.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(passed >= 80, "{last}");
    assert!(!last.contains("skipped"), "{last}");
}
