//! The first data: what a fresh installation has, and the demo's.

use std::collections::BTreeSet;

use flagstaffd::seed;
use serde_json::Value;
use shared::json::{Json, parse};

use super::{PRODUCTION, STAGING, command};
use crate::support::app::TestApp;
use crate::support::cluster;

const DEMO: &str = include_str!("../../../../seeds/demo.json");

fn keys_of(json: &Json) -> BTreeSet<String> {
    json.as_object().unwrap().iter().map(|(key, _)| key.clone()).collect()
}

fn demo_keys() -> BTreeSet<String> {
    let demo = parse(DEMO).unwrap();
    let sets = demo.get("changeSets").unwrap().as_array().unwrap();
    sets.iter()
        .flat_map(|set| set.get("changes").unwrap().as_array().unwrap())
        .filter(|change| change.get("op").unwrap().as_str() == Some("createFlag"))
        .map(|change| change.get("flag").unwrap().get("key").unwrap().as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn no_seed_has_a_key_of_an_export_or_of_the_documents_example() {
    let seeds = demo_keys();
    assert!((10..=15).contains(&seeds.len()), "{}", seeds.len());
    assert!(!seeds.contains("myNewFeature"));
    for export in [STAGING, PRODUCTION] {
        assert!(seeds.is_disjoint(&keys_of(&parse(export).unwrap())));
    }
}

#[tokio::test]
async fn the_demo_serves_both_exports_byte_for_byte_and_its_own_flags() {
    let url = cluster::fresh_database().await;
    let cx = command(&url).await;
    assert!(seed::run(&cx).await.unwrap());
    let head = cx.gate.last_committed();
    assert!(!seed::run(&cx).await.unwrap(), "a second time does nothing");
    assert!(!seed::found(&cx).await.unwrap());
    assert_eq!(cx.gate.last_committed(), head);
    let app = TestApp::start_on(url, |_| {}).await;
    for (environment, export) in [("staging", STAGING), ("production", PRODUCTION)] {
        let export = parse(export).unwrap();
        let text = app.get(&format!("/api/environments/{environment}/flags")).await.text().await.unwrap();
        let served = parse(&text).unwrap();
        for (key, entry) in export.as_object().unwrap() {
            assert!(text.contains(&format!("{}:{entry}", Json::from(key.as_str()))), "{environment} {key}");
        }
        let all: BTreeSet<String> = keys_of(&export).union(&demo_keys()).cloned().collect();
        assert_eq!(keys_of(&served), all, "{environment}");
    }
    // The founding document's own example.
    let premium =
        r#""databasePremium":{"flagVersion":1,"trackEvents":false,"value":true,"variation":0,"version":1}"#;
    let aclp = concat!(
        r#""aclp":{"flagVersion":9,"trackEvents":false,"value":{"beta":false,"enabled":true,"#,
        r#""bypassAccountCapabilities":true},"variation":1,"version":435}"#
    );
    let staging = app.get("/api/environments/staging/flags").await.text().await.unwrap();
    assert!(staging.contains(&format!("{premium},{aclp}")), "{staging}");
    let catalog = app.state.live.catalog();
    let production =
        catalog.environments.values().find(|e| e.stored.row.key.as_str() == "production").unwrap();
    let row = &production.stored.row;
    assert_eq!((row.protected, row.comment_required, row.order, row.version_base), (true, false, 2, 520));
    assert_eq!(production.segments.len(), 2);
    assert!(catalog.degraded.is_empty(), "{:?}", catalog.degraded);
}

#[tokio::test]
async fn the_founding_documents_toggle_works_on_the_demo() {
    let url = cluster::fresh_database().await;
    assert!(seed::run(&command(&url).await).await.unwrap());
    let app = TestApp::start_on(url, |_| {}).await;
    let body = serde_json::json!({"environment": "staging", "enabled": false});
    let answer = app.post("/api/flags/databasePremium/toggle", &body).await;
    assert_eq!(answer.status(), 200);
    let all: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(all["databasePremium"]["value"], false, "off is false for booleans");
    assert_eq!(all["databasePremium"]["version"], 2);
}

#[tokio::test]
async fn a_fresh_installation_has_a_project_with_two_environments_and_no_flags() {
    let url = cluster::fresh_database().await;
    let cx = command(&url).await;
    assert!(seed::found(&cx).await.unwrap());
    assert_eq!(cx.gate.last_committed(), 1, "one revision");
    let app = TestApp::start_on(url, |_| {}).await;
    let catalog = app.state.live.catalog();
    let environments: Vec<_> = catalog
        .environments
        .values()
        .map(|e| (e.stored.row.key.to_string(), e.stored.row.protected))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(environments, [("production".to_owned(), true), ("staging".to_owned(), false)]);
    assert_eq!(app.get("/api/environments/staging/flags").await.text().await.unwrap(), "{}");
}
