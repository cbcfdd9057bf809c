//! Who is connected, and how the daemons are.

use serde_json::{Value, json};

use super::{Ears, flag};
use crate::support::app::TestApp;

async fn status(app: &TestApp) -> Value {
    let response = app.get("/api/status").await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_client_is_counted_with_what_it_applied_as_long_as_it_is_there() {
    let app = TestApp::start().await;
    let (mut ears, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    let made = flag(&app, "f").await;
    assert_eq!(ears.hear("revision").await["revision"], made);
    let clients = status(&app).await["clients"].clone();
    assert_eq!((&clients["connected"], &clients["acknowledging"]), (&json!(1), &json!(0)));
    assert_eq!(clients["byProtocol"], json!({"websocket": 1}));
    assert_eq!(clients["list"], Value::Null, "a viewer sees numbers");
    ears.say(&json!({"type": "applied", "revision": made - 1})).await;
    ears.subscribe(&["environment:staging"], json!(null)).await;
    let client = app.state.live.clients().list().remove(0);
    assert_eq!((client.applied.unwrap().0, client.current()), (made - 1, Some(false)));
    assert_eq!(client.topics, ["environment:default/staging"]);
    assert_eq!(client.sent.unwrap().revision.0, made);
    ears.say(&json!({"type": "applied", "revision": made})).await;
    app.until("the acknowledgement arrives", async || status(&app).await["clients"]["current"] == 1).await;
    drop(ears);
    app.until("the client is gone", async || status(&app).await["clients"]["connected"] == 0).await;
}

#[tokio::test]
async fn daemons_know_of_each_other_until_one_leaves() {
    let one = TestApp::start().await;
    let two = TestApp::start_on(one.url.clone(), |_| {}).await;
    one.until("both are known", async || status(&one).await["daemons"].as_array().unwrap().len() == 2).await;
    let seen = status(&one).await;
    assert_eq!(seen["daemons"][0]["own"], true);
    assert_eq!(seen["daemons"][1]["own"], false);
    assert_ne!(seen["daemons"][0]["id"], seen["daemons"][1]["id"]);
    assert_eq!(
        (&seen["stale"], &seen["regressed"], &seen["degraded"]["count"]),
        (&json!(false), &json!(false), &json!(0))
    );
    assert!(seen["pool"]["size"].as_u64().unwrap() >= 1);
    drop(two);
    one.until("it has left", async || status(&one).await["daemons"].as_array().unwrap().len() == 1).await;
}

#[tokio::test]
async fn the_topic_status_tells_the_same_every_few_seconds() {
    let app = TestApp::start().await;
    let (mut ears, _) = Ears::on(&app, &["status"], json!(null)).await;
    for _ in 0..2 {
        let message = ears.hear("status").await;
        assert_eq!(message["clients"]["connected"], 1);
        assert_eq!(message["revision"], app.state.live.catalog().position.revision.0);
    }
}

#[tokio::test]
async fn who_is_behind_is_told_by_name_until_it_has_caught_up() {
    let app = TestApp::start().await;
    let made = flag(&app, "f").await;
    let mut ears = Ears::open(&app).await;
    let subscribe = json!({"type": "subscribe", "topics": ["environment:staging"], "name": "web-17"});
    ears.say(&subscribe).await;
    ears.hear("subscribed").await;
    ears.say(&json!({"type": "applied", "revision": made})).await;
    app.until("it is current", async || status(&app).await["clients"]["everywhere"]["current"] == 1).await;
    // What it does not hear does not put it behind.
    let elsewhere = app.post("/api/flags/f/toggle", &json!({"environment": "production"})).await;
    assert_eq!(elsewhere.status(), 200);
    assert_eq!(status(&app).await["clients"]["behind"], json!([]));
    let flipped = super::flip(&app, "f").await;
    ears.hear("revision").await;
    let clients = status(&app).await["clients"].clone();
    let counts = json!({"connected": 1, "acknowledging": 1, "current": 0, "behind": 1});
    assert_eq!((&clients["everywhere"], &clients["byEnvironment"]["default/staging"]), (&counts, &counts));
    let late = &clients["behind"][0];
    assert_eq!((&late["name"], &late["applied"]), (&json!("web-17"), &json!(made)));
    assert_eq!(
        (&late["protocol"], &late["environments"]),
        (&json!("websocket"), &json!(["default/staging"]))
    );
    assert_eq!(late["address"], Value::Null, "a viewer is not told where from");
    let since = time::OffsetDateTime::parse(
        late["since"].as_str().unwrap(),
        &time::format_description::well_known::Rfc3339,
    );
    assert_eq!(since.unwrap(), app.state.live.catalog().at, "since the change that it has not applied");
    // Another daemon tells the same.
    let other = TestApp::start_on(app.url.clone(), |_| {}).await;
    let same = async || status(&other).await["clients"]["behind"][0]["name"] == "web-17";
    other.until("the other daemon has heard of it", same).await;
    assert_eq!(status(&other).await["clients"]["connected"], 0);
    ears.say(&json!({"type": "applied", "revision": flipped})).await;
    app.until("it has caught up", async || status(&app).await["clients"]["behind"] == json!([])).await;
}

#[tokio::test]
async fn a_stream_says_its_name_in_its_address() {
    let app = TestApp::start().await;
    let stream = app.get("/api/stream?environment=staging&name=batch-2").await;
    assert_eq!(stream.status(), 200);
    app.until("it is there", async || app.state.live.clients().count() == 1).await;
    assert_eq!(app.state.live.clients().list()[0].introduction.name.as_deref(), Some("batch-2"));
    drop(stream);
}

#[tokio::test]
async fn the_database_and_the_history_are_told_of() {
    let app = TestApp::start().await;
    let before = status(&app).await;
    assert!(before["database"]["version"].as_str().unwrap().starts_with(char::is_numeric));
    assert!(before["database"]["sizeBytes"].as_i64().unwrap() > 0);
    assert!(before["database"]["connections"].as_i64().unwrap() > 0);
    assert_eq!(
        (&before["version"], &before["audit"]["verified"]),
        (&json!(env!("CARGO_PKG_VERSION")), &Value::Null)
    );
    assert_eq!(before["audit"]["hash"].as_str().unwrap().len(), 64);
    let report: Value = app.post("/api/audit/verify", &json!({})).await.json().await.unwrap();
    assert_eq!(report["intact"], true);
    let after = status(&app).await["audit"].clone();
    assert_eq!((&after["verified"]["intact"], &after["verified"]["findings"]), (&json!(true), &json!(0)));
    assert_eq!((&after["verified"]["position"], &after["hash"]), (&report["position"], &report["hash"]));
}
