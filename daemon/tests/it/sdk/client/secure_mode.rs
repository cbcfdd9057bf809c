//! Secure mode: a browser is told of a context only with the hash that a server's key made of it.

use shared::access::CredentialKind;
use shared::change::{Mutation, Patch};
use shared::json;
use shared::key::{EnvironmentKey, ProjectKey};
use time::Duration;

use super::{
    ID, MOBILE, SERVER, b64, caught_up, configure, credential, furnished, keys, report, results, sent,
};
use crate::support::app::TestApp;
use crate::support::sdk::Events;
use flagstaffd::service::commit::Item;

const USER: &str = r#"{"kind":"user","key":"user-key-123"}"#;
const USER_HASH: &str = "73df666a13f2c474e50aa34ca5a761e89abb737fb139ff65fdde7fa85c9dcacd";
const OTHER: &str = r#"{"kind":"other","key":"user-key-123"}"#;
const OTHER_HASH: &str = "98a933ca26d2951547fc021981ebcdeda95fbca2ac3f767ae67f7042d5458f72";

async fn secured() -> TestApp {
    let app = furnished().await;
    secure(&app).await;
    app
}

/// Turns secure mode on in `staging`.
async fn secure(app: &TestApp) {
    let patch = Patch::Merge(json::parse(r#"{"secureMode":true}"#).unwrap());
    let staging = EnvironmentKey::new("staging").unwrap();
    app.commit(&[Item::whole(Mutation::UpdateEnvironment(ProjectKey::default(), staging, patch))]).await;
    caught_up(app).await;
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

/// Every request of a browser that names a context, with this query.
fn browsers(app: &TestApp, context: &str, query: &str) -> Vec<reqwest::RequestBuilder> {
    let b64 = b64(context);
    let and = query.strip_prefix('?').map_or_else(String::new, |rest| format!("&{rest}"));
    let post = |path: &str| {
        let request = app.client.post(app.at(path)).header("content-type", "application/json");
        request.body(context.to_owned())
    };
    vec![
        app.client.get(app.at(&format!("/sdk/evalx/{ID}/users/{b64}{query}"))),
        report(app, &format!("/sdk/evalx/{ID}/context{query}"), context),
        report(app, &format!("/sdk/evalx/{ID}/user{query}"), context),
        app.client.get(app.at(&format!("/eval/{ID}/{b64}{query}"))),
        report(app, &format!("/eval/{ID}{query}"), context),
        app.client.get(app.at(&format!("/sdk/poll/eval/{b64}?auth={ID}{and}"))),
        post(&format!("/sdk/poll/eval?auth={ID}{and}")),
        app.client.get(app.at(&format!("/sdk/stream/eval/{b64}?auth={ID}{and}"))),
        post(&format!("/sdk/stream/eval?auth={ID}{and}")),
    ]
}

#[tokio::test]
async fn reports_and_streams_of_browsers_need_the_hash_as_well() {
    let app = secured().await;
    for (context, hash) in [(USER, USER_HASH), (OTHER, OTHER_HASH)] {
        for request in browsers(&app, context, &format!("?h={hash}")) {
            let answer = sent(request).await;
            assert_eq!(answer.status(), 200, "{}", answer.url());
        }
    }
    for query in
        [String::new(), "?h=".to_owned(), format!("?h={OTHER_HASH}"), format!("?h={}0", &USER_HASH[..63])]
    {
        for request in browsers(&app, USER, &query) {
            let answer = sent(request).await;
            // Classic SDKs that are told 401 would stop for good.
            assert_eq!(answer.status(), 400, "{}", answer.url());
            assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{}", answer.url());
            let url = answer.url().clone();
            let body: serde_json::Value = answer.json().await.unwrap();
            assert!(body["message"].is_string(), "{url}: {body}");
        }
    }
    // The hash of the context that was sent, not of another one, and a body is no place for it.
    let hidden = format!(r#"{{"kind":"user","key":"user-key-123","h":"{USER_HASH}"}}"#);
    assert_eq!(sent(report(&app, &format!("/sdk/evalx/{ID}/context"), &hidden)).await.status(), 400);
    // A ping names nobody.
    assert_eq!(app.get(&format!("/ping/{ID}")).await.status(), 200);
}

#[tokio::test]
async fn phones_and_servers_need_no_hash_and_a_wrong_one_is_nobodys_business() {
    let app = secured().await;
    let user = b64(USER);
    for query in ["", "?h=", "?h=wrong"] {
        let get = |path: &str| app.client.get(app.at(&format!("{path}/{user}{query}")));
        for (request, key) in [
            (get("/msdk/evalx/contexts"), MOBILE),
            (get("/msdk/evalx/users"), MOBILE),
            (report(&app, &format!("/msdk/evalx/context{query}"), USER), MOBILE),
            (report(&app, &format!("/msdk/evalx/user{query}"), USER), MOBILE),
            (get("/meval"), MOBILE),
            (report(&app, &format!("/meval{query}"), USER), MOBILE),
            (get("/sdk/poll/eval"), MOBILE),
            (get("/sdk/stream/eval"), MOBILE),
            (report(&app, &format!("/sdk/evalx/context{query}"), USER), SERVER),
        ] {
            let answer = sent(request.header("authorization", key)).await;
            assert_eq!(answer.status(), 200, "{}", answer.url());
        }
    }
}

#[tokio::test]
async fn once_secure_mode_is_on_browsers_come_back_with_their_hash_and_phones_stay() {
    let app = furnished().await;
    let open = async |request: reqwest::RequestBuilder| {
        let answer = sent(request).await;
        assert_eq!(answer.status(), 200, "{}", answer.url());
        Events::of(answer)
    };
    let user = b64(USER);
    let mut browser = open(app.client.get(app.at(&format!("/eval/{ID}/{user}")))).await;
    let mut reported = open(report(&app, &format!("/eval/{ID}"), USER)).await;
    let mut phone =
        open(app.client.get(app.at(&format!("/meval/{user}"))).header("authorization", MOBILE)).await;
    for stream in [&mut browser, &mut reported, &mut phone] {
        stream.hear("put").await;
    }
    secure(&app).await;
    browser.ends().await;
    reported.ends().await;
    let mut back = open(app.client.get(app.at(&format!("/eval/{ID}/{user}?h={USER_HASH}")))).await;
    back.hear("put").await;
    configure(
        &app,
        "everywhere",
        serde_json::json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}}),
    )
    .await;
    for stream in [&mut back, &mut phone] {
        let patch = stream.hear("patch").await;
        assert_eq!((patch["key"].as_str(), patch["value"].as_bool()), (Some("everywhere"), Some(false)));
    }
}
