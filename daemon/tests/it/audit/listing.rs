//! The audit and the revisions, as they are listed, filtered, paged and exported.

use flagstaffd::service::commit::Item;
use serde_json::{Value, json};
use shared::access::{Role, SdkCredential, Token};
use shared::change::Mutation;
use uuid::Uuid;

use super::{bind, create, read, read_as, set};
use crate::support::app::TestApp;

fn keys(page: &Value) -> Vec<String> {
    let item = |i: &Value| {
        format!(
            "{}:{}:{}",
            i["revision"],
            i["entity"]["kind"].as_str().unwrap(),
            i["action"].as_str().unwrap()
        )
    };
    page["items"].as_array().unwrap().iter().map(item).collect()
}

#[tokio::test]
async fn a_flag_tells_its_whole_history_newest_first() {
    let app = TestApp::start().await;
    let made = create(&app, "checkout").await;
    create(&app, "other").await;
    let on = set(&app, "checkout", true).await;
    let page = read(&app, "/api/flags/checkout/audit").await;
    let first = &page["items"][0];
    assert_eq!(first["revision"], on);
    assert_eq!(first["position"], format!("1.{on}"));
    assert_eq!(first["actor"], "user:alice");
    assert_eq!(first["credential"], "header");
    assert_eq!(first["comment"], "switching");
    assert_eq!(first["action"], "turned-on");
    assert_eq!(first["entity"]["kind"], "config");
    assert_eq!(first["entity"]["environment"], "staging");
    assert_eq!(first["before"]["document"]["on"], false);
    assert_eq!(first["after"]["document"]["on"], true);
    let diff = first["diff"].as_array().unwrap();
    assert!(
        diff.contains(&json!({"path": "/document/on", "op": "replace", "before": false, "after": true})),
        "{diff:?}"
    );
    assert_eq!(first["hash"].as_str().unwrap().len(), 64);
    assert_eq!(page["items"].as_array().unwrap().len(), 4, "flag, two configurations, one switch");
    assert!(page["items"].as_array().unwrap().iter().all(|i| i["entity"]["key"] == "checkout"));
    assert_eq!(page["items"][3]["revision"], made);
    assert_eq!(page["items"][3]["before"], Value::Null);
    assert_eq!(app.get("/api/flags/nosuch/audit").await.status(), 404);
}

#[tokio::test]
async fn pages_fit_together_without_gap_or_repetition() {
    let app = TestApp::start().await;
    for i in 0..5 {
        create(&app, &format!("flag-{i}")).await;
    }
    let all = keys(&read(&app, "/api/audit?limit=1000").await);
    let mut paged = Vec::new();
    let mut path = "/api/audit?limit=4".to_owned();
    loop {
        let page = read(&app, &path).await;
        paged.extend(keys(&page));
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/audit?limit=4&cursor={cursor}"),
            None => break,
        }
        // What is added at the new end moves no page.
        set(&app, "flag-0", paged.len() % 8 == 0).await;
    }
    assert_eq!(paged, all);
    for bad in ["x", "1.2", "1.2.x", "9.3.0"] {
        assert_eq!(app.get(&format!("/api/audit?cursor={bad}")).await.status(), 400, "{bad}");
    }
    for bad in ["limit=0", "limit=1001", "action=exploded", "kind=cat", "from=yesterday", "flag=%20", "at=3"]
    {
        assert_eq!(app.get(&format!("/api/audit?{bad}")).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn every_filter_narrows_and_they_combine() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let answer = app
        .client
        .patch(app.at("/api/flags/checkout?comment=Black%20Friday%20wording"))
        .header("x-user-id", "bob")
        .json(&json!({"name": "Checkout 2"}))
        .send()
        .await
        .unwrap();
    let by_bob = super::revision(answer, 200).await;
    let audit = async |query: &str| keys(&read(&app, &format!("/api/audit?{query}")).await);
    assert_eq!(audit("actor=user:bob").await, [format!("{by_bob}:flag:updated")]);
    assert_eq!(audit("action=turned-on").await, [format!("{on}:config:turned-on")]);
    assert_eq!(audit("kind=flag&flag=checkout&limit=1").await, [format!("{by_bob}:flag:updated")]);
    assert_eq!(audit("q=FRIDAY").await, [format!("{by_bob}:flag:updated")]);
    assert_eq!(audit("q=bob").await, [format!("{by_bob}:flag:updated")]);
    assert_eq!(audit("q=100%25").await, Vec::<String>::new());
    assert_eq!(audit(&format!("from={on}&to=r{on}")).await, [format!("{on}:config:turned-on")]);
    assert_eq!(audit(&format!("environment=staging&from=1.{on}")).await, [format!("{on}:config:turned-on")]);
    assert_eq!(audit("environment=production&action=turned-on").await, Vec::<String>::new());
    assert_eq!(audit("actor=user:bob&kind=config").await, Vec::<String>::new());
    let at = read(&app, &format!("/api/revisions/{on}")).await["at"].as_str().unwrap().to_owned();
    assert_eq!(audit(&format!("from={at}&to={at}")).await, [format!("{on}:config:turned-on")]);
    assert_eq!(audit("from=2200-01-01T00:00:00Z").await, Vec::<String>::new());
    assert_eq!(audit("to=1990-01-01T00:00:00%2B02:00").await, Vec::<String>::new());
}

#[tokio::test]
async fn raised_versions_are_told_only_to_those_who_ask() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    let body = json!({"clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": true}});
    super::revision(app.patch("/api/flags/checkout", &body).await, 200).await;
    let told = keys(&read(&app, "/api/flags/checkout/audit").await);
    assert!(!told.iter().any(|k| k.ends_with("version-raised")), "{told:?}");
    let all = keys(&read(&app, "/api/flags/checkout/audit?raised=true").await);
    assert_eq!(all.len(), told.len() + 2, "one in each environment");
}

#[tokio::test]
async fn an_export_is_a_table_or_lines_and_holds_everything() {
    let app = TestApp::start().await;
    for i in 0..60 {
        create(&app, &format!("flag-{i}")).await;
    }
    let comment = "%3Dcmd%7C%27%2Fc%20calc%27%21A1%2C%20%22now%22";
    let formula = app.patch(&format!("/api/flags/flag-0?comment={comment}"), &json!({"name": "-1"})).await;
    assert_eq!(formula.status(), 200);
    let export = async |accept: &str| {
        app.client.get(app.at("/api/audit")).header("accept", accept).send().await.unwrap()
    };
    let lines = export("application/x-ndjson").await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let lines: Vec<Value> =
        lines.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let page = read(&app, "/api/audit?limit=1000").await;
    assert_eq!(&lines, page["items"].as_array().unwrap());
    assert!(lines.len() > 180, "more than one piece");
    let table = export("text/csv").await;
    assert!(table.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = table.text().await.unwrap();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(rows.len(), lines.len() + 2, "a header, and the last line end");
    assert!(rows[0].starts_with("revision,position,at,"));
    assert!(rows[1].contains("\"'=cmd|'/c calc'!A1, \"\"now\"\"\""), "{}", rows[1]);
    let few = app.client.get(app.at("/api/audit?limit=3")).header("accept", "text/csv").send().await.unwrap();
    assert_eq!(few.text().await.unwrap().split("\r\n").count(), 5);
    let none = app
        .client
        .get(app.at("/api/audit?actor=nobody"))
        .header("accept", "application/x-ndjson")
        .send()
        .await
        .unwrap();
    assert_eq!((none.status().as_u16(), none.text().await.unwrap()), (200, String::new()));
}

#[tokio::test]
async fn everybody_sees_their_own_places_and_no_secrets() {
    let app = TestApp::start().await;
    create(&app, "checkout").await;
    set(&app, "checkout", true).await;
    bind(&app, "eve", Role::Viewer, "default", "production").await;
    bind(&app, "audrey", Role::Auditor, "*", "*").await;
    bind(&app, "root", Role::Admin, "*", "*").await;
    bind(&app, "none", Role::Viewer, "elsewhere", "*").await;
    let token = Token {
        id: Uuid::from_u128(9),
        kind: shared::access::TokenKind::Service,
        name: "ci".into(),
        principal: "token:ci".into(),
        hash: "deadbeef".repeat(8),
        prefix: "fst_abc".into(),
        last_four: "wxyz".into(),
        role: Some(Role::Viewer),
        expires_at: None,
        revoked: false,
    };
    let credential = SdkCredential {
        id: Uuid::from_u128(10),
        project: shared::key::ProjectKey::default(),
        environment: shared::key::EnvironmentKey::new("staging").unwrap(),
        kind: shared::access::CredentialKind::Server,
        hash: "cafebabe".repeat(8),
        sealed: Some("c2VhbGVk".into()),
        public: None,
        masked: "sdk-****".into(),
        expires_at: None,
        revoked: false,
    };
    app.commit(&[
        Item::whole(Mutation::PutToken(Box::new(token))),
        Item::whole(Mutation::PutCredential(Box::new(credential))),
    ])
    .await;

    let (status, seen) = read_as(&app, "eve", "/api/audit?limit=1000").await;
    assert_eq!(status, 200);
    let items = seen["items"].as_array().unwrap();
    assert!(!items.is_empty());
    assert!(items.iter().all(|i| i["entity"]["environment"] == "production"), "{seen}");

    let (_, viewer) = read_as(&app, "walter", "/api/audit?limit=1000").await;
    let kinds = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["entity"]["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(kinds(&viewer).contains(&"config".to_owned()));
    for access in ["role-binding", "token", "sdk-credential"] {
        assert!(!kinds(&viewer).contains(&access.to_owned()), "an editor sees no {access}");
        for user in ["audrey", "root"] {
            let (_, page) = read_as(&app, user, "/api/audit?limit=1000").await;
            assert!(kinds(&page).contains(&access.to_owned()), "{user} sees {access}");
            let text = page.to_string();
            for secret in ["deadbeef", "cafebabe", "c2VhbGVk"] {
                assert!(!text.contains(secret), "{secret} is shown to {user}");
            }
        }
    }
    let (status, refusal) = read_as(&app, "none", "/api/audit").await;
    assert_eq!(status, 403, "{refusal}");
    let last = app.state.live.catalog().position.revision.0;
    assert_eq!(read_as(&app, "walter", &format!("/api/revisions/{last}")).await.0, 403);
    assert_eq!(read_as(&app, "audrey", &format!("/api/revisions/{last}")).await.0, 200);
    let (_, listed) = read_as(&app, "eve", "/api/revisions?limit=1000").await;
    let (_, whole) = read_as(&app, "root", "/api/revisions?limit=1000").await;
    assert!(listed["items"].as_array().unwrap().len() < whole["items"].as_array().unwrap().len());
    assert_eq!(whole["items"].as_array().unwrap().len() as i64, last);
}

#[tokio::test]
async fn a_revision_is_shown_with_its_links() {
    let app = TestApp::start().await;
    let made = create(&app, "checkout").await;
    let on = set(&app, "checkout", true).await;
    let first = read(&app, &format!("/api/revisions/{made}")).await;
    let second = read(&app, &format!("/api/revisions/1.{on}")).await;
    assert_eq!(second["previousHash"], first["hash"]);
    assert_eq!(first["changes"].as_array().unwrap().len(), 3);
    assert_eq!(second["changes"][0]["diff"].as_array().unwrap().len(), 2, "on and the version");
    assert_eq!(second["changes"][0]["digest"].as_str().unwrap().len(), 64);
    assert_eq!(app.get("/api/revisions/9999").await.status(), 404);
    assert_eq!(app.get(&format!("/api/revisions/7.{on}")).await.status(), 404);
    assert_eq!(app.get("/api/revisions/nonsense").await.status(), 404);
    let page = read(&app, &format!("/api/revisions?since={}&limit=1", made - 1)).await;
    assert_eq!(page["items"][0]["revision"], made);
    assert_eq!(page["items"][0]["changed"], 3);
    assert_eq!(page["nextSince"], made);
    let page = read(&app, &format!("/api/revisions?since=1.{on}")).await;
    assert_eq!(page, json!({"items": [], "nextSince": null}));
}
