//! Documents come back as they were written, in reads and in the history.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{letters, pointers, send, told};
use crate::support::app::TestApp;

const PATH: &str = "/api/flags/kept/config/staging";

#[tokio::test]
async fn what_was_put_is_what_is_read_and_what_the_history_holds() {
    let app = TestApp::start().await;
    letters(&app, "kept").await;
    let document = r#"{"zebra":{"b":1.0,"a":1e2,"big":9007199254740991},"on":true,"offVariation":2,"fallthrough":{"variation":0},"note":"\u00e9 \"q\" / \ud83d\ude00","list":[1.50,-0.0,[],{}],"é":null}"#;
    let compact = r#"{"zebra":{"b":1.0,"a":1e2,"big":9007199254740991},"on":true,"offVariation":2,"fallthrough":{"variation":0},"note":"é \"q\" / 😀","list":[1.50,-0.0,[],{}],"é":null}"#;
    let put = send(&app, Method::PUT, PATH, &format!(r#"{{ "config" : {document} }}"#)).await;
    assert_eq!(put.status(), StatusCode::OK);
    assert!(put.text().await.unwrap().contains(&format!("\"config\":{compact}")));
    let read = app.get(PATH).await.text().await.unwrap();
    assert!(read.contains(&format!("\"config\":{compact}")), "{read}");
    let pool = app.state.gate.pool();
    let (kept, held): (String, String) = sqlx::query_as(
        "select a.after, c.document::text from feature_flag_audit_log a
         join feature_flag_configs c on c.id = a.entity_id order by a.revision desc limit 1",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(held, compact);
    assert!(kept.contains(&format!("\"document\":{compact}")), "{kept}");
    // And through a patch of another member, and a toggle.
    app.patch(PATH, &json!({"trackEvents": true})).await;
    app.post("/api/flags/kept/toggle", &json!({"environment": "staging"})).await;
    let read = app.get(PATH).await.text().await.unwrap();
    let expected = compact.replace("\"on\":true", "\"on\":false");
    let expected = format!("{},\"trackEvents\":true}}", expected.trim_end_matches('}'));
    assert!(read.contains(&expected), "{read}");
    // The audit row of the state equals the row that is there: what verify compares.
    let same: bool = sqlx::query_scalar(
        "select (a.after::json ->> 'document') = c.document::text from feature_flag_audit_log a
         join feature_flag_configs c on c.id = a.entity_id order by a.revision desc limit 1",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(same);
}

#[tokio::test]
async fn variations_keep_their_text() {
    let app = TestApp::start().await;
    let body = r#"{"key":"num","type":"number","variations":[{"value":1.0},{"value":1},{"value":1e2}]}"#;
    assert_eq!(send(&app, Method::POST, "/api/flags", body).await.status(), StatusCode::CREATED);
    let read = app.get("/api/flags/num").await.text().await.unwrap();
    assert!(read.contains(r#"[{"value":1.0},{"value":1},{"value":1e2}]"#), "{read}");
    let payload = app.get("/api/environments/staging/flags").await.text().await.unwrap();
    assert!(payload.contains(r#""value":1e2,"variation":2"#), "{payload}");
}

#[tokio::test]
async fn what_postgres_or_an_sdk_could_not_hold_is_refused_with_its_place() {
    let app = TestApp::start().await;
    letters(&app, "kept").await;
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    for (value, status, pointer) in [
        (r#""a\u0000b""#.to_owned(), 422, "/config/x"),
        (r#""\ud800""#.to_owned(), 422, "/config/x"),
        (r#"{"\udc00":1}"#.to_owned(), 422, "/config/x"),
        ("9007199254740993".to_owned(), 422, "/config/x"),
        ("-9007199254740993".to_owned(), 422, "/config/x"),
        ("1e999999".to_owned(), 422, "/config/x"),
        (r#"{"a":1,"a":2}"#.to_owned(), 422, "/config/x/a"),
        (deep(63), 422, "/config/x"),
        ("01".to_owned(), 400, "/config/x"),
        ("NaN".to_owned(), 400, "/config/x"),
        ("'x'".to_owned(), 400, "/config/x"),
        ("\"\u{1}\"".to_owned(), 400, "/config/x"),
        (r#""\x""#.to_owned(), 400, "/config/x"),
        ("1,".to_owned(), 400, ""),
    ] {
        let body = format!(r#"{{"config":{{"on":false,"x":{value}}}}}"#);
        let (got, problem) = told(send(&app, Method::PUT, PATH, &body).await).await;
        assert_eq!(got.as_u16(), status, "{value}: {problem}");
        assert!(pointers(&problem)[0].starts_with(pointer), "{value}: {problem}");
    }
    let body = format!(r#"{{"config":{{"on":false,"x":{}}}}}"#, deep(62));
    assert_eq!(send(&app, Method::PUT, PATH, &body).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_document_that_was_read_can_be_put_back() {
    let app = TestApp::start().await;
    letters(&app, "kept").await;
    let read: Value = app.get(PATH).await.json().await.unwrap();
    let flag: Value = app.get("/api/flags/kept").await.json().await.unwrap();
    let mut config = read["config"].clone();
    for (member, value) in [
        ("key", json!("kept")),
        ("version", read["version"].clone()),
        ("flagVersion", flag["flagVersion"].clone()),
        ("variations", json!(["a", "b", "c"])),
        ("clientSideAvailability", flag["clientSideAvailability"].clone()),
        ("salt", read["salt"].clone()),
        ("deleted", json!(false)),
    ] {
        config[member] = value;
    }
    let (status, body) = told(app.put(PATH, &json!({"config": config})).await).await;
    assert_eq!((status, body["changed"].as_bool()), (StatusCode::OK, Some(false)), "{body}");
    config["variations"] = json!(["a", "b"]);
    let (status, problem) = told(app.put(PATH, &json!({"config": config})).await).await;
    assert_eq!((status, pointers(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, vec!["/config/variations"]));
    // A salt may be set, and stays when it is left out.
    config["variations"] = json!(["a", "b", "c"]);
    config["salt"] = json!("mine");
    let (_, body) = told(app.put(PATH, &json!({"config": config})).await).await;
    assert_eq!((body["salt"].as_str(), body["version"].as_i64()), (Some("mine"), Some(2)));
    let (_, body) = told(app.put(PATH, &json!({"config": read["config"]})).await).await;
    assert_eq!((body["salt"].as_str(), body["changed"].as_bool()), (Some("mine"), Some(false)));
}
