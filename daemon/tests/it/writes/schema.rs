//! What the tables promise by themselves: names, triggers and indexes.

use super::letters;
use crate::support::app::TestApp;

#[tokio::test]
async fn every_constraint_has_a_name_of_ours() {
    let app = TestApp::start().await;
    let unnamed: Vec<String> = sqlx::query_scalar(
        "select conrelid::regclass || '.' || conname from pg_constraint
         where connamespace = 'public'::regnamespace and conrelid::regclass::text not like '%sqlx%'
           and (conname ~ '(_check[0-9]*|_key[0-9]*|_id_fkey)$' or conname ~ '_[a-z]+_[a-z]+_fkey$')
           and conname !~ '^(head|environments|feature_flags|feature_flag_configs|user_segments|flag_prerequisites|sdk_credential|feature_flag_audit_log)_'",
    )
    .fetch_all(app.state.gate.pool())
    .await
    .unwrap();
    assert_eq!(unnamed, Vec::<String>::new());
    // Those that the code matches on.
    for name in
        ["feature_flags_key_unique", "project_key_unique", "role_binding_place_unique", "token_one_bootstrap"]
    {
        let found: i64 = sqlx::query_scalar(
            "select (select count(*) from pg_constraint where conname = $1)
                  + (select count(*) from pg_indexes where indexname = $1)",
        )
        .bind(name)
        .fetch_one(app.state.gate.pool())
        .await
        .unwrap();
        assert!(found > 0, "{name}");
    }
}

#[tokio::test]
async fn updated_at_moves_also_for_whoever_forgets_it() {
    let app = TestApp::start().await;
    letters(&app, "touched").await;
    for table in ["project", "environments", "feature_flags", "feature_flag_configs"] {
        let column = if table == "feature_flag_configs" { "salt" } else { "name" };
        let moved: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "with before as (select id, updated_at from {table}),
                  after as (update {table} set {column} = {column} || 'x' returning id, updated_at)
             select bool_and(after.updated_at > before.updated_at) from before join after using (id)"
        )))
        .fetch_one(app.state.gate.pool())
        .await
        .unwrap();
        assert!(moved, "{table}");
    }
}

#[tokio::test]
async fn the_filter_on_documents_is_served_by_the_index() {
    let app = TestApp::start().await;
    letters(&app, "wanted").await;
    let pool = app.state.gate.pool();
    // A table of some size; written past the write path, so nothing but the query may look at it.
    sqlx::query(
        "with f as (insert into feature_flags (id, project_id, key, name, type, variations, flag_version,
                 last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
             select gen_random_uuid(), p.id, 'bulk-' || n, 'n', 'json', '[]', 1, 1, 1, 'x', 'x', now(), now()
             from project p, generate_series(1, 5000) n returning id)
         insert into feature_flag_configs (id, flag_id, environment_id, version, salt, document,
                 last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         select gen_random_uuid(), f.id, e.id, 1, 's', '{\"on\":false}', 1, 1, 'x', 'x', now(), now()
         from f, environments e",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("analyze").execute(pool).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select f.key from feature_flag_configs c join feature_flags f on f.id = c.flag_id
              join environments e on e.id = c.environment_id join project p on p.id = f.project_id
         where p.key = 'default' and e.key = 'staging' and c.config @@ '$.offVariation == 2'::text::jsonpath",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(plan.iter().any(|line| line.contains("feature_flag_configs_config")), "{}", plan.join("\n"));
    let filtered = async |predicate: &str| {
        let escaped: String = predicate.bytes().map(|b| format!("%{b:02x}")).collect();
        app.get(&format!("/api/flags?environment=staging&config={escaped}")).await
    };
    let found: serde_json::Value = filtered("$.offVariation == 2").await.json().await.unwrap();
    assert_eq!(found["items"][0]["key"], "wanted");
    assert_eq!(found["total"], 1);
    for predicate in ["$.[", "", "\u{0}", "$.a like_regex \"(\"", "drop table feature_flags"] {
        assert_eq!(filtered(predicate).await.status(), 400, "{predicate:?}");
    }
}
