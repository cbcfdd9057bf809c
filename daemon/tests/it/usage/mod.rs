//! GROUND: what SDKs report, from the payload to the answer; the children are the tests.

mod accepting;
mod contexts;
mod counting;
mod lasting;
mod shedding;

use flagstaffd::credential;
use flagstaffd::service::commit::Item;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use shared::access::{CredentialKind, SdkCredential};
use shared::change::{Entity, Mutation};
use shared::key::{EnvironmentKey, ProjectKey};

use crate::support::app::TestApp;

/// A server key, a mobile key and a client-side id of staging.
struct Keys {
    server: String,
    mobile: String,
    browser: String,
}

/// Puts the three credentials of staging into the database.
async fn keys(app: &TestApp) -> Keys {
    let made = async |kind: CredentialKind, prefix: &str| {
        let id = app.state.clock.uuid();
        let secret = format!("{prefix}{}", id.simple());
        let row = SdkCredential {
            id,
            project: ProjectKey::default(),
            environment: EnvironmentKey::new("staging").unwrap(),
            kind,
            hash: credential::hash(&secret),
            sealed: None,
            public: None,
            masked: "***".to_owned(),
            expires_at: None,
            revoked: false,
        };
        app.commit(&[Item::whole(Mutation::Put(Box::new(Entity::SdkCredential(row))))]).await;
        secret
    };
    let keys = Keys {
        server: made(CredentialKind::Server, "sdk-").await,
        mobile: made(CredentialKind::Mobile, "mob-").await,
        browser: made(CredentialKind::ClientSideId, "").await,
    };
    let known = || app.state.live.catalog().access.credentials.contains_key(&credential::hash(&keys.browser));
    app.until("the keys are known", async || known()).await;
    keys
}

/// Makes boolean flags that every SDK may see.
async fn flags(app: &TestApp, names: &[&str]) {
    for name in names {
        let body = json!({"key": name, "type": "boolean",
            "clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true}});
        let made = app.post("/api/flags", &body).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
    }
    let last = format!("/api/flags/{}", names.last().unwrap());
    app.until("the flags are served", async || app.get(&last).await.status() == 200).await;
}

/// A summary of so many evaluations of a variation.
fn summary(flag: &str, version: i64, variation: i64, count: u64) -> Value {
    let counter = json!({"value": true, "variation": variation, "version": version, "count": count});
    let features = json!({flag: {"default": false, "contextKinds": ["user"], "counters": [counter]}});
    json!([{"kind": "summary", "startDate": 1, "endDate": 2, "features": features}])
}

/// A post of events as a server-side SDK makes it.
fn bulk(app: &TestApp, keys: &Keys, body: impl Into<reqwest::Body>) -> RequestBuilder {
    app.client
        .post(app.at("/bulk"))
        .header("authorization", &keys.server)
        .header("content-type", "application/json")
        .header("x-launchdarkly-event-schema", "4")
        .body(body)
}

async fn accepted(request: RequestBuilder) -> Response {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert!(answer.headers().contains_key("date"), "SDKs take the time from it");
    answer
}

async fn usage(app: &TestApp, flag: &str) -> Value {
    let answer = app.get(&format!("/api/flags/{flag}/usage?environment=staging&since=1h")).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// The usage of a flag once so much was counted.
async fn counted(app: &TestApp, flag: &str, total: u64) -> Value {
    let mut last = Value::Null;
    app.until(&format!("{total} evaluations of {flag} are counted"), async || {
        last = usage(app, flag).await;
        last["total"] == total
    })
    .await;
    last
}
