//! A daemon's answers about ten thousand flags.

use flagstaff::request::{Answer, Failure, Request};
use shared::json::{Json, parse};
use std::fmt::Write as _;
use std::sync::LazyLock;

pub const FLAGS: usize = 10_000;
const PAGE: usize = 2_000;
const AREAS: [&str; 8] = ["pay", "search", "checkout", "mobile", "growth", "infra", "ml", "legal"];
const THINGS: [&str; 6] = ["new-flow", "retry-limit", "dark-mode", "cache-v2", "fast-path", "banner"];
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "ci-bot", "erin"];

/// The key of a flag, by its place in the list.
pub fn key(n: usize) -> String {
    format!("{}.{n:05}-{}", AREAS[n * AREAS.len() / FLAGS], THINGS[n * 5 % 6])
}

fn good(body: &str) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, etag: None, revision: Some(50), stale: false, body: parse(body).unwrap() })
}

fn flag(n: usize) -> String {
    let (by, day) = (PEOPLE[n * 13 % 5], 1 + n * 7 % 20);
    let cell = |environment: usize| {
        let on = !(n * 31 + environment * 17).is_multiple_of(3);
        let served = match (n + environment) % 5 {
            0 => {
                r#"{"rollout":{"variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}}"#
            }
            _ => r#"{"variation":0}"#,
        };
        format!(
            r#"{{"on":{on},"default":{served},"offVariation":1,"rules":{},"targets":0,"prerequisites":[],"segments":[],"digest":"{:016x}","version":3,"revision":40,"updatedAt":"2026-11-{day:02}T08:00:00Z","updatedBy":"user:{by}"}}"#,
            n % 3,
            n * environment % 3
        )
    };
    format!(
        r#"{{"key":"{}","name":"Flag {n}","description":"What number {n} is for","kind":"boolean","tags":["q4"],"owner":"payments","temporary":true,"archived":false,"flagVersion":1,"revision":40,"variations":[{{"value":true}},{{"value":false}}],"updatedAt":"2026-11-{day:02}T08:00:00Z","updatedBy":"user:{by}","environments":{{"dev":{},"staging":{},"production":{}}}}}"#,
        key(n),
        cell(0),
        cell(1),
        cell(2)
    )
}

static PAGES: LazyLock<Vec<Answer>> = LazyLock::new(|| (0..FLAGS).step_by(PAGE).map(page).collect());

fn page(from: usize) -> Answer {
    let items: Vec<String> = (from..FLAGS.min(from + PAGE)).map(flag).collect();
    let next = if from + PAGE < FLAGS { format!("\"{}\"", from + PAGE) } else { "null".to_owned() };
    let body = format!(
        r#"{{"position":"1.50","revision":50,"total":{FLAGS},"items":[{}],"nextCursor":{next}}}"#,
        items.join(",")
    );
    good(&body).unwrap()
}

/// What a daemon with so many flags answers.
pub fn answer(request: &Request) -> Result<Answer, Failure> {
    let path = request.path.as_str();
    if path.starts_with("/api/matrix") {
        let from: usize = path.split("cursor=").nth(1).map_or(0, |n| n.parse().unwrap());
        return Ok(PAGES[from / PAGE].clone());
    }
    if path.starts_with("/api/environments") {
        let mut items = String::new();
        for (n, (key, protected)) in
            [("dev", false), ("staging", false), ("production", true)].into_iter().enumerate()
        {
            let comma = if n > 0 { "," } else { "" };
            let _ = write!(
                items,
                r#"{comma}{{"key":"{key}","name":"{key}","order":{n},"protected":{protected},"class":"{}","archived":false,"revision":3}}"#,
                if key == "dev" { "development" } else { key }
            );
        }
        return good(&format!(r#"{{"items":[{items}],"nextCursor":null}}"#));
    }
    if path == "/api/me" {
        return good(r#"{"principal":"user:alice","roles":[]}"#);
    }
    if path.starts_with("/api/change-sets") && path.contains("dryRun") {
        return good(
            r#"{"base":"1.50","planHash":"h","changes":[{"kind":"config","key":"x","environment":"dev","action":"turned-on","diff":[]}],"warnings":[],"confirmation":null}"#,
        );
    }
    Err(Failure::Lost(format!("nobody answers {path}")))
}

/// What the feed tells when a flag is turned on in `dev`.
pub fn turned(n: usize, on: bool, revision: usize) -> Json {
    parse(&format!(
        r#"{{"type":"revision","revision":{revision},"epoch":1,"position":"1.{revision}","at":"2026-11-20T08:00:00Z","kind":"change","actor":"user:bob","comment":"","source":"api","changes":[{{"entity":{{"kind":"config","key":"{}","project":"default","environment":"dev"}},"action":"turned-on","before":{{}},"after":{{"document":{{"enabled":{on},"fallthrough":{{"variation":0}},"offVariation":1}},"version":{revision},"enabled":{on}}}}}]}}"#,
        key(n)
    ))
    .unwrap()
}
