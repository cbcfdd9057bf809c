//! What the stock client hears, over each transport.

use serde_json::{Value, json};

use super::{POLLING, Script, UPGRADE, WEBSOCKET, create, source, toggle};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_seeds_snippet_hears_a_flag_toggled_and_updated() {
    let app = TestApp::start().await;
    create(&app, "databasePremium").await;
    let mut script = Script::snippet(app.address, UPGRADE);
    let subscribed = script.told("subscribed").await;
    assert_eq!(subscribed["environments"], json!([{"environment": "staging"}]));
    toggle(&app, "databasePremium", true).await;
    script.hears("Flag updated: databasePremium {").await;
    let updated = script.told("updated").await;
    let payload: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(updated["config"], payload["databasePremium"]);
    assert_eq!(updated["environment"], "staging");
    assert_eq!(updated["version"], payload["databasePremium"]["version"]);
    assert!(updated["revision"].as_i64() > subscribed["revision"].as_i64());
    script.hears("Flag toggled: databasePremium true").await;
    let toggled = script.told("toggled").await;
    assert_eq!(toggled["enabled"], true);
    assert_eq!(toggled["revision"], updated["revision"]);
}

#[tokio::test]
async fn the_seeds_client_holds_what_a_fresh_get_answers_after_each_event() {
    let app = TestApp::start().await;
    for key in ["base", "leaf"] {
        create(&app, key).await;
        toggle(&app, key, true).await;
    }
    let url = format!("http://{}", app.address);
    let text = source("flag-client.mjs") + &source("flag-client-after.mjs") + &source("control.mjs");
    let mut script = Script::run(&text, &[("URL", &url)]);
    script.hears("subscribed").await;
    toggle(&app, "base", false).await;
    assert_eq!(script.hears("").await.split(' ').next(), Some("updated"));
    script.hears("equal").await;
    create(&app, "third").await;
    script.hears("created {\"flagKey\":\"third\"").await;
    script.hears("equal").await;
    // A flag that rests on another is told with it, though nobody changed the flag itself.
    let prerequisite = json!({"prerequisites": [{"key": "base", "variation": 0}]});
    let patched = app.patch("/api/flags/leaf/config/staging", &prerequisite).await;
    assert_eq!(patched.status(), 200, "{}", patched.text().await.unwrap());
    script.hears("updated {\"flagKey\":\"leaf\"").await;
    script.hears("equal").await;
    toggle(&app, "base", true).await;
    script.hears("updated {\"flagKey\":\"leaf\"").await;
    script.hears("equal").await;
    let archived = app.request(reqwest::Method::DELETE, "/api/flags/third").send().await.unwrap();
    assert!(archived.status().is_success());
    script.hears("archived {\"flagKey\":\"third\"").await;
    script.hears("equal").await;
    let different: Vec<_> = script.heard.iter().filter(|line| line.starts_with("different")).collect();
    // Between the two events of one change the map is ahead of one of them.
    assert!(different.len() <= 1, "{different:#?}");
}

#[tokio::test]
async fn every_transport_of_the_stock_client_hears() {
    let app = TestApp::start().await;
    create(&app, "f").await;
    for (options, name) in [(POLLING, "polling"), (WEBSOCKET, "websocket"), (UPGRADE, "polling")] {
        let mut script = Script::snippet(app.address, options);
        script.hears(&format!("open {name}")).await;
        if options == UPGRADE {
            script.hears("upgrade websocket").await;
        }
        // The lines that tell of the subscription may have come before.
        script.say(r#"ack ["subscribe", {"environment": "staging", "project": "default"}]"#).await;
        assert_eq!(script.told("ack").await["ok"], true);
        toggle(&app, "f", true).await;
        script.hears("Flag toggled: f true").await;
        toggle(&app, "f", false).await;
        script.hears("Flag toggled: f false").await;
    }
}

#[tokio::test]
async fn subscriptions_are_answered_and_wrong_ones_are_explained() {
    let app = TestApp::start().await;
    let mut script = Script::plain(app.address, &json!({}));
    script.hears("connect ").await;
    script.say(r#"ack ["subscribe", "staging"]"#).await;
    let answer = script.told("ack").await;
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["environment"], "staging");
    assert!(answer["revision"].as_i64().unwrap() > 0);
    script.say(r#"ack ["subscribe", "nowhere"]"#).await;
    let answer = script.told("ack").await;
    assert_eq!(answer["ok"], false);
    assert!(answer["error"].as_str().unwrap().contains("nowhere"));
    assert!(script.told("subscribe_error").await["error"].as_str().unwrap().contains("nowhere"));
    for wrong in ["[\"subscribe\"]", "[\"subscribe\", 7]", "[\"subscribe\", {\"project\": \"default\"}]"] {
        script.say(&format!("ack {wrong}")).await;
        assert_eq!(script.told("ack").await["ok"], false, "{wrong}");
    }
    script.say(r#"ack ["subscribe", "production"]"#).await;
    let both = script.told("subscribed").await;
    assert_eq!(both["environments"].as_array().unwrap().len(), 2);
    script.say(r#"ack ["unsubscribe", "staging"]"#).await;
    let left = script.told("subscribed").await;
    assert_eq!(left["environments"], json!([{"environment": "production"}]));
    // What is in staging alone is heard no more.
    create(&app, "f").await;
    assert_eq!(script.told("created").await["environment"], "production");
    toggle(&app, "f", true).await;
    let on = json!({"environment": "production", "enabled": true});
    assert_eq!(app.post("/api/flags/f/toggle", &on).await.status(), 200);
    assert_eq!(script.told("toggled").await["environment"], "production");
}
