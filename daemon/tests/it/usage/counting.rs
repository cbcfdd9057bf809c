//! What is counted, and how it is told.

use flagstaffd::config::Config;
use serde_json::{Value, json};

use super::{accepted, bulk, counted, flags, keys, summary, usage};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn usage_tells_versions_variations_reasons_and_every_step() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a", "b"]).await;
    accepted(bulk(&app, &keys, summary("a", 1, 0, 3).to_string())).await;
    accepted(bulk(&app, &keys, summary("a", 1, 1, 4).to_string())).await;
    let absent = json!([{"kind": "summary", "features": {"a": {"counters": [{"unknown": true, "count": 2}]},
        "nobody-made-this": {"counters": [{"variation": 0, "version": 1, "count": 9}]}}}]);
    accepted(bulk(&app, &keys, absent.to_string())).await;
    // Each evaluation of such an SDK is an event of its own, and nothing is summarized.
    let php = json!([{"kind": "feature", "key": "a", "variation": 1, "version": 1, "creationDate": 5,
        "reason": {"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "beta"}, "context": {"kind": "user", "key": "p"}}]);
    let request = || bulk(&app, &keys, php.to_string());
    accepted(request().header("x-launchdarkly-unsummarized", "true")).await;
    accepted(request()).await;
    let told = counted(&app, "a", 10).await;
    assert_eq!(
        told["counters"],
        json!([
            {"version": 1, "variation": 1, "reason": null, "ruleId": null, "count": 4},
            {"version": 1, "variation": 0, "reason": null, "ruleId": null, "count": 3},
            {"version": null, "variation": null, "reason": null, "ruleId": null, "count": 2},
            {"version": 1, "variation": 1, "reason": "RULE_MATCH", "ruleId": "beta", "count": 1},
        ])
    );
    assert_eq!((told["stepSeconds"].as_i64(), told["truncated"].as_bool()), (Some(60), Some(false)));
    let series = told["series"].as_array().unwrap();
    assert!((60..=61).contains(&series.len()), "{}", series.len());
    let counts = series.iter().flat_map(|step| step["counts"].as_array().unwrap());
    assert_eq!(counts.map(|one| one["count"].as_i64().unwrap()).sum::<i64>(), 10);
    assert_eq!((&series[0]["at"], &series[0]["counts"]), (&told["from"], &json!([])));
    assert!(told["lastEvaluated"].is_string());
    let other = usage(&app, "b").await;
    assert_eq!((&other["total"], &other["lastEvaluated"]), (&json!(0), &Value::Null));
    for (span, step, steps) in [("3h", 60, 180), ("4h", 3_600, 4), ("14d", 3_600, 336), ("30d", 86_400, 30)] {
        let path = format!("/api/projects/default/flags/a/usage?environment=staging&since={span}");
        let told: Value = app.get(&path).await.json().await.unwrap();
        assert_eq!((&told["stepSeconds"], &told["total"]), (&json!(step), &json!(10)), "{span}");
        let found = told["series"].as_array().unwrap().len();
        assert!(found == steps || found == steps + 1, "{span}: {found}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let app = TestApp::start().await;
    flags(&app, &["a"]).await;
    for (query, status) in [
        ("", 400),
        ("?environment=staging&since=soon", 400),
        ("?environment=staging&since=2d&until=3d", 400),
        ("?environment=staging&since=400d", 400),
        ("?environment=staging&since=0001-01-01T00:00:00Z&until=0001-01-02T00:00:00Z", 400),
        ("?environment=staging&until=9999-12-31T23:59:59Z", 400),
        ("?environment=nowhere", 404),
        ("?environment=staging&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00%2B02:00", 200),
    ] {
        let answer = app.get(&format!("/api/flags/a/usage{query}")).await;
        assert_eq!(answer.status().as_u16(), status, "{query}");
    }
    assert_eq!(app.get("/api/flags/none/usage?environment=staging").await.status(), 404);
}

#[tokio::test]
async fn last_evaluations_are_in_the_matrix_its_etag_and_its_filter() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a", "b"]).await;
    let matrix = async |query: &str, etag: &str| {
        app.client
            .get(app.at(&format!("/api/matrix{query}")))
            .header("if-none-match", etag)
            .send()
            .await
            .unwrap()
    };
    let before = matrix("", "").await;
    let etag = before.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(matrix("", &etag).await.status(), 304);
    let before: Value = before.json().await.unwrap();
    assert_eq!(before["items"][0]["environments"]["staging"]["lastEvaluated"], Value::Null);
    accepted(bulk(&app, &keys, summary("a", 1, 0, 1).to_string())).await;
    counted(&app, "a", 1).await;
    let after = matrix("", &etag).await;
    assert_eq!(after.status(), 200, "it is another answer");
    let etag = after.headers()["etag"].to_str().unwrap().to_owned();
    let after: Value = after.json().await.unwrap();
    let cell =
        |flag: usize, environment: &str| &after["items"][flag]["environments"][environment]["lastEvaluated"];
    assert!(cell(0, "staging").is_string());
    assert!(cell(0, "production").is_null() && cell(1, "staging").is_null());
    assert_eq!(matrix("", &etag).await.status(), 304);
    // A column of which nobody told anything is the same as ever.
    assert_eq!(
        matrix(
            "?environments=production",
            &before["position"].as_str().map_or(String::new(), |p| format!("\"{p}\""))
        )
        .await
        .status(),
        304
    );
    for (filter, found) in [
        ("evaluated:<7d", vec!["a"]),
        ("evaluated:never", vec!["b"]),
        ("evaluated:>30d", vec!["b"]),
        ("env:production evaluated:never", vec!["a", "b"]),
        ("env:staging -evaluated:<1h", vec!["b"]),
    ] {
        for list in ["matrix", "flags"] {
            let answer = app.get(&format!("/api/{list}?filter={filter}")).await;
            assert!(list == "flags" || !answer.headers().contains_key("etag"), "{filter} grows old");
            let body: Value = answer.json().await.unwrap();
            let keys: Vec<_> =
                body["items"].as_array().unwrap().iter().map(|f| f["key"].as_str().unwrap()).collect();
            assert_eq!(keys, found, "{filter} in {list}");
        }
    }
}

#[tokio::test]
async fn a_browser_counts_only_what_it_may_see() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["open"]).await;
    let hidden = json!({"key": "hidden", "clientSideAvailability": {"usingEnvironmentId": false, "usingMobileKey": true}});
    assert_eq!(app.post("/api/flags", &hidden).await.status(), 201);
    app.until("it is served", async || app.get("/api/flags/hidden").await.status() == 200).await;
    for flag in ["hidden", "open"] {
        let browser = app.client.post(app.at(&format!("/events/bulk/{}", keys.browser)));
        accepted(browser.body(summary(flag, 1, 0, 1).to_string())).await;
        let phone = app.client.post(app.at("/mobile")).header("authorization", &keys.mobile);
        accepted(phone.body(summary(flag, 1, 0, 10).to_string())).await;
    }
    counted(&app, "open", 11).await;
    counted(&app, "hidden", 10).await;
}

#[tokio::test]
async fn counters_are_bounded_and_what_is_folded_still_counts() {
    let few = |config: &mut Config| config.usage.most_counters = 4;
    let app = TestApp::start_on(cluster::fresh_database().await, few).await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    for version in 1..=20 {
        accepted(bulk(&app, &keys, summary("a", version, 0, 1).to_string())).await;
    }
    // No flag has such variations, and no version is so far ahead.
    accepted(bulk(&app, &keys, summary("a", 1, 100, 50).to_string())).await;
    accepted(bulk(&app, &keys, summary("a", 1_000_000, 0, 1).to_string())).await;
    let told = counted(&app, "a", 21).await;
    let counters = told["counters"].as_array().unwrap();
    // Twice as many where a minute ended between them.
    assert!(counters.len() <= 9, "{counters:?}");
    assert_eq!(counters[0]["version"], Value::Null);
    let metrics = app.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("flagstaff_usage_shed_total{what=\"counter\"}"), "what is lost is told");
}

#[tokio::test]
async fn evaluations_over_the_api_count_for_sdks_and_not_for_people() {
    let app = TestApp::start().await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let body = json!({"environment": "staging", "flagKey": "a", "context": {"kind": "user", "key": "x"}});
    assert_eq!(app.post("/api/evaluate", &body).await.status(), 200);
    let sdk = app.client.post(app.at("/api/evaluate")).header("authorization", &keys.server).json(&body);
    assert_eq!(sdk.send().await.unwrap().status(), 200);
    let told = counted(&app, "a", 1).await;
    assert_eq!(
        told["counters"],
        json!([{"version": 1, "variation": 1, "reason": "OFF", "ruleId": null, "count": 1}])
    );
}
