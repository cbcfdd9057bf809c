//! The private PostgreSQL: made, found again, restarted, taken over, refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flagstaffd::postgres::cluster::{self, Options, Running};
use flagstaffd::postgres::place::Place;
use flagstaffd::postgres::{PostgresError, State, launch};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::support::cluster::{account, binaries, directory, fresh_database, shared};

/// Far more than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);

fn options(name: &str) -> Options {
    Options { max_connections: 20, ..Options::new(directory(name), binaries()) }
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

async fn number(url: &str, sql: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
}

async fn text(url: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
}

fn killed(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

async fn ready_again(running: &Running, before: u32) -> u32 {
    let mut state = running.state();
    let wait = state.wait_for(|state| matches!(state, State::Ready { pid } if *pid != before));
    drop(tokio::time::timeout(PATIENCE, wait).await.expect("restarted in time").unwrap());
    running.pid().unwrap()
}

#[tokio::test]
async fn a_cluster_is_made_once_and_found_again() {
    let options = options("cold");
    let running = cluster::start(options.clone()).await.unwrap();
    assert_eq!(
        text(&running.url(), "select current_user || ' ' || current_database()").await,
        "flagstaff feature_flags"
    );
    assert_eq!(text(&running.url(), "select current_setting('fsync')").await, "on");
    assert_eq!(text(&running.url(), "select current_setting('listen_addresses')").await, "");
    assert_eq!(text(&running.url(), "select current_setting('data_checksums')").await, "on");
    assert_eq!(text(&running.url(), "select current_setting('server_encoding')").await, "UTF8");
    assert_eq!(fs::metadata(running.socket_dir()).unwrap().mode() & 0o777, 0o700);
    assert!(!options.data_dir.join("pgdata.init").exists());
    run(&running.url(), "create table t (n bigint); insert into t values (41), (42)").await;
    running.stop().await;
    assert!(!options.data_dir.join("pgdata/postmaster.pid").exists(), "it was stopped in order");

    let running = cluster::start(options).await.unwrap();
    assert_eq!(number(&running.url(), "select max(n) from t").await, 42);
    running.stop().await;
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    let running = cluster::start(options("killed")).await.unwrap();
    run(&running.url(), "create table t (n bigint)").await;
    let mut pid = running.pid().unwrap();
    for round in 1..=2 {
        run(&running.url(), "insert into t select coalesce(max(n), 0) + 1 from t").await;
        killed(pid, Signal::SIGKILL);
        pid = ready_again(&running, pid).await;
        assert_eq!(number(&running.url(), "select max(n) from t").await, round);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_was_shut_down_by_somebody_else_comes_back() {
    let running = cluster::start(options("shut")).await.unwrap();
    let pid = running.pid().unwrap();
    killed(pid, Signal::SIGINT);
    ready_again(&running, pid).await;
    assert_eq!(number(&running.url(), "select 1::bigint").await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_server_left_behind_is_taken_over_by_the_next_start() {
    let options = options("orphan");
    let running = cluster::start(options.clone()).await.unwrap();
    run(&running.url(), "create table t as select 7::bigint as n").await;
    let url = running.url();
    running.stop().await;

    // What a daemon leaves that was killed where no kernel stops its children: a server that nobody holds.
    let place = Place::below(&options.data_dir).unwrap();
    let mut postgres = account().command(options.binaries.program("postgres"));
    postgres.arg("-D").arg(&place.pgdata).args(["-c", "listen_addresses=", "-c"]);
    postgres.arg(format!("unix_socket_directories={}", place.data_dir.join("run").display()));
    let mut orphan =
        launch::tied_to_this_thread(postgres.stdin(Stdio::null()).stderr(Stdio::null())).unwrap();
    let start = Instant::now();
    while PgConnection::connect(&url).await.is_err() {
        assert!(start.elapsed() < PATIENCE, "the server left behind answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let running = cluster::start(options).await.unwrap();
    assert_ne!(running.pid(), Some(orphan.id()));
    assert!(orphan.wait().unwrap().success(), "it was shut down in order");
    assert_eq!(number(&running.url(), "select n from t").await, 7);
    running.stop().await;
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let running = cluster::start(options("dropped")).await.unwrap();
    let mut state = running.state();
    drop(running);
    drop(
        tokio::time::timeout(PATIENCE, state.wait_for(|state| *state == State::Stopped))
            .await
            .unwrap()
            .unwrap(),
    );
}

#[tokio::test]
async fn two_daemons_on_one_data_directory_are_refused() {
    let options = options("twice");
    let running = cluster::start(options.clone()).await.unwrap();
    let error = cluster::start(options.clone()).await.unwrap_err();
    assert!(matches!(error, PostgresError::InUse(_)), "{error}");
    assert!(error.to_string().starts_with("another flagstaffd is using the data directory"), "{error}");
    running.stop().await;
    cluster::start(options).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_named_and_left_alone() {
    let options = options("major");
    fs::create_dir(options.data_dir.join("pgdata")).unwrap();
    fs::set_permissions(options.data_dir.join("pgdata"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(options.data_dir.join("pgdata/PG_VERSION"), "9\n").unwrap();
    let error = cluster::start(options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("was made by PostgreSQL 9") && error.contains("pg_upgrade"), "{error}");
    assert_eq!(fs::read_to_string(options.data_dir.join("pgdata/PG_VERSION")).unwrap(), "9\n");
}

#[tokio::test]
async fn a_directory_with_other_things_in_it_is_not_overwritten() {
    let options = options("other");
    fs::create_dir(options.data_dir.join("pgdata")).unwrap();
    fs::write(options.data_dir.join("pgdata/thesis.tex"), "x").unwrap();
    let error = cluster::start(options.clone()).await.unwrap_err();
    assert!(matches!(error, PostgresError::NotACluster(_)), "{error}");
    assert!(options.data_dir.join("pgdata/thesis.tex").exists());
}

#[tokio::test]
async fn half_a_cluster_of_an_interrupted_start_is_made_anew() {
    let options = options("half");
    fs::create_dir(options.data_dir.join("pgdata.init")).unwrap();
    fs::write(options.data_dir.join("pgdata.init/PG_VERSION"), "15\n").unwrap();
    let running = cluster::start(options.clone()).await.unwrap();
    assert!(!options.data_dir.join("pgdata.init").exists());
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let options = Options { max_connections: 1, ..options("broken") };
    let error = cluster::start(options).await.unwrap_err().to_string();
    assert!(
        error.contains("ended while starting") && error.contains("superuser_reserved_connections"),
        "{error}"
    );
}

#[tokio::test]
async fn a_data_directory_with_an_odd_or_a_long_name_works() {
    for name in ["a,b \"c\" %d ü".to_owned(), "x".repeat(120)] {
        let mut options = options("odd");
        options.data_dir = options.data_dir.join(&name);
        let running = cluster::start(options.clone()).await.unwrap();
        assert_eq!(number(&running.url(), "select 5::bigint").await, 5);
        let socket = running.socket_dir().to_path_buf();
        assert_eq!(socket.starts_with(&options.data_dir), name.len() < 100);
        running.stop().await;
        fs::remove_dir(socket).unwrap();
    }
}

#[tokio::test]
async fn root_is_told_which_directory_keeps_the_server_out() {
    let mut options = options("closed");
    fs::set_permissions(&options.data_dir, fs::Permissions::from_mode(0o700)).unwrap();
    let closed = options.data_dir.clone();
    options.data_dir = closed.join("data");
    let started = cluster::start(options).await;
    if account().stepped_down {
        let error = started.unwrap_err().to_string();
        assert!(error.contains(&format!("cannot enter {}", closed.display())), "{error}");
    } else {
        // An ordinary user's server is that user, and gets wherever the user gets.
        started.unwrap().stop().await;
    }
}

#[tokio::test]
async fn after_kill_nine_of_the_daemon_the_next_one_has_every_commit() {
    const HOLD: &str = "FLAGSTAFF_IT_HOLD";
    if let Some(dir) = std::env::var_os(HOLD) {
        // We are the daemon that the other half of this test kills.
        let running = cluster::start(Options::new(dir, binaries())).await.unwrap();
        run(&running.url(), "create table t as select 9::bigint as n").await;
        println!("holding {}", running.pid().unwrap());
        std::future::pending::<()>().await;
    }
    let options = options("parent");
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "postgres::after_kill_nine_of_the_daemon_the_next_one_has_every_commit",
        ])
        .env(HOLD, &options.data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(daemon.stdout.take().unwrap()).lines().map_while(Result::ok);
    let pid = lines.filter_map(|line| line.split_once("holding ")?.1.parse().ok()).next();
    let pid: u32 = pid.expect("the daemon's server is ready");
    daemon.kill().unwrap();
    daemon.wait().unwrap();

    let running = cluster::start(options).await.unwrap();
    assert_ne!(running.pid(), Some(pid));
    assert_eq!(number(&running.url(), "select n from t").await, 9);
    running.stop().await;
}

#[tokio::test]
async fn the_shared_server_gives_every_test_a_database_of_its_own() {
    let (one, other) = (fresh_database().await, fresh_database().await);
    run(&one, "create table only_here (n bigint)").await;
    assert_eq!(number(&other, "select count(*) from pg_class where relname = 'only_here'").await, 0);
    assert_eq!(text(&one, "select current_setting('fsync')").await, "off");
    assert!(shared().pid().is_some());
}

#[test]
fn the_server_is_not_of_our_process_group() {
    let mut child = launch::tied_to_this_thread(Command::new("sleep").arg("600")).unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    assert_eq!(nix::unistd::getpgid(Some(pid)).unwrap(), pid, "Ctrl-C in a terminal does not reach it");
    child.kill().unwrap();
    child.wait().unwrap();
}
