//! Change sets: several mutations, one revision, all or nothing.

use serde_json::{Value, json};

use super::{create, read};
use crate::support::app::TestApp;

async fn head(app: &TestApp) -> i64 {
    read(app, "/api/revisions?limit=1000").await["items"].as_array().unwrap().len() as i64
}

#[tokio::test]
async fn several_mutations_are_one_revision() {
    let app = TestApp::start().await;
    create(&app, "old").await;
    let before = head(&app).await;
    let body = json!({"comment": "launch", "mutations": [
        {"op": "createFlag", "flag": {"key": "one", "type": "boolean"}},
        {"op": "createFlag", "flag": {"key": "two", "variations": [{"value": "a"}, {"value": "b"}]}},
        {"op": "setOn", "flag": "one", "environment": "staging", "enabled": true},
        {"op": "createSegment", "environment": "staging", "segment": {"key": "beta", "document": {"included": ["ann"]}}},
        {"op": "patchConfig", "flag": "two", "environment": "staging",
         "patch": [{"op": "add", "path": "/prerequisites", "value": [{"key": "one", "variation": 0}]}]},
        {"op": "updateFlag", "flag": "old", "merge": {"tags": ["legacy"]}},
    ]});
    let answer = app.post("/api/change-sets", &body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["flagstaff-revision"], (before + 1).to_string().as_str());
    let done: Value = answer.json().await.unwrap();
    assert_eq!(done["revision"], before + 1);
    assert_eq!(done["changed"], true);
    assert_eq!(done["changes"].as_array().unwrap().len(), 8, "{done}");
    let shown = read(&app, &format!("/api/revisions/{}", before + 1)).await;
    assert_eq!((shown["source"].as_str(), shown["comment"].as_str()), (Some("change-set"), Some("launch")));
    assert_eq!(head(&app).await, before + 1);
    assert_eq!(read(&app, "/api/flags/one").await["environments"]["staging"]["enabled"], true);
}

#[tokio::test]
async fn one_fault_stops_all_and_names_its_place() {
    let app = TestApp::start().await;
    let before = head(&app).await;
    let pointers = async |mutations: Value, status: u16| -> Vec<String> {
        let answer = app.post("/api/change-sets", &json!({"mutations": mutations})).await;
        let got = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(got, status, "{body}");
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let good = json!({"op": "createFlag", "flag": {"key": "one"}});
    assert_eq!(
        pointers(json!([good, {"op": "createFlag", "flag": {"key": "b d", "nmae": 1}}]), 422).await,
        ["/mutations/1/flag/key", "/mutations/1/flag/nmae"]
    );
    assert_eq!(pointers(json!([good, {"op": "explode"}]), 422).await, ["/mutations/1/op"]);
    assert_eq!(pointers(json!([good, {"op": "createFlag", "flag": {"key": "two", "type": "boolean", "variations": [{"value": 3}]}}]), 422).await,
        ["/mutations/1/flag/variations/0/value"]);
    assert_eq!(pointers(json!([good, {"op": "patchConfig", "flag": "one", "environment": "staging", "merge": {"offVariation": 9}}]), 422).await,
        ["/mutations/1/merge/offVariation"]);
    assert_eq!(pointers(json!([good, {"op": "createSegment", "environment": "staging", "segment": {"key": "s", "document": {"rules": 3}}}]), 422).await,
        ["/mutations/1/segment/document/rules"]);
    assert_eq!(pointers(json!([]), 422).await, ["/mutations"]);
    assert_eq!(pointers(Value::Array(vec![good.clone(); 1001]), 422).await, ["/mutations"]);
    pointers(json!([good, good]), 409).await;
    pointers(json!([good, {"op": "archiveFlag", "flag": "nosuch"}]), 404).await;
    assert_eq!(head(&app).await, before, "nothing was written");
}

#[tokio::test]
async fn each_mutation_has_an_etag_of_its_own() {
    let app = TestApp::start().await;
    create(&app, "one").await;
    create(&app, "two").await;
    let one = app.get("/api/flags/one").await.headers()["etag"].to_str().unwrap().to_owned();
    let two = app.get("/api/flags/two").await.headers()["etag"].to_str().unwrap().to_owned();
    super::revision(app.patch("/api/flags/two", &json!({"name": "Two"})).await, 200).await;
    let body = json!({"mutations": [
        {"op": "updateFlag", "flag": "one", "merge": {"name": "One"}, "ifMatch": one},
        {"op": "updateFlag", "flag": "two", "merge": {"name": "Zwei"}, "ifMatch": two},
    ]});
    assert_eq!(app.post("/api/change-sets", &body).await.status(), 412);
    assert_eq!(read(&app, "/api/flags/one").await["name"], "one");
}

#[tokio::test]
async fn a_dry_run_answers_the_plan_and_writes_nothing() {
    let app = TestApp::start().await;
    create(&app, "one").await;
    super::sql(&app, "select 1").await.unwrap();
    let before = head(&app).await;
    let mutations = json!([{"op": "setOn", "flag": "one", "environment": "staging", "enabled": true}]);
    let plan: Value = app
        .post("/api/change-sets", &json!({"mutations": mutations, "dryRun": true}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(plan["dryRun"], true);
    assert_eq!(plan["changes"][0]["action"], "turned-on");
    assert_eq!(head(&app).await, before);
    let hash = &plan["planHash"];
    let done = app.post("/api/change-sets", &json!({"mutations": mutations, "planHash": hash})).await;
    assert_eq!(super::revision(done, 200).await, before + 1);
}
