//! GROUND: OpenFeature's remote evaluation, asked as its providers ask; the children are the tests.

mod all;
mod one;
mod stream;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::furnished::SERVER;
use crate::support::app::TestApp;

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn ask(app: &TestApp, key: &str, path: &str, body: impl Into<String>) -> RequestBuilder {
    let request = app.client.request(Method::POST, app.at(path)).bearer_auth(key);
    request.header("content-type", "application/json").body(body.into())
}

/// One flag for a context, with its status.
async fn one(app: &TestApp, flag: &str, context: Value) -> (u16, Value) {
    let body = json!({ "context": context }).to_string();
    told(ask(app, SERVER, &format!("{ALL}/{flag}"), body).send().await.unwrap()).await
}

/// The status and the body, which is JSON whatever the status.
async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json", "{status}");
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{status} {text:?}: {e}")))
}
