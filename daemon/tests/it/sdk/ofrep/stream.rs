//! The stream of changes: announced with all flags, and never silent about what was missed.

use reqwest::Response;
use serde_json::{Value, json};
use shared::access::CredentialKind;

use super::{ALL, ask, told};
use crate::sdk::furnished::{ID, SERVER, boolean, flag_for, toggle, with_keys};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{Events, key, revoke};

/// The address that an answer announces.
async fn announced(app: &TestApp, key: &str) -> String {
    announced_at(app, key, ALL).await
}

async fn announced_at(app: &TestApp, key: &str, path: &str) -> String {
    let all = told(ask(app, key, path, "{}").send().await.unwrap()).await.1;
    let streams = all["eventStreams"].as_array().unwrap();
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0]["type"], "sse");
    streams[0]["endpoint"]["requestUri"].as_str().unwrap().to_owned()
}

async fn answer(app: &TestApp, uri: &str, last: Option<&str>) -> Response {
    let mut request = app.client.get(app.at(uri));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.unwrap()
}

async fn open(app: &TestApp, uri: &str, last: Option<&str>) -> Events {
    let response = answer(app, uri, last).await;
    assert_eq!(response.status(), 200);
    let mut events = Events::of(response);
    assert_eq!(events.hear("message").await, json!({"type": "hello"}));
    events
}

/// The id of the next word of a change.
async fn changed(events: &mut Events) -> String {
    let data = events.hear("message").await;
    assert_eq!(data["type"], "refetchEvaluation");
    let id = events.last_id.clone().unwrap();
    assert_eq!(data["etag"], format!("\"{id}\""));
    assert!(data["lastModified"].as_i64().unwrap() > 1_700_000_000);
    id
}

#[tokio::test]
async fn word_of_a_change_leads_to_what_it_changed() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let uri = announced(&app, SERVER).await;
    let mut events = open(&app, &uri, None).await;
    let hello = events.last_id.clone().unwrap();
    for on in [false, true] {
        toggle(&app, "f", on).await;
        let id = changed(&mut events).await;
        assert_ne!(id, hello);
        let path = format!("{ALL}?flagConfigEtag=%22{id}%22");
        let all: Value = told(ask(&app, SERVER, &path, "{}").send().await.unwrap()).await.1;
        assert_eq!(all["flags"][0]["value"], on);
    }
}

#[tokio::test]
async fn whoever_comes_back_is_told_whether_anything_was_missed() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let uri = announced(&app, SERVER).await;
    let before = open(&app, &uri, None).await.last_id.unwrap();
    toggle(&app, "f", false).await;
    for missed in [before.as_str(), "junk", "0.1"] {
        let mut events = open(&app, &uri, Some(missed)).await;
        changed(&mut events).await;
    }
    // Nothing was missed: the next word is that of the next change.
    let now = open(&app, &uri, None).await.last_id.unwrap();
    let mut events = open(&app, &uri, Some(&now)).await;
    toggle(&app, "f", true).await;
    assert_ne!(changed(&mut events).await, now);
}

#[tokio::test]
async fn what_a_credential_may_not_see_is_no_news_for_it() {
    let app = with_keys().await;
    let values = [("on", json!(true)), ("off", json!(false))];
    flag_for(&app, "hidden", "boolean", &values, false, false).await;
    boolean(&app, "f").await;
    let mut events = open(&app, &announced(&app, ID).await, None).await;
    toggle(&app, "hidden", false).await;
    let hidden = app.state.live.catalog().position.to_string();
    toggle(&app, "f", false).await;
    let id = changed(&mut events).await;
    assert_ne!(id, hidden);
    assert_eq!(id, app.state.live.catalog().position.to_string());
}

#[tokio::test]
async fn the_address_stays_the_same_opens_nothing_else_and_dies_with_its_credential() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let mine = key(&app, "staging", CredentialKind::ClientSideId).await;
    let uri = announced(&app, &mine.text).await;
    toggle(&app, "f", false).await;
    assert_eq!(announced(&app, &mine.text).await, uri);
    assert_ne!(announced(&app, SERVER).await, uri);
    let key_file = app.state.config.secrets.key_file.clone();
    let other = TestApp::start_on(app.url.clone(), |config| config.secrets.key_file = key_file).await;
    assert_eq!(announced(&other, &mine.text).await, uri);
    let token = uri.split_once("token=").unwrap().1;
    assert!(!uri.contains(&mine.text));
    assert_eq!(ask(&app, token, ALL, "{}").send().await.unwrap().status(), 401);
    let mut wrong = token.to_owned();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    for wrong in [wrong.as_str(), "", "x", &token[..40]] {
        assert_eq!(answer(&app, &format!("/ofrep/v1/stream?token={wrong}"), None).await.status(), 401);
    }
    assert_eq!(answer(&app, "/ofrep/v1/stream", None).await.status(), 401);
    let mut events = open(&app, &uri, None).await;
    revoke(&app, &mine).await;
    events.ends().await;
    assert_eq!(answer(&app, &uri, None).await.status(), 401);
}

#[tokio::test]
async fn what_is_asked_below_a_prefix_announces_what_is_there() {
    let app = TestApp::start_on(cluster::fresh_database().await, |config| {
        config.http.sdk_prefix = "/ld".to_owned();
    })
    .await;
    let mine = key(&app, "staging", CredentialKind::Server).await;
    for (path, begins) in
        [(ALL.to_owned(), "/ofrep/v1/stream?"), (format!("/ld{ALL}"), "/ld/ofrep/v1/stream?")]
    {
        let uri = announced_at(&app, &mine.text, &path).await;
        assert!(uri.starts_with(begins), "{uri}");
        open(&app, &uri, None).await;
    }
}
