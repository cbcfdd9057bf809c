//! What the documentation shows is run: the SQL of docs/OPERATIONS.md.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::support::app::TestApp;

#[tokio::test]
async fn the_queries_of_the_operations_page_run() {
    let app = TestApp::start().await;
    let made = app.post("/api/flags", &json!({"key": "databasePremium", "enabled": true})).await;
    assert_eq!(made.status(), 201);
    let page = include_str!("../../../docs/OPERATIONS.md");
    let queries: Vec<&str> =
        page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(queries.len(), 3);
    let mut conn = PgConnection::connect(&app.url).await.unwrap();
    for query in &queries {
        let rows = sqlx::query(AssertSqlSafe(*query)).fetch_all(&mut conn).await.unwrap();
        assert!(!rows.is_empty(), "{query}");
        assert_eq!(rows[0].get::<String, _>("key"), "databasePremium");
    }
    let changed = app
        .request(reqwest::Method::PATCH, "/api/flags/databasePremium/config/staging")
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"trackEvents": true}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), 200, "{}", changed.text().await.unwrap());
}
