//! The answers that a demo daemon gave, by the request; kept in `fixtures/answers.json`.
//!
//! To record them anew: start `flagstaffd demo --headless` on empty data, send it what is in `fixtures/seed.json`, take
//! `fixtures/answers.json` away, and run `FLAGSTAFF_RECORD=<its socket> cargo test -p flagstaff --test pure -- actions screens`.

use flagstaff::client::{Client, Credential, Target};
use flagstaff::request::{Answer, Failure, Problem, Request};
use shared::json::{Json, parse};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many lines of an audit are kept.
const LINES: usize = 40;

struct Kept {
    at: OffsetDateTime,
    answers: BTreeMap<String, Json>,
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(|| Mutex::new(read()));

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/fixtures/answers.json")
}

fn read() -> Kept {
    let text = std::fs::read_to_string(file()).unwrap_or_else(|_| "{}".to_owned());
    let json = parse(&text).unwrap();
    let at = json.get("at").and_then(Json::as_str).map(|at| OffsetDateTime::parse(at, &Rfc3339).unwrap());
    let answers = json.get("answers").and_then(Json::as_object).unwrap_or_default().iter().cloned().collect();
    // The clock of the whole machine is read only while recording.
    Kept { at: at.unwrap_or_else(clock), answers }
}

#[allow(clippy::disallowed_methods, reason = "the time of a recording")]
fn clock() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
}

impl Kept {
    fn write(&self) {
        let mut text = format!("{{\"at\":\"{}\",\"answers\":{{", self.at.format(&Rfc3339).unwrap());
        for (n, (request, answer)) in self.answers.iter().enumerate() {
            let name = Json::String(request.clone()).to_text();
            let _ = write!(text, "{}\n{name}:{}", if n > 0 { "," } else { "" }, answer.to_text());
        }
        text.push_str("\n}}\n");
        std::fs::write(file(), text).unwrap();
    }
}

/// When the answers were given.
pub fn at() -> OffsetDateTime {
    KEPT.lock().unwrap().at
}

/// What the daemon answered to this request.
pub fn answer(request: &Request) -> Result<Answer, Failure> {
    let body = request.body.as_ref().map_or(String::new(), |body| format!(" {}", body.to_text()));
    let name = format!("{} {}{body}", request.method.as_str(), request.path);
    let mut kept = KEPT.lock().unwrap();
    if let Some(answer) = kept.answers.get(&name) {
        return restored(answer);
    }
    let Some(socket) = std::env::var_os("FLAGSTAFF_RECORD") else {
        return Err(Failure::Lost(format!("no answer was recorded to {name}")));
    };
    let client = Client::new(Target::Unix(socket.into()), Credential::None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(client.send(request.clone()));
    kept.answers.insert(name, told(&outcome));
    kept.write();
    outcome
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn told(outcome: &Result<Answer, Failure>) -> Json {
    let number = |n: u64| Json::from(usize::try_from(n).unwrap());
    match outcome {
        Ok(answer) => object(vec![
            ("status", number(answer.status.into())),
            ("etag", answer.etag.clone().map_or(Json::Null, Json::String)),
            ("revision", answer.revision.map_or(Json::Null, number)),
            ("body", fewer(answer.body.clone())),
        ]),
        Err(Failure::Refused(problem)) => {
            object(vec![("status", number(problem.status.into())), ("body", problem.body.clone())])
        }
        Err(failure) => panic!("the daemon did not answer: {failure}"),
    }
}

/// A page of an audit without most of its lines: they are long, and much alike.
fn fewer(mut body: Json) -> Json {
    let audit = body.get("items").and_then(Json::as_array).filter(|lines| {
        lines.len() > LINES
            && lines.iter().all(|line| line.get("hash").is_some() && line.get("entity").is_some())
    });
    if let Some(lines) = audit.map(|lines| lines[..LINES].to_vec()) {
        body.set("items", Json::Array(lines));
        body.set("nextCursor", Json::Null);
    }
    body
}

fn restored(kept: &Json) -> Result<Answer, Failure> {
    let number = |name: &str| kept.get(name).and_then(Json::as_i64).and_then(|n| u64::try_from(n).ok());
    let text = |json: &Json, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let status = u16::try_from(number("status").unwrap()).unwrap();
    let body = kept.get("body").cloned().unwrap_or(Json::Null);
    if status < 400 {
        let (etag, revision) = (text(kept, "etag"), number("revision"));
        return Ok(Answer { status, etag, revision, stale: false, body });
    }
    let kind = text(&body, "type").unwrap_or_default();
    Err(Failure::Refused(Box::new(Problem {
        status,
        kind: kind.rsplit(':').next().unwrap_or_default().to_owned(),
        detail: text(&body, "detail").unwrap_or_default(),
        instance: String::new(),
        retry_after: None,
        body,
    })))
}
