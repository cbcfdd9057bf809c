//! Polls of browsers, phones and servers: every route, what is told, and when nothing is told anew.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header;
use serde_json::json;

use super::{
    ID, MOBILE, SERVER, b64, caught_up, configure, flag, furnished, keys, poll, report, results, sent,
};
use crate::support::app::TestApp;

const ANNA: &str = r#"{"kind":"user","key":"anna"}"#;

async fn get(app: &TestApp, path: &str, key: Option<&str>) -> reqwest::Response {
    let request = app.client.get(app.at(path));
    sent(match key {
        Some(key) => request.header("authorization", key),
        None => request,
    })
    .await
}

#[tokio::test]
async fn every_route_tells_what_its_credential_may_see() {
    let app = furnished().await;
    let anna = b64(ANNA);
    let web = ["everywhere", "web"];
    let phone = ["everywhere", "phone"];
    let all = ["everywhere", "phone", "server", "web"];
    for (prefix, key, seen) in [
        (format!("/sdk/evalx/{ID}"), None, &web[..]),
        ("/msdk/evalx".to_owned(), Some(MOBILE), &phone),
        ("/sdk/evalx".to_owned(), Some(SERVER), &all),
    ] {
        for path in ["contexts", "users"] {
            let told = results(get(&app, &format!("{prefix}/{path}/{anna}"), key).await).await;
            assert_eq!(keys(&told), seen, "{prefix}/{path}");
        }
        for path in ["context", "user"] {
            let mut request = report(&app, &format!("{prefix}/{path}"), ANNA);
            if let Some(key) = key {
                request = request.header("authorization", format!("api_key {key}"));
            }
            assert_eq!(keys(&results(sent(request).await).await), seen, "{prefix}/{path}");
        }
    }
    for (path, key, status) in [
        ("/msdk/evalx/contexts/", Some(SERVER), 401),
        ("/msdk/evalx/contexts/", None, 401),
        ("/sdk/evalx/contexts/", Some(MOBILE), 401),
        ("/sdk/evalx/ffffffffffffffffffffffff/contexts/", None, 404),
        (&*format!("/sdk/evalx/{SERVER}/contexts/"), None, 404),
    ] {
        let answer = get(&app, &format!("{path}{anna}"), key).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().await.unwrap().starts_with("{\"message\":"));
    }
}

#[tokio::test]
async fn a_result_has_the_versions_the_text_and_the_prerequisites_that_sdks_expect() {
    let app = furnished().await;
    let body = r#"{"key":"ratio","type":"number","enabled":true,"variations":[{"value":1.0},{"value":2e0}],
        "clientSideAvailability":{"usingEnvironmentId":true,"usingMobileKey":true}}"#;
    let made = app.request(reqwest::Method::POST, "/api/flags").header("content-type", "application/json");
    assert_eq!(sent(made.body(body)).await.status(), 201);
    configure(
        &app,
        "ratio",
        json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0},
            "prerequisites": [{"key": "server", "variation": 0}, {"key": "web", "variation": 1}]}),
    )
    .await;
    let told = app.get(&format!("/sdk/evalx/{ID}/contexts/{}?withReasons=true", b64(ANNA))).await;
    let headers = told.headers().clone();
    let text = told.text().await.unwrap();
    let state = app.state.live.catalog();
    let version = state.environments.values().find(|e| e.stored.row.key.as_str() == "staging").unwrap();
    let ratio = version.configs.values().find(|c| c.stored.row.flag.as_str() == "ratio").unwrap();
    let expected = format!(
        "\"ratio\":{{\"value\":2e0,\"variation\":1,\"flagVersion\":{},\"version\":{},\
         \"reason\":{{\"kind\":\"PREREQUISITE_FAILED\",\"prerequisiteKey\":\"web\"}},\
         \"prerequisites\":[\"server\",\"web\"]}}",
        ratio.stored.row.version,
        version.stored.row.version_base + version.revision.0,
    );
    assert!(text.contains(&expected), "{text}\nlacks {expected}");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "private, no-cache");
    assert_eq!(headers["x-ld-envid"], ID);
    let mobile = get(&app, &format!("/msdk/evalx/contexts/{}", b64(ANNA)), Some(MOBILE)).await;
    assert_eq!(mobile.headers()["x-ld-envid"], ID);
    configure(&app, "ratio", json!({"on": true, "fallthrough": {"variation": 0}})).await;
    let text = app.get(&format!("/sdk/evalx/{ID}/contexts/{}", b64(ANNA))).await.text().await.unwrap();
    assert!(text.contains("\"ratio\":{\"value\":1.0,\"variation\":0,") && !text.contains("reason"), "{text}");
}

#[tokio::test]
async fn an_etag_is_of_the_context_the_options_and_the_state() {
    let app = furnished().await;
    let path = |context: &str, query: &str| format!("/sdk/evalx/{ID}/contexts/{}{query}", b64(context));
    let tag = async |path: &str| {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 200);
        answer.headers()[header::ETAG].to_str().unwrap().to_owned()
    };
    let first = tag(&path(ANNA, "")).await;
    assert_eq!(first, tag(&path(ANNA, "")).await);
    let bob = path(r#"{"kind":"user","key":"bob"}"#, "");
    let others = [bob.clone(), path(ANNA, "?withReasons=true")];
    for other in &others {
        assert_ne!(first, tag(other).await, "{other}");
    }
    let known = async |path: &str, tag: &str| {
        let answer = sent(app.client.get(app.at(path)).header("if-none-match", tag)).await;
        let again = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
        (answer.status().as_u16(), again == tag.trim_start_matches("W/"), answer.bytes().await.unwrap().len())
    };
    assert_eq!(known(&path(ANNA, ""), &first).await, (304, true, 0));
    assert_eq!(known(&path(ANNA, ""), &format!("W/{first}")).await, (304, true, 0));
    assert_eq!(known(&bob, &first).await.0, 200);
    // The same URL with another body, as iOS sends it.
    let reported = async |context: &str, tag: &str| {
        let request = report(&app, &format!("/sdk/evalx/{ID}/context"), context);
        sent(request.header("if-none-match", tag)).await.status().as_u16()
    };
    assert_eq!(reported(ANNA, &first).await, 304);
    assert_eq!(reported(r#"{"kind":"user","key":"eve"}"#, &first).await, 200);
    configure(&app, "web", json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}})).await;
    assert_eq!(known(&path(ANNA, ""), &first).await, (200, false, known(&path(ANNA, ""), "").await.2));
}

#[tokio::test]
async fn contexts_arrive_whole_whatever_they_hold() {
    let app = furnished().await;
    let name = "Zoë 🚩 李 ?>~";
    configure(
        &app,
        "web",
        json!({"on": true, "fallthrough": {"variation": 1}, "rules": [{"id": "zoe", "variation": 0, "clauses": [
            {"contextKind": "org", "attribute": "name", "op": "in", "values": [name]}]}]}),
    )
    .await;
    let context =
        json!({"kind": "multi", "user": {"key": "ü/ö"}, "org": {"key": "o", "name": name}}).to_string();
    assert_eq!(poll(&app, &context).await["web"]["value"], true);
    let standard = STANDARD.encode(&context);
    assert!(standard.contains('/') || standard.contains('+') || standard.ends_with('='), "{standard}");
    let told = results(app.get(&format!("/sdk/evalx/{ID}/contexts/{standard}")).await).await;
    assert_eq!(told["web"]["value"], true);
    let escaped = standard.replace('=', "%3D").replace('+', "%2B");
    let told = results(app.get(&format!("/sdk/evalx/{ID}/contexts/{escaped}")).await).await;
    assert_eq!(told["web"]["value"], true);
    // An old user without a kind, and one of 32 KiB.
    assert_eq!(poll(&app, r#"{"key":"old","custom":{"a":1}}"#).await["web"]["value"], false);
    let mut large = json!({"kind": "org", "key": "o", "name": name, "filler": ""});
    let filler = "x".repeat(32 * 1024 - large.to_string().len());
    large["filler"] = filler.into();
    let large = large.to_string();
    assert_eq!(large.len(), 32 * 1024);
    assert_eq!(poll(&app, &large).await["web"]["value"], true);
    let told = results(sent(report(&app, &format!("/sdk/evalx/{ID}/context"), &large)).await).await;
    assert_eq!(told["web"]["value"], true);
    let chunks = futures_util::stream::iter(
        [&large[..1000], &large[1000..]].map(|part| Ok::<_, std::io::Error>(part.to_owned())),
    );
    let chunked =
        report(&app, &format!("/sdk/evalx/{ID}/context"), "").body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(results(sent(chunked).await).await["web"]["value"], true);
}

#[tokio::test]
async fn what_is_no_context_and_what_is_no_method_is_refused_with_a_message() {
    let app = furnished().await;
    for context in ["{}", "", "[]", r#"{"kind":"user","key":""}"#, r#"{"kind":"multi"}"#, "\u{1}"] {
        let path = format!("/sdk/evalx/{ID}/contexts/{}", b64(context));
        // An empty segment is another path.
        if !context.is_empty() {
            let answer = app.get(&path).await;
            assert_eq!(answer.status(), 400, "{context}");
            assert!(answer.json::<serde_json::Value>().await.unwrap()["message"].is_string());
        }
        let reported = sent(report(&app, &format!("/sdk/evalx/{ID}/context"), context)).await;
        assert_eq!(reported.status(), 400, "{context}");
    }
    assert_eq!(app.get(&format!("/sdk/evalx/{ID}/contexts/$$$")).await.status(), 400);
    let get = app.get(&format!("/sdk/evalx/{ID}/context")).await;
    assert_eq!((get.status().as_u16(), &get.headers()["allow"]), (405, &"REPORT".parse().unwrap()));
    let reported = sent(report(&app, &format!("/sdk/evalx/{ID}/contexts/{}", b64(ANNA)), ANNA)).await;
    assert_eq!((reported.status().as_u16(), &reported.headers()["allow"]), (405, &"GET".parse().unwrap()));
    let large = format!(r#"{{"key":"{}"}}"#, "a".repeat(200 * 1024));
    assert_eq!(sent(report(&app, &format!("/sdk/evalx/{ID}/context"), &large)).await.status(), 413);
}

#[tokio::test]
async fn an_archived_flag_is_not_told_and_a_restored_one_is() {
    let app = furnished().await;
    flag(&app, "late", &json!({"usingEnvironmentId": true, "usingMobileKey": true})).await;
    assert_eq!(keys(&poll(&app, ANNA).await), ["everywhere", "late", "web"]);
    let gone = sent(app.request(reqwest::Method::DELETE, "/api/flags/late")).await;
    assert!(gone.status().is_success(), "{}", gone.text().await.unwrap());
    caught_up(&app).await;
    assert_eq!(keys(&poll(&app, ANNA).await), ["everywhere", "web"]);
    assert!(app.post("/api/flags/late/restore", &json!({})).await.status().is_success());
    caught_up(&app).await;
    assert_eq!(keys(&poll(&app, ANNA).await), ["everywhere", "late", "web"]);
}

#[tokio::test]
async fn whom_flags_are_polled_for_is_remembered_without_what_is_private() {
    let app = furnished().await;
    let eve =
        r#"{"kind":"user","key":"eve","plan":"pro","email":"e@x","_meta":{"privateAttributes":["email"]}}"#;
    poll(&app, eve).await;
    let seen = async || {
        let told = app.get("/api/environments/staging/contexts").await;
        told.json::<serde_json::Value>().await.unwrap()["contexts"][0].clone()
    };
    app.until("the context is remembered", async || seen().await["key"] == "eve").await;
    let seen = seen().await;
    assert_eq!(seen["source"], "evalx");
    // What the SDK's own settings keep private is told in no poll, so that nothing of one is kept but who asked.
    assert_eq!(seen["context"], json!({"kind": "user", "key": "eve"}));
}
