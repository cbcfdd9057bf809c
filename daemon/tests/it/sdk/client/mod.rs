//! GROUND: an environment with flags of every kind; the children are the tests of client-side SDKs.

mod cors;
mod experiments;
mod objects;
mod phones;
mod polls;
mod prefix;
mod secure_mode;
mod streams;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use shared::access::CredentialKind;

use super::furnished::{credential, served as caught_up};
use crate::support::app::TestApp;

const SERVER: &str = "sdk-01234567-89ab-cdef-0123-456789abcdef";
const MOBILE: &str = "mob-01234567-89ab-cdef-0123-456789abcdef";
const ID: &str = "0123456789abcdef01234567";

/// A daemon whose `staging` has the three credentials, and four flags: `everywhere`, `web` and `phone` as
/// client-side SDKs may see them, and `server`, which none may.
async fn furnished() -> TestApp {
    let app = TestApp::start().await;
    credential(&app, CredentialKind::Server, SERVER, None).await;
    credential(&app, CredentialKind::Mobile, MOBILE, None).await;
    credential(&app, CredentialKind::ClientSideId, ID, None).await;
    for (key, web, phone) in
        [("everywhere", true, true), ("web", true, false), ("phone", false, true), ("server", false, false)]
    {
        flag(&app, key, &json!({"usingEnvironmentId": web, "usingMobileKey": phone})).await;
    }
    app
}

/// Makes a boolean flag that is on.
async fn flag(app: &TestApp, key: &str, availability: &Value) {
    let body =
        json!({"key": key, "type": "boolean", "enabled": true, "clientSideAvailability": availability});
    let made = app.post("/api/flags", &body).await;
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
    caught_up(app).await;
}

/// Replaces the configuration of a flag in `staging`.
async fn configure(app: &TestApp, flag: &str, config: Value) {
    let put = app.put(&format!("/api/flags/{flag}/config/staging"), &json!({ "config": config })).await;
    assert_eq!(put.status(), 200, "{}", put.text().await.unwrap());
    caught_up(app).await;
}

fn b64(context: &str) -> String {
    URL_SAFE_NO_PAD.encode(context)
}

fn report(app: &TestApp, path: &str, context: &str) -> RequestBuilder {
    let request = app.client.request(Method::from_bytes(b"REPORT").unwrap(), app.at(path));
    request.header("content-type", "application/json; charset=utf-8").body(context.to_owned())
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

async fn results(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn keys(results: &Value) -> Vec<&str> {
    results.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn poll(app: &TestApp, context: &str) -> Value {
    results(app.get(&format!("/sdk/evalx/{ID}/contexts/{}", b64(context))).await).await
}
