//! The same changes as server-sent events.

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{LONG, flag, flip};
use crate::support::app::TestApp;

struct Events {
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    text: String,
}

impl Events {
    async fn open(app: &TestApp, query: &str, last: Option<&str>) -> Self {
        let mut request = app.client.get(app.at(&format!("/api/stream?{query}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self { body: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// The next event: id, name, data. `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
                };
                if let Some(data) = field("data") {
                    let data = serde_json::from_str(&data).unwrap();
                    return Some((field("id").unwrap(), field("event").unwrap(), data));
                }
            }
            let bytes =
                tokio::time::timeout(LONG, self.body.next()).await.expect("an event in time")?.ok()?;
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn events_come_in_order_and_go_on_after_the_last_one() {
    let app = TestApp::start().await;
    let made = flag(&app, "f").await;
    let mut events = Events::open(&app, "environment=staging", None).await;
    let (id, name, _) = events.next().await.unwrap();
    assert_eq!((id, name.as_str()), (format!("1.{made}"), "subscribed"));
    let on = flip(&app, "f").await;
    let (id, name, data) = events.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), (format!("1.{on}").as_str(), "revision"));
    assert_eq!(data["changes"][0]["after"]["document"]["on"], true);
    drop(events);
    let off = flip(&app, "f").await;
    let mut again = Events::open(&app, "topics=environment:default/staging,audit&since=0", Some(&id)).await;
    assert_eq!(again.next().await.unwrap().1, "subscribed");
    let (_, name, data) = again.next().await.unwrap();
    assert_eq!((name.as_str(), &data["revision"]), ("revision", &json!(off)));
    let mut other = Events::open(&app, "environment=staging&since=0.9", None).await;
    assert_eq!(other.next().await.unwrap().1, "subscribed");
    assert_eq!(other.next().await.unwrap().1, "snapshot");
    for (query, status) in
        [("", 400), ("environment=nowhere", 404), ("topics=x", 400), ("topics=audit&since=never", 400)]
    {
        assert_eq!(app.get(&format!("/api/stream?{query}")).await.status(), status, "{query}");
    }
}

#[tokio::test]
async fn a_stream_outlives_the_time_that_handlers_have_and_ends_with_the_daemon() {
    let url = crate::support::cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| {
        c.http.handler_timeout = std::time::Duration::from_millis(100);
        c.live.stream_heartbeat = std::time::Duration::from_millis(50);
    })
    .await;
    let mut events = Events::open(&app, "topics=audit", None).await;
    assert_eq!(events.next().await.unwrap().1, "subscribed");
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_millis(300) {
        // A heartbeat a time.
        events.body.next().await.unwrap().unwrap();
    }
    let (mut ears, _) = super::Ears::on(&app, &["audit"], json!(null)).await;
    app.state.drain.begin();
    assert!(events.next().await.is_none());
    assert_eq!(ears.next().await.unwrap_err().unwrap().code, 1001.into());
}
