//! The first owner of an installation that nobody reaches over the socket.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use reqwest::Method;
use serde_json::json;

use super::{get, json as body_of, rows_with, send, status, strict};
use crate::support::app::TestApp;
use crate::support::cluster;

async fn first(url: &str, data: &Path) -> TestApp {
    TestApp::start_on(url.to_owned(), |config| {
        strict(config);
        config.access.bootstrap = true;
        config.data.directory = data.to_owned();
    })
    .await
}

#[tokio::test]
async fn two_daemons_make_one_token_and_it_works_once() {
    let url = cluster::fresh_database().await;
    // Makes the project and the environments, and no token.
    drop(TestApp::start_on(url.clone(), strict).await);
    let places = [cluster::directory("data"), cluster::directory("data")];
    let (one, two) = tokio::join!(first(&url, &places[0]), first(&url, &places[1]));
    let files = places.map(|place| place.join("bootstrap.token"));
    one.until("a token was made", async || files.iter().any(|file| file.exists())).await;
    // Whoever was slower has no file, and leaves no draft of one.
    let made: Vec<_> = files.iter().filter(|file| file.exists()).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(std::fs::metadata(made[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(made[0]).unwrap().trim().to_owned();
    assert_eq!(rows_with(&one, &secret).await, 0);
    one.until("both know it", async || {
        status(&one, &secret, "/api/me").await == 200 && status(&two, &secret, "/api/me").await == 200
    })
    .await;
    let me = body_of(get(&one, &secret, "/api/me").await).await;
    assert_eq!(me["role"], "owner");
    // A dry run does not use it up; the first write does, and of two at once only one is done.
    let owner = json!({"subject": "user:boss", "role": "owner"});
    let dry = send(&one, &secret, Method::POST, "/api/role-bindings?dryRun=true", &owner).await;
    assert_eq!(dry.status(), 200);
    let service = json!({"name": "first", "kind": "service", "role": "owner"});
    let (a, b) = tokio::join!(
        send(&one, &secret, Method::POST, "/api/role-bindings", &owner),
        send(&two, &secret, Method::POST, "/api/tokens", &service)
    );
    let mut statuses = [a.status().as_u16(), b.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    one.until("it is over everywhere", async || {
        status(&one, &secret, "/api/me").await == 401 && status(&two, &secret, "/api/me").await == 401
    })
    .await;
}

#[tokio::test]
async fn an_installation_with_an_owner_makes_no_token() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url.clone(), strict).await;
    super::bind(&app, "user:boss", shared::access::Role::Owner, "*", "*").await;
    let data = cluster::directory("data");
    let again = first(&url, &data).await;
    let gate = std::sync::Arc::clone(&again.state.gate);
    let access = std::sync::Arc::clone(&again.state.live.catalog().access);
    let made = flagstaffd::service::bootstrap::prepare(
        &gate,
        &again.state.clock,
        !access.bindings.is_empty(),
        access.tokens.values(),
        &data,
    )
    .await;
    assert!(matches!(made, Ok(false)), "{made:?}");
    assert!(!data.join("bootstrap.token").exists());
}
