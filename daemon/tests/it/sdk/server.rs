//! LaunchDarkly's server-side polls and stream.

use reqwest::Method;
use serde_json::{Value, json};
use shared::access::CredentialKind;

use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::sdk::{Events, get, key, server_key};

async fn segment(app: &TestApp, key: &str, body: Value) {
    let body = json!({"key": key, "document": body});
    let made = app.post("/api/environments/staging/segments", &body).await;
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
}

#[tokio::test]
async fn a_poll_answers_once_and_then_nothing_new_until_something_is() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    segment(&app, "beta", json!({"included": ["anna"]})).await;
    let poll = async |tag: Option<&str>, path: &str| {
        // Python and Rust send a content type with no content.
        let request = app.client.get(app.at(path)).header("authorization", &key);
        let request = request.header("content-type", "application/json").header("accept-encoding", "gzip");
        tag.into_iter().fold(request, |r, tag| r.header("if-none-match", tag)).send().await.unwrap()
    };
    let first = poll(None, "/sdk/latest-all?filter=whatever").await;
    assert_eq!(first.status(), 200);
    let headers = first.headers().clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(!headers.contains_key("expires"));
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let packed = first.bytes().await.unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["flags"]["f"]["on"], false);
    assert_eq!(body["segments"]["beta"]["included"], json!(["anna"]));
    // Without gzip the very same document.
    assert_eq!(get(&app, &key, "/sdk/latest-all").await.text().await.unwrap(), text);

    let same = poll(Some(&tag), "/sdk/latest-all").await;
    assert_eq!((same.status().as_u16(), same.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert_eq!(same.text().await.unwrap(), "");
    // Production did not see this change.
    flip(&app, "f").await;
    let next = poll(Some(&tag), "/sdk/latest-all").await;
    assert_eq!(next.status(), 200);
    assert_ne!(next.headers()["etag"].to_str().unwrap(), tag);
    assert_eq!(get(&app, &key, "/sdk/flags").await.json::<Value>().await.unwrap()["f"]["on"], true);
}

#[tokio::test]
async fn single_items_are_answered_bare_and_what_is_archived_is_not_there() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "a.b_c-d").await;
    segment(&app, "beta", json!({})).await;
    let one = get(&app, &key, "/sdk/flags/a.b_c-d").await;
    assert_eq!(one.status(), 200);
    let tag = one.headers()["etag"].clone();
    assert_eq!(one.json::<Value>().await.unwrap()["key"], "a.b_c-d");
    let again = app.client.get(app.at("/sdk/flags/a.b_c-d")).header("authorization", &key);
    assert_eq!(again.header("if-none-match", tag).send().await.unwrap().status(), 304);
    assert_eq!(get(&app, &key, "/sdk/segments/beta").await.status(), 200);
    for path in ["/sdk/flags/nothing", "/sdk/segments/nothing", "/sdk/flags/a/b", "/sdk/flags/%F0%9F%98%80"] {
        assert_eq!(get(&app, &key, path).await.status(), 404, "{path}");
    }
    app.request(Method::DELETE, "/api/flags/a.b_c-d").send().await.unwrap();
    app.request(Method::DELETE, "/api/environments/staging/segments/beta").send().await.unwrap();
    assert_eq!(get(&app, &key, "/sdk/flags/a.b_c-d").await.status(), 404);
    assert_eq!(get(&app, &key, "/sdk/segments/beta").await.status(), 404);
    let all: Value = get(&app, &key, "/sdk/latest-all").await.json().await.unwrap();
    assert_eq!(all, json!({"flags": {}, "segments": {}}), "a tombstone is in no payload");
}

#[tokio::test]
async fn an_archived_flag_is_deleted_with_a_higher_version_and_comes_back_above_it() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    segment(&app, "beta", json!({"included": ["anna"]})).await;
    let mut stream = Events::open(&app, &key, "/all").await;
    let mut older = Events::open(&app, &key, "/flags").await;
    let put = stream.hear("put").await;
    let first = put["data"]["flags"]["f"]["version"].as_i64().unwrap();
    assert_eq!(older.hear("put").await["f"]["version"], first);

    app.request(Method::DELETE, "/api/flags/f").send().await.unwrap();
    let gone = stream.hear("delete").await;
    assert_eq!(gone["path"], "/flags/f");
    let tombstone = gone["version"].as_i64().unwrap();
    assert!(tombstone > first, "{tombstone} after {first}");
    assert_eq!(older.hear("delete").await, json!({"path": "/f", "version": tombstone}));
    let mut later = Events::open(&app, &key, "/all").await;
    assert_eq!(later.hear("put").await["data"]["flags"], json!({}));

    assert!(app.post("/api/flags/f/restore", &json!({})).await.status().is_success());
    let back = stream.hear("patch").await;
    assert!(back["data"]["version"].as_i64().unwrap() > tombstone, "{back} after {tombstone}");
    assert_eq!(later.hear("patch").await, back);
    assert_eq!(older.hear("patch").await["path"], "/f");

    let path = "/api/environments/staging/segments/beta";
    app.request(Method::DELETE, path).send().await.unwrap();
    let gone = stream.hear("delete").await;
    assert_eq!(gone["path"], "/segments/beta");
    assert!(app.post(&format!("{path}/restore"), &json!({})).await.status().is_success());
    let back = stream.hear("patch").await;
    assert_eq!(back["path"], "/segments/beta");
    assert!(back["data"]["version"].as_i64().unwrap() > gone["version"].as_i64().unwrap(), "{back} {gone}");
    // The older stream knows no segments.
    flip(&app, "f").await;
    assert_eq!(older.hear("patch").await["data"]["on"], true);
}

#[tokio::test]
async fn one_change_of_many_is_told_in_the_order_in_which_nothing_is_missing() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    for flag_key in ["a", "m", "z"] {
        flag(&app, flag_key).await;
    }
    let mut stream = Events::open(&app, &key, "/all").await;
    stream.hear("put").await;
    let rests = |flag: &str, on: &str| {
        json!({"op": "patchConfig", "flag": flag, "environment": "staging",
            "patch": [{"op": "add", "path": "/prerequisites", "value": [{"key": on, "variation": 0}]}]})
    };
    let rule = json!({"id": "r", "variation": 0, "clauses": [
        {"attribute": "", "op": "segmentMatch", "values": ["beta"], "contextKind": "user", "negate": false}
    ]});
    let mutations = json!([
        {"op": "createSegment", "environment": "staging", "segment": {"key": "beta", "document": {"included": ["ann"]}}},
        rests("m", "z"),
        rests("a", "m"),
        {"op": "patchConfig", "flag": "z", "environment": "staging",
            "patch": [{"op": "add", "path": "/rules", "value": [rule]}]},
    ]);
    let done = app.post("/api/change-sets", &json!({"mutations": mutations})).await;
    assert_eq!(done.status(), 200, "{}", done.text().await.unwrap());
    let mut paths = Vec::new();
    for _ in 0..4 {
        paths.push(stream.hear("patch").await["path"].as_str().unwrap().to_owned());
    }
    assert_eq!(paths, ["/segments/beta", "/flags/z", "/flags/m", "/flags/a"]);
}

#[tokio::test]
async fn the_key_is_read_bare_and_with_the_schemes_that_sdks_send() {
    let app = TestApp::start().await;
    let server = server_key(&app).await.text;
    let id = key(&app, "staging", CredentialKind::ClientSideId).await.text;
    let mobile = key(&app, "staging", CredentialKind::Mobile).await.text;
    for form in
        [server.clone(), format!("api_key {server}"), format!("Bearer {server}"), format!("  {server} ")]
    {
        assert_eq!(get(&app, &form, "/sdk/latest-all").await.status(), 200, "{form}");
    }
    let one_more = app.client.get(app.at("/sdk/latest-all")).header("authorization", &server);
    let one_more = one_more.header("x-launchdarkly-anything", "x").send().await.unwrap();
    assert_eq!(one_more.headers()["x-ld-envid"].to_str().unwrap(), id);
    for wrong in
        [mobile.as_str(), id.as_str(), "sdk-00000000-0000-0000-0000-000000000000", "two words", "", "fsp_x"]
    {
        for path in
            ["/all", "/flags", "/sdk/latest-all", "/sdk/flags", "/sdk/flags/f", "/sdk/poll", "/sdk/stream"]
        {
            assert_eq!(get(&app, wrong, path).await.status(), 401, "{path} with {wrong}");
        }
    }
    assert_eq!(app.get("/all").await.status(), 401, "without a key");
}

#[tokio::test]
async fn everything_is_also_served_below_the_prefix() {
    let app = TestApp::start().await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    for path in ["/ld/sdk/latest-all", "/ld/sdk/flags/f", "/ld/sdk/poll"] {
        assert_eq!(get(&app, &key, path).await.status(), 200, "{path}");
    }
    let mut stream = Events::open(&app, &key, "/ld/all").await;
    assert_eq!(stream.hear("put").await["data"]["flags"]["f"]["key"], "f");
    assert_eq!(app.get("/ld/api/flags").await.status(), 404, "our own API has one place");
    let url = crate::support::cluster::fresh_database().await;
    let bare = TestApp::start_on(url, |c| c.http.sdk_prefix = String::new()).await;
    let key = server_key(&bare).await.text;
    assert_eq!(get(&bare, &key, "/sdk/latest-all").await.status(), 200);
    assert_eq!(get(&bare, &key, "/ld/sdk/latest-all").await.status(), 404);
}

#[tokio::test]
async fn whoever_watches_a_relay_is_told_that_all_is_well_and_no_names() {
    let app = TestApp::start().await;
    let told: Value = app.get("/status").await.json().await.unwrap();
    assert_eq!((&told["status"], &told["environments"]), (&json!("healthy"), &json!({})));
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
}
