//! A bulk import of 5,000 flags, and a start with 10,000 flags in 4 environments.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints"
)]
#![allow(dead_code, reason = "the rig is shared by several programs")]

mod rig;

use std::time::{Duration, Instant};

use serde_json::{Map, json};
use shared::access::{Role, RoleBinding};
use shared::change::Mutation;

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

fn export(from: usize, count: usize) -> String {
    let mut flags = Map::new();
    for n in from..from + count {
        flags.insert(
            format!("flag-{n}"),
            json!({"flagVersion": 3, "trackEvents": false, "value": {"enabled": n % 2 == 0, "limit": n}, "variation": 1, "version": 7}),
        );
    }
    serde_json::to_string(&flags).unwrap()
}

async fn run() {
    let database = rig::Database::start().await;
    let daemon = rig::Daemon::start(&database).await;
    let environments = ["one", "two", "three", "four"];
    daemon.found(&environments).await;
    let http = reqwest::Client::new();
    own(&daemon).await;
    for (index, environment) in environments.iter().enumerate() {
        for part in 0..2 {
            let start = Instant::now();
            let cpu = rig::cpu();
            let answer = http
                .post(format!("http://{}/api/import?environment={environment}", daemon.address))
                .header("x-user-id", "bench")
                .header("content-type", "application/json")
                .body(export(part * 5_000, 5_000))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            let took = start.elapsed().as_secs_f64();
            if index == 0 && part == 0 {
                let pool = daemon.state.gate.pool().clone();
                let limit = copy_limit(&pool).await;
                println!(
                    "import of 5,000 new flags as one revision: {took:.2} s, {:.2} s of our CPU",
                    rig::cpu() - cpu
                );
                println!(
                    "the same rows copied table to table by PostgreSQL itself: {limit:.2} s; ratio {:.1}",
                    took / limit
                );
            }
        }
    }
    daemon.stop().await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let daemon = rig::Daemon::start(&database).await;
        times.push(start.elapsed().as_secs_f64());
        assert_eq!(daemon.state.live.catalog().flags.len(), 10_000);
        daemon.stop().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (a, b, c) = rig::spread(&mut times);
    println!(
        "start with 10,000 flags in 4 environments, PostgreSQL up: ready after {b:.2} s (min {a:.2}, max {c:.2}); goal under 2 s"
    );
    println!("resident memory: {:.0} MiB", rig::resident() as f64 / 1048576.0);
    database.stop().await;
}

/// Makes the demo's `bench` an owner, who may import.
async fn own(daemon: &rig::Daemon) {
    let binding = RoleBinding {
        id: daemon.state.clock.uuid(),
        subject: "user:bench".to_owned(),
        role: Role::Owner,
        project: "*".to_owned(),
        environment: "*".to_owned(),
    };
    daemon.commit(vec![Mutation::PutRoleBinding(binding)]).await;
}

/// The limit: PostgreSQL copies the rows of the import by itself, constraints and indexes included.
async fn copy_limit(pool: &sqlx::PgPool) -> f64 {
    let start = Instant::now();
    for table in ["feature_flags", "feature_flag_configs", "feature_flag_audit_log"] {
        let generated = if table == "feature_flag_configs" { "excluding generated" } else { "" };
        let sql = format!(
            "create table copied_{table} (like {table} including all {generated}); \
             insert into copied_{table} select * from {table}; drop table copied_{table}"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
    }
    start.elapsed().as_secs_f64()
}
