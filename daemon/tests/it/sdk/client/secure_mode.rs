//! Secure mode: a browser is told of a context only with the hash that a server's key made of it.

use shared::access::CredentialKind;
use shared::change::{Mutation, Patch};
use shared::json;
use shared::key::{EnvironmentKey, ProjectKey};
use time::Duration;

use super::{ID, MOBILE, SERVER, b64, caught_up, credential, furnished, keys, results, sent};
use crate::support::app::TestApp;
use flagstaffd::service::commit::Item;

const USER: &str = r#"{"kind":"user","key":"user-key-123"}"#;
const USER_HASH: &str = "73df666a13f2c474e50aa34ca5a761e89abb737fb139ff65fdde7fa85c9dcacd";
const OTHER: &str = r#"{"kind":"other","key":"user-key-123"}"#;
const OTHER_HASH: &str = "98a933ca26d2951547fc021981ebcdeda95fbca2ac3f767ae67f7042d5458f72";

async fn secured() -> TestApp {
    let app = furnished().await;
    let patch = Patch::Merge(json::parse(r#"{"secureMode":true}"#).unwrap());
    let staging = EnvironmentKey::new("staging").unwrap();
    app.commit(&[Item::whole(Mutation::UpdateEnvironment(ProjectKey::default(), staging, patch))]).await;
    caught_up(&app).await;
    app
}

async fn asked(app: &TestApp, context: &str, query: &str) -> u16 {
    app.get(&format!("/sdk/evalx/{ID}/contexts/{}{query}", b64(context))).await.status().as_u16()
}

#[tokio::test]
async fn a_browser_shows_the_hash_of_its_context_and_nobody_else_needs_one() {
    let app = secured().await;
    assert_eq!(asked(&app, USER, &format!("?h={USER_HASH}&withReasons=true")).await, 200);
    assert_eq!(asked(&app, OTHER, &format!("?withReasons=true&h={OTHER_HASH}")).await, 200);
    for (context, query) in [
        (USER, String::new()),
        (USER, "?h=".to_owned()),
        (USER, format!("?h={OTHER_HASH}")),
        (OTHER, format!("?h={USER_HASH}")),
        (USER, format!("?h={}", &USER_HASH[..62])),
        (USER, "?h=%zz".to_owned()),
    ] {
        assert_eq!(asked(&app, context, &query).await, 400, "{context} {query}");
    }
    let phone = app.client.get(app.at(&format!("/msdk/evalx/contexts/{}", b64(USER))));
    let told = results(sent(phone.header("authorization", MOBILE)).await).await;
    assert_eq!(keys(&told), ["everywhere", "phone"]);
    let server = app.client.get(app.at(&format!("/sdk/evalx/contexts/{}", b64(USER))));
    assert_eq!(sent(server.header("authorization", SERVER)).await.status(), 200);
}

#[tokio::test]
async fn a_known_etag_is_no_way_around_the_hash() {
    let app = secured().await;
    let path = app.at(&format!("/sdk/evalx/{ID}/contexts/{}", b64(USER)));
    let told = sent(app.client.get(format!("{path}?h={USER_HASH}"))).await;
    let tag = told.headers()["etag"].clone();
    let again = async |query: &str| {
        let request = app.client.get(format!("{path}{query}")).header("if-none-match", tag.clone());
        sent(request).await.status().as_u16()
    };
    assert_eq!(again(&format!("?h={USER_HASH}")).await, 304);
    assert_eq!(again("").await, 400);
}

#[tokio::test]
async fn both_keys_of_a_rotation_sign_until_the_old_one_ends() {
    let app = secured().await;
    let now = app.state.clock.now();
    let old = "sdk-old-old-old";
    let expired = "sdk-long-gone";
    credential(&app, CredentialKind::Server, old, Some(now + Duration::hours(1))).await;
    credential(&app, CredentialKind::Server, expired, Some(now - Duration::hours(1))).await;
    let hash = |key: &str| {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
        shared::audit::hex(&mac.chain_update("user-key-123").finalize().into_bytes())
    };
    assert_eq!(hash(SERVER), USER_HASH);
    assert_eq!(asked(&app, USER, &format!("?h={USER_HASH}")).await, 200);
    assert_eq!(asked(&app, USER, &format!("?h={}", hash(old))).await, 200);
    assert_eq!(asked(&app, USER, &format!("?h={}", hash(expired))).await, 400);
    let revoked = credential(&app, CredentialKind::Server, "sdk-to-be-revoked", None).await;
    let last = hash("sdk-to-be-revoked");
    assert_eq!(asked(&app, USER, &format!("?h={last}")).await, 200);
    app.commit(&[Item::whole(Mutation::RevokeCredential(revoked))]).await;
    app.until("the revoked key signs nothing", async || {
        asked(&app, USER, &format!("?h={last}")).await == 400
    })
    .await;
    // A mobile key is no server key.
    assert_eq!(asked(&app, USER, &format!("?h={}", hash(MOBILE))).await, 400);
}
