//! Streams of any protocol: they begin, go on and end.

use serde_json::json;

use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::sdk::{Events, revoke, server_key};

#[tokio::test]
async fn everything_comes_first_and_then_each_change_with_a_higher_version() {
    let app = TestApp::start().await;
    let key = server_key(&app).await;
    flag(&app, "f").await;
    let mut stream = Events::open(&app, &key.text, "/all").await;
    assert_eq!(stream.headers()["cache-control"], "no-cache, no-store");
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    let put = stream.hear("put").await;
    assert_eq!(put["path"], "/");
    assert_eq!(put["data"]["segments"], json!({}));
    let mut version = put["data"]["flags"]["f"]["version"].as_i64().unwrap();
    for turn in 0..3 {
        flip(&app, "f").await;
        let patch = stream.hear("patch").await;
        assert_eq!(patch["path"], "/flags/f");
        assert_eq!(patch["data"]["on"], turn % 2 == 0);
        let next = patch["data"]["version"].as_i64().unwrap();
        assert!(next > version, "{next} after {version}");
        version = next;
    }
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams_and_no_others() {
    let app = TestApp::start().await;
    let (key, other) = (server_key(&app).await, server_key(&app).await);
    flag(&app, "f").await;
    let mut ended = Events::open(&app, &key.text, "/all").await;
    let mut goes_on = Events::open(&app, &other.text, "/all").await;
    ended.hear("put").await;
    goes_on.hear("put").await;
    let began = std::time::Instant::now();
    revoke(&app, &key).await;
    ended.ends().await;
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    flip(&app, "f").await;
    assert_eq!(goes_on.hear("patch").await["path"], "/flags/f");
}
