//! The history is not rewritten; and where somebody managed to, it is found and located.

use flagstaffd::service::findings::{Finding, Report, What};
use flagstaffd::service::verify::verify;
use flagstaffd::store;
use serde_json::json;
use shared::access::Role;
use shared::audit::{hex, link};
use shared::revision::Revision;
use sqlx::{Connection, PgConnection};

use super::{bind, create, set, sql};
use crate::support::app::TestApp;

/// Lets the superuser do what nobody may.
const UNGUARDED: &str =
    "alter table revision disable trigger all; alter table feature_flag_audit_log disable trigger all;";

async fn report(app: &TestApp) -> Report {
    verify(&mut app.state.gate.read().await.unwrap()).await.unwrap()
}

/// Some revisions of every sort.
async fn lived_in(app: &TestApp, rounds: usize) {
    create(app, "a").await;
    create(app, "b").await;
    bind(app, "root", Role::Owner, "*", "*").await;
    for i in 0..rounds {
        set(app, "a", i % 2 == 0).await;
        if i % 10 == 3 {
            super::revision(app.patch("/api/flags/b", &json!({"tags": [format!("t{i}")]})).await, 200).await;
        }
    }
    let body = json!({"prerequisites": [{"key": "a", "variation": 0}]});
    super::revision(app.patch("/api/flags/b/config/staging", &body).await, 200).await;
}

#[tokio::test]
async fn a_history_of_some_hundred_revisions_raises_no_alarm() {
    let app = TestApp::start().await;
    lived_in(&app, 250).await;
    let made = create(&app, "c").await;
    let _ = super::revision(app.post(&format!("/api/revisions/{made}/revert"), &json!({})).await, 200).await;
    let report = report(&app).await;
    assert_eq!(report.findings, []);
    assert!(report.intact);
    assert_eq!(report.revisions as i64, report.position.revision.0);
    assert!(report.revisions > 250 && report.entries > report.revisions && report.rows > 10);
    let answer = app.request(reqwest::Method::POST, "/api/audit/verify").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(told["intact"], true, "{told}");
    assert_eq!(told["hash"], report.hash);
}

#[tokio::test]
async fn the_database_refuses_to_rewrite_the_history() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let mut conn = PgConnection::connect(&app.url).await.unwrap();
    for role in ["origin", "replica", "local"] {
        for (table, column) in [("revision", "actor"), ("feature_flag_audit_log", "after")] {
            for attack in [
                format!("update {table} set {column} = 'x'"),
                format!("delete from {table}"),
                format!("truncate {table} cascade"),
                format!(
                    "insert into {table} select * from {table} on conflict do nothing; delete from {table}"
                ),
            ] {
                let text = format!("begin; set local session_replication_role = {role}; {attack}; commit");
                let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut conn).await;
                let refused = refused.expect_err(&attack).to_string();
                assert!(refused.contains("append-only"), "{attack} as {role}: {refused}");
                run(&mut conn, "rollback").await;
            }
        }
    }
    assert!(report(&app).await.intact);
}

/// A history that is attacked, and made whole again after each attack.
struct Victim {
    conn: PgConnection,
    last: i64,
}

impl Victim {
    async fn new() -> Self {
        let app = TestApp::start().await;
        lived_in(&app, 12).await;
        let mut conn = PgConnection::connect(&app.url).await.unwrap();
        drop(app);
        for table in ["revision", "feature_flag_audit_log", "head", "feature_flags", "flag_prerequisites"] {
            let text = format!("create table copy_of_{table} as select * from {table}");
            run(&mut conn, &text).await;
        }
        run(&mut conn, UNGUARDED).await;
        let last = verify(&mut conn).await.unwrap().position.revision.0;
        Self { conn, last }
    }

    /// Does something forbidden, and tells what verifying finds.
    async fn attack(&mut self, attack: &str) -> Vec<Finding> {
        run(&mut self.conn, attack).await;
        let report = verify(&mut self.conn).await.unwrap();
        assert!(!report.intact, "{attack} was not found");
        for table in ["feature_flag_audit_log", "revision", "head", "flag_prerequisites"] {
            let text = format!("delete from {table}; insert into {table} select * from copy_of_{table}");
            run(&mut self.conn, &text).await;
        }
        run(
            &mut self.conn,
            "update feature_flags f set name = c.name from copy_of_feature_flags c where c.id = f.id",
        )
        .await;
        assert_eq!(verify(&mut self.conn).await.unwrap().findings, [], "whole again after {attack}");
        report.findings
    }

    /// That an attack is found as what it is, where it is.
    async fn expect(&mut self, attack: &str, what: What, revision: i64) {
        let findings = self.attack(attack).await;
        let located = findings.iter().any(|f| f.what == what && f.revision.is_some_and(|r| r.0 == revision));
        assert!(located, "{attack}: {what:?} at {revision} is not among {findings:#?}");
        for finding in findings.iter().filter(|f| f.what == What::HashMismatch) {
            let at = finding.revision.unwrap().0;
            assert!((at - revision).abs() <= 1, "{attack}: no hash far away is wrong: {finding:?}");
        }
    }
}

async fn run(conn: &mut PgConnection, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(conn).await.expect(text);
}

#[tokio::test]
async fn changed_columns_of_a_revision_are_found() {
    let mut victim = Victim::new().await;
    for number in [1, 7, victim.last] {
        for change in [
            "actor = 'user:mallory'",
            "comment = 'harmless'",
            "comment = coalesce(comment, '') || ' '",
            "at = at - interval '1 microsecond'",
            "kind = 'seed'",
            "credential = 'x'",
            "source = 'x'",
            "request_id = 'x'",
            "epoch = 2",
        ] {
            victim
                .expect(
                    &format!("update revision set {change} where number = {number}"),
                    What::HashMismatch,
                    number,
                )
                .await;
        }
        victim
            .expect(
                &format!("update revision set kind = 'nonsense' where number = {number}"),
                What::Unreadable,
                number,
            )
            .await;
    }
}

#[tokio::test]
async fn changed_columns_of_an_entry_are_found() {
    let mut victim = Victim::new().await;
    for number in [1, 7, victim.last] {
        for (change, what) in [
            ("after = replace(after, ':', ': ')", What::DigestMismatch),
            ("before = 'null'", What::DigestMismatch),
            ("after = null", What::DigestMismatch),
            ("salt = salt || '\\x00'::bytea", What::DigestMismatch),
            ("digest = '\\x00'::bytea", What::DigestMismatch),
            ("key = 'another'", What::HashMismatch),
            ("action = 'restored'", What::HashMismatch),
            ("entity_id = gen_random_uuid()", What::HashMismatch),
            ("environment = 'elsewhere'", What::HashMismatch),
            ("project = 'elsewhere'", What::HashMismatch),
            ("entity_kind = 'nonsense'", What::Unreadable),
        ] {
            let attack = format!(
                "update feature_flag_audit_log set {change} where revision = {number} and ordinal = 0"
            );
            victim.expect(&attack, what, number).await;
        }
    }
}

#[tokio::test]
async fn a_forger_who_mends_the_hashes_is_found_at_the_link() {
    let mut victim = Victim::new().await;
    for number in [5, 9] {
        // Content and digest agree again; the revision's hash does not know of it.
        let attack = format!(
            "update feature_flag_audit_log set after = 'null', digest = sha256('\\x00'::bytea || salt
                 || int8send(coalesce(octet_length(before), -1)) || convert_to(coalesce(before, ''), 'UTF8')
                 || int8send(4) || convert_to('null', 'UTF8')) where revision = {number} and ordinal = 0"
        );
        let findings = victim.attack(&attack).await;
        assert!(
            !findings.iter().any(|f| f.what == What::DigestMismatch),
            "the forgery is good: {findings:?}"
        );
        victim.expect(&attack, What::HashMismatch, number).await;
        // The whole revision made anew, hash and all: the next one is chained to the old hash.
        let committed = store::audit::find(&mut victim.conn, Revision(number)).await.unwrap().unwrap();
        let entries =
            store::audit::entries(&mut victim.conn, Revision(number), Revision(number)).await.unwrap();
        let headers: Vec<_> = entries.iter().map(store::audit::Entry::header).collect();
        let header = shared::audit::Header { actor: "user:mallory".to_owned(), ..committed.header.clone() };
        let forged = link(1, number, &committed.previous_hash, &header, &headers);
        let attack = format!(
            "update revision set actor = 'user:mallory', hash = '\\x{}' where number = {number}",
            hex(&forged)
        );
        victim.expect(&attack, What::BrokenLink, number).await;
    }
}

#[tokio::test]
async fn deleted_inserted_and_swapped_rows_are_found() {
    let mut victim = Victim::new().await;
    let last = victim.last;
    for number in [1, 6, last - 1] {
        victim
            .expect(&format!("delete from revision where number = {number}"), What::MissingRevision, number)
            .await;
        victim
            .expect(&format!("delete from revision where number = {number}"), What::OrphanEntry, number)
            .await;
        let whole = format!(
            "delete from feature_flag_audit_log where revision = {number}; delete from revision where number = {number}"
        );
        victim.expect(&whole, What::MissingRevision, number).await;
        let emptied = format!("delete from feature_flag_audit_log where revision = {number}");
        victim.expect(&emptied, What::HashMismatch, number).await;
        let inserted = format!(
            "insert into feature_flag_audit_log select revision, 99, entity_kind, entity_id, key, project, environment,
                 action, before, after, salt, digest from feature_flag_audit_log where revision = {number} and ordinal = 0"
        );
        victim.expect(&inserted, What::InsertedEntry, number).await;
        let (a, b) = (number, number + 1);
        let swapped = format!(
            "update revision set number = -1 where number = {a}; update revision set number = {a} where number = {b};
             update revision set number = {b} where number = -1"
        );
        victim.expect(&swapped, What::HashMismatch, a).await;
        victim.expect(&swapped, What::HashMismatch, b).await;
    }
    // The third revision created a flag with two configurations.
    let made = 2;
    let first = format!("delete from feature_flag_audit_log where revision = {made} and ordinal = 0");
    victim.expect(&first, What::MissingEntry, made).await;
    let swapped = format!(
        "update feature_flag_audit_log set ordinal = 1 - ordinal + 1000 where revision = {made} and ordinal < 2;
         update feature_flag_audit_log set ordinal = ordinal - 1000 where revision = {made} and ordinal > 900"
    );
    victim.expect(&swapped, What::HashMismatch, made).await;
    let between = format!(
        "update feature_flag_audit_log set ordinal = ordinal + 1000 where revision = {made} and ordinal > 0;
         update feature_flag_audit_log set ordinal = ordinal - 999 where revision = {made} and ordinal > 900;
         insert into feature_flag_audit_log select revision, 1, entity_kind, gen_random_uuid(), key, project,
             environment, action, before, after, salt, digest
         from feature_flag_audit_log where revision = {made} and ordinal = 0"
    );
    victim.expect(&between, What::InsertedEntry, made).await;
}

#[tokio::test]
async fn a_cut_off_end_is_found() {
    let mut victim = Victim::new().await;
    let last = victim.last;
    for keep in [last - 1, last - 3, 4] {
        let cut = format!(
            "delete from feature_flag_audit_log where revision > {keep}; delete from revision where number > {keep}"
        );
        victim.expect(&cut, What::HeadMismatch, keep + 1).await;
        // Whoever moves the head back too still has the rows against them.
        let head = format!(
            "{cut}; update head set revision = {keep}, hash = (select hash from revision where number = {keep}),
                 at = (select at from revision where number = {keep})"
        );
        let findings = victim.attack(&head).await;
        assert!(
            findings.iter().any(|f| matches!(f.what, What::RowDiffers | What::RowUnrecorded)),
            "{findings:?}"
        );
    }
    victim.expect("update head set hash = sha256('x')", What::HeadMismatch, last).await;
    victim.expect("update head set revision = revision - 1", What::RevisionAfterHead, last).await;
}

#[tokio::test]
async fn rows_that_were_changed_past_the_history_are_found() {
    let mut victim = Victim::new().await;
    let whats = async |victim: &mut Victim, attack: &str| -> Vec<What> {
        victim.attack(attack).await.into_iter().map(|f| f.what).collect()
    };
    assert_eq!(
        whats(&mut victim, "update feature_flags set name = 'Mallory' where key = 'a'").await,
        [What::RowDiffers]
    );
    assert_eq!(whats(&mut victim, "delete from flag_prerequisites").await, [What::Prerequisites]);
    assert_eq!(
        whats(&mut victim, "update flag_prerequisites set variation = 1").await,
        [What::Prerequisites; 2]
    );
    for (attack, what, mend) in [
        (
            "insert into role_binding values (gen_random_uuid(), 'user:mallory', 'owner', '*', '*')",
            What::RowUnrecorded,
            "delete from role_binding where subject = 'user:mallory'",
        ),
        (
            "update role_binding set role = 'viewer' where subject = 'user:root'",
            What::RowDiffers,
            "update role_binding set role = 'owner' where subject = 'user:root'",
        ),
        (
            "update feature_flag_configs set last_revision = last_revision - 1",
            What::RowDiffers,
            "update feature_flag_configs set last_revision = last_revision + 1",
        ),
        (
            "create table kept as select * from role_binding; delete from role_binding",
            What::RowMissing,
            "insert into role_binding select * from kept",
        ),
    ] {
        run(&mut victim.conn, attack).await;
        let findings = verify(&mut victim.conn).await.unwrap().findings;
        assert!(!findings.is_empty() && findings.iter().all(|f| f.what == what), "{attack}: {findings:?}");
        run(&mut victim.conn, mend).await;
        assert!(verify(&mut victim.conn).await.unwrap().intact, "{mend}");
    }
}

#[tokio::test]
async fn a_row_changed_by_hand_and_then_by_the_daemon_leaves_a_trace() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    sql(&app, "update feature_flags set owner = 'mallory' where key = 'a'").await.unwrap();
    let renamed = super::revision(app.patch("/api/flags/a", &json!({"name": "A"})).await, 200).await;
    let findings = report(&app).await.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].what, findings[0].revision), (What::BrokenState, Some(Revision(renamed))));
}
