//! Server payloads: whole documents of one environment.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{line, pointers, taken};
use crate::support::app::TestApp;

fn flag(key: &str, version: u32, more: &Value) -> Value {
    let mut flag = json!({"key": key, "version": version, "on": true, "salt": format!("salt-{key}"),
        "variations": [true, false], "fallthrough": {"variation": 0}, "offVariation": 1, "targets": [],
        "contextTargets": [], "rules": [], "prerequisites": [], "trackEvents": false, "clientSide": true,
        "clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": false}, "deleted": false});
    for (member, value) in more.as_object().unwrap() {
        flag[member] = value.clone();
    }
    flag
}

fn segment(key: &str, more: &Value) -> Value {
    let mut segment = json!({"key": key, "version": 4, "salt": "abc", "included": ["u"], "excluded": [],
        "rules": [], "deleted": false});
    for (member, value) in more.as_object().unwrap() {
        segment[member] = value.clone();
    }
    segment
}

fn in_segment(key: &str) -> Value {
    json!([{"id": "s", "variation": 0, "trackEvents": false, "clauses": [
        {"attribute": "", "op": "segmentMatch", "values": [key], "negate": false}]}])
}

#[tokio::test]
async fn documents_salts_and_versions_are_kept() {
    let app = TestApp::start().await;
    let export = json!({
        "flags": {
            // It waits for one that stands after it.
            "a-waits": flag("a-waits", 31, &json!({"prerequisites": [{"key": "z-first", "variation": 0}]})),
            "z-first": flag("z-first", 7, &json!({"rules": in_segment("people"), "migration": {"checkRatio": 2}, "odd": [1]})),
            "gone": {"version": 3, "deleted": true},
        },
        "segments": {
            "outer": segment("outer", &json!({"rules": [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": ["people"], "negate": false}]}]})),
            "people": segment("people", &json!({"unbounded": true, "generation": 1})),
        },
    });
    let body = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(body["format"], "launchdarkly-server");
    assert_eq!(body["totals"], json!({"created": 4, "updated": 0, "unchanged": 0, "refused": 0}), "{body}");
    assert!(body["notes"].to_string().contains("/flags/gone is deleted"), "{body}");
    assert!(line(&body, "people")["notes"].to_string().contains("unbounded"), "{body}");
    assert_eq!(line(&body, "people")["environment"], "staging");
    let config: Value = app.get("/api/flags/z-first/config/staging").await.json().await.unwrap();
    assert_eq!(config["salt"], "salt-z-first");
    assert_eq!(config["version"], 7);
    assert_eq!(config["config"]["odd"], json!([1]));
    for owned in ["key", "version", "salt", "variations", "clientSide", "clientSideAvailability", "deleted"] {
        assert_eq!(config["config"].get(owned), None, "{owned}");
    }
    let flag: Value = app.get("/api/flags/a-waits").await.json().await.unwrap();
    assert_eq!(flag["kind"], "boolean");
    assert_eq!(flag["clientSideAvailability"], json!({"usingEnvironmentId": true, "usingMobileKey": false}));
    assert_eq!(flag["environments"]["staging"]["version"], 31);
    assert_eq!(flag["environments"].get("production"), None);
    let again = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(again["changed"], false, "{again}");
    assert_eq!(again["totals"]["unchanged"], 4);
}

#[tokio::test]
async fn what_hangs_in_the_air_is_refused_one_by_one() {
    let app = TestApp::start().await;
    let waits =
        |for_: &str, variation: i32| json!({"prerequisites": [{"key": for_, "variation": variation}]});
    let export = json!({
        "flags": {
            "good": flag("good", 1, &json!({})),
            "dangling": flag("dangling", 1, &waits("nowhere", 0)),
            "then-this-too": flag("then-this-too", 1, &waits("dangling", 0)),
            "wrong-variation": flag("wrong-variation", 1, &waits("good", 2)),
            "circle-1": flag("circle-1", 1, &waits("circle-2", 0)),
            "circle-2": flag("circle-2", 1, &waits("circle-1", 0)),
            "beside-the-circle": flag("beside-the-circle", 1, &waits("circle-1", 0)),
            "itself": flag("itself", 1, &waits("itself", 0)),
            "no-segment": flag("no-segment", 1, &json!({"rules": in_segment("nobody")})),
            "bad-segment": flag("bad-segment", 1, &json!({"rules": in_segment("broken")})),
            "weights": flag("weights", 1, &json!({"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 7}]}}})),
            "misnamed": flag("other", 1, &json!({})),
            "valueless": flag("valueless", 1, &json!({"variations": null})),
            "salty": flag("salty", 1, &json!({"salt": 3})),
        },
        "segments": {
            "broken": segment("broken", &json!({"included": "u"})),
            "round": segment("round", &json!({"rules": [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": ["round"], "negate": false}]}]})),
        },
    });
    let body = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(body["totals"], json!({"created": 1, "updated": 0, "unchanged": 0, "refused": 15}), "{body}");
    assert_eq!(pointers(&body, "dangling"), ["/flags/dangling/prerequisites/0/key"]);
    assert_eq!(pointers(&body, "then-this-too"), ["/flags/then-this-too/prerequisites/0/key"]);
    assert_eq!(pointers(&body, "wrong-variation"), ["/flags/wrong-variation/prerequisites/0/variation"]);
    assert_eq!(pointers(&body, "circle-1"), ["/flags/circle-1/prerequisites"]);
    assert_eq!(pointers(&body, "circle-2"), ["/flags/circle-2/prerequisites"]);
    assert_eq!(pointers(&body, "beside-the-circle"), ["/flags/beside-the-circle/prerequisites/0/key"]);
    assert_eq!(pointers(&body, "itself"), ["/flags/itself/prerequisites"]);
    assert_eq!(pointers(&body, "no-segment"), ["/flags/no-segment/rules/0/clauses/0/values/0"]);
    assert_eq!(pointers(&body, "bad-segment"), ["/flags/bad-segment/rules/0/clauses/0/values/0"]);
    assert_eq!(pointers(&body, "weights"), ["/flags/weights/fallthrough/rollout/variations"]);
    assert_eq!(pointers(&body, "misnamed"), ["/flags/misnamed/key"]);
    assert_eq!(pointers(&body, "valueless"), ["/flags/valueless/variations"]);
    assert_eq!(pointers(&body, "salty"), ["/flags/salty/salt"]);
    assert_eq!(pointers(&body, "broken"), ["/segments/broken/included"]);
    assert_eq!(pointers(&body, "round"), ["/segments/round/rules"]);
    assert_eq!(app.get("/api/flags/dangling").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn other_values_are_appended_and_documents_renumbered() {
    let app = TestApp::start().await;
    let ours = json!({"key": "f", "type": "string", "variations": [{"value": "a"}, {"value": "b"}]});
    assert_eq!(app.post("/api/flags", &ours).await.status(), StatusCode::CREATED);
    let export = json!({"flags": {
        "f": flag("f", 9, &json!({"variations": ["a", "c", "b"], "offVariation": 2,
            "targets": [{"variation": 1, "values": ["t"]}],
            "rules": [{"id": "r", "variation": 2, "trackEvents": false, "clauses": []}],
            "fallthrough": {"rollout": {"variations": [{"variation": 1, "weight": 60000}, {"variation": 0, "weight": 40000}]}}})),
        "g": flag("g", 2, &json!({"prerequisites": [{"key": "f", "variation": 1}]})),
    }, "segments": {}});
    let body = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(body["totals"]["refused"], 0, "{body}");
    assert!(line(&body, "f")["notes"].to_string().contains("was added as variation 2"), "{body}");
    let flag: Value = app.get("/api/flags/f").await.json().await.unwrap();
    let values: Vec<_> = flag["variations"].as_array().unwrap().iter().map(|v| &v["value"]).collect();
    assert_eq!(values, ["a", "b", "c"]);
    let config: Value = app.get("/api/flags/f/config/staging").await.json().await.unwrap();
    let document = &config["config"];
    assert_eq!(document["offVariation"], 1);
    assert_eq!(document["targets"][0]["variation"], 2);
    assert_eq!(document["rules"][0]["variation"], 1);
    let weights = json!([{"variation": 2, "weight": 60000}, {"variation": 0, "weight": 40000}]);
    assert_eq!(document["fallthrough"]["rollout"]["variations"], weights);
    let waiting: Value = app.get("/api/flags/g/config/staging").await.json().await.unwrap();
    assert_eq!(waiting["config"]["prerequisites"][0]["variation"], 2);
}

#[tokio::test]
async fn another_kind_is_refused_where_it_stands() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "f", "type": "boolean"})).await;
    let export = json!({"flags": {"f": flag("f", 1, &json!({"variations": [true, "no"]}))}, "segments": {}});
    let body = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(pointers(&body, "f"), ["/flags/f/variations/1"]);
    assert_eq!(body["changed"], false);
}

#[tokio::test]
async fn availability_raises_the_version_in_every_environment() {
    let app = TestApp::start().await;
    app.post("/api/flags", &json!({"key": "f", "type": "boolean"})).await;
    let export = json!({"flags": {"f": flag("f", 1, &json!({}))}, "segments": {}});
    taken(&app, "environment=staging", &export.to_string()).await;
    let flag: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(flag["flagVersion"], 2);
    assert_eq!(flag["environments"]["staging"]["version"], 2);
    assert_eq!(flag["environments"]["production"]["version"], 2);
}

#[tokio::test]
async fn the_streams_event_and_a_relays_archive_are_read() {
    let app = TestApp::start().await;
    let event =
        json!({"path": "/", "data": {"flags": {"f": flag("f", 1, &json!({}))}, "segments": {"": {}}}});
    let body = taken(&app, "environment=staging", &event.to_string()).await;
    assert_eq!(line(&body, "f")["outcome"], "created");
    assert_eq!(pointers(&body, ""), ["/data/segments/"]);
    let archive = json!({"env": {"envID": "5c1d2e3f4a5b6c7d8e9f0a1b", "envKey": "staging",
        "sdkKey": {"value": "sdk-1"}, "mobKey": ""}, "dataId": "\"1\""});
    let body = taken(&app, "environment=staging", &archive.to_string()).await;
    assert_eq!(body["totals"]["refused"], 2, "an editor makes no credentials: {body}");
    assert_eq!(pointers(&body, "5c1d2e3f4a5b6c7d8e9f0a1b"), ["/env/envID"]);
}

#[tokio::test]
async fn chains_that_no_evaluation_follows_are_refused_at_their_beginnings() {
    let app = TestApp::start().await;
    let (mut flags, mut segments) = (serde_json::Map::new(), serde_json::Map::new());
    for i in 0..68 {
        let next = json!({"prerequisites": [{"key": format!("f{}", i + 1), "variation": 0}]});
        flags.insert(format!("f{i}"), flag(&format!("f{i}"), 1, &if i < 67 { next } else { json!({}) }));
        let asks = json!({"rules": [{"clauses": [{"attribute": "", "op": "segmentMatch",
            "values": [format!("s{}", i + 1)], "negate": false}]}]});
        segments.insert(format!("s{i}"), segment(&format!("s{i}"), &if i < 67 { asks } else { json!({}) }));
    }
    let export = json!({"flags": flags, "segments": segments});
    let body = taken(&app, "environment=staging", &export.to_string()).await;
    assert_eq!(body["totals"], json!({"created": 130, "updated": 0, "unchanged": 0, "refused": 6}), "{body}");
    for i in 0..3 {
        assert_eq!(pointers(&body, &format!("f{i}")), [format!("/flags/f{i}/prerequisites")]);
        assert_eq!(pointers(&body, &format!("s{i}")), [format!("/segments/s{i}/rules")]);
    }
    let served = app.post("/api/evaluate", &json!({"environment": "staging", "flagKey": "f3"})).await;
    let served: Value = served.json().await.unwrap();
    assert_ne!(served["results"][0]["flags"]["f3"]["reason"]["kind"], "ERROR", "{served}");

    // What stands here is not made too deep either.
    let more = json!({"flags": {
        "f67": flag("f67", 2, &json!({"prerequisites": [{"key": "beyond", "variation": 0}]})),
        "beyond": flag("beyond", 1, &json!({})),
    }});
    let body = taken(&app, "environment=staging", &more.to_string()).await;
    assert_eq!(pointers(&body, "f67"), ["/flags/f67/prerequisites"], "{body}");
    assert_eq!(body["totals"]["created"], 1, "{body}");
}
