//! 401 only where it is certain: other daemons' keys, floods of junk, a database that is away.

use std::time::Duration;

use flagstaffd::config::Config;
use flagstaffd::postgres::cluster::{self as postgres, Options};
use shared::access::CredentialKind;

use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{Events, get, key, revoke, server_key};

/// A follower that looks at the database when it is asked to, and by itself never.
fn deaf(config: &mut Config) {
    config.live.poll_interval = Duration::from_secs(3600);
    config.database.listen = false;
}

#[tokio::test]
async fn a_key_that_one_daemon_made_is_never_unknown_at_another() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), |_| {}).await;
    let second = TestApp::start_on(url, deaf).await;
    for _ in 0..5 {
        let made = server_key(&first).await;
        let catalog = second.state.live.catalog();
        assert!(!catalog.access.credentials.values().any(|c| c.id == made.id), "nobody told it");
        assert_eq!(get(&second, &made.text, "/sdk/latest-all").await.status(), 200);
        revoke(&first, &made).await;
    }
    let id = key(&first, "production", CredentialKind::Server).await;
    let mut stream = Events::open(&second, &id.text, "/all").await;
    stream.hear("put").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_junk_costs_the_database_a_few_looks() {
    let app = TestApp::start().await;
    let began = std::time::Instant::now();
    let before = app.state.certain.looks();
    let junk = (0..300).map(|n| {
        let request = app.client.get(app.at("/sdk/latest-all")).header("authorization", format!("sdk-{n}"));
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let answers = futures_util::future::join_all(junk).await;
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    let looks = app.state.certain.looks() - before;
    let most = began.elapsed().as_millis() / 100 + 2;
    assert!(u128::from(looks) <= most, "{looks} looks in {:?}", began.elapsed());
    assert!(looks < 100, "{looks} looks");
    // Nothing at all is asked of the database for a request that brings no key.
    let before = app.state.certain.looks();
    assert_eq!(app.get("/sdk/latest-all").await.status(), 401);
    assert_eq!(app.state.certain.looks(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_the_database_known_keys_are_served_and_others_told_to_come_back() {
    let data = cluster::directory("sdk-away");
    let options = || Options { fsync: false, ..Options::new(&data, cluster::binaries()) };
    let running = postgres::start(options()).await.expect("a PostgreSQL of its own");
    let app =
        TestApp::start_on(running.url(), |c| c.database.acquire_timeout = Duration::from_millis(1_500)).await;
    let known = server_key(&app).await.text;
    flag(&app, "f").await;
    flip(&app, "f").await;
    let mut stream = Events::open(&app, &known, "/all").await;
    let put = stream.hear("put").await;
    running.stop().await;
    let unknown = async || {
        let answer = get(&app, "sdk-unknown", "/all").await;
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    // Before the daemon itself has noticed, and after.
    for _ in 0..3 {
        assert_eq!(unknown().await, (503, true));
    }
    app.until("it is known to be stale", async || app.state.live.stale()).await;
    assert_eq!(unknown().await, (503, true));
    assert_eq!(get(&app, &known, "/sdk/latest-all").await.status(), 200);
    let mut late = Events::open(&app, &known, "/all").await;
    assert_eq!(late.hear("put").await, put);
    let running = postgres::start(options()).await.expect("it comes back");
    app.until("junk is refused again", async || unknown().await.0 == 401).await;
    app.until("writes are taken again", async || {
        app.post("/api/flags/f/toggle", &serde_json::json!({"environment": "staging"})).await.status() == 200
    })
    .await;
    assert_eq!(stream.hear("patch").await["data"]["on"], false);
    assert_eq!(late.hear("patch").await["data"]["on"], false);
    drop((stream, late));
    drop(app);
    running.stop().await;
}
