//! A toggle over HTTP against the same SQL transaction by pgbench, in one run. Goal: at most 1.5 times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints"
)]
#![allow(dead_code, reason = "the rig is shared by several programs")]

mod rig;

use std::time::Instant;

use flagstaffd::postgres::find;
use serde_json::json;

/// What a toggle does in the database, statement by statement, with the values made by pgbench.
const TRANSACTION: &str = "\
begin;
set local lock_timeout = '2s';
select epoch, revision, hash, at, clock_timestamp() as now from head for update \\gset
select f.id as flag, f.variations::text from feature_flags f join project p on p.id = f.project_id where p.key = 'default' and f.key = 'bench';
select e.id as env, e.protected from environments e join project p on p.id = e.project_id where p.key = 'default' and e.key = 'staging';
select c.id as config, c.document::text as document, c.salt from feature_flag_configs c join feature_flags f on f.id = c.flag_id join environments e on e.id = c.environment_id where f.key = 'bench' and e.key = 'staging' \\gset
update feature_flag_configs set version = version + 1, document = jsonb_set(document::jsonb, '{on}', to_jsonb(not enabled))::json, last_revision = :revision + 1, updated_at = clock_timestamp() where id = :config;
insert into revision (number, epoch, at, kind, actor, credential, source, previous_hash, hash) select revision + 1, epoch, clock_timestamp(), 'change', 'bench', 'header', 'api', hash, sha256(convert_to(random()::text, 'UTF8')) from head;
insert into feature_flag_audit_log (revision, ordinal, entity_kind, entity_id, key, project, environment, action, before, after, salt, digest) select :revision + 1, 0, 'config', c.id, 'bench', 'default', 'staging', 'turned-on', row_to_json(c)::text, row_to_json(c)::text, substring(sha256('a') for 16), sha256(convert_to(random()::text, 'UTF8')) from feature_flag_configs c where c.id = :config;
update head set revision = revision + 1, hash = (select hash from revision r where r.number = :revision + 1), at = clock_timestamp();
commit;
";

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let rounds: usize =
        std::env::var("FLAGSTAFF_BENCH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(5);
    let toggles = 300;
    let database = rig::Database::start().await;
    let pgbench = find::binaries(None, None).unwrap().program("pgbench");
    assert!(pgbench.exists(), "pgbench is needed at {}", pgbench.display());
    let script = database.directory.join("toggle.sql");
    std::fs::write(&script, TRANSACTION).unwrap();
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut ratios = Vec::new();
    for round in 0..rounds {
        // The two write one history, so the daemon is started anew for its turn.
        let daemon = rig::Daemon::start(&database).await;
        daemon.found(&["staging"]).await;
        let client = reqwest::Client::new();
        let at = |path: &str| format!("http://{}{path}", daemon.address);
        if round == 0 {
            let made = client
                .post(at("/api/flags"))
                .header("x-user-id", "bench")
                .json(&json!({"key": "bench"}))
                .send()
                .await
                .unwrap();
            assert_eq!(made.status(), 201);
        }
        let mut times = Vec::new();
        for n in 0..toggles {
            let start = Instant::now();
            let answer = client
                .post(at("/api/flags/bench/toggle"))
                .header("x-user-id", "bench")
                .json(&json!({"environment": "staging"}))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            if n >= 20 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        daemon.stop().await;
        let (_, our, _) = rig::spread(&mut times);
        let log = database.directory.join(format!("pgbench-{round}"));
        let done = tokio::process::Command::new(&pgbench)
            .args(["-n", "-c", "1", "-M", "prepared", "-t", &toggles.to_string(), "-l", "--log-prefix"])
            .arg(&log)
            .arg("-f")
            .arg(&script)
            .args([
                "-h",
                &database.running.socket_dir().display().to_string(),
                "-U",
                "flagstaff",
                "feature_flags",
            ])
            .output()
            .await
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut times: Vec<f64> = std::fs::read_dir(&database.directory)
            .unwrap()
            .flatten()
            .filter(|e| e.file_name().to_string_lossy().starts_with(&format!("pgbench-{round}")))
            .flat_map(|e| {
                let text = std::fs::read_to_string(e.path()).unwrap();
                text.lines()
                    .skip(20)
                    .filter_map(|l| l.split_whitespace().nth(2)?.parse::<f64>().ok())
                    .map(|us| us / 1e3)
                    .collect::<Vec<_>>()
            })
            .collect();
        let (_, their, _) = rig::spread(&mut times);
        println!(
            "round {round}: toggle over HTTP p50 {our:.2} ms, pgbench p50 {their:.2} ms, ratio {:.2}",
            our / their
        );
        ours.push(our);
        theirs.push(their);
        ratios.push(our / their);
    }
    let (a, b, c) = rig::spread(&mut ours);
    println!("toggle over HTTP, p50 of each round: median {b:.2} ms (min {a:.2}, max {c:.2})");
    let (a, b, c) = rig::spread(&mut theirs);
    println!("pgbench, p50 of each round:          median {b:.2} ms (min {a:.2}, max {c:.2})");
    let (a, b, c) = rig::spread(&mut ratios);
    println!("ratio: median {b:.2} (min {a:.2}, max {c:.2}); goal at most 1.5");
    database.stop().await;
}
