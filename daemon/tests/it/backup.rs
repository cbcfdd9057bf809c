//! Copies: made, proven, asked for over HTTP, put back into a new epoch.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::support::cluster::{directory, fresh_database, take_back};
use crate::support::program::{self, Program};

fn name_of(url: &str) -> String {
    url.split(['/', '?']).nth(3).unwrap().to_owned()
}

fn tool(folder: &Path, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let data = folder.display().to_string();
    let output =
        program::run(folder, arguments, &[("DATABASE_URL", url), ("FLAGSTAFF_DATA_DIRECTORY", &data)]);
    (output.status.code(), program::said(&output))
}

async fn run(url: &str, sql: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
}

async fn number(url: &str, sql: &str) -> i64 {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.unwrap()
}

async fn create(program: &Program, key: &str) {
    // It listens before it has anything to serve.
    program.until("/health/ready", 200).await;
    let (status, body) = program.post("/api/flags", &json!({"key": key, "type": "boolean"})).await;
    assert_eq!(status, 201, "{body}");
}

async fn health(program: &Program) -> Value {
    serde_json::from_str(&program.get("/health").await.1).unwrap()
}

#[tokio::test]
async fn a_copy_put_back_under_a_running_daemon_begins_a_new_epoch() {
    let url = fresh_database().await;
    let folder = directory("backup");
    let serving = directory("serving");
    let program = Program::start(&serving, &["serve"], &[("DATABASE_URL", &url)]);
    create(&program, "early").await;
    let copy = folder.join("copy.dump");
    let named = copy.display().to_string();
    let (code, said) = tool(&folder, &url, &["backup", &named, "--prove"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("position 1.2") && said.contains("it stands at 1.2"), "{said}");
    assert!(said.contains("the secrets key is not in it"), "{said}");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(format!("{named}.json")).unwrap()).unwrap();
    assert_eq!(manifest["position"], "1.2");
    assert_eq!(manifest["database"], name_of(&url));
    for key in ["late-1", "late-2", "late-3"] {
        create(&program, key).await;
    }
    let off = json!({"environment": "staging", "enabled": true});
    assert_eq!(program.post("/api/flags/early/toggle", &off).await.0, 200);

    let (code, said) = tool(&folder, &url, &["restore", &named, "--confirm", "another"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&name_of(&url)), "{said}");
    assert_eq!(program.get("/api/flags/late-3").await.0, 200);

    let (code, said) = tool(&folder, &url, &["restore", &named, "--confirm", &name_of(&url)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a new epoch begins at 2.3"), "{said}");
    program.until("/api/flags/late-3", 404).await;
    assert_eq!(program.get("/api/flags/early").await.0, 200);
    // Four revisions were lost: no version that a client has seen comes again.
    assert_eq!(number(&url, "select min(version_base) from environments").await, 4);
    let sql = "select count(*) from revision where kind = 'epoch' and number = 3 and epoch = 2
        and comment like 'restored from copy.dump (1.2, sha256 %the lost head was 1.6 (4 revisions)'";
    assert_eq!(number(&url, sql).await, 1);
    // The daemon was not restarted, and takes writes; nobody waits for revisions that are gone.
    create(&program, "after").await;
    let well = json!(["ok", 2, 4]);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let health = health(&program).await;
        if json!([health["status"], health["epoch"], health["revision"]]) == well {
            break;
        }
        assert!(std::time::Instant::now() < end, "{health}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (code, said) = tool(&folder, &url, &["check"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = tool(&folder, &url, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn verifying_tells_valid_from_found_from_not_run() {
    let url = fresh_database().await;
    let folder = directory("verify");
    let program = Program::start(&folder, &["serve"], &[("DATABASE_URL", &url)]);
    create(&program, "honest").await;
    assert!(program.stop().success());
    let (code, said) = tool(&folder, &url, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the history is valid"), "{said}");
    run(&url, "update feature_flags set description = 'altered by hand'").await;
    let (code, said) = tool(&folder, &url, &["audit", "verify"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("honest"), "{said}");
    let (code, said) = tool(&folder, "postgres://nobody@127.0.0.1:1/none", &["audit", "verify"]);
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test]
async fn a_copy_goes_into_an_empty_database() {
    let (from, to) = (fresh_database().await, fresh_database().await);
    let folder = directory("move");
    let program = Program::start(&folder, &["serve"], &[("DATABASE_URL", &from)]);
    create(&program, "moved").await;
    assert!(program.stop().success());
    let (code, said) = tool(&folder, &from, &["backup"]);
    assert_eq!(code, Some(0), "{said}");
    let copies: Vec<PathBuf> =
        fs::read_dir(folder.join("backups")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(copies.len(), 2, "a copy and its manifest: {copies:?}");
    let copy = copies.iter().find(|path| path.extension().is_some_and(|e| e == "dump")).unwrap();
    let named = copy.display().to_string();
    let elsewhere = directory("elsewhere");
    let (code, said) = tool(&elsewhere, &to, &["restore", &named, "--confirm", &name_of(&to)]);
    assert_eq!(code, Some(0), "{said}");
    let program = Program::start(&elsewhere, &["serve"], &[("DATABASE_URL", &to)]);
    assert_eq!(program.get("/api/flags/moved").await.0, 200);
}

#[tokio::test]
async fn a_damaged_copy_is_refused_before_anything_is_replaced() {
    let url = fresh_database().await;
    let folder = directory("damaged");
    assert_eq!(tool(&folder, &url, &["migrate"]).0, Some(0));
    let copy = folder.join("copy.dump");
    let named = copy.display().to_string();
    assert_eq!(tool(&folder, &url, &["backup", &named]).0, Some(0));
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(&copy, &bytes).unwrap();
    run(&url, "update installation set created_at = '2000-01-01'").await;
    let (code, said) = tool(&folder, &url, &["restore", &named, "--confirm", &name_of(&url)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the copy is damaged or another one"), "{said}");
    let (code, said) = tool(&folder, &url, &["restore", "nowhere.dump", "--confirm", &name_of(&url)]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(number(&url, "select extract(year from created_at)::bigint from installation").await, 2000);
}

#[tokio::test]
async fn backups_are_queued_over_http_and_made_by_a_daemon() {
    let url = fresh_database().await;
    let folder = directory("queue");
    let variables = [("DATABASE_URL", url.as_str()), ("FLAGSTAFF_BACKUP_KEEP", "1")];
    let program = Program::start(&folder, &["serve"], &variables);
    program.until("/health/ready", 200).await;
    assert_eq!(program.post("/api/backups", &json!({})).await.0, 403, "an editor is no operator");
    // What a daemon that died left behind is taken over.
    run(
        &url,
        "insert into backup_job (id, state, requested_by, attempts)
        values ('00000000-0000-7000-8000-000000000001', 'running', 'user:x', 1),
               ('00000000-0000-7000-8000-000000000002', 'queued', 'user:x', 0),
               ('00000000-0000-7000-8000-000000000003', 'running', 'user:x', 3)",
    )
    .await;
    let done = "select count(*) from backup_job where state = 'done' and sha256 is not null and revision = 1";
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while number(&url, done).await < 2 {
        assert!(std::time::Instant::now() < end, "{}", program.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        number(&url, "select count(*) from backup_job where state = 'failed' and attempts = 3").await,
        1
    );
    let files: Vec<String> = fs::read_dir(folder.join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        files.iter().filter(|name| name.ends_with(".dump")).count(),
        1,
        "only the newest is kept: {files:?}"
    );
}

#[tokio::test]
async fn a_database_that_went_back_is_accepted_and_writes_go_on() {
    let url = fresh_database().await;
    let (folder, serving) = (directory("rollback"), directory("serving"));
    let program = Program::start(&serving, &["serve"], &[("DATABASE_URL", &url)]);
    create(&program, "one").await;
    create(&program, "two").await;
    program.until("/api/flags/two", 200).await;
    // Somebody puts an old state back without saying so.
    let mut database = PgConnection::connect(&url).await.unwrap();
    take_back(&mut database, 3).await;
    run(
        &url,
        "delete from feature_flag_configs where last_revision = 3;
        delete from feature_flags where last_revision = 3",
    )
    .await;
    program.until("/health/ready?need=write", 503).await;
    let (status, body) = program.post("/api/flags", &json!({"key": "three", "type": "boolean"})).await;
    assert!(status == 503 && body.contains("revision-regressed"), "{status} {body}");
    assert_eq!(program.get("/api/flags/two").await.0, 200, "what was served is served");
    let (code, said) = tool(&folder, &url, &["accept-rollback", "--confirm", "another"]);
    assert_eq!(code, Some(2), "{said}");
    let confirm = ["accept-rollback", "--confirm", &name_of(&url), "--lost-head", "1.9"];
    let (code, said) = tool(&folder, &url, &confirm);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a new epoch begins at 2.3"), "{said}");
    assert_eq!(number(&url, "select min(version_base) from environments").await, 7);
    program.until("/health/ready?need=write", 200).await;
    program.until("/api/flags/two", 404).await;
    create(&program, "three").await;
}
