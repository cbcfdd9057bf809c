//! Counts outlive daemons and absences of the database, and those of several daemons add up.

use std::time::Duration;

use flagstaffd::config::Config;
use flagstaffd::postgres::cluster::{self as postgres, Options};
use flagstaffd::store::usage::{self as store, Batch, Counted, Evaluated, Keep};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{accepted, bulk, counted, flags, keys, summary, usage};
use crate::support::app::TestApp;
use crate::support::cluster;

fn often(config: &mut Config) {
    config.usage.flush_interval = Duration::from_millis(100);
}

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select coalesce(sum(count), 0)::bigint from usage_minute")
        .fetch_one(app.state.gate.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_daemons_count_adds_up_and_outlives_them() {
    let url = cluster::fresh_database().await;
    let first = TestApp::start_on(url.clone(), often).await;
    let keys = keys(&first).await;
    flags(&first, &["a"]).await;
    let second = TestApp::start_on(url.clone(), often).await;
    accepted(bulk(&first, &keys, summary("a", 1, 0, 3).to_string())).await;
    accepted(bulk(&second, &keys, summary("a", 1, 0, 4).to_string())).await;
    let mine = counted(&first, "a", 7).await;
    counted(&second, "a", 7).await;
    assert_eq!(mine["counters"].as_array().unwrap().len(), 1, "they are one counter");
    // Both know when it was evaluated last, whoever heard of it.
    let quiet = TestApp::start_on(url.clone(), often).await;
    let last = async |app: &TestApp| usage(app, "a").await["lastEvaluated"].clone();
    quiet.until("it is learned", async || last(&quiet).await != Value::Null).await;
    quiet
        .until("all agree", async || {
            last(&quiet).await == last(&first).await && last(&first).await == last(&second).await
        })
        .await;
    drop((first, second, quiet));
    let later = TestApp::start_on(url, |_| {}).await;
    let told = counted(&later, "a", 7).await;
    assert_eq!(told["counters"][0]["count"], 7);
}

#[tokio::test]
async fn a_daemon_that_stops_writes_what_it_counted() {
    let url = cluster::fresh_database().await;
    let first =
        TestApp::start_on(url.clone(), |config| config.usage.flush_interval = Duration::from_secs(3_600))
            .await;
    let keys = keys(&first).await;
    flags(&first, &["a"]).await;
    accepted(bulk(&first, &keys, summary("a", 1, 0, 5).to_string())).await;
    drop(first);
    let second = TestApp::start_on(url, |_| {}).await;
    second.until("the last counts are there", async || rows(&second).await == 5).await;
    counted(&second, "a", 5).await;
}

#[tokio::test]
async fn while_the_database_is_away_sdks_hear_nothing_of_it_and_counts_wait() {
    let own =
        Options { max_connections: 20, ..Options::new(cluster::directory("uncounted"), cluster::binaries()) };
    let server = postgres::start(own.clone()).await.unwrap();
    let app = TestApp::start_on(server.url(), |config| {
        often(config);
        config.database.acquire_timeout = Duration::from_millis(300);
    })
    .await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    accepted(bulk(&app, &keys, summary("a", 1, 0, 1).to_string())).await;
    app.until("the first is written", async || rows(&app).await == 1).await;
    server.stop().await;
    app.until("the loss is seen", async || app.state.live.stale()).await;
    for _ in 0..10 {
        accepted(bulk(&app, &keys, summary("a", 1, 1, 10).to_string())).await;
    }
    let unknown = app.client.post(app.at("/bulk")).header("authorization", "sdk-unknown").body("[]");
    assert_eq!(
        unknown.send().await.unwrap().status(),
        503,
        "nobody is turned away for good while that is not sure"
    );
    assert_eq!(app.get("/api/flags/a/usage?environment=staging").await.status(), 503);
    let back = postgres::start(own).await.unwrap();
    app.until("what waited is written", async || {
        let sum: Result<i64, _> =
            sqlx::query_scalar("select coalesce(sum(count), 0)::bigint from usage_minute")
                .fetch_one(app.state.gate.pool())
                .await;
        sum.ok() == Some(101)
    })
    .await;
    counted(&app, "a", 101).await;
    drop(app);
    back.stop().await;
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn row(config: Uuid, seconds: i64, variation: i32, count: i64) -> Counted {
    Counted {
        config,
        at: at(seconds),
        variation,
        version: 1,
        reason: String::new(),
        rule: String::new(),
        count,
    }
}

#[tokio::test]
async fn a_batch_that_is_sent_twice_counts_once_and_old_minutes_become_hours() {
    let app = TestApp::start().await;
    let mut conn = app.state.gate.pool().acquire().await.unwrap();
    let (daemon, config, environment) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let hour = 1_800_000_000 / 3_600 * 3_600;
    let mut batch = Batch {
        daemon,
        number: 1,
        counted: vec![row(config, hour, 0, 1), row(config, hour + 60, 0, 2), row(config, hour + 3_600, 1, 4)],
        evaluated: vec![Evaluated { config, environment, at: at(hour + 99) }],
        contexts: vec![],
    };
    let total = async |conn: &mut sqlx::PgConnection| {
        let all = store::counters(conn, config, at(hour), at(hour + 7_200), 10).await.unwrap();
        all.iter().map(|row| row.count).sum::<i64>()
    };
    for _ in 0..2 {
        store::add(&mut conn, &batch).await.unwrap();
        assert_eq!(total(&mut conn).await, 7);
    }
    batch.number = 2;
    batch.evaluated[0].at = at(hour);
    store::add(&mut conn, &batch).await.unwrap();
    assert_eq!(total(&mut conn).await, 14);
    let (_, known) = store::evaluated_since(&mut conn, at(0)).await.unwrap();
    let known: Vec<_> = known.into_iter().filter(|row| row.config == config).collect();
    assert_eq!(known, [Evaluated { config, environment, at: at(hour + 99) }], "time does not go back");
    let keep = Keep { minutes_from: at(hour + 3_600), hours_from: at(0), contexts: 10 };
    for _ in 0..2 {
        store::prune(&mut conn, &keep).await.unwrap();
        assert_eq!(total(&mut conn).await, 14);
    }
    let series = store::series(&mut conn, config, at(hour), at(hour + 7_200), 3_600.0).await.unwrap();
    let mut series: Vec<_> =
        series.iter().map(|row| (row.at.unix_timestamp() - hour, row.variation, row.count)).collect();
    series.sort_unstable();
    assert_eq!(series, [(0, 0, 6), (3_600, 1, 8)]);
    let minutes: i64 = sqlx::query_scalar("select count(*) from usage_minute where config_id = $1")
        .bind(config)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(minutes, 1, "the older two are one hour now");
    store::prune(&mut conn, &Keep { hours_from: at(hour + 1), ..keep }).await.unwrap();
    assert_eq!(total(&mut conn).await, 8, "what is too old is forgotten");
}

#[tokio::test]
async fn counting_has_a_connection_of_its_own_and_is_no_part_of_the_history() {
    let app = TestApp::start_on(cluster::fresh_database().await, often).await;
    let keys = keys(&app).await;
    flags(&app, &["a"]).await;
    let before = app.state.gate.last_committed();
    accepted(bulk(&app, &keys, summary("a", 1, 0, 3).to_string())).await;
    app.until("it is written", async || rows(&app).await == 3).await;
    assert_eq!(app.state.gate.last_committed(), before);
    let own: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'flagstaffd-usage'",
    )
    .fetch_one(app.state.gate.pool())
    .await
    .unwrap();
    assert_eq!(own, 1);
}
