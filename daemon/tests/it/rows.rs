//! Rows put straight into the tables: a bad one breaks only its own flag.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::TestApp;
use crate::support::cluster;

/// Documents that this program would never have written.
const BAD: [&str; 12] = [
    r#"{"on":true,"rules":"none"}"#,
    r#"{"on":true,"rules":[{"clauses":[{"attribute":"a","op":7,"values":["x"]}],"variation":0}]}"#,
    r#"{"on":true,"rules":[{"clauses":{"a":1}}]}"#,
    r#"{"on":true,"fallthrough":{"rollout":{"variations":[{"variation":"zero","weight":"much"}]}}}"#,
    r#"{"on":true,"targets":[{"variation":0,"values":[1,2,{}]}]}"#,
    r#"{"on":true,"prerequisites":[{"key":3}]}"#,
    r#"{"on":true,"fallthrough":{"variation":99}}"#,
    r#"{"on":true,"fallthrough":{"variation":-1},"offVariation":1e300}"#,
    r#"{"on":true}"#,
    "[]",
    r#"{"on":true,"rules":[{"clauses":[{"attribute":"a","op":"matches","values":["(["]}],"variation":0}],"fallthrough":{"variation":0}}"#,
    r#"{"on":true,"rules":[{"clauses":[{"attribute":"a","op":"frobnicates","values":["x"]}],"variation":1}],"fallthrough":{"variation":0}}"#,
];

#[tokio::test]
async fn a_bad_row_breaks_only_its_own_flag() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), |_| {}).await;
    for n in 0..=BAD.len() {
        let made = first.post("/api/flags", &json!({"key": format!("flag-{n}"), "enabled": true})).await;
        assert_eq!(made.status(), 201);
    }
    let mut conn = PgConnection::connect(&url).await.unwrap();
    for (n, document) in BAD.iter().enumerate() {
        sqlx::query(
            "update feature_flag_configs c set document = $1::text::json from feature_flags f
             where f.id = c.flag_id and f.key = $2",
        )
        .bind(document)
        .bind(format!("flag-{n}"))
        .execute(&mut conn)
        .await
        .unwrap();
    }
    // A row that is five megabytes, and one whose variations are no list.
    sqlx::query(
        "update feature_flags set metadata = json_build_object('x', repeat('y', 5000000)) where key = 'flag-0'",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    sqlx::query("update feature_flags set variations = '{\"a\":1}' where key = 'flag-1'")
        .execute(&mut conn)
        .await
        .unwrap();
    drop(first);
    let second = TestApp::start_on(url, |_| {}).await;
    let good = format!("flag-{}", BAD.len());
    let payload = second.get("/api/environments/staging/flags").await;
    assert_eq!(payload.status(), 200);
    let payload: Value = payload.json().await.unwrap();
    assert_eq!(payload[&good]["value"], true, "the good flag serves");
    assert!(!second.state.live.catalog().degraded.is_empty(), "what is broken is marked");
    let listed = second.get("/api/flags").await;
    assert_eq!(listed.status(), 200);
    for n in 0..=BAD.len() {
        let answer = second.get(&format!("/api/flags/flag-{n}/config/staging")).await;
        assert!(answer.status().as_u16() < 500, "flag-{n}: {}", answer.status());
    }
    let toggled = second
        .post(&format!("/api/flags/{good}/toggle"), &json!({"environment": "staging", "enabled": false}))
        .await;
    assert_eq!(toggled.status(), 200, "writes of other flags go on");
    let repaired = second
        .put(
            "/api/flags/flag-3/config/staging",
            &json!({"config": {"on": true, "fallthrough": {"variation": 1}, "offVariation": 1}}),
        )
        .await;
    assert_eq!(repaired.status(), 200, "a broken configuration is repaired by writing a good one");
    let payload: Value = second.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(payload["flag-3"]["value"], false);
}
