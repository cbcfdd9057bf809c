//! Routes of phones: a mobile key opens each of them, in every form, and nothing else does.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::{ID, MOBILE, SERVER, b64, furnished, keys, report, results, sent};
use crate::support::app::TestApp;
use crate::support::sdk::Events;

const ANNA: &str = r#"{"kind":"user","key":"anna"}"#;
/// What phones may see of the furnished daemon.
const SEEN: [&str; 2] = ["everywhere", "phone"];

fn get(app: &TestApp, path: &str) -> RequestBuilder {
    app.client.get(app.at(path))
}

/// An SDK's report of nothing.
fn post(app: &TestApp, path: &str) -> RequestBuilder {
    app.client.post(app.at(path)).header("content-type", "application/json").body("[]")
}

/// Every route of phones, each in every method that carries a context.
fn every(app: &TestApp) -> Vec<(String, RequestBuilder)> {
    let anna = b64(ANNA);
    let gets = [
        format!("/msdk/evalx/contexts/{anna}"),
        format!("/msdk/evalx/users/{anna}"),
        format!("/meval/{anna}"),
        "/mping".to_owned(),
        format!("/sdk/poll/eval/{anna}"),
        format!("/sdk/stream/eval/{anna}"),
    ];
    let reports = ["/msdk/evalx/context", "/msdk/evalx/user", "/meval"];
    let posts = ["/mobile", "/mobile/events", "/mobile/events/bulk", "/mobile/events/diagnostic"];
    let objects = ["/sdk/poll/eval", "/sdk/stream/eval"];
    let mut all = Vec::new();
    all.extend(gets.iter().map(|path| (format!("GET {path}"), get(app, path))));
    all.extend(reports.iter().map(|path| (format!("REPORT {path}"), report(app, path, ANNA))));
    all.extend(posts.iter().map(|path| (format!("POST {path}"), post(app, path))));
    all.extend(objects.iter().map(|path| {
        let request = app.client.request(Method::POST, app.at(path));
        (format!("POST {path}"), request.header("content-type", "application/json").body(ANNA))
    }));
    all
}

#[tokio::test]
async fn every_route_of_phones_is_opened_by_a_mobile_key_in_every_form() {
    let app = furnished().await;
    for form in [MOBILE.to_owned(), format!("api_key {MOBILE}"), format!("  {MOBILE} ")] {
        for (what, request) in every(&app) {
            let answer = sent(request.header("authorization", &form)).await;
            let expected = if what.contains("/mobile") { 202 } else { 200 };
            assert_eq!(answer.status(), expected, "{what} with {form:?}");
            if what.contains("eval") {
                assert_eq!(answer.headers()["x-ld-envid"], ID, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn no_route_of_phones_is_opened_by_another_kind_of_credential() {
    let app = furnished().await;
    let unknown = "mob-00000000-0000-0000-0000-000000000000";
    for wrong in [SERVER, ID, unknown, "", "two words"] {
        for (what, request) in every(&app) {
            let answer = sent(request.header("authorization", wrong)).await;
            assert_eq!(answer.status(), 401, "{what} with {wrong:?}");
            let body: Value = answer.json().await.unwrap();
            assert!(body["message"].is_string(), "{what}: {body}");
        }
    }
    for (what, request) in every(&app) {
        assert_eq!(sent(request).await.status(), 401, "{what} with nothing");
    }
    // An id in the query is not one in the header, and a mobile key is no id.
    let anna = b64(ANNA);
    for path in [format!("/msdk/evalx/contexts/{anna}?auth={ID}"), format!("/meval/{anna}?auth={ID}")] {
        assert_eq!(sent(get(&app, &path)).await.status(), 401, "{path}");
    }
    for path in [
        format!("/sdk/poll/eval/{anna}?auth={MOBILE}"),
        format!("/sdk/evalx/{MOBILE}/contexts/{anna}"),
        format!("/eval/{MOBILE}/{anna}"),
        format!("/ping/{MOBILE}"),
    ] {
        assert_eq!(sent(get(&app, &path)).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn whichever_way_a_phone_asks_it_is_told_the_same() {
    let app = furnished().await;
    let keyed = |request: RequestBuilder| sent(request.header("authorization", MOBILE));
    let anna = b64(ANNA);
    let told = results(keyed(get(&app, &format!("/msdk/evalx/contexts/{anna}"))).await).await;
    assert_eq!(keys(&told), SEEN);
    for path in ["/msdk/evalx/context", "/msdk/evalx/user"] {
        assert_eq!(results(keyed(report(&app, path, ANNA)).await).await, told, "{path}");
    }
    for request in [get(&app, &format!("/meval/{anna}")), report(&app, "/meval", ANNA)] {
        let mut stream = Events::of(keyed(request).await);
        assert_eq!(stream.hear("put").await, told);
    }
    // A context goes behind the path with GET, and into the body of a REPORT.
    for request in [
        get(&app, "/msdk/evalx/context"),
        get(&app, "/meval"),
        report(&app, &format!("/msdk/evalx/contexts/{anna}"), ANNA),
        app.client.post(app.at("/msdk/evalx/context")).body(ANNA),
    ] {
        assert_eq!(keyed(request).await.status(), 405);
    }
}
