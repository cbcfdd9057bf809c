//! Browsers of any origin may ask, unless some are configured; errors and streams included.

use http::HeaderMap;
use reqwest::Method;

use super::{ID, b64, furnished, report, sent};
use crate::support::app::TestApp;
use crate::support::cluster;

pub async fn preflight(app: &TestApp, path: &str, method: &str) -> (u16, HeaderMap) {
    let request = app
        .client
        .request(Method::OPTIONS, app.at(path))
        .header("origin", "https://shop.example")
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "x-launchdarkly-user-agent, x-new");
    let answer = sent(request).await;
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test]
async fn a_preflight_is_answered_before_anything_is_looked_up() {
    let app = furnished().await;
    let anna = b64(r#"{"key":"anna"}"#);
    for (path, method) in [
        (format!("/sdk/evalx/{ID}/contexts/{anna}"), "GET"),
        (format!("/sdk/evalx/nobody/contexts/{anna}"), "GET"),
        (format!("/sdk/evalx/{ID}/context"), "REPORT"),
        (format!("/sdk/goals/{ID}"), "GET"),
        (format!("/events/bulk/{ID}"), "POST"),
        (format!("/sdk/poll/eval/{anna}"), "GET"),
    ] {
        let (status, headers) = preflight(&app, &path, method).await;
        assert_eq!(status, 204, "{path}");
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-headers"], "x-launchdarkly-user-agent, x-new");
        let methods = headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.split(", ").any(|one| one == method), "{methods}");
        assert!(headers["access-control-max-age"].to_str().unwrap().parse::<u32>().unwrap() >= 300);
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn answers_and_refusals_can_be_read_from_everywhere() {
    let app = furnished().await;
    let anna = b64(r#"{"key":"anna"}"#);
    for (path, status) in [
        (format!("/sdk/evalx/{ID}/contexts/{anna}"), 200),
        (format!("/sdk/evalx/nobody/contexts/{anna}"), 404),
        (format!("/sdk/evalx/{ID}/contexts/{}", b64("{}")), 400),
        (format!("/sdk/evalx/{ID}/context"), 405),
    ] {
        let answer = sent(app.client.get(app.at(&path)).header("origin", "https://shop.example")).await;
        assert_eq!(answer.status(), status, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
        let exposed = headers["access-control-expose-headers"].to_str().unwrap().to_ascii_lowercase();
        for name in ["date", "etag", "retry-after", "x-ld-envid", "x-ld-fd-fallback"] {
            assert!(exposed.split(", ").any(|one| one == name), "{name} is not in {exposed}");
        }
        let vary: Vec<_> = headers.get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        assert!(vary.join(", ").contains("Origin"), "{vary:?}");
    }
    let answer = sent(report(&app, &format!("/sdk/evalx/{ID}/context"), r#"{"key":"anna"}"#)).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn only_origins_that_are_named_are_let_in_where_any_are() {
    let app = TestApp::start_on(cluster::fresh_database().await, |config| {
        config.http.cors_origin = vec!["https://one.example".to_owned(), "https://shop.example".to_owned()];
    })
    .await;
    let (_, headers) = preflight(&app, "/sdk/evalx/x/context", "REPORT").await;
    assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
    let stranger =
        app.client.get(app.at("/sdk/evalx/x/contexts/e30")).header("origin", "https://evil.example");
    assert_eq!(sent(stranger).await.headers()["access-control-allow-origin"], "https://one.example");
    // The daemon's own API keeps its own rules.
    let api = app.client.get(app.at("/api/flags")).header("origin", "https://evil.example");
    assert!(!sent(api).await.headers().contains_key("access-control-allow-origin"));
}
