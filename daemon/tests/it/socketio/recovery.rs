//! What a client hears after its connection broke or its daemon was replaced.

use flagstaffd::service::commit::Item;
use serde_json::{Value, json};
use shared::change::{Mutation, NewFlag};
use shared::key::ProjectKey;
use shared::read::FromJson;

use super::{POLLING, Script, WEBSOCKET, create, daemon, free, shared_key, toggle};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn a_client_that_was_away_is_told_what_it_missed_and_hears_on() {
    let app = TestApp::start().await;
    for key in ["a", "b", "c"] {
        create(&app, key).await;
    }
    for options in [POLLING, WEBSOCKET] {
        let mut script = Script::snippet(app.address, options);
        script.hears("subscribed").await;
        script.say("drop").await;
        script.hears("disconnect").await;
        toggle(&app, "b", true).await;
        toggle(&app, "a", true).await;
        script.hears("connect ").await;
        assert!(script.heard.last().unwrap().ends_with("recovered"), "{:#?}", script.heard);
        script.hears("Flag updated: b").await;
        script.hears("Flag toggled: b true").await;
        script.hears("Flag updated: a").await;
        script.hears("Flag toggled: a true").await;
        toggle(&app, "c", true).await;
        script.hears("Flag toggled: c true").await;
        for key in ["a", "b", "c"] {
            toggle(&app, key, false).await;
        }
        script.hears("Flag toggled: c false").await;
        let again = script.heard.iter().filter(|line| line.starts_with("subscribed")).count();
        assert_eq!(again, 1, "the client subscribed once");
    }
}

#[tokio::test]
async fn the_seeds_snippet_hears_on_after_its_daemon_was_replaced() {
    let (url, key) = (cluster::fresh_database().await, shared_key());
    let other = daemon(&url, &key, None).await;
    for name in ["a", "b"] {
        create(&other, name).await;
    }
    for options in [POLLING, WEBSOCKET] {
        let first = daemon(&url, &key, None).await;
        let address = first.address;
        let mut script = Script::snippet(address, options);
        script.hears("subscribed").await;
        drop(first);
        script.hears("disconnect").await;
        free(address).await;
        toggle(&other, "a", true).await;
        let second = daemon(&url, &key, Some(address)).await;
        script.hears("connect ").await;
        assert!(script.heard.last().unwrap().ends_with("recovered"), "{:#?}", script.heard);
        let missed = script.told("updated").await;
        assert_eq!(missed["flagKey"], "a");
        let payload: Value = second.get("/api/environments/staging/flags").await.json().await.unwrap();
        assert_eq!(missed["config"], payload["a"]);
        toggle(&other, "b", true).await;
        script.hears("Flag toggled: b true").await;
        let told_b = script.heard.iter().filter(|line| line.starts_with("Flag updated: b")).count();
        assert_eq!(told_b, 1, "only what changed was told: {:#?}", script.heard);
        for name in ["a", "b"] {
            toggle(&other, name, false).await;
        }
    }
}

#[tokio::test]
async fn a_daemon_without_the_key_lets_a_returning_client_wait_for_one_that_has_it() {
    let (url, key) = (cluster::fresh_database().await, shared_key());
    let first = daemon(&url, &key, None).await;
    let address = first.address;
    let mut script = Script::snippet(address, WEBSOCKET);
    script.hears("subscribed").await;
    drop(first);
    script.hears("disconnect").await;
    free(address).await;
    let second = TestApp::start_on(url.clone(), |config| config.http.listen = Some(address)).await;
    script.hears("open websocket").await;
    drop(second);
    free(address).await;
    let _third = daemon(&url, &key, Some(address)).await;
    script.hears("connect ").await;
    assert!(script.heard.last().unwrap().ends_with("recovered"), "{:#?}", script.heard);
}

#[tokio::test]
async fn more_changes_at_once_than_a_transport_holds_arrive_all_the_same() {
    const MANY: usize = 300;
    let app = TestApp::start().await;
    create(&app, "first").await;
    let flags = |from: usize| {
        let new = |number: usize| {
            let body = json!({"key": format!("f{number}"), "name": "F", "kind": "boolean"}).to_string();
            let flag = NewFlag::from_json(&shared::json::parse(&body).unwrap(), "").unwrap();
            Item::whole(Mutation::CreateFlag(ProjectKey::default(), Box::new(flag)))
        };
        (from..from + MANY).map(new).collect::<Vec<_>>()
    };
    for (round, options) in [POLLING, WEBSOCKET].into_iter().enumerate() {
        let mut script = Script::snippet(app.address, options);
        script.hears("subscribed").await;
        app.commit(&flags(round * 2 * MANY)).await;
        let count = |script: &Script| script.heard.iter().filter(|l| l.starts_with("updated ")).count();
        while count(&script) < MANY {
            script.hears("updated ").await;
        }
        script.say("drop").await;
        script.hears("disconnect").await;
        app.commit(&flags((round * 2 + 1) * MANY)).await;
        script.hears("connect recovered").await;
        while count(&script) < 2 * MANY {
            script.hears("updated ").await;
        }
        toggle(&app, "first", round == 0).await;
        script.hears("toggled {\"flagKey\":\"first\"").await;
        assert_eq!(count(&script), 2 * MANY + 1, "each flag was told once");
        let breaks = script.heard.iter().filter(|line| line.starts_with("disconnect")).count();
        assert_eq!(breaks, 1, "only the break that was asked for");
    }
}
