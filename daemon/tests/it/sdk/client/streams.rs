//! Streams of browsers and phones: every result first, then only those that a change made differ.

use serde_json::{Value, json};
use shared::access::CredentialKind;
use shared::change::Mutation;

use super::{
    ID, MOBILE, b64, caught_up, configure, credential, flag, furnished, keys, poll, report, results, sent,
};
use crate::support::app::TestApp;
use crate::support::sdk::Events;
use flagstaffd::service::commit::Item;

const ANNA: &str = r#"{"kind":"user","key":"anna","country":"DE"}"#;
const BOTH: &str = r#"{"usingEnvironmentId":true,"usingMobileKey":true}"#;

fn everybody() -> Value {
    serde_json::from_str(BOTH).unwrap()
}

async fn browser(app: &TestApp, query: &str) -> Events {
    stream(sent(app.client.get(app.at(&format!("/eval/{ID}/{}{query}", b64(ANNA))))).await)
}

fn stream(answer: reqwest::Response) -> Events {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Events::of(answer)
}

#[tokio::test]
async fn every_stream_begins_with_what_a_poll_tells() {
    let app = furnished().await;
    let get = |path: &str| app.client.get(app.at(path)).header("authorization", MOBILE);
    let web = poll(&app, ANNA).await;
    let phone = results(sent(get(&format!("/msdk/evalx/contexts/{}", b64(ANNA)))).await).await;
    assert_ne!(keys(&web), keys(&phone));
    let browser = browser(&app, "").await;
    assert_eq!(browser.headers()["x-ld-envid"], ID);
    assert_eq!(browser.headers()["access-control-allow-origin"], "*");
    for (mut events, told) in [
        (browser, &web),
        (stream(sent(report(&app, &format!("/eval/{ID}"), ANNA)).await), &web),
        (stream(sent(get(&format!("/meval/{}", b64(ANNA)))).await), &phone),
        (stream(sent(report(&app, "/meval", ANNA).header("authorization", MOBILE)).await), &phone),
    ] {
        assert_eq!(&events.hear("put").await, told);
    }
    for (path, key, status) in [
        (format!("/eval/{ID}"), "", 405),
        (format!("/eval/{ID}/{}", b64("{}")), "", 400),
        (format!("/eval/nobody/{}", b64(ANNA)), "", 404),
        (format!("/meval/{}", b64(ANNA)), "mob-unknown", 401),
        ("/ping/nobody".to_owned(), "", 404),
        ("/mping".to_owned(), "mob-unknown", 401),
    ] {
        let request = app.client.get(app.at(&path));
        let request = if key.is_empty() { request } else { request.header("authorization", key) };
        assert_eq!(sent(request).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_change_tells_only_the_results_that_differ_for_this_context() {
    let app = furnished().await;
    flag(&app, "base", &everybody()).await;
    flag(&app, "top", &everybody()).await;
    flag(&app, "germans", &everybody()).await;
    let on = |more: Value| {
        let mut config = json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let segments = "/api/environments/staging/segments";
    let body = json!({"key": "beta", "document": {"included": ["bob"], "rules": []}});
    assert_eq!(app.post(segments, &body).await.status(), 201);
    configure(&app, "top", on(json!({"prerequisites": [{"key": "base", "variation": 0}]}))).await;
    configure(
        &app,
        "germans",
        on(json!({"fallthrough": {"variation": 1}, "rules": [{"id": "beta", "variation": 0, "clauses": [
            {"attribute": "", "op": "segmentMatch", "values": ["beta"]}]}]})),
    )
    .await;
    let mut events = browser(&app, "?withReasons=true").await;
    let put = events.hear("put").await;
    assert_eq!(put["germans"]["value"], false);
    assert_eq!(put["top"]["prerequisites"], json!(["base"]));

    // A prerequisite: itself, and what rests on it.
    configure(&app, "base", on(json!({"on": false}))).await;
    let (base, top) = (events.hear("patch").await, events.hear("patch").await);
    assert_eq!((&base["key"], &base["value"]), (&json!("base"), &json!(false)));
    assert_eq!((&top["key"], &top["value"]), (&json!("top"), &json!(false)));
    assert_eq!(top["reason"], json!({"kind": "PREREQUISITE_FAILED", "prerequisiteKey": "base"}));
    let version = base["version"].as_i64().unwrap();
    assert_eq!(top["version"], version);
    assert!(version > put["base"]["version"].as_i64().unwrap());
    assert_eq!(base["flagVersion"].as_i64(), put["base"]["flagVersion"].as_i64().map(|v| v + 1));

    // A segment that says nothing new of anna, then one that does: the first is not heard.
    let members = async |keys: Value| {
        let put = app.put(&format!("{segments}/beta"), &json!({"document": {"included": keys}})).await;
        assert_eq!(put.status(), 200);
        caught_up(&app).await;
    };
    members(json!(["bob", "eve"])).await;
    members(json!(["bob", "anna"])).await;
    let germans = events.hear("patch").await;
    assert_eq!((&germans["key"], &germans["value"]), (&json!("germans"), &json!(true)));
    assert_eq!(germans["reason"], json!({"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "beta"}));

    // A flag that no browser may see is not heard either, but its coming into sight is, and its leaving.
    configure(&app, "server", on(json!({"on": false}))).await;
    let see = async |seen: bool| {
        let body = json!({"clientSideAvailability": {"usingEnvironmentId": seen, "usingMobileKey": true}});
        assert!(app.patch("/api/flags/server", &body).await.status().is_success());
        caught_up(&app).await;
    };
    see(true).await;
    assert_eq!(events.hear("patch").await["key"], "server");
    see(false).await;
    let gone = events.hear("delete").await;
    assert_eq!(gone["key"], "server");
    assert!(gone["version"].as_i64().unwrap() > germans["version"].as_i64().unwrap());

    // An archived flag is deleted, and what rests on it follows; a new one is put.
    let archived = sent(app.request(reqwest::Method::DELETE, "/api/flags/germans")).await;
    assert!(archived.status().is_success(), "{}", archived.text().await.unwrap());
    assert_eq!(events.hear("delete").await["key"], "germans");
    flag(&app, "new", &everybody()).await;
    let new = events.hear("patch").await;
    assert_eq!((&new["key"], &new["value"]), (&json!("new"), &json!(true)));
    let polled =
        results(app.get(&format!("/sdk/evalx/{ID}/contexts/{}?withReasons=true", b64(ANNA))).await).await;
    assert_eq!(polled["new"]["version"], new["version"]);
    assert_eq!(keys(&polled), ["base", "everywhere", "new", "top", "web"]);
}

#[tokio::test]
async fn a_patch_has_numbers_as_they_were_written() {
    let app = furnished().await;
    let made = app.request(reqwest::Method::POST, "/api/flags").header("content-type", "application/json");
    let body = format!(
        r#"{{"key":"ratio","type":"number","enabled":true,"variations":[{{"value":1.0}},{{"value":2e0}}],
            "clientSideAvailability":{BOTH}}}"#
    );
    assert_eq!(sent(made.body(body)).await.status(), 201);
    caught_up(&app).await;
    let mut answer = sent(app.client.get(app.at(&format!("/eval/{ID}/{}", b64(ANNA))))).await;
    let mut text = String::new();
    let mut until = async |part: &str| {
        while !text.contains(part) {
            let chunk = answer.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        std::mem::take(&mut text)
    };
    assert!(until("\n\n").await.contains(r#""ratio":{"value":1.0,"variation":0"#));
    configure(&app, "ratio", json!({"on": true, "fallthrough": {"variation": 1}})).await;
    let patch = until("\n\n").await;
    assert!(
        patch.starts_with("event: patch\ndata: {\"key\":\"ratio\",\"value\":2e0,\"variation\":1,"),
        "{patch}"
    );
}

#[tokio::test]
async fn a_ping_tells_to_poll_and_comes_only_when_there_is_something() {
    let app = furnished().await;
    let mobile = app.client.get(app.at("/mping")).header("authorization", format!("api_key {MOBILE}"));
    let mut streams = [stream(app.get(&format!("/ping/{ID}")).await), stream(sent(mobile).await)];
    for events in &mut streams {
        assert_eq!(events.hear("ping").await, json!({}));
    }
    configure(&app, "web", json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}})).await;
    for events in &mut streams {
        assert_eq!(events.hear("ping").await, json!({}));
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_credential() {
    let app = furnished().await;
    let id = "fedcba9876543210fedcba98";
    let row = credential(&app, CredentialKind::ClientSideId, id, None).await;
    let mut events = stream(app.get(&format!("/eval/{id}/{}", b64(ANNA))).await);
    let mut other = browser(&app, "").await;
    events.hear("put").await;
    other.hear("put").await;
    app.commit(&[Item::whole(Mutation::RevokeCredential(row))]).await;
    events.ends().await;
    caught_up(&app).await;
    assert_eq!(app.get(&format!("/eval/{id}/{}", b64(ANNA))).await.status(), 404);
    configure(&app, "web", json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}})).await;
    assert_eq!(other.hear("patch").await["key"], "web");
}
