//! How streams end, and how they go on at another daemon or in another epoch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flagstaffd::service::commit::Item;
use flagstaffd::service::rollback::{self, Rollback};
use flagstaffd::service::{Caller, Cx};
use serde_json::{Value, json};
use shared::access::CredentialKind;
use shared::change::{Mutation, Patch};
use shared::key::{EnvironmentKey, ProjectKey};

use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{Events, get, key, server_key};

#[tokio::test]
async fn after_a_rotation_both_keys_are_served_until_the_old_one_ends() {
    let app = TestApp::start().await;
    let (old, new) = (server_key(&app).await, server_key(&app).await);
    let mut row = app
        .state
        .live
        .catalog()
        .access
        .credentials
        .values()
        .find(|c| c.id == old.id)
        .map(|c| c.as_ref().clone())
        .expect("it is known");
    let end = app.state.clock.now() + Duration::from_millis(1_500);
    row.expires_at = Some(end);
    app.commit(&[Item::whole(Mutation::PutCredential(Box::new(row)))]).await;
    let mut ending = Events::open(&app, &old.text, "/all").await;
    let mut staying = Events::open(&app, &new.text, "/all").await;
    ending.hear("put").await;
    staying.hear("put").await;
    ending.ends().await;
    let late = app.state.clock.now() - end;
    assert!(late >= time::Duration::ZERO, "it ended {late} too early");
    assert!(late < time::Duration::SECOND, "it ended {late} too late");
    assert_eq!(get(&app, &old.text, "/all").await.status(), 401);
    flag(&app, "f").await;
    assert_eq!(staying.hear("patch").await["path"], "/flags/f");
}

#[tokio::test]
async fn an_archived_environment_ends_its_streams_and_is_not_there_any_more() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    let mut stream = Events::open(&app, &key, "/all").await;
    stream.hear("put").await;
    let edit = |archived: bool| {
        let patch = Patch::Merge(shared::json::parse(&json!({"archived": archived}).to_string()).unwrap());
        let place = (ProjectKey::default(), EnvironmentKey::new("staging").unwrap());
        Item::whole(Mutation::UpdateEnvironment(place.0, place.1, patch))
    };
    app.commit(&[edit(true)]).await;
    stream.ends().await;
    let answer = get(&app, &key, "/all").await;
    // A classic SDK that is told 404 never asks again, and the environment may come back.
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"30".parse().unwrap()));
    assert!(answer.json::<Value>().await.unwrap()["message"].as_str().unwrap().contains("archived"));
    app.commit(&[edit(false)]).await;
    Events::open(&app, &key, "/all").await.hear("put").await;
}

#[tokio::test]
async fn a_stream_says_goodbye_when_it_is_old_and_beats_until_then() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| {
        c.live.stream_age = Duration::from_secs(1);
        c.live.stream_heartbeat = Duration::from_millis(50);
    })
    .await;
    let key = server_key(&app).await.text;
    let began = Instant::now();
    let mut stream = Events::open(&app, &key, "/sdk/stream").await;
    let mut plain = Events::open(&app, &key, "/all").await;
    stream.hear("server-intent").await;
    stream.hear("payload-transferred").await;
    stream.hear("goodbye").await;
    stream.ends().await;
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(stream.comments >= 5, "{} beats", stream.comments);
    plain.hear("put").await;
    plain.ends().await;
    app.until("nobody is on the register", async || app.state.live.clients().count() == 0).await;
}

#[tokio::test]
async fn a_daemon_that_stops_says_goodbye() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    let mut stream = Events::open(&app, &key, "/sdk/stream").await;
    let mut plain = Events::open(&app, &key, "/all").await;
    stream.hear("server-intent").await;
    stream.hear("payload-transferred").await;
    plain.hear("put").await;
    app.state.drain.begin();
    assert!(stream.hear("goodbye").await["reason"].is_string());
    stream.ends().await;
    plain.ends().await;
}

#[tokio::test]
async fn another_daemon_goes_on_where_one_stopped() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), |_| {}).await;
    let second = TestApp::start_on(url.clone(), |_| {}).await;
    let key = server_key(&first).await.text;
    flag(&first, "f").await;
    let on = flip(&first, "f").await;
    let mut stream = Events::open(&first, &key, "/all").await;
    let put = stream.hear("put").await;
    let polled = get(&first, &key, "/sdk/latest-all").await;
    let tag = polled.headers()["etag"].clone();
    let basis: Value = get(&first, &key, "/sdk/poll").await.json().await.unwrap();
    let basis = basis["events"][2]["data"]["state"].as_str().unwrap().to_owned();
    second.until("it has followed", async || second.state.live.catalog().position.revision.0 >= on).await;
    drop(first);
    while stream.next().await.is_some() {}

    for app in [second, TestApp::start_on(url.clone(), |_| {}).await] {
        let again = app.client.get(app.at("/sdk/latest-all")).header("authorization", &key);
        let again = again.header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status(), 304, "the tag means the same everywhere");
        let same: Value = get(&app, &key, &format!("/sdk/poll?basis={basis}")).await.json().await.unwrap();
        assert_eq!(same["events"][0]["data"]["payloads"][0]["intentCode"], "none");
        let mut stream = Events::open(&app, &key, "/all").await;
        assert_eq!(stream.hear("put").await, put);
    }
}

#[tokio::test]
async fn a_new_epoch_is_told_as_everything_anew() {
    let app = TestApp::start().await;
    let key = key(&app, "staging", CredentialKind::Server).await.text;
    flag(&app, "f").await;
    let mut plain = Events::open(&app, &key, "/all").await;
    let mut objects = Events::open(&app, &key, "/sdk/stream").await;
    plain.hear("put").await;
    objects.hear("server-intent").await;
    objects.hear("put-object").await;
    let before = objects.hear("payload-transferred").await;
    let cx = Cx {
        gate: Arc::clone(&app.state.gate),
        clock: Arc::clone(&app.state.clock),
        caller: Caller::command_line("os:test"),
        source: "cli",
        request_id: None,
    };
    rollback::accept(&cx, &Rollback { reason: "a test".to_owned(), seen: Vec::new() }).await.unwrap();
    assert_eq!(plain.hear("put").await["data"]["flags"]["f"]["key"], "f");
    assert_eq!(objects.hear("server-intent").await["payloads"][0]["intentCode"], "xfer-full");
    objects.hear("put-object").await;
    let after = objects.hear("payload-transferred").await;
    assert_ne!(after["state"], before["state"]);
    let back: Value = get(&app, &key, &format!("/sdk/poll?basis={}", before["state"].as_str().unwrap()))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(back["events"][0]["data"]["payloads"][0]["intentCode"], "xfer-full");
    flip(&app, "f").await;
    assert_eq!(plain.hear("patch").await["data"]["on"], json!(true));
}
