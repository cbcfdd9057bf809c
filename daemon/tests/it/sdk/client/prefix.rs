//! Below a path prefix browsers and phones find everything that is at the root, from anywhere.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::cors::preflight;
use super::{ID, MOBILE, b64, configure, furnished, keys, poll, report, results, sent};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::Events;

const ANNA: &str = r#"{"kind":"user","key":"anna"}"#;
const PAGE: &str = "https://shop.example";

fn get(app: &TestApp, path: &str) -> RequestBuilder {
    app.client.get(app.at(path)).header("origin", PAGE)
}

#[tokio::test]
async fn browsers_ask_below_the_prefix_as_they_do_at_the_root() {
    let app = furnished().await;
    let anna = b64(ANNA);
    let told = poll(&app, ANNA).await;
    assert_eq!(keys(&told), ["everywhere", "web"]);
    for request in [
        get(&app, &format!("/ld/sdk/evalx/{ID}/contexts/{anna}")),
        get(&app, &format!("/ld/sdk/evalx/{ID}/users/{anna}")),
        report(&app, &format!("/ld/sdk/evalx/{ID}/context"), ANNA),
        report(&app, &format!("/ld/sdk/evalx/{ID}/user"), ANNA),
    ] {
        let answer = sent(request).await;
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{}", answer.url());
        assert_eq!(answer.headers()["x-ld-envid"], ID);
        assert_eq!(results(answer).await, told);
    }
    let goals = sent(get(&app, &format!("/ld/sdk/goals/{ID}"))).await;
    assert_eq!(goals.headers()["access-control-allow-origin"], "*");
    assert_eq!(results(goals).await, json!([]));
    for path in [format!("/ld/events/bulk/{ID}"), format!("/ld/events/diagnostic/{ID}")] {
        let request = app.client.post(app.at(&path)).header("origin", PAGE);
        let answer = sent(request.header("content-type", "application/json").body("[]")).await;
        assert_eq!(answer.status(), 202, "{path}");
        assert!(answer.headers().contains_key("date"), "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap().to_owned();
        assert!(exposed.split(", ").any(|name| name == "Date"), "{exposed}");
    }
    let picture = sent(get(&app, &format!("/ld/a/{ID}.gif?d=W10="))).await;
    assert_eq!(
        (picture.status().as_u16(), &picture.headers()["content-type"]),
        (200, &"image/gif".parse().unwrap())
    );
    let objects: Value = results(sent(get(&app, &format!("/ld/sdk/poll/eval/{anna}?auth={ID}"))).await).await;
    assert_eq!(objects["events"][0]["event"], "server-intent");
}

#[tokio::test]
async fn streams_below_the_prefix_tell_what_changes() {
    let app = furnished().await;
    let anna = b64(ANNA);
    let told = poll(&app, ANNA).await;
    let browser = sent(get(&app, &format!("/ld/eval/{ID}/{anna}"))).await;
    assert_eq!(browser.status(), 200);
    assert_eq!(browser.headers()["access-control-allow-origin"], "*");
    let reported = sent(report(&app, &format!("/ld/eval/{ID}"), ANNA).header("origin", PAGE)).await;
    assert_eq!(reported.headers()["access-control-allow-origin"], "*");
    let pings = sent(get(&app, &format!("/ld/ping/{ID}"))).await;
    let phone = sent(get(&app, &format!("/ld/meval/{anna}")).header("authorization", MOBILE)).await;
    let (mut browser, mut reported) = (Events::of(browser), Events::of(reported));
    let (mut pings, mut phone) = (Events::of(pings), Events::of(phone));
    assert_eq!(browser.hear("put").await, told);
    assert_eq!(reported.hear("put").await, told);
    assert_eq!(keys(&phone.hear("put").await), ["everywhere", "phone"]);
    pings.hear("ping").await;
    configure(&app, "everywhere", json!({"on": true, "fallthrough": {"variation": 1}})).await;
    for stream in [&mut browser, &mut reported, &mut phone] {
        let patch = stream.hear("patch").await;
        assert_eq!((&patch["key"], &patch["value"]), (&json!("everywhere"), &json!(false)));
    }
    pings.hear("ping").await;
}

#[tokio::test]
async fn preflights_and_refusals_below_the_prefix_can_be_read_by_pages() {
    let app = furnished().await;
    let anna = b64(ANNA);
    for (path, method) in [
        (format!("/ld/sdk/evalx/{ID}/contexts/{anna}"), "GET"),
        (format!("/ld/sdk/evalx/{ID}/context"), "REPORT"),
        (format!("/ld/eval/{ID}"), "REPORT"),
        (format!("/ld/eval/{ID}/{anna}"), "GET"),
        (format!("/ld/sdk/goals/{ID}"), "GET"),
        (format!("/ld/events/bulk/{ID}"), "POST"),
        (format!("/ld/events/diagnostic/{ID}"), "POST"),
    ] {
        let (status, headers) = preflight(&app, &path, method).await;
        assert_eq!(status, 204, "{path}");
        assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
        assert_eq!(headers["access-control-allow-headers"], "x-launchdarkly-user-agent, x-new", "{path}");
        let methods = headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.split(", ").any(|one| one == method), "{methods}");
    }
    let nobody = "ffffffffffffffffffffffff";
    for (path, status) in [
        (format!("/ld/sdk/evalx/{nobody}/contexts/{anna}"), 404),
        (format!("/ld/eval/{nobody}/{anna}"), 404),
        (format!("/ld/sdk/goals/{nobody}"), 404),
        (format!("/ld/sdk/evalx/{ID}/contexts/e30"), 400),
        (format!("/ld/eval/{ID}"), 405),
        (format!("/ld/events/bulk/{ID}"), 405),
    ] {
        let answer = sent(get(&app, &path)).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
    }
}

#[tokio::test]
async fn a_prefix_of_ones_own_takes_the_place_of_the_usual_one() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| c.http.sdk_prefix = "/flags/of".to_owned()).await;
    super::credential(&app, shared::access::CredentialKind::ClientSideId, ID, None).await;
    let path = format!("/sdk/evalx/{ID}/contexts/{}", b64(ANNA));
    for (prefix, status) in [("", 200), ("/flags/of", 200), ("/ld", 404), ("/flags", 404)] {
        let answer = sent(get(&app, &format!("{prefix}{path}"))).await;
        assert_eq!(answer.status(), status, "below {prefix:?}");
    }
}
