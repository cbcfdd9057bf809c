//! This client, the daemons, PostgreSQL, the history's chain, the connected clients.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::cache::rows::{instant, number, text as word, texts, truth};
use crate::canvas::Canvas;
use crate::effect::{Question, Read};
use crate::request::{Answer, Failure};
use crate::route::Route;
use crate::text;
use crate::theme::Token;
use crate::widgets::fleet;
use crate::widgets::list::List;
use crate::widgets::status_text::{self, Line};
use crate::world::World;
use shared::json::Json;
use std::time::Duration;
use time::OffsetDateTime;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "health.verify",
        &["v"],
        "verify history",
        "Verify the chain of the whole history; the same key stops it.",
    )
    .cli("flagstaff audit verify"),
    Action::reads("health.clients", &["enter"], "clients", "Each connected client, or the summary again."),
    Action::reads("health.profiles", &["c"], "profiles", "Connect to another daemon."),
];

const STATUS: u32 = 1;
const VERIFY: u32 = 2;
/// Below this many columns labels have rows of their own.
const NARROW: u16 = 76;
/// How often the daemon is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long an answer is waited for before it is asked for again.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
enum Verification {
    #[default]
    NotAsked,
    Running(OffsetDateTime),
    Done(Json, OffsetDateTime),
    Failed(String),
}

/// How everything is.
#[derive(Debug, Default)]
pub struct Health {
    status: Json,
    answered_at: Option<OffsetDateTime>,
    asked_at: Option<OffsetDateTime>,
    waiting: bool,
    fault: Option<String>,
    verification: Verification,
    clients: bool,
    top: usize,
}

impl Health {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn ask(&mut self, world: &World) -> Vec<Do> {
        self.asked_at = Some(world.now);
        self.waiting = true;
        vec![Do::Ask(STATUS, Read::get("/api/status"))]
    }

    fn tick(&mut self, world: &World) -> Vec<Do> {
        let since = self.asked_at.map(|at| world.now - at);
        let wait = if self.waiting { PATIENCE } else { EVERY };
        match since {
            Some(since) if since < wait => Vec::new(),
            _ => self.ask(world),
        }
    }

    fn verify(&mut self, world: &World) -> Vec<Do> {
        if matches!(self.verification, Verification::Running(_)) {
            self.verification = Verification::NotAsked;
            // A newer question with the same tag takes the running one back.
            return vec![Do::Ask(VERIFY, Read::get("/health/live"))];
        }
        self.verification = Verification::Running(world.now);
        vec![Do::Ask(VERIFY, Read::ask(Question::Compute("/api/audit/verify"), None).patient())]
    }

    fn answered(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) {
        match (tag, outcome) {
            (STATUS, Ok(answer)) => {
                self.waiting = false;
                self.fault = None;
                self.answered_at = Some(world.now);
                self.status = answer.body.clone();
            }
            (STATUS, Err(failure)) => {
                self.waiting = false;
                self.fault = Some(failure.to_string());
            }
            (_, _) if !matches!(self.verification, Verification::Running(_)) => {}
            (_, Ok(answer)) => self.verification = Verification::Done(answer.body.clone(), world.now),
            (_, Err(failure)) => self.verification = Verification::Failed(failure.to_string()),
        }
    }

    fn chain(&self, world: &World) -> Vec<Line> {
        let told = |report: &Json, at: OffsetDateTime| {
            let intact = truth(report.get("intact"));
            let position = word(report.get("position")).unwrap_or_default();
            let revisions = text::count(number(report.get("revisions")));
            let age = text::age(at, world.now);
            if intact {
                (format!("intact up to {position} ({revisions} revisions), verified {age} ago"), Token::Live)
            } else {
                (format!("NOT INTACT up to {position}, verified {age} ago"), Token::Bad)
            }
        };
        let hash = self.status.get("audit").and_then(|audit| word(audit.get("hash"))).unwrap_or_default();
        let head = text::fit(&hash, 16);
        let mut lines: Vec<Line> = Vec::new();
        match &self.verification {
            Verification::Running(since) => {
                let said = format!("verifying for {} ..  v stops it", text::age(*since, world.now));
                lines.push(("AUDIT CHAIN", said, Token::Pending));
            }
            Verification::Failed(why) => {
                lines.push(("AUDIT CHAIN", format!("could not be verified: {why}"), Token::Error));
            }
            Verification::Done(report, at) => {
                let (said, token) = told(report, *at);
                lines.push(("AUDIT CHAIN", said, token));
                let findings = report.get("findings").and_then(Json::as_array).unwrap_or_default();
                for finding in findings {
                    let of = |name: &str| word(finding.get(name)).unwrap_or_default();
                    let detail = if of("detail").is_empty() { finding.to_text() } else { of("detail") };
                    let place = finding.get("revision").and_then(Json::as_i64);
                    let place = place.map_or_else(String::new, |n| format!("rev {n}: "));
                    lines.push(("", format!("{place}{detail}"), Token::Bad));
                }
                let untold = number(report.get("untold"));
                if untold > 0 {
                    lines.push(("", format!("and {untold} more findings"), Token::Bad));
                }
            }
            Verification::NotAsked => {
                let before = self.status.get("audit").and_then(|audit| audit.get("verified"));
                let at = before.and_then(|report| instant(report.get("at")));
                match (before, at) {
                    (Some(report), Some(at)) => {
                        let (said, token) = told(report, at);
                        lines.push(("AUDIT CHAIN", format!("{said}   v verifies"), token));
                    }
                    _ => lines.push((
                        "AUDIT CHAIN",
                        "not verified since the daemon started   v verifies".to_owned(),
                        Token::Plain,
                    )),
                }
            }
        }
        if !head.is_empty() {
            lines.push(("", format!("hash of the newest revision {head}"), Token::Dim));
        }
        lines
    }

    fn lines(&self, world: &World) -> Vec<Line> {
        let mut lines = status_text::client(world);
        if self.status == Json::Null {
            let said = self.fault.clone().unwrap_or_else(|| "asking the daemon ..".to_owned());
            let token = if self.fault.is_some() { Token::Error } else { Token::Dim };
            lines.push(("DAEMONS", said, token));
            return lines;
        }
        lines.extend(status_text::daemons(world, &self.status));
        lines.extend(status_text::database(&self.status));
        lines.extend(self.chain(world));
        lines.extend(status_text::clients(&self.status));
        lines.extend(status_text::trouble(&self.status));
        lines
    }

    /// The lines as they lie on a screen of that width: broken where they are too long, and with the labels on
    /// rows of their own where there is no room beside them.
    fn laid(&self, world: &World, width: u16) -> Vec<Line> {
        if self.clients {
            return self.each(world);
        }
        let narrow = width < NARROW;
        let room = usize::from(width.saturating_sub(beside(width) + 1)).max(20);
        let mut laid = Vec::new();
        for (label, said, token) in self.lines(world) {
            let mut label = label;
            if narrow && !label.is_empty() {
                laid.push((std::mem::take(&mut label), String::new(), Token::Plain));
            }
            let parts = if text::width(&said) <= room { vec![said] } else { text::wrap(&said, room) };
            for part in parts {
                laid.push((std::mem::take(&mut label), part, token));
            }
        }
        laid
    }

    fn each(&self, world: &World) -> Vec<Line> {
        let list =
            self.status.get("clients").and_then(|clients| clients.get("list")).and_then(Json::as_array);
        let Some(list) = list else {
            return vec![(
                "",
                "only who may operate the installation sees each client".to_owned(),
                Token::Dim,
            )];
        };
        let wide = world.size.0 >= 100;
        let heading =
            format!("{:<10} {:<20} {:<20} {:<6} {:>8}  STATE", "SPEAKS", "WHO", "FROM", "SINCE", "APPLIED");
        let heading = if wide { format!("{} {heading}", text::pad("HEARS", 17)) } else { heading };
        let mut lines = vec![("", heading, Token::Heading)];
        for client in list {
            let of = |name: &str| word(client.get(name)).filter(|text| !text.is_empty()).unwrap_or_default();
            let who = [fleet::name(client), of("principal")].into_iter().find(|t| !t.is_empty());
            let since = instant(client.get("since")).map_or_else(String::new, |at| text::age(at, world.now));
            let applied = client.get("applied").and_then(Json::as_i64);
            let (state, token) = match client.get("current").and_then(Json::as_bool) {
                Some(true) => ("on head", Token::Plain),
                Some(false) => ("behind", Token::Warn),
                None => ("no ack", Token::Dim),
            };
            let line = format!(
                "{} {} {} {} {:>8}  {state}",
                text::pad(fleet::protocol(&of("protocol")), 10),
                text::pad(&who.unwrap_or_default(), 20),
                text::pad(&of("address"), 20),
                text::pad(&since, 6),
                applied.map_or_else(|| "-".to_owned(), |n| n.to_string())
            );
            let topics = texts(client.get("topics"));
            let hears: Vec<&str> =
                topics.iter().map(|topic| topic.strip_prefix("environment:").unwrap_or(topic)).collect();
            let hears = hears.join(", ").replace("default/", "");
            let line = if wide { format!("{} {line}", text::pad(&hears, 17)) } else { line };
            lines.push(("", line, token));
        }
        lines
    }
}

impl Screen for Health {
    fn route(&self) -> Route {
        Route::Health
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced | Event::Returned => return self.ask(world),
            Event::Tick => return self.tick(world),
            Event::Answer { tag, outcome } => self.answered(world, *tag, outcome),
            Event::Action("health.verify") => return self.verify(world),
            Event::Action("health.clients") => {
                self.clients = !self.clients;
                self.top = 0;
            }
            Event::Action("health.profiles") => return vec![Do::Open(Route::Connect)],
            Event::Action("global.escape") => {
                if matches!(self.verification, Verification::Running(_)) {
                    return self.verify(world);
                }
                if !std::mem::take(&mut self.clients) {
                    return vec![Do::Back];
                }
                self.top = 0;
            }
            Event::Action(id) => {
                let room = usize::from(world.size.1.saturating_sub(4)).max(1);
                let len = self.laid(world, world.size.0).len();
                let mut list = List { at: self.top, top: self.top };
                if list.act(id, len.saturating_sub(room) + 1, 1) {
                    self.top = list.at;
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let of = |name: &str| word(self.status.get(name)).unwrap_or_default();
        let right = match (&self.fault, self.answered_at) {
            (Some(fault), Some(at)) => format!("as of {} ago: {fault} ", text::age(at, world.now)),
            (None, Some(_)) => {
                format!("daemon {}   revision {} ", of("version"), number(self.status.get("revision")))
            }
            _ => String::new(),
        };
        canvas.put(1, 0, "Health", Token::Title);
        let right = text::fit(&right, usize::from(width.saturating_sub(9)));
        canvas.put_right(0, &right, if self.fault.is_some() { Token::Warn } else { Token::Dim });
        let lines = self.laid(world, width);
        let room = usize::from(height.saturating_sub(1)).max(1);
        let top = self.top.min(lines.len().saturating_sub(room));
        let x = if self.clients { 2 } else { beside(width) };
        for (y, (label, said, token)) in (1..).zip(lines.iter().skip(top).take(room)) {
            canvas.put(1, y, label, Token::Strong);
            canvas.put_fit(x, y, width.saturating_sub(x + 1), said, *token);
        }
        let more = lines.len().saturating_sub(top + room);
        if more > 0 {
            canvas.put_right(height - 1, &format!(" {more} more below "), Token::Dim);
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["health.clients", "health.verify", "copy.report", "global.resync", "health.profiles"]
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        match what {
            "report" => {
                let title = format!("Flagstaff health, {}", stamp(world.now));
                let mut lines = self.lines(world);
                if self.clients {
                    lines.push(("EACH CLIENT", String::new(), Token::Plain));
                    lines.extend(self.each(world));
                }
                Some(status_text::report(&title, &lines))
            }
            "json" => Some(shared::json::pretty(&self.status)),
            "cli" => Some("flagstaff health".to_owned()),
            "link" => Some(format!("{}/api/status", world.server)),
            _ => None,
        }
    }

    fn ticks(&self, _world: &World) -> Option<Duration> {
        Some(EVERY)
    }
}

/// Where what is said begins, to the right of the labels.
fn beside(width: u16) -> u16 {
    if width < NARROW { 3 } else { 14 }
}

fn stamp(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::world::Link;
    use time::macros::datetime;

    const STATUS_ANSWER: &str = r#"{"version":"0.1.0","position":"1.8","revision":8,"stale":false,
        "daemons":[{"name":"eu-1","version":"0.1.0","revision":8,"lag":0,"clients":4,"startedAt":"2026-11-22T00:00:00Z","own":true},
                   {"name":"us-1","version":"0.1.0","revision":6,"lag":2,"clients":1,"startedAt":"2026-11-21T00:00:00Z","own":false}],
        "pool":{"size":4,"idle":3,"inUse":1,"max":20,"answers":true},
        "database":{"version":"15.18 (Debian)","sizeBytes":9157991,"connections":3,"inRecovery":false,"latencyMs":1.4},
        "audit":{"hash":"26e414b3108ba51f4f2c8a6bf25a4a35","verified":null},
        "clients":{"connected":4,"acknowledging":3,"current":2,"byProtocol":{"websocket":3,"sse":1},
         "everywhere":{"connected":5,"acknowledging":4,"current":3,"behind":1},
         "byEnvironment":{"default/staging":{"connected":5,"acknowledging":4,"current":3,"behind":1}},
         "behind":[{"name":"web-17","protocol":"sse","applied":6,"seconds":14,"daemon":"us-1"}],"list":null},
        "degraded":{"count":0,"items":[]}}"#;

    fn world() -> World {
        let now = datetime!(2026-11-22 03:00 UTC);
        let mut world = crate::scenery::bare(now, (80, 24), Policy::Never);
        world.link = Link::Live;
        world.stats.up_since = Some(datetime!(2026-11-22 02:00 UTC));
        world.stats.trips = [9, 31].map(Duration::from_millis).into();
        world
    }

    fn answer(text: &str) -> Result<Answer, Failure> {
        let body = shared::json::parse(text).unwrap();
        Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body })
    }

    fn opened(world: &World) -> Health {
        let mut screen = Health::new();
        assert_eq!(screen.on(world, &Event::Opened), [Do::Ask(STATUS, Read::get("/api/status"))]);
        screen.on(world, &Event::Answer { tag: STATUS, outcome: &answer(STATUS_ANSWER) });
        screen
    }

    fn drawn(screen: &Health, world: &World, columns: u16, rows: u16) -> String {
        crate::widgets::drawn::text(columns, rows, |canvas| screen.view(world, canvas))
    }

    #[test]
    fn everything_is_told_on_one_screen() {
        let world = world();
        let screen = opened(&world);
        let text = drawn(&screen, &world, 80, 22);
        for said in [
            "feed open for 1h   rtt p50 9 ms p99 31 ms   losses 0",
            "eu-1",
            "3h  here",
            "answers in 1 ms   pool 1 in use, 4 open of 20",
            "not verified since the daemon started",
            "staging",
            "web-17  rev 6  14 s  sse at us-1",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
    }

    #[test]
    fn the_daemon_is_asked_every_two_seconds_and_not_twice_at_a_time() {
        let mut world = world();
        let mut screen = opened(&world);
        assert!(screen.on(&world, &Event::Tick).is_empty());
        world.now += Duration::from_secs(2);
        assert_eq!(screen.on(&world, &Event::Tick).len(), 1);
        world.now += Duration::from_secs(2);
        assert!(screen.on(&world, &Event::Tick).is_empty(), "the answer is still waited for");
    }

    #[test]
    fn a_verification_shows_that_it_runs_can_be_stopped_and_says_what_it_found() {
        let mut world = world();
        let mut screen = opened(&world);
        assert_eq!(screen.on(&world, &Event::Action("health.verify")).len(), 1);
        world.now += Duration::from_secs(12);
        assert!(drawn(&screen, &world, 80, 22).contains("verifying for 12s"));
        assert!(screen.on(&world, &Event::Action("global.escape")).iter().all(|want| *want != Do::Back));
        assert!(!drawn(&screen, &world, 80, 22).contains("verifying"));
        screen.on(&world, &Event::Action("health.verify"));
        let report = answer(
            r#"{"intact":false,"position":"1.8","revisions":8,"findings":[{"revision":3,"detail":"the hash differs"}],"untold":0}"#,
        );
        screen.on(&world, &Event::Answer { tag: VERIFY, outcome: &report });
        let text = drawn(&screen, &world, 80, 24);
        assert!(text.contains("NOT INTACT up to 1.8") && text.contains("rev 3: the hash differs"), "{text}");
    }

    #[test]
    fn a_report_says_all_of_it_in_markdown() {
        let world = world();
        let report = opened(&world).copy(&world, "report").unwrap();
        assert!(report.starts_with("# Flagstaff health, 2026-11-22T03:00:00Z\n"), "{report}");
        for said in ["## this client", "## daemons", "## postgres", "## audit chain", "## behind"] {
            assert!(report.contains(said), "{said}\n{report}");
        }
    }

    #[test]
    fn who_may_not_operate_is_told_so_instead_of_an_empty_list() {
        let world = world();
        let mut screen = opened(&world);
        screen.on(&world, &Event::Action("health.clients"));
        assert!(drawn(&screen, &world, 80, 22).contains("only who may operate"));
    }
}
