//! LaunchDarkly's second server-side protocol: full, incremental, up to date.

use serde_json::{Value, json};

use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::sdk::{Events, get, server_key};

async fn poll(app: &TestApp, key: &str, query: &str) -> Vec<(String, Value)> {
    let answer = get(app, key, &format!("/sdk/poll{query}")).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    let events = body["events"].as_array().unwrap().iter();
    events.map(|e| (e["event"].as_str().unwrap().to_owned(), e["data"].clone())).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

fn intent(data: &Value) -> (&str, &str) {
    let payload = &data["payloads"][0];
    assert!(payload["id"].is_string() && payload["target"].is_i64(), "{data}");
    (payload["intentCode"].as_str().unwrap(), payload["reason"].as_str().unwrap())
}

#[tokio::test]
async fn a_poll_is_full_without_a_basis_then_incremental_then_up_to_date() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    flag(&app, "g").await;
    let full = poll(&app, &key, "").await;
    assert_eq!(names(&full), ["server-intent", "put-object", "put-object", "payload-transferred"]);
    assert_eq!(intent(&full[0].1), ("xfer-full", "payload-missing"));
    assert_eq!(full[1].1["kind"], "flag");
    assert_eq!(full[1].1["object"]["key"], "f");
    assert_eq!(full[1].1["version"], full[1].1["object"]["version"]);
    let basis = full[3].1["state"].as_str().unwrap().to_owned();
    assert_eq!(full[3].1["version"], full[0].1["payloads"][0]["target"]);

    let same = poll(&app, &key, &format!("?basis={basis}")).await;
    assert_eq!(names(&same), ["server-intent"]);
    assert_eq!(intent(&same[0].1), ("none", "up-to-date"));

    flip(&app, "g").await;
    let escaped = basis.replace('(', "%28").replace(')', "%29").replace(':', "%3A");
    for query in [format!("?basis={basis}"), format!("?filter=x&basis={escaped}")] {
        let changes = poll(&app, &key, &query).await;
        assert_eq!(names(&changes), ["server-intent", "put-object", "payload-transferred"], "{query}");
        assert_eq!(intent(&changes[0].1), ("xfer-changes", "stale"));
        assert_eq!(changes[1].1["key"], "g");
    }
    for wrong in ["?basis=junk", "?basis=(p:00000000-0000-0000-0000-000000000000:1.1)"] {
        let full = poll(&app, &key, wrong).await;
        assert_eq!(intent(&full[0].1), ("xfer-full", "payload-missing"), "{wrong}");
    }
    // Of another epoch: a restored database.
    let other = basis.replace(":1.", ":7.");
    let full = poll(&app, &key, &format!("?basis={other}")).await;
    assert_eq!(intent(&full[0].1).0, "xfer-full");
}

#[tokio::test]
async fn a_poll_with_the_tag_of_what_it_holds_is_not_modified() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    let first = get(&app, &key, "/sdk/poll").await;
    let tag = first.headers()["etag"].clone();
    let again =
        app.client.get(app.at("/sdk/poll")).header("authorization", &key).header("if-none-match", &tag);
    assert_eq!(again.send().await.unwrap().status(), 304);
    flip(&app, "f").await;
    let again =
        app.client.get(app.at("/sdk/poll")).header("authorization", &key).header("if-none-match", &tag);
    assert_eq!(again.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stream_goes_on_from_its_basis_and_tells_each_change_as_a_transfer() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    let mut stream = Events::open(&app, &key, "/sdk/stream").await;
    assert_eq!(intent(&stream.hear("server-intent").await), ("xfer-full", "payload-missing"));
    stream.hear("put-object").await;
    let basis = stream.hear("payload-transferred").await["state"].as_str().unwrap().to_owned();

    flip(&app, "f").await;
    assert_eq!(intent(&stream.hear("server-intent").await), ("xfer-changes", "stale"));
    assert_eq!(stream.hear("put-object").await["object"]["on"], true);
    let newer = stream.hear("payload-transferred").await["state"].as_str().unwrap().to_owned();
    assert_ne!(newer, basis);
    app.request(reqwest::Method::DELETE, "/api/flags/f").send().await.unwrap();
    stream.hear("server-intent").await;
    let deleted = stream.hear("delete-object").await;
    assert_eq!((deleted["kind"].as_str(), deleted["key"].as_str()), (Some("flag"), Some("f")));
    let newest = stream.hear("payload-transferred").await["state"].as_str().unwrap().to_owned();

    let mut back = Events::open(&app, &key, &format!("/sdk/stream?basis={basis}")).await;
    assert_eq!(intent(&back.hear("server-intent").await), ("xfer-changes", "stale"));
    assert_eq!(back.hear("delete-object").await, deleted, "each key once, as it is in the end");
    back.hear("payload-transferred").await;
    let mut current = Events::open(&app, &key, &format!("/sdk/stream?basis={newest}")).await;
    assert_eq!(intent(&current.hear("server-intent").await), ("none", "up-to-date"));
    flag(&app, "h").await;
    for stream in [&mut stream, &mut back, &mut current] {
        assert_eq!(intent(&stream.hear("server-intent").await), ("xfer-changes", "stale"));
        assert_eq!(stream.hear("put-object").await["key"], json!("h"));
        stream.hear("payload-transferred").await;
    }
}

#[tokio::test]
async fn a_stream_whose_basis_fell_off_the_ring_is_told_everything() {
    let url = crate::support::cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| c.live.ring_frames = 2).await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    let full = poll(&app, &key, "").await;
    let basis = full.last().unwrap().1["state"].as_str().unwrap().to_owned();
    for _ in 0..4 {
        flip(&app, "f").await;
        poll(&app, &key, "").await;
    }
    let mut stream = Events::open(&app, &key, &format!("/sdk/stream?basis={basis}")).await;
    assert_eq!(intent(&stream.hear("server-intent").await), ("xfer-full", "cant-catchup"));
    stream.hear("put-object").await;
    stream.hear("payload-transferred").await;
    assert_eq!(names(&poll(&app, &key, &format!("?basis={basis}")).await).len(), 3);
}
