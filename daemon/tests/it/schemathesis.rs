//! schemathesis, unmodified: no 5xx, no answer that the served OpenAPI document denies.
//!
//! `FLAGSTAFF_TEST_EXAMPLES` says how many requests an operation (default 12).

use std::path::{Path, PathBuf};

use crate::support::child::Child;
use crate::support::cluster;

/// A tool that scripts/tools made.
fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin").join(name);
    assert!(path.exists(), "{name} is missing: run `scripts/tools python` first");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_requests_find_no_5xx_and_no_answer_that_the_document_denies() {
    let examples = std::env::var("FLAGSTAFF_TEST_EXAMPLES").unwrap_or_else(|_| "12".to_owned());
    let daemon = Child::serve(&cluster::fresh_database().await).await;
    let root = format!("http://127.0.0.1:{}", daemon.port);
    let home = cluster::directory("schemathesis");
    let done = tokio::process::Command::new(tool("schemathesis"))
        .arg("run")
        .arg(format!("{root}/api/openapi.json"))
        .args(["--header", "x-user-id: alice"])
        .args(["--checks", "not_a_server_error,response_schema_conformance,content_type_conformance"])
        .args(["--max-examples", &examples])
        .args(["--phases", "examples,coverage,fuzzing"])
        // One thread: CPython 3.11's parser counts its depth across threads, and fails now and then.
        .args(["--workers", "1"])
        .args(["--seed", "20261121"])
        .args(["--request-timeout", "30"])
        // The second mount has the same handlers; the two streams never end.
        .args(["--exclude-path-regex", "^/api/(projects/\\{project\\}/.*|ws|stream)$"])
        .args(["--no-color", "--continue-on-failure"])
        .current_dir(&home)
        .env("HOME", &home)
        .output()
        .await
        .expect("schemathesis runs");
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}\n{}", String::from_utf8_lossy(&done.stderr));
    println!(
        "{}",
        told.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    );
}
