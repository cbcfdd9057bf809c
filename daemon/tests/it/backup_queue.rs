//! Backups as an operator sees them: asked for over HTTP, made by the schedule, put back.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::cluster::{directory, fresh_database};
use crate::support::program::{self, Program};

/// The OS user who runs the daemon owns it, and comes over its socket.
struct Operator(Client);

impl Operator {
    fn of(folder: &Path) -> Self {
        Self(Client::builder().unix_socket(folder.join("s.sock")).build().unwrap())
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.0.request(method, format!("http://localhost{path}")).json(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Waits until the list of backups is as it should be.
    async fn until(&self, what: &str, right: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let (status, page) = self.ask(Method::GET, "/api/backups", &json!(null)).await;
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap();
            if right(items) {
                return items.clone();
            }
            assert!(Instant::now() < end, "{what}: {page}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn done(job: &Value) -> bool {
    assert_ne!(job["state"], "failed", "{job}");
    job["state"] == "done"
}

/// Puts the copy that a job made into an empty database, and a daemon on that.
async fn put_back(folder: &Path, job: &Value) -> Program {
    let copy: PathBuf = folder.join("backups").join(job["file"].as_str().unwrap());
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), job["bytes"].as_u64().unwrap());
    let (url, elsewhere) = (fresh_database().await, directory("restored"));
    let name = url.split(['/', '?']).nth(3).unwrap();
    let data = elsewhere.display().to_string();
    let variables = [("DATABASE_URL", url.as_str()), ("FLAGSTAFF_DATA_DIRECTORY", &data)];
    let run = |arguments: &[&str]| {
        let output = program::run(&elsewhere, arguments, &variables);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", program::said(&output));
        program::said(&output)
    };
    let said = run(&["restore", &copy.display().to_string(), "--confirm", name]);
    let position = job["position"].as_str().unwrap();
    assert!(said.contains(&format!("the database stood at {position}")), "{said}");
    assert!(run(&["audit", "verify"]).contains("the history is valid"));
    run(&["check"]);
    Program::start(&elsewhere, &["serve"], &[("DATABASE_URL", &url)])
}

#[tokio::test]
async fn an_operator_asks_for_a_backup_over_http_and_it_can_be_put_back() {
    let (url, folder) = (fresh_database().await, directory("asked"));
    let program = Program::start(&folder, &["serve"], &[("DATABASE_URL", &url)]);
    let flag = json!({"key": "kept", "type": "boolean", "description": "as it was"});
    program.until("/health/ready", 200).await;
    assert_eq!(program.post("/api/flags", &flag).await.0, 201);
    let operator = Operator::of(&folder);
    let (status, _) = operator.ask(Method::POST, "/api/backups?dryRun=true", &json!({})).await;
    assert_eq!(status, 400, "there is no plan of a backup");
    let (status, job) = operator.ask(Method::POST, "/api/backups", &json!({})).await;
    assert_eq!(status, 202, "{job}");
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!((&job["state"], &job["requestedBy"]), (&json!("queued"), &json!(format!("os:{user}"))));
    let items = operator.until("it is made", |items| items.iter().all(done)).await;
    assert_eq!(items.len(), 1);
    let place = format!("/api/backups/{}", job["id"].as_str().unwrap());
    let (status, job) = operator.ask(Method::GET, &place, &json!(null)).await;
    assert_eq!((status, &job), (StatusCode::OK, &items[0]));
    assert_eq!((&job["position"], &job["attempts"]), (&json!("1.2"), &json!(1)));
    assert_eq!(program.get(&place).await.0, 403, "a viewer is no operator");

    let restored = put_back(&folder, &job).await;
    let (status, body) = restored.get("/api/flags/kept").await;
    assert!(status == 200 && body.contains("as it was"), "{status} {body}");
}

#[tokio::test]
async fn the_schedule_asks_once_an_interval_however_many_daemons_there_are() {
    let (url, folder) = (fresh_database().await, directory("schedule"));
    let copies = folder.join("backups").display().to_string();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("FLAGSTAFF_BACKUP_ENABLED", "true"),
        ("FLAGSTAFF_BACKUP_INTERVAL", "1h"),
        ("FLAGSTAFF_BACKUP_DIRECTORY", &copies),
    ];
    let one = Program::start(&folder, &["serve"], &variables);
    one.until("/api/environments/staging/flags", 200).await;
    let two = Program::start(&directory("schedule"), &["serve"], &variables);
    let operator = Operator::of(&folder);
    let items = operator.until("the first", |items| !items.is_empty() && items.iter().all(done)).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["requestedBy"], "schedule");

    // An hour later, for both at once; what somebody asks for is beside the schedule.
    assert_eq!(operator.ask(Method::POST, "/api/backups", &json!({})).await.0, 202);
    operator.until("the one between", |items| items.len() == 2 && items.iter().all(done)).await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let later = "update backup_job set requested_at = requested_at - interval '1 hour'";
    sqlx::query(later).execute(&mut database).await.unwrap();
    let items = operator.until("the next", |items| items.len() > 2 && items.iter().all(done)).await;
    let scheduled = items.iter().filter(|job| job["requestedBy"] == "schedule").count();
    assert_eq!((items.len(), scheduled), (3, 2), "{items:?}");
    assert_eq!(items[0]["requestedBy"], "schedule", "newest first");

    // Two that find it due in the same moment.
    let mut first = PgConnection::connect(&url).await.unwrap();
    sqlx::query(later).execute(&mut database).await.unwrap();
    let due = "insert into backup_job (id, requested_by) values (gen_random_uuid(), 'schedule') on conflict do nothing";
    let mut both = 0;
    for conn in [&mut first, &mut database] {
        both += sqlx::query(due).execute(conn).await.unwrap().rows_affected();
    }
    assert!(both <= 1, "two scheduled backups wait");
    drop(two);
    let items = operator.until("the last", |items| items.len() >= 4 && items.iter().all(done)).await;
    put_back(&folder, &items[0]).await.until("/api/environments/staging/flags", 200).await;
}
