//! LaunchDarkly's second client-side protocol: everything, what changed, or nothing.

use serde_json::{Value, json};

use super::{ID, MOBILE, b64, configure, furnished, results, sent};
use crate::support::app::TestApp;
use crate::support::sdk::Events;

const ANNA: &str = r#"{"kind":"user","key":"anna"}"#;

async fn polled(app: &TestApp, context: &str, basis: &str) -> Vec<(String, Value)> {
    let query = if basis.is_empty() { String::new() } else { format!("&basis={basis}") };
    let answer = app.get(&format!("/sdk/poll/eval/{}?auth={ID}{query}", b64(context))).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["x-ld-envid"], ID);
    events(&results(answer).await)
}

fn events(document: &Value) -> Vec<(String, Value)> {
    let events = document["events"].as_array().unwrap().iter();
    events.map(|e| (e["event"].as_str().unwrap().to_owned(), e["data"].clone())).collect()
}

fn intent(events: &[(String, Value)]) -> (&str, &str) {
    assert_eq!(events[0].0, "server-intent");
    let payload = &events[0].1["payloads"][0];
    (payload["intentCode"].as_str().unwrap(), payload["reason"].as_str().unwrap())
}

fn state(events: &[(String, Value)]) -> String {
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "payload-transferred");
    data["state"].as_str().unwrap().to_owned()
}

fn objects(events: &[(String, Value)]) -> Vec<(&str, &str)> {
    let told = events.iter().filter(|(name, _)| name.ends_with("-object"));
    told.map(|(name, data)| {
        assert_eq!(data["kind"], "flag-eval");
        (name.as_str(), data["key"].as_str().unwrap())
    })
    .collect()
}

async fn off(app: &TestApp, flag: &str) {
    configure(app, flag, json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}})).await;
}

#[tokio::test]
async fn a_poll_tells_everything_then_what_changed_then_nothing() {
    let app = furnished().await;
    let first = polled(&app, ANNA, "").await;
    assert_eq!(intent(&first), ("xfer-full", "payload-missing"));
    assert_eq!(objects(&first), [("put-object", "everywhere"), ("put-object", "web")]);
    assert_eq!(first[1].1["object"]["value"], true);
    let basis = state(&first);
    assert!(basis.bytes().all(|b| b.is_ascii_alphanumeric() || b"():._-".contains(&b)), "{basis}");

    let same = polled(&app, ANNA, &basis).await;
    assert_eq!((intent(&same), same.len()), (("none", "up-to-date"), 1));
    off(&app, "web").await;
    let escaped = basis.replace('(', "%28").replace(')', "%29").replace(':', "%3A");
    let changed = polled(&app, ANNA, &escaped).await;
    assert_eq!(intent(&changed), ("xfer-changes", "stale"));
    assert_eq!(objects(&changed), [("put-object", "web")]);
    assert_eq!(changed[1].1["object"]["value"], false);
    // Not for browsers, who do not learn its key: they get what there is for them.
    off(&app, "phone").await;
    let whole = polled(&app, ANNA, &basis).await;
    assert_eq!(intent(&whole), ("xfer-full", "cant-catchup"));
    assert!(
        objects(&whole).iter().all(|(event, key)| *event == "put-object" && *key != "phone"),
        "{whole:?}"
    );
    assert_eq!(intent(&polled(&app, ANNA, &state(&whole)).await), ("none", "up-to-date"));

    // The selector of another context, or of nothing, is no basis.
    let bob = r#"{"kind":"user","key":"bob"}"#;
    for (context, basis) in [(bob, basis.as_str()), (ANNA, "junk"), (ANNA, "(p:x:1.2.3)")] {
        assert_eq!(intent(&polled(&app, context, basis).await), ("xfer-full", "payload-missing"));
    }
}

#[tokio::test]
async fn bodies_and_mobile_keys_open_the_same() {
    let app = furnished().await;
    let post = |path: &str| app.client.post(app.at(path)).body(ANNA);
    let told = events(&results(sent(post(&format!("/sdk/poll/eval?auth={ID}"))).await).await);
    assert_eq!(state(&told), state(&polled(&app, ANNA, "").await));
    let told = events(&results(sent(post("/sdk/poll/eval").header("authorization", MOBILE)).await).await);
    assert_eq!(objects(&told), [("put-object", "everywhere"), ("put-object", "phone")]);
    for (path, status) in [("/sdk/poll/eval", 401), ("/sdk/poll/eval?auth=nobody", 404)] {
        let refused = sent(post(path)).await;
        assert_eq!(refused.status(), status, "{path}");
        assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    }
    assert_eq!(app.get(&format!("/sdk/poll/eval?auth={ID}")).await.status(), 405);
}

#[tokio::test]
async fn a_stream_goes_on_from_its_basis_and_tells_what_differs() {
    let app = furnished().await;
    let open = async |basis: &str| {
        let path = format!("/sdk/stream/eval/{}?auth={ID}&basis={basis}", b64(ANNA));
        let answer = sent(app.client.get(app.at(&path))).await;
        assert_eq!(answer.status(), 200);
        Events::of(answer)
    };
    let mut stream = open("").await;
    assert_eq!(stream.hear("server-intent").await["payloads"][0]["intentCode"], "xfer-full");
    for key in ["everywhere", "web"] {
        assert_eq!(stream.hear("put-object").await["key"], key);
    }
    let state = stream.hear("payload-transferred").await["state"].as_str().unwrap().to_owned();
    // Not for browsers: nothing is heard of it.
    off(&app, "phone").await;
    off(&app, "web").await;
    let web = stream.hear("put-object").await;
    assert_eq!((&web["key"], &web["object"]["value"]), (&json!("web"), &json!(false)));
    let transferred = stream.hear("payload-transferred").await;
    assert_eq!(transferred["version"], web["version"]);
    let latest = transferred["state"].as_str().unwrap();

    let mut again = open(latest).await;
    assert_eq!(again.hear("server-intent").await["payloads"][0]["intentCode"], "none");
    let mut behind = open(&state).await;
    assert_eq!(behind.hear("server-intent").await["payloads"][0]["intentCode"], "xfer-full");
    for key in ["everywhere", "web"] {
        assert_eq!(behind.hear("put-object").await["key"], key);
    }
    assert_eq!(behind.hear("payload-transferred").await["state"], latest);
    off(&app, "everywhere").await;
    for stream in [&mut stream, &mut again, &mut behind] {
        assert_eq!(stream.hear("put-object").await["key"], "everywhere");
        stream.hear("payload-transferred").await;
    }
}
