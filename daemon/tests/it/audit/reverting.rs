//! Reverts: what a revision did is taken back, what came later stays.

use serde_json::{Value, json};
use shared::access::Role;

use super::{bind, create, read, set};
use crate::support::app::TestApp;

async fn revert(app: &TestApp, revision: i64) -> (u16, Value) {
    let answer = app.post(&format!("/api/revisions/{revision}/revert"), &json!({})).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn reverted(app: &TestApp, revision: i64) -> i64 {
    let (status, body) = revert(app, revision).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["changed"], true, "{body}");
    body["revision"].as_i64().unwrap()
}

async fn patch_config(app: &TestApp, key: &str, merge: &Value) -> i64 {
    super::revision(app.patch(&format!("/api/flags/{key}/config/staging"), merge).await, 200).await
}

#[tokio::test]
async fn a_switch_is_undone_and_later_edits_stay() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let version = read(&app, "/api/flags/checkout/config/staging").await["version"].as_i64().unwrap();
    patch_config(&app, "checkout", &json!({"trackEvents": true})).await;
    let undone = reverted(&app, on).await;
    let config = read(&app, "/api/flags/checkout/config/staging").await;
    assert_eq!(config["enabled"], false);
    assert_eq!(config["config"]["trackEvents"], true);
    assert!(config["version"].as_i64().unwrap() > version + 1, "versions never fall");
    let shown = read(&app, &format!("/api/revisions/{undone}")).await;
    assert_eq!(shown["kind"], "revert");
    assert_eq!(shown["comment"], format!("reverts r{on}"));
    // Nothing is left to undo.
    let (status, again) = revert(&app, on).await;
    assert_eq!((status, &again["changed"]), (200, &json!(false)), "{again}");
    // And a revert can itself be undone.
    reverted(&app, undone).await;
    assert_eq!(read(&app, "/api/flags/checkout/config/staging").await["enabled"], true);
}

#[tokio::test]
async fn what_was_changed_again_is_a_conflict_that_points_to_it() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let first = patch_config(&app, "checkout", &json!({"debugEventsUntilDate": 1})).await;
    patch_config(&app, "checkout", &json!({"debugEventsUntilDate": 2})).await;
    let (status, problem) = revert(&app, first).await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(problem["type"], "urn:flagstaff:problem:conflict");
    let pointer = problem["conflicts"][0]["pointer"].as_str().unwrap();
    assert_eq!(pointer, "/entities/0/value/document/debugEventsUntilDate");
    assert_eq!(problem["current"].pointer(pointer), Some(&json!(2)), "the pointer leads into current");
    assert_eq!(problem["current"]["entities"][0]["environment"], "staging");
}

#[tokio::test]
async fn a_creation_is_archived_and_archiving_restored() {
    let app = TestApp::start().await;
    let made = create(&app, "checkout").await;
    let archived = reverted(&app, made).await;
    assert_eq!(read(&app, "/api/flags/checkout").await["archived"], true);
    let restored = reverted(&app, archived).await;
    assert_eq!(read(&app, "/api/flags/checkout").await["archived"], false);
    reverted(&app, restored).await;
    assert_eq!(read(&app, "/api/flags/checkout").await["archived"], true);
}

#[tokio::test]
async fn a_change_set_is_undone_as_a_whole_also_where_one_part_waits_for_another() {
    let app = TestApp::start().await;
    create(&app, "parent").await;
    let body = json!({"mutations": [
        {"op": "createFlag", "flag": {"key": "child", "type": "boolean"}},
        {"op": "createSegment", "environment": "staging", "segment": {"key": "beta", "document": {"included": ["ann"]}}},
        {"op": "patchConfig", "flag": "parent", "environment": "staging", "merge": {
            "prerequisites": [{"key": "child", "variation": 0}],
            "rules": [{"id": "r", "variation": 0, "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta"]}]}]}},
        {"op": "updateFlag", "flag": "parent", "merge": {"variations": [{"value": true, "name": "yes"}, {"value": false}]}},
    ]});
    let made = super::revision(app.post("/api/change-sets", &body).await, 200).await;
    super::revision(app.patch("/api/flags/parent", &json!({"description": "later"})).await, 200).await;
    reverted(&app, made).await;
    let parent = read(&app, "/api/flags/parent").await;
    assert_eq!(parent["description"], "later");
    assert_eq!(parent["variations"][0], json!({"value": true}));
    let config = read(&app, "/api/flags/parent/config/staging").await;
    assert!(config["config"].get("prerequisites").is_none(), "{config}");
    assert_eq!(read(&app, "/api/flags/child").await["archived"], true);
}

#[tokio::test]
async fn what_others_came_to_need_is_not_taken_away() {
    let app = TestApp::start().await;
    create(&app, "parent").await;
    let child = create(&app, "child").await;
    patch_config(&app, "parent", &json!({"prerequisites": [{"key": "child", "variation": 0}]})).await;
    let (status, problem) = revert(&app, child).await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(problem["type"], "urn:flagstaff:problem:in-use");
}

#[tokio::test]
async fn access_and_foundations_are_not_revertible() {
    let app = TestApp::start().await;
    let access = bind(&app, "root", Role::Owner, "*", "*").await;
    let as_root = async |revision: i64| {
        let path = app.at(&format!("/api/revisions/{revision}/revert"));
        let answer = app.client.post(path).header("x-user-id", "root").send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    for revision in [access, 1] {
        let (status, problem) = as_root(revision).await;
        assert_eq!(status, 422, "{problem}");
        assert_eq!(problem["type"], "urn:flagstaff:problem:not-revertible");
    }
    assert_eq!(as_root(9999).await.0, 404);
    // An editor may not even ask what an access change was.
    assert_eq!(revert(&app, access).await.0, 403);
    let made = create(&app, "checkout").await;
    let anonymous = app.client.post(app.at(&format!("/api/revisions/{made}/revert"))).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
}

#[tokio::test]
async fn a_protected_environment_asks_twice() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let staging = shared::change::Mutation::UpdateEnvironment(
        shared::key::ProjectKey::default(),
        shared::key::EnvironmentKey::new("staging").unwrap(),
        shared::change::Patch::Merge(
            shared::json::parse(r#"{"protected":true,"commentRequired":true}"#).unwrap(),
        ),
    );
    app.commit(&[flagstaffd::service::commit::Item::whole(staging)]).await;
    let (status, problem) = revert(&app, on).await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(problem["plan"]["confirmation"]["text"], "checkout");
    let path = format!("/api/revisions/{on}/revert");
    let without = app.post(&path, &json!({"confirm": "checkout"})).await;
    assert_eq!(without.status(), 409, "the words that we would write ourselves are no comment");
    let done = app
        .post(
            &path,
            &json!({"confirm": "checkout", "comment": "too early",
        "planHash": problem["plan"]["planHash"]}),
        )
        .await;
    super::revision(done, 200).await;
    assert_eq!(app.post(&path, &json!({"confrim": "x"})).await.status(), 422);
}

#[tokio::test]
async fn a_dry_run_of_a_revert_shows_what_it_would_do() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let answer = app.post(&format!("/api/revisions/r{on}/revert"), &json!({"dryRun": true})).await;
    let plan: Value = answer.json().await.unwrap();
    assert_eq!(plan["changes"][0]["action"], "turned-off");
    assert_eq!(read(&app, "/api/flags/checkout/config/staging").await["enabled"], true);
}
