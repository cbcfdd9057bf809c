//! A daemon that has nothing to serve yet: everybody is told to come back, and nobody to go away.

use std::time::Duration;

use flagstaffd::postgres::cluster::{self as postgres, Options, Running};
use reqwest::{Method, RequestBuilder};
use shared::access::CredentialKind;

use crate::live::flag;
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{Key, key};

/// A context, and the same in a path.
const ANNA: &str = r#"{"kind":"user","key":"anna"}"#;
const PATH: &str = "eyJraW5kIjoidXNlciIsImtleSI6ImFubmEifQ";

struct Keys {
    server: Key,
    mobile: Key,
    browser: Key,
}

/// A request, whether it is good with the keys and whether it lasts.
struct Asked {
    what: String,
    request: RequestBuilder,
    good: u16,
}

/// Every route of every SDK, with a context where it takes one.
fn every(app: &TestApp, server: &str, mobile: &str, id: &str) -> Vec<Asked> {
    let mut all = Vec::new();
    let mut ask = |method: &str, path: String, key: &str, body: &str, good: u16| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = app.client.request(method.clone(), app.at(&path));
        if !key.is_empty() {
            request = request.header("authorization", key);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        all.push(Asked { what: format!("{method} {path}"), request, good });
    };
    for prefix in ["", "/ld"] {
        for path in
            ["/all", "/flags", "/sdk/latest-all", "/sdk/flags", "/sdk/flags/f", "/sdk/poll", "/sdk/stream"]
        {
            ask("GET", format!("{prefix}{path}"), server, "", 200);
        }
        ask("GET", format!("{prefix}/sdk/evalx/contexts/{PATH}"), server, "", 200);
        ask("REPORT", format!("{prefix}/sdk/evalx/context"), server, ANNA, 200);
        for path in ["/bulk", "/diagnostic"] {
            ask("POST", format!("{prefix}{path}"), server, "[]", 202);
        }
        for path in ["/msdk/evalx/contexts/", "/msdk/evalx/users/", "/meval/", "/sdk/poll/eval/"] {
            ask("GET", format!("{prefix}{path}{PATH}"), mobile, "", 200);
        }
        ask("GET", format!("{prefix}/mping"), mobile, "", 200);
        for path in ["/msdk/evalx/context", "/msdk/evalx/user", "/meval"] {
            ask("REPORT", format!("{prefix}{path}"), mobile, ANNA, 200);
        }
        for path in ["/mobile", "/mobile/events", "/mobile/events/bulk", "/mobile/events/diagnostic"] {
            ask("POST", format!("{prefix}{path}"), mobile, "[]", 202);
        }
        for path in [
            format!("/sdk/evalx/{id}/contexts/{PATH}"),
            format!("/eval/{id}/{PATH}"),
            format!("/ping/{id}"),
            format!("/sdk/goals/{id}"),
            format!("/a/{id}.gif"),
            format!("/sdk/poll/eval/{PATH}?auth={id}"),
            format!("/sdk/stream/eval/{PATH}?auth={id}"),
        ] {
            ask("GET", format!("{prefix}{path}"), "", "", 200);
        }
        ask("REPORT", format!("{prefix}/sdk/evalx/{id}/context"), "", ANNA, 200);
        ask("REPORT", format!("{prefix}/eval/{id}"), "", ANNA, 200);
        for path in ["/events/bulk", "/events/diagnostic"] {
            ask("POST", format!("{prefix}{path}/{id}"), "", "[]", 202);
        }
        let evaluation = r#"{"context":{"targetingKey":"anna"}}"#;
        ask("POST", format!("{prefix}/ofrep/v1/evaluate/flags"), server, evaluation, 200);
        ask("POST", format!("{prefix}/ofrep/v1/evaluate/flags/f"), server, evaluation, 200);
        ask("GET", format!("{prefix}/api/frontend"), mobile, "", 200);
    }
    all
}

async fn server(data: &std::path::Path) -> Running {
    let options = Options { fsync: false, ..Options::new(data, cluster::binaries()) };
    postgres::start(options).await.expect("a PostgreSQL of its own")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn before_anything_is_loaded_every_sdk_is_told_to_come_back_and_afterwards_it_is_served() {
    let data = cluster::directory("sdk-beginning");
    let running = server(&data).await;
    let url = running.url();
    let keys = {
        let app = TestApp::start_on(url.clone(), |_| {}).await;
        flag(&app, "f").await;
        Keys {
            server: key(&app, "staging", CredentialKind::Server).await,
            mobile: key(&app, "staging", CredentialKind::Mobile).await,
            browser: key(&app, "staging", CredentialKind::ClientSideId).await,
        }
    };
    running.stop().await;
    // A directory of its own: nothing is remembered.
    let app = TestApp::start_without(url, |c| {
        c.database.acquire_timeout = Duration::from_millis(500);
    })
    .await;
    assert!(!app.state.live.ready());
    let none = ("sdk-nobody", "mob-nobody", "ffffffffffffffffffffffff");
    let all = (keys.server.text.as_str(), keys.mobile.text.as_str(), keys.browser.text.as_str());
    for (server, mobile, id) in [all, none, ("", "", "x")] {
        for Asked { what, request, .. } in every(&app, server, mobile, id) {
            let answer = request.header("origin", "https://shop.example").send().await.unwrap();
            assert_eq!(answer.status(), 503, "{what}");
            let after = answer.headers().get("retry-after").unwrap_or_else(|| panic!("{what} says not when"));
            let seconds: u32 = after.to_str().unwrap().parse().unwrap();
            assert!((1..=30).contains(&seconds), "{what}: {seconds}");
            // A browser must be able to read that much.
            assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{what}");
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert!(kind.starts_with("application/json"), "{what} says {kind}");
        }
    }
    // Probes send nobody here meanwhile, and know that it lives.
    assert_eq!(app.get("/health/ready").await.status(), 503);
    assert_eq!(app.get("/health/live").await.status(), 200);
    assert!(!app.state.live.ready(), "something was loaded meanwhile");

    let running = server(&data).await;
    app.until("the catalog is loaded", async || app.state.live.ready()).await;
    let (server, mobile, id) = all;
    for Asked { what, request, good } in every(&app, server, mobile, id) {
        assert_eq!(request.send().await.unwrap().status(), good, "{what}");
    }
    let (server, mobile, id) = none;
    for Asked { what, request, .. } in every(&app, server, mobile, id) {
        let status = request.send().await.unwrap().status().as_u16();
        let expected = if what.contains(id) { 404 } else { 401 };
        assert_eq!(status, expected, "{what} with a key that is nobody's");
    }
    drop(app);
    running.stop().await;
}
