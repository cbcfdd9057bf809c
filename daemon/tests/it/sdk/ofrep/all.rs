//! All flags at once: what is in the answer, and when nothing of it is sent.

use serde_json::{Value, json};

use super::{ALL, ask, told};
use crate::sdk::furnished::{
    ID, MOBILE, SERVER, archive, boolean, change, configure, flag, flag_for, toggle, with_keys,
};
use crate::support::app::TestApp;

fn for_user(key: &str) -> String {
    json!({"context": {"targetingKey": key}}).to_string()
}

async fn tag(app: &TestApp, body: &str) -> String {
    let response = ask(app, SERVER, ALL, body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["etag"].to_str().unwrap().to_owned()
}

/// The status of a poll that sends a tag along.
async fn again(app: &TestApp, body: &str, tag: &str) -> u16 {
    let response = ask(app, SERVER, ALL, body).header("if-none-match", tag).send().await.unwrap();
    let status = response.status().as_u16();
    if status == 304 {
        assert!(response.headers().contains_key("etag"));
        assert!(response.text().await.unwrap().is_empty());
    }
    status
}

fn names(all: &Value) -> Vec<&str> {
    all["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn flags_are_sorted_failures_stand_inline_and_what_is_hidden_or_archived_is_left_out() {
    let app = with_keys().await;
    for key in ["zulu", "alpha", "divided", "gone"] {
        boolean(&app, key).await;
    }
    let values = [("on", json!(true)), ("off", json!(false))];
    flag_for(&app, "hidden", "boolean", &values, false, false).await;
    let parts = json!({"variations": [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]});
    configure(&app, "divided", json!({"on": true, "fallthrough": {"rollout": parts}, "offVariation": 1}))
        .await;
    archive(&app, "gone").await;
    let all = told(ask(&app, SERVER, ALL, "{}").send().await.unwrap()).await.1;
    assert_eq!(names(&all), ["alpha", "divided", "hidden", "zulu"]);
    assert_eq!(all["flags"][0], json!({"key": "alpha", "reason": "STATIC", "variant": "on", "value": true}));
    assert_eq!(all["flags"][1]["errorCode"], "TARGETING_KEY_MISSING");
    assert!(all["flags"][1]["errorDetails"].is_string() && all["flags"][1].get("value").is_none());
    for key in [ID, MOBILE] {
        let all = told(ask(&app, key, ALL, for_user("a")).send().await.unwrap()).await.1;
        assert_eq!(names(&all), ["alpha", "divided", "zulu"]);
    }
}

#[tokio::test]
async fn a_poll_is_told_nothing_as_long_as_nothing_differs_for_its_context() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let anna = for_user("anna");
    let tag = tag(&app, &anna).await;
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let bare = tag.trim_matches('"');
    for sent in [tag.clone(), format!("W/{tag}"), bare.to_owned(), format!("\"x\", {tag}"), "*".to_owned()] {
        assert_eq!(again(&app, &anna, &sent).await, 304, "{sent}");
    }
    assert_eq!(again(&app, &anna, "\"x\"").await, 200);
    // A change for somebody else is none.
    let rules = json!([{"id": "r", "variation": 1,
        "clauses": [{"attribute": "key", "op": "in", "values": ["bob"], "negate": false}]}]);
    let config = |rules: Value| json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1, "rules": rules});
    let before = super::told(ask(&app, SERVER, ALL, for_user("bob")).send().await.unwrap()).await.1;
    boolean(&app, "g").await;
    assert_eq!(again(&app, &anna, &tag).await, 200, "there is a new flag");
    configure(&app, "f", config(rules)).await;
    let tag = self::tag(&app, &anna).await;
    let bobs = self::tag(&app, &for_user("bob")).await;
    let other = json!([{"id": "r", "variation": 1,
        "clauses": [{"attribute": "key", "op": "in", "values": ["carl"], "negate": false}]}]);
    configure(&app, "f", config(other)).await;
    assert_eq!(again(&app, &anna, &tag).await, 304, "only bob and carl are served something else");
    assert_eq!(again(&app, &for_user("bob"), &bobs).await, 200);
    let after = super::told(ask(&app, SERVER, ALL, for_user("bob")).send().await.unwrap()).await.1;
    assert_eq!(before["flags"][0]["value"], after["flags"][0]["value"]);
}

#[tokio::test]
async fn another_context_is_never_told_that_nothing_differs() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let rules = json!([{"id": "r", "variation": 1,
        "clauses": [{"attribute": "plan", "op": "in", "values": ["pro"], "negate": false}]}]);
    configure(
        &app,
        "f",
        json!({"on": true, "fallthrough": {"variation": 0}, "offVariation": 1, "rules": rules}),
    )
    .await;
    let free = json!({"context": {"targetingKey": "a", "plan": "free"}}).to_string();
    let pro = json!({"context": {"plan": "pro", "targetingKey": "a"}}).to_string();
    let tag = tag(&app, &free).await;
    assert_eq!(again(&app, &free, &tag).await, 304);
    // The same key, but another plan.
    assert_eq!(again(&app, &pro, &tag).await, 200);
    // The order of members says nothing.
    let turned = r#"{"context":{"plan":"free","targetingKey":"a"}}"#;
    assert_eq!(again(&app, turned, &tag).await, 304);
}

#[tokio::test]
async fn a_new_name_of_a_variation_is_a_new_answer() {
    let app = with_keys().await;
    flag(&app, "s", "string", &[("greeting", json!("hi")), ("parting", json!("bye"))]).await;
    let anna = for_user("anna");
    let tag = tag(&app, &anna).await;
    let variations = json!([{"name": "welcome", "value": "hi"}, {"name": "parting", "value": "bye"}]);
    change(&app, "s", json!({ "variations": variations })).await;
    assert_eq!(again(&app, &anna, &tag).await, 200);
    let all = told(ask(&app, SERVER, ALL, anna.clone()).send().await.unwrap()).await.1;
    assert_eq!(all["flags"][0]["variant"], "welcome");
    // What is said about a flag, but not to providers, changes nothing.
    let tag = self::tag(&app, &anna).await;
    change(&app, "s", json!({"description": "another"})).await;
    assert_eq!(again(&app, &anna, &tag).await, 304);
}

#[tokio::test]
async fn a_tag_is_the_same_in_another_daemon_and_after_a_restart() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let key_file = app.state.config.secrets.key_file.clone();
    let other = TestApp::start_on(app.url.clone(), |config| config.secrets.key_file = key_file).await;
    let anna = for_user("anna");
    let tag = tag(&app, &anna).await;
    assert_eq!(self::tag(&other, &anna).await, tag);
    assert_eq!(again(&other, &anna, &tag).await, 304);
    toggle(&app, "f", false).await;
    // The change that a stream told of is waited for, wherever the client asks for it.
    let position = app.state.live.catalog().position;
    let path = format!("{ALL}?flagConfigEtag=%22{position}%22&flagConfigLastModified=1771622898");
    let response = ask(&other, SERVER, &path, anna).header("if-none-match", &tag).send().await.unwrap();
    let (status, all) = told(response).await;
    assert_eq!((status, &all["flags"][0]["value"]), (200, &json!(false)));
    for odd in ["junk", "9.9", "1.999999999", ""] {
        let path = format!("{ALL}?flagConfigEtag={odd}");
        let asked = tokio::time::Instant::now();
        assert_eq!(ask(&other, SERVER, &path, "{}").send().await.unwrap().status(), 200, "{odd}");
        assert!(asked.elapsed().as_secs() < 10);
    }
}

#[tokio::test]
async fn answers_are_private_and_vary_by_who_asks() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let anna = for_user("anna");
    let tag = tag(&app, &anna).await;
    for request in [
        ask(&app, SERVER, ALL, anna.clone()),
        ask(&app, SERVER, ALL, anna.clone()).header("if-none-match", tag),
        ask(&app, SERVER, &format!("{ALL}/f"), anna.clone()),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        let vary: Vec<_> = response.headers().get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        let vary = vary.join(", ").to_lowercase();
        for name in ["authorization", "x-api-key", "origin"] {
            assert!(vary.contains(name), "{vary}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_and_read_what_it_needs() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let wanted = "content-type, authorization, x-api-key, if-none-match";
    for path in
        [ALL.to_owned(), format!("{ALL}/f"), "/ofrep/v1/stream".to_owned(), "/api/frontend".to_owned()]
    {
        let preflight = app
            .client
            .request(reqwest::Method::OPTIONS, app.at(&path))
            .header("origin", "https://shop.test")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", wanted)
            .send()
            .await
            .unwrap();
        assert!(preflight.status().is_success(), "{path}");
        let told = |name: &str| preflight.headers()[name].to_str().unwrap().to_lowercase();
        assert_eq!(told("access-control-allow-origin"), "*");
        assert!(told("access-control-allow-methods").contains("post"), "{path}");
        for header in wanted.split(", ") {
            assert!(told("access-control-allow-headers").contains(header), "{path} {header}");
        }
        assert!(told("access-control-max-age").parse::<u32>().unwrap() > 0);
        // Refusals are read, too.
        let refused =
            app.client.post(app.at(&path)).header("origin", "https://shop.test").send().await.unwrap();
        assert!(refused.status().is_client_error());
        assert_eq!(refused.headers()["access-control-allow-origin"], "*", "{path}");
        let exposed = refused.headers()["access-control-expose-headers"].to_str().unwrap().to_lowercase();
        assert!(exposed.contains("etag") && exposed.contains("retry-after"), "{exposed}");
    }
}
