//! Looking back: reads of a moment that has gone.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{create, read, set};
use crate::support::app::TestApp;

#[tokio::test]
async fn every_read_of_a_flag_sees_the_moment_that_was_asked_for() {
    let app = TestApp::start().await;
    let before = app.state.live.catalog().position.revision.0;
    let made = create(&app, "checkout").await;
    let fresh = read(&app, "/api/flags/checkout").await;
    let payload = read(&app, "/api/environments/staging/flags").await;
    let on = set(&app, "checkout", true).await;
    let config = read(&app, "/api/flags/checkout/config/staging").await;
    super::revision(app.patch("/api/flags/checkout", &json!({"name": "Renamed"})).await, 200).await;
    set(&app, "checkout", false).await;
    create(&app, "later").await;

    let answer = app.get(&format!("/api/flags/checkout?at={made}")).await;
    assert_eq!(answer.headers()["flagstaff-revision"], made.to_string().as_str());
    assert!(answer.headers()["etag"].to_str().unwrap().starts_with(&format!("\"1.{made}.")));
    assert_eq!(answer.json::<Value>().await.unwrap(), fresh, "stamps included");
    assert_eq!(read(&app, &format!("/api/environments/staging/flags?at=r{made}")).await, payload);
    assert_eq!(read(&app, &format!("/api/flags/checkout/config/staging?at=1.{on}")).await, config);
    let listed = read(&app, &format!("/api/flags?at={on}")).await;
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["items"][0]["name"], "checkout");
    assert_eq!(app.get(&format!("/api/flags/checkout?at={before}")).await.status(), 404);
    assert_eq!(app.get(&format!("/api/flags/later?at={on}")).await.status(), 404);
    assert_eq!(app.get("/api/flags/checkout?at=1").await.status(), 404);
}

#[tokio::test]
async fn a_time_means_the_last_revision_at_or_before_it() {
    let app = TestApp::start().await;
    let made = create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let off = set(&app, "checkout", false).await;
    let time = async |r: i64| {
        let text = read(&app, &format!("/api/revisions/{r}")).await["at"].as_str().unwrap().to_owned();
        time::OffsetDateTime::parse(&text, &Rfc3339).unwrap()
    };
    let revision = async |at: time::OffsetDateTime| {
        let text = at.format(&Rfc3339).unwrap();
        let answer = app.get(&format!("/api/flags/checkout?at={text}")).await;
        answer.headers()["flagstaff-revision"].to_str().unwrap().parse::<i64>().unwrap()
    };
    let moment = time::Duration::microseconds(1);
    assert_eq!(revision(time(on).await).await, on);
    assert_eq!(revision(time(on).await - moment).await, made);
    assert_eq!(revision(time(off).await - moment).await, on);
    assert_eq!(
        revision(time(off).await.to_offset(time::UtcOffset::from_hms(2, 0, 0).unwrap())).await,
        off,
        "an unescaped plus"
    );
}

#[tokio::test]
async fn a_moment_that_cannot_be_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    for (at, status) in [
        ("yesterday", 400),
        ("", 400),
        ("-1", 400),
        ("r", 400),
        ("1.2.3", 400),
        ("99999999999999999999", 400),
        ("0", 404),
        ("2.2", 404),
        ("1990-01-01T00:00:00Z", 404),
        ("9999", 422),
        ("2200-01-01T00:00:00Z", 422),
    ] {
        let answer = app.get(&format!("/api/flags/checkout?at={at}")).await;
        let got = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(got, status, "{at}: {body}");
    }
    let mixed = app.get("/api/flags?environment=staging&config=$.on%20==%20true&at=2").await;
    assert_eq!(mixed.status(), 400);
    // Nobody writes the past.
    let body = json!({"environment": "staging", "enabled": true});
    super::revision(app.post("/api/flags/checkout/toggle?at=1", &body).await, 200).await;
}

#[tokio::test]
async fn the_past_of_every_revision_equals_what_was_read_then() {
    let app = TestApp::start().await;
    let mut seen: Vec<(i64, Value, Value)> = Vec::new();
    create(&app, "a").await;
    create(&app, "b").await;
    for step in 0..12 {
        let revision = match step % 4 {
            0 => set(&app, "a", step % 8 == 0).await,
            1 => {
                super::revision(app.patch("/api/flags/a", &json!({"tags": [format!("t{step}")]})).await, 200)
                    .await
            }
            2 => {
                let variations = json!([{"value": true}, {"value": false, "name": format!("n{step}")}]);
                super::revision(app.patch("/api/flags/a", &json!({"variations": variations})).await, 200)
                    .await
            }
            _ => {
                let (method, path) = if step % 8 == 3 {
                    (reqwest::Method::DELETE, "/api/flags/b")
                } else {
                    (reqwest::Method::POST, "/api/flags/b/restore")
                };
                super::revision(app.request(method, path).send().await.unwrap(), 200).await
            }
        };
        let list = read(&app, "/api/flags?limit=1000").await;
        seen.push((revision, list, read(&app, "/api/environments/staging/flags").await));
        if step % 8 == 3 {
            set(&app, "a", true).await;
        }
    }
    for (revision, list, payload) in seen {
        assert_eq!(read(&app, &format!("/api/flags?limit=1000&at={revision}")).await, list, "at {revision}");
        assert_eq!(read(&app, &format!("/api/environments/staging/flags?at={revision}")).await, payload);
    }
}

#[tokio::test]
async fn without_the_database_the_past_is_away_and_the_present_stays() {
    let app = TestApp::start().await;
    let made = create(&app, "checkout").await;
    let now = read(&app, "/api/flags/checkout").await;
    app.state.gate.pool().close().await;
    for path in [
        format!("/api/flags/checkout?at={made}"),
        "/api/audit".to_owned(),
        "/api/flags/checkout/audit".to_owned(),
        format!("/api/revisions/{made}"),
        "/api/revisions".to_owned(),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"), "{path}");
    }
    assert_eq!(read(&app, "/api/flags/checkout").await, now);
}
