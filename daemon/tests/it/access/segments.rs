//! Segments over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::json as body_of;
use crate::support::app::TestApp;

const PATH: &str = "/api/environments/staging/segments";

#[tokio::test]
async fn a_segment_is_made_replaced_edited_archived_and_brought_back() {
    let app = TestApp::start().await;
    let body = json!({"key": "beta", "name": "Beta", "tags": ["x"], "document": {"included": ["a", "b"], "rules": []}});
    let made = app.post(PATH, &body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["location"], format!("{PATH}/beta"));
    assert_eq!(app.post(PATH, &body).await.status(), 409);
    let one = format!("{PATH}/beta");
    let read = app.get(&one).await;
    let etag = read.headers()["etag"].clone();
    let read = body_of(read).await;
    assert_eq!((&read["version"], &read["document"]["included"]), (&json!(1), &json!(["a", "b"])));
    let known = app.client.get(app.at(&one)).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    // Replacing leaves nothing of the old document, and what is not named as it was.
    let replaced = app.put(&one, &json!({"document": {"excluded": ["c"]}, "comment": "why"})).await;
    assert_eq!(replaced.status(), StatusCode::OK);
    let replaced = body_of(replaced).await;
    assert_eq!((&replaced["document"], &replaced["name"]), (&json!({"excluded": ["c"]}), &json!("Beta")));
    assert_eq!(replaced["version"], 2);
    let stale = app.request(Method::PUT, &one).header("if-match", &etag).json(&json!({"document": {}}));
    assert_eq!(stale.send().await.unwrap().status(), StatusCode::PRECONDITION_FAILED);
    let patched = app.patch(&one, &json!({"document": {"included": ["d"]}})).await;
    assert_eq!(body_of(patched).await["document"], json!({"excluded": ["c"], "included": ["d"]}));
    let operations = json!([{"op": "add", "path": "/document/included/-", "value": "e"}]);
    let patched = app
        .request(Method::PATCH, &one)
        .header("content-type", "application/json-patch+json")
        .body(operations.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(body_of(patched).await["document"]["included"], json!(["d", "e"]));
    let listed = body_of(app.get(&format!("{PATH}?q=BET&tag=x")).await).await;
    assert_eq!((&listed["total"], &listed["items"][0]["included"]), (&json!(1), &json!(2)));
    assert_eq!(body_of(app.get(&format!("{PATH}?q=nothing")).await).await["total"], 0);
    let gone = app.request(Method::DELETE, &one).send().await.unwrap();
    assert_eq!(body_of(gone).await["archived"], true);
    assert_eq!(body_of(app.get(PATH).await).await["total"], 0);
    assert_eq!(app.patch(&one, &json!({"name": "x"})).await.status(), 404);
    assert_eq!(app.post(PATH, &body).await.status(), 409);
    let back = app.post(&format!("{one}/restore"), &json!({})).await;
    assert_eq!(body_of(back).await["archived"], false);
    // Nothing is a default for another environment.
    assert_eq!(app.get("/api/environments/production/segments/beta").await.status(), 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_segment_is_named_where_it_stands() {
    let app = TestApp::start().await;
    let clause = json!({"attribute": "name", "op": "resembles", "values": ["x"]});
    let document = json!({"rules": [{"clauses": [clause]}]});
    assert_eq!(app.post(PATH, &json!({"key": "ok", "document": {}})).await.status(), 201);
    for (method, path, body) in [
        (Method::POST, PATH.to_owned(), json!({"key": "bad", "document": document})),
        (Method::PUT, format!("{PATH}/ok"), json!({"document": document})),
        (Method::PATCH, format!("{PATH}/ok"), json!({"document": document})),
    ] {
        let answer = app.request(method.clone(), &path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 422, "{method}");
        let pointer = body_of(answer).await["errors"][0]["pointer"].as_str().unwrap().to_owned();
        assert!(pointer.starts_with("/document/rules/0/clauses/0"), "{method}: {pointer}");
    }
    for (body, pointer) in [
        (json!({"key": "a b"}), "/key"),
        (json!({"key": "c", "document": []}), "/document"),
        (json!({"key": "c", "nmae": "x"}), "/nmae"),
        (json!({"document": {}}), "/key"),
    ] {
        let answer = app.post(PATH, &body).await;
        assert_eq!(answer.status(), 422, "{body}");
        assert_eq!(body_of(answer).await["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(app.put(&format!("{PATH}/ok"), &json!({"document": {}, "key": "other"})).await.status(), 422);
    assert_eq!(app.put(&format!("{PATH}/nothing"), &json!({"document": {}})).await.status(), 404);
}

#[tokio::test]
async fn a_segment_in_use_is_not_archived() {
    let app = TestApp::start().await;
    assert_eq!(app.post(PATH, &json!({"key": "used", "document": {"included": ["a"]}})).await.status(), 201);
    assert_eq!(app.post("/api/flags", &json!({"key": "f"})).await.status(), 201);
    let clause = json!({"attribute": "", "op": "segmentMatch", "values": ["used"]});
    let config = json!({"on": true, "rules": [{"id": "r", "variation": 0, "clauses": [clause]}], "fallthrough": {"variation": 1}, "offVariation": 1});
    let put = app.put("/api/flags/f/config/staging", &json!({"config": config})).await;
    assert_eq!(put.status(), 200, "{}", body_of(put).await);
    let refused = app.request(Method::DELETE, &format!("{PATH}/used")).send().await.unwrap();
    assert!(refused.status().is_client_error(), "{}", refused.status());
}
