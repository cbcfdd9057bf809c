//! A database that goes back in time.

use flagstaffd::live::follow::{self, Step};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{Ears, flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

async fn refusal(app: &TestApp) -> Value {
    let answer = app.post("/api/flags/f/toggle", &json!({"environment": "staging"})).await;
    json!({"status": answer.status().as_u16(), "type": answer.json::<Value>().await.unwrap()["type"]})
}

#[tokio::test]
async fn writes_freeze_and_what_was_served_is_served_on_also_after_a_restart() {
    let own = cluster::directory("back");
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url.clone(), |c| c.data.directory.clone_from(&own)).await;
    flag(&app, "f").await;
    let on = flip(&app, "f").await;
    let disk = flagstaffd::live::disk::Disk::below(&own, std::sync::Arc::new(|| None));
    app.until("it is on the disk", async || disk.read().is_some_and(|r| r.catalog.position.revision.0 == on))
        .await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let lower = "update head set revision = r.number, hash = r.hash from revision r where r.number = head.revision - 1";
    sqlx::query(lower).execute(&mut database).await.unwrap();
    let frozen = json!({"status": 503, "type": "urn:flagstaff:problem:revision-regressed"});
    app.until("it is noticed", async || app.state.gate.regressed()).await;
    assert_eq!(refusal(&app).await, frozen);
    let shown: Value = app.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(shown["environments"]["staging"]["enabled"], true);
    drop(app);

    let again = TestApp::start_on(url.clone(), |c| c.data.directory.clone_from(&own)).await;
    again.until("it is noticed again", async || again.state.gate.regressed()).await;
    assert_eq!(again.state.live.catalog().position.revision.0, on);
    assert_eq!(refusal(&again).await, frozen);
    let shown: Value = again.get("/api/flags/f").await.json().await.unwrap();
    assert_eq!(shown["environments"]["staging"]["enabled"], true);
    let status: Value = again.get("/api/status").await.json().await.unwrap();
    assert_eq!(status["regressed"], true);

    // Another hash at the same place is another history.
    let other = "update head set revision = revision + 1, hash = decode(repeat('ab', 32), 'hex')";
    sqlx::query(other).execute(&mut database).await.unwrap();
    let looked = follow::step(&again.state.live, &again.state.gate).await.unwrap();
    assert_eq!(looked, Step::Regressed);
    assert_eq!(refusal(&again).await, frozen);
    let (mut ears, _) = Ears::on(&again, &["environment:staging"], json!(null)).await;
    let back = "update head set hash = r.hash from revision r where r.number = head.revision";
    sqlx::query(back).execute(&mut database).await.unwrap();
    again.until("writes are taken again", async || refusal(&again).await["status"] == 200).await;
    assert_eq!(ears.hear("revision").await["revision"], on + 1);
}
