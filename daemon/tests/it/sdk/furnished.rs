//! A daemon with the credentials of `staging` and flags of every kind, and how to change them.

use flagstaffd::credential;
use flagstaffd::service::commit::Item;
use serde_json::{Value, json};
use shared::access::{CredentialKind, SdkCredential};
use shared::change::Mutation;
use shared::key::{EnvironmentKey, ProjectKey};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::support::app::TestApp;

pub const SERVER: &str = "sdk-11234567-89ab-cdef-0123-456789abcdef";
pub const MOBILE: &str = "mob-11234567-89ab-cdef-0123-456789abcdef";
pub const ID: &str = "1123456789abcdef01234567";

/// A daemon whose `staging` has the three credentials and no flags.
pub async fn with_keys() -> TestApp {
    let app = TestApp::start().await;
    for (kind, key) in [
        (CredentialKind::Server, SERVER),
        (CredentialKind::Mobile, MOBILE),
        (CredentialKind::ClientSideId, ID),
    ] {
        credential(&app, kind, key, None).await;
    }
    app
}

/// Puts a credential of `staging` whose key is `key`.
pub async fn credential(
    app: &TestApp,
    kind: CredentialKind,
    key: &str,
    expires_at: Option<OffsetDateTime>,
) -> Uuid {
    let public = kind == CredentialKind::ClientSideId;
    let row = SdkCredential {
        id: Uuid::new_v4(),
        project: ProjectKey::default(),
        environment: EnvironmentKey::new("staging").unwrap(),
        kind,
        hash: credential::hash(key),
        sealed: (!public).then(|| app.state.secrets.seal(key).unwrap()),
        public: public.then(|| key.to_owned()),
        masked: "masked".to_owned(),
        expires_at,
        revoked: false,
    };
    let id = row.id;
    put(app, row).await;
    id
}

/// Puts a credential's row and waits until it counts.
pub async fn put(app: &TestApp, row: SdkCredential) {
    let hash = row.hash.clone();
    let want = row.clone();
    app.commit(&[Item::whole(Mutation::PutCredential(Box::new(row)))]).await;
    app.until("the credential counts", async || {
        app.state.live.catalog().access.credentials.get(&hash).map(AsRef::as_ref) == Some(&want)
    })
    .await;
}

/// Waits until what was written is served: SDKs never wait for a write.
pub async fn served(app: &TestApp) {
    let committed = app.state.gate.last_committed();
    app.until("what was written is served", async || {
        app.state.live.catalog().position.revision.0 >= committed
    })
    .await;
}

/// Makes a flag that everybody may see; `values` are its variations with their names.
pub async fn flag(app: &TestApp, key: &str, kind: &str, values: &[(&str, Value)]) {
    flag_for(app, key, kind, values, true, true).await;
}

/// The same, for browsers and phones or not.
pub async fn flag_for(
    app: &TestApp,
    key: &str,
    kind: &str,
    values: &[(&str, Value)],
    browsers: bool,
    phones: bool,
) {
    let variations: Vec<Value> =
        values.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let body = json!({"key": key, "type": kind, "enabled": true, "variations": variations,
        "clientSideAvailability": {"usingEnvironmentId": browsers, "usingMobileKey": phones}});
    let made = app.post("/api/flags", &body).await;
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
    served(app).await;
}

/// A boolean flag with the variations `on` and `off`.
pub async fn boolean(app: &TestApp, key: &str) {
    flag(app, key, "boolean", &[("on", json!(true)), ("off", json!(false))]).await;
}

/// Replaces the configuration of a flag in `staging`.
pub async fn configure(app: &TestApp, flag: &str, config: Value) {
    let put = app.put(&format!("/api/flags/{flag}/config/staging"), &json!({ "config": config })).await;
    assert_eq!(put.status(), 200, "{}", put.text().await.unwrap());
    served(app).await;
}

/// Changes the flag itself.
pub async fn change(app: &TestApp, flag: &str, patch: Value) {
    let changed = app.patch(&format!("/api/flags/{flag}"), &patch).await;
    assert_eq!(changed.status(), 200, "{}", changed.text().await.unwrap());
    served(app).await;
}

/// Turns a flag on or off in `staging`.
pub async fn toggle(app: &TestApp, flag: &str, on: bool) {
    let body = json!({"environment": "staging", "enabled": on});
    let toggled = app.post(&format!("/api/flags/{flag}/toggle"), &body).await;
    assert_eq!(toggled.status(), 200, "{}", toggled.text().await.unwrap());
    served(app).await;
}

/// Archives a flag.
pub async fn archive(app: &TestApp, flag: &str) {
    let archived = app.request(reqwest::Method::DELETE, &format!("/api/flags/{flag}")).send().await.unwrap();
    assert!(archived.status().is_success(), "{}", archived.text().await.unwrap());
    served(app).await;
}

/// Segments that make an environment large, the members of each, and how long their keys are.
const SEGMENTS: usize = 7;
const MEMBERS: usize = 400;
const LENGTH: usize = 250;
/// What is at least told of a large environment: far more than waits anywhere on the way to a client that takes
/// nothing.
pub const LARGE: usize = SEGMENTS * MEMBERS * LENGTH;

/// Makes `staging` large, and tells the key of the last member of the last segment. In several writes: a busy
/// machine may take longer for one than a transaction may last.
pub async fn large(app: &TestApp) -> String {
    let mut last = String::new();
    for segment in 0..SEGMENTS {
        let included: Vec<String> = (0..MEMBERS).map(|n| format!("{segment}{n:0LENGTH$}")).collect();
        let body = json!({"key": format!("crowd-{segment}"), "document": {"included": included}});
        let made = app.post("/api/environments/staging/segments", &body).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        last = included.last().cloned().unwrap_or_default();
    }
    served(app).await;
    last
}
