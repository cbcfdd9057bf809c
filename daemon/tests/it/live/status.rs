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
