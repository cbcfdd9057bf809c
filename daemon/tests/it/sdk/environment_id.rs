//! The environment's client-side id, which SDKs put into telemetry, is told with every answer.

use reqwest::Response;
use shared::access::CredentialKind;
use time::Duration;

use super::furnished::{ID, MOBILE, SERVER, boolean, credential, with_keys};
use crate::support::app::TestApp;
use crate::support::sdk::{Events, get, key, revoke};

/// What a server is answered at: streams, and polls.
const ROUTES: [&str; 7] =
    ["/all", "/flags", "/sdk/stream", "/sdk/latest-all", "/sdk/flags", "/sdk/flags/f", "/sdk/poll"];

/// The id that an answer tells.
fn told(answer: &Response) -> Option<&str> {
    answer.headers().get("x-ld-envid").map(|id| id.to_str().unwrap())
}

#[tokio::test]
async fn streams_and_polls_of_servers_tell_the_id_also_where_nothing_is_new() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    for path in ROUTES {
        for prefix in ["", "/ld"] {
            let answer = get(&app, SERVER, &format!("{prefix}{path}")).await;
            assert_eq!((answer.status().as_u16(), told(&answer)), (200, Some(ID)), "{prefix}{path}");
            let Some(tag) = answer.headers().get("etag").cloned() else { continue };
            let again = app.client.get(app.at(path)).header("authorization", SERVER);
            let again = again.header("if-none-match", tag).send().await.unwrap();
            assert_eq!((again.status().as_u16(), told(&again)), (304, Some(ID)), "{path} again");
        }
    }
    let mut stream = Events::open(&app, SERVER, "/all").await;
    assert_eq!(stream.headers()["x-ld-envid"], ID);
    stream.hear("put").await;
    for path in ["/mping", "/msdk/evalx/contexts/eyJrZXkiOiJhIn0", "/meval/eyJrZXkiOiJhIn0"] {
        assert_eq!(told(&get(&app, MOBILE, path).await), Some(ID), "{path}");
    }
    // Whoever is refused is told of no environment.
    for path in ROUTES {
        let refused = get(&app, MOBILE, path).await;
        assert_eq!((refused.status().as_u16(), told(&refused)), (401, None), "{path}");
    }
}

#[tokio::test]
async fn each_environment_has_its_own_id_and_one_without_tells_none() {
    let app = with_keys().await;
    boolean(&app, "f").await;
    let production = key(&app, "production", CredentialKind::Server).await.text;
    for path in ROUTES {
        let answer = get(&app, &production, path).await;
        assert_eq!((answer.status().as_u16(), told(&answer)), (200, None), "{path}");
    }
    let id = key(&app, "production", CredentialKind::ClientSideId).await.text;
    assert_ne!(id, ID);
    for path in ROUTES {
        assert_eq!(told(&get(&app, &production, path).await), Some(id.as_str()), "{path}");
        assert_eq!(told(&get(&app, SERVER, path).await), Some(ID), "{path}");
    }
}

#[tokio::test]
async fn during_a_rotation_the_id_that_lasts_longest_is_told() {
    let app = TestApp::start().await;
    let server = key(&app, "staging", CredentialKind::Server).await.text;
    let now = app.state.clock.now();
    let (short, long, gone) =
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccc");
    credential(&app, CredentialKind::ClientSideId, gone, Some(now - Duration::hours(1))).await;
    assert_eq!(told(&get(&app, &server, "/all").await), None, "one that expired is none");
    credential(&app, CredentialKind::ClientSideId, short, Some(now + Duration::hours(1))).await;
    assert_eq!(told(&get(&app, &server, "/all").await), Some(short));
    credential(&app, CredentialKind::ClientSideId, long, Some(now + Duration::hours(9))).await;
    let new = key(&app, "staging", CredentialKind::ClientSideId).await;
    for path in ["/all", "/sdk/latest-all", "/sdk/poll", "/sdk/stream"] {
        assert_eq!(told(&get(&app, &server, path).await), Some(new.text.as_str()), "{path}");
    }
    revoke(&app, &new).await;
    app.until("the next one is told", async || told(&get(&app, &server, "/all").await) == Some(long)).await;
}
