//! Whatever comes in whatever order: no panic, and no write without a plan and its text.

use crate::support::answers;
use crate::support::hostile::{HOSTILE, mutated};
use crate::support::places;
use crate::support::session::Session;
use flagstaff::app::registry;
use flagstaff::effect::Effect;
use flagstaff::key::{Code, Press};
use flagstaff::keymap::chord;
use flagstaff::message::Message;
use flagstaff::plan::Apply;
use flagstaff::request::{Answer, Failure, FeedEvent, Problem, Request};
use flagstaff::route::Route;
use flagstaff::theme::{Depth, Theme};
use flagstaff::world::Settings;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::json::{Json, parse};
use std::collections::BTreeMap;
use std::time::Duration;

/// What has to be typed for every change of `production` here.
const EXACT: &str = "yes-really";

/// How a text comes in.
#[derive(Clone, Copy, Debug)]
enum Way {
    Keys,
    Burst,
    Paste,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Well,
    Mutated(u64),
    Refused(usize),
    Lost,
    Unreachable,
}

#[derive(Clone, Debug)]
enum Step {
    /// The keys of the n-th action.
    Action(usize, bool),
    Key(Press),
    Enters(u8),
    Exact(Way),
    Text(String, Way),
    Feed(u64, bool),
    Link(u8),
    Answer(usize, Fate),
    Written(usize, Fate),
    Settle,
    Time(i64),
    Size(u16, u16),
}

fn press() -> impl Strategy<Value = Press> {
    let codes = vec![
        Code::Enter,
        Code::Esc,
        Code::Tab,
        Code::BackTab,
        Code::Backspace,
        Code::Delete,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::Home,
        Code::End,
        Code::PageUp,
        Code::PageDown,
        Code::Char(' '),
    ];
    let typed = prop::sample::select(
        "abcdefghijklmnopqrstuvwxyzGDUMEJK0123456789!?:/.-\"{}[],@漢é".chars().collect::<Vec<_>>(),
    );
    let code = prop_oneof![2 => prop::sample::select(codes), 3 => typed.prop_map(Code::Char)];
    (code, prop::bool::weighted(0.1), prop::bool::weighted(0.15)).prop_map(|(code, ctrl, burst)| Press {
        ctrl: ctrl && matches!(code, Code::Char('a'..='z')),
        burst,
        ..Press::new(code)
    })
}

fn way() -> impl Strategy<Value = Way> {
    prop::sample::select(vec![Way::Keys, Way::Burst, Way::Paste])
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Well),
        3 => any::<u64>().prop_map(Fate::Mutated),
        1 => any::<usize>().prop_map(Fate::Refused),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Unreachable),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned);
    prop_oneof![words, "[ -~]{0,40}", Just("ggGD!space\ryes-really\r\r".repeat(40))]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(n, burst)| Step::Action(n, burst)),
        6 => press().prop_map(Step::Key),
        1 => (1_u8..6).prop_map(Step::Enters),
        1 => way().prop_map(Step::Exact),
        1 => (text(), way()).prop_map(|(text, way)| Step::Text(text, way)),
        2 => (any::<u64>(), any::<bool>()).prop_map(|(seed, broken)| Step::Feed(seed, broken)),
        1 => (0_u8..5).prop_map(Step::Link),
        4 => (any::<usize>(), fate()).prop_map(|(n, fate)| Step::Answer(n, fate)),
        2 => (any::<usize>(), fate()).prop_map(|(n, fate)| Step::Written(n, fate)),
        3 => Just(Step::Settle),
        2 => prop::sample::select(vec![0, 100, 1_000, 61_000, 400_000]).prop_map(Step::Time),
        1 => (1_u16..200, 1_u16..60).prop_map(|(w, h)| Step::Size(w, h)),
    ]
}

/// A plan that a daemon would answer, when it has one for every change.
fn plan(request: &Request) -> Result<Answer, Failure> {
    let body = request.body.as_ref().map_or(String::new(), Json::to_text);
    let strict = touched(request).iter().any(|e| e == "production");
    let confirmation = if strict {
        format!(r#"{{"tier":"guarded","environment":"production","text":"{EXACT}","commentRequired":false}}"#)
    } else {
        "null".to_owned()
    };
    let hash = shared::json::digest(&Json::String(format!("{}{body}", request.path)));
    let body = format!(
        r#"{{"base":"1.12","planHash":"{hash:016x}","changes":[{{"kind":"config","key":"aclp","environment":"dev","action":"updated","diff":[{{"path":"/document/enabled","op":"replace","before":true,"after":false}}]}}],"warnings":[],"confirmation":{confirmation}}}"#
    );
    Ok(Answer { status: 200, etag: None, revision: Some(12), stale: false, body: parse(&body).unwrap() })
}

/// The environments that a request writes to; all of them where it does not say.
fn touched(request: &Request) -> Vec<String> {
    let all = || ["dev", "staging", "production"].map(str::to_owned).to_vec();
    let mutations = request.body.as_ref().and_then(|b| b.get("mutations")).and_then(Json::as_array);
    let Some(mutations) = mutations else { return all() };
    let mut found = Vec::new();
    for mutation in mutations {
        match mutation.get("environment").and_then(Json::as_str) {
            Some(environment) => found.push(environment.to_owned()),
            None => return all(),
        }
    }
    found
}

fn oracle(request: &Request) -> Result<Answer, Failure> {
    if request.path.contains("dryRun=true") {
        return plan(request);
    }
    if request.path.ends_with("/resolve") {
        let body = parse(r#"{"applied":true,"revision":14}"#).unwrap();
        return Ok(Answer { status: 200, etag: None, revision: Some(14), stale: false, body });
    }
    answers::answer(request)
}

fn refused(n: usize) -> Failure {
    let kinds =
        ["plan-changed", "confirmation-required", "conflict", "stale", "invalid", "forbidden", "unavailable"];
    let kind = kinds[n % kinds.len()];
    let status = if kind == "unavailable" { 503 } else { 409 };
    Failure::Refused(Box::new(Problem {
        status,
        kind: kind.to_owned(),
        detail: "no\u{1b}[2J".to_owned(),
        instance: String::new(),
        retry_after: None,
        body: Json::Null,
    }))
}

fn outcome(
    fate: Fate,
    request: &Request,
    well: impl Fn(&Request) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    match fate {
        Fate::Well => well(request),
        // A plan is what the daemon says it is; a daemon that lies about confirmations is not guarded against here.
        Fate::Mutated(_) if request.path.contains("dryRun") => well(request),
        Fate::Mutated(seed) => {
            well(request).map(|answer| Answer { body: mutated(&answer.body, seed), ..answer })
        }
        Fate::Refused(n) => Err(refused(n)),
        Fate::Lost => Err(Failure::Lost("reset".to_owned())),
        Fate::Unreachable => Err(Failure::Unreachable("refused".to_owned())),
    }
}

/// A session, and what is known about it from outside.
struct Watched {
    session: Session,
    /// Plans that were answered: by their hash, what has to be typed, and how often that was typed by then.
    plans: BTreeMap<String, (Option<String>, usize)>,
    /// How often the exact text was typed, a key at a time.
    typed: usize,
    writes: usize,
    unanswered: Vec<(u64, Box<Apply>)>,
}

impl Watched {
    fn take(&mut self, message: Message) -> Result<(), TestCaseError> {
        let ahead = match &message {
            Message::Key(press) => press.burst,
            Message::Paste(_) => true,
            _ => false,
        };
        let asked = self.session.asked.len();
        let planned = match &message {
            Message::Answered { id, outcome: Ok(answer), .. } => {
                let read = self.session.app.world.log.iter().rev().find(|line| line.id == *id);
                read.filter(|line| line.what.contains("dryRun")).map(|_| answer.body.clone())
            }
            _ => None,
        };
        if let Some(plan) = planned {
            let hash = plan.get("planHash").and_then(Json::as_str).unwrap_or_default().to_owned();
            let text = plan.get("confirmation").and_then(|c| c.get("text")).and_then(Json::as_str);
            self.plans.insert(hash, (text.map(str::to_owned), self.typed));
        }
        self.session.tell(message);
        for (_, read) in self.session.asked.iter().skip(asked) {
            prop_assert!(
                !(ahead && read.request().path.contains("dryRun")),
                "a burst began {}",
                read.request().path
            );
        }
        for (id, apply) in std::mem::take(&mut self.session.wrote) {
            self.writes += 1;
            prop_assert!(!ahead, "a burst wrote {}", apply.request().path);
            self.written(&apply)?;
            self.unanswered.push((id, apply));
        }
        Ok(())
    }
}

impl Watched {
    fn begin(place: usize, size: (u16, u16)) -> Self {
        let places = places::all();
        let mut session = places[place % places.len()].open(size, Settings::default());
        session.oracle(oracle);
        Self { session, plans: BTreeMap::new(), typed: 0, writes: 0, unanswered: Vec::new() }
    }

    /// Looks at a write from outside.
    fn written(&self, apply: &Apply) -> Result<(), TestCaseError> {
        let request = apply.request();
        let world = &self.session.app.world;
        let query = |name: &str| {
            let value =
                request.path.split(['?', '&']).find_map(|part| part.strip_prefix(&format!("{name}=")));
            value.map(str::to_owned)
        };
        prop_assert!(world.live(), "a write while the connection is {:?}", world.link);
        for environment in touched(request) {
            let protected = world.cache.environment(&environment).is_some_and(|e| e.protected);
            prop_assert!(
                world.guard.check(protected, world.now).is_ok(),
                "a write to {environment} while it is read-only: {}",
                request.path
            );
        }
        prop_assert!(request.idempotency_key.is_some(), "{} has no idempotency key", request.path);
        let hash = query("planHash").unwrap_or_default();
        let Some((text, before)) = self.plans.get(&hash) else {
            return Err(TestCaseError::fail(format!("{} was never planned", request.path)));
        };
        if let Some(text) = text {
            let confirmed = query("confirm");
            prop_assert_eq!(confirmed.as_ref(), Some(text));
            prop_assert!(self.typed > *before, "{} was confirmed by nobody", request.path);
        }
        Ok(())
    }

    fn key(&mut self, press: Press) -> Result<(), TestCaseError> {
        self.take(Message::Key(press))
    }

    fn text(&mut self, text: &str, way: Way) -> Result<(), TestCaseError> {
        if let Way::Paste = way {
            return self.take(Message::Paste(text.to_owned()));
        }
        for c in text.chars() {
            let code = match c {
                '\r' | '\n' => Code::Enter,
                '\t' => Code::Tab,
                c if c.is_control() => continue,
                c => Code::Char(c),
            };
            self.key(Press { burst: matches!(way, Way::Burst), ..Press::new(code) })?;
        }
        Ok(())
    }

    fn answer(&mut self, n: usize, fate: Fate) -> Result<(), TestCaseError> {
        if self.session.asked.is_empty() {
            return Ok(());
        }
        let (id, read) = self.session.asked.remove(n % self.session.asked.len());
        let outcome = outcome(fate, read.request(), oracle);
        self.take(Message::Answered { id, outcome, took: Duration::from_millis(3) })
    }

    fn settle(&mut self) -> Result<(), TestCaseError> {
        // A long text of commands asks for hundreds of plans; one that asks for ever is still found.
        for _ in 0..5_000 {
            if self.session.asked.is_empty() {
                return Ok(());
            }
            self.answer(0, Fate::Well)?;
        }
        Err(TestCaseError::fail("the program never has enough of reading"))
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Action(n, burst) => {
                let actions = registry::actions();
                let action = actions[n % actions.len()];
                for press in chord(action.keys[n / actions.len() % action.keys.len()]).unwrap() {
                    self.key(Press { burst, ..press })?;
                }
            }
            Step::Key(press) => self.key(press)?,
            Step::Enters(n) => {
                for _ in 0..n {
                    self.key(Press::new(Code::Enter))?;
                    self.settle()?;
                }
            }
            Step::Exact(way) => {
                // Only text that came as keys is typed.
                self.typed += usize::from(!matches!(way, Way::Paste));
                self.text(EXACT, way)?;
            }
            Step::Text(text, way) => {
                self.typed += usize::from(!matches!(way, Way::Paste) && text.contains(EXACT));
                self.text(&text, way)?;
            }
            Step::Feed(seed, broken) => {
                let message = crate::support::hostile::feed(seed);
                let message = if broken { mutated(&message, seed) } else { message };
                self.take(Message::Feed(FeedEvent::Message(message)))?;
            }
            Step::Link(n) => self.take(Message::Feed(match n {
                0 => FeedEvent::Up,
                1 => {
                    FeedEvent::Down { reason: "gone\u{1b}[31m".to_owned(), retry_in: Duration::from_secs(3) }
                }
                2 => FeedEvent::Connecting(3),
                3 => FeedEvent::RoundTrip(Duration::from_millis(1_500)),
                _ => FeedEvent::Up,
            }))?,
            Step::Answer(n, fate) => self.answer(n, fate)?,
            Step::Written(n, fate) => {
                if !self.unanswered.is_empty() {
                    let (id, apply) = self.unanswered.remove(n % self.unanswered.len());
                    let well = |_: &Request| {
                        let body = parse(r#"{"revision":13,"changed":true}"#).unwrap();
                        Ok(Answer { status: 200, etag: None, revision: Some(13), stale: false, body })
                    };
                    let outcome = outcome(fate, apply.request(), well);
                    self.take(Message::Answered { id, outcome, took: Duration::from_millis(3) })?;
                }
            }
            Step::Settle => self.settle()?,
            Step::Time(milliseconds) => {
                let now = self.session.app.world.now + time::Duration::milliseconds(milliseconds);
                self.take(Message::Tick(now))?;
            }
            Step::Size(width, height) => self.take(Message::Resize(width, height))?,
        }
        self.seen()
    }

    /// Draws the screen: nothing of it can act, and the cursor is on it.
    fn seen(&self) -> Result<(), TestCaseError> {
        let (width, height) = self.session.app.world.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let finish = self.session.app.view(&mut buffer, &Theme::standard(Depth::Ansi16));
        if let Some(cursor) = finish.cursor {
            prop_assert!(cursor.x < width && cursor.y < height, "the cursor is at {cursor}");
        }
        for cell in buffer.content() {
            let acts =
                |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!cell.symbol().chars().any(acts), "{:?} reaches the terminal", cell.symbol());
        }
        prop_assert!(!self.session.app.title().is_empty());
        if let Some(wake) = self.session.app.next_wake() {
            prop_assert!(wake >= self.session.app.world.now);
        }
        Ok(())
    }

    /// What is selected is there.
    fn selected(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..12 {
            self.key(Press::new(Code::Esc))?;
            self.settle()?;
        }
        if !matches!(self.session.app.route(), Route::Flags { .. }) {
            return Ok(());
        }
        self.session.others.clear();
        self.key(Press::char('y'))?;
        self.key(Press::char('k'))?;
        for effect in &self.session.others {
            if let Effect::Copy { text, .. } = effect {
                prop_assert!(self.session.app.world.cache.flags.contains_key(text), "{text} is selected");
            }
        }
        Ok(())
    }
}

/// More of them find more; `PROPTEST_CASES` says how many.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn whatever_comes_nothing_panics_and_no_write_is_unplanned_or_unconfirmed(
        place in any::<usize>(),
        size in (1_u16..200, 1_u16..60),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut watched = Watched::begin(place, size);
        for step in steps {
            watched.step(step)?;
        }
        watched.selected()?;
    }

    #[test]
    fn no_number_of_enters_applies_without_the_exact_text(
        wrong in "[a-z-]{0,14}",
        tabs in prop::collection::vec(0_u8..3, 0..6),
        way in way(),
    ) {
        prop_assume!(wrong != EXACT);
        let mut watched = Watched::begin(0, (100, 30));
        watched.session.keys(&["l", "l", "!"]);
        watched.key(Press::char(' '))?;
        watched.settle()?;
        for kind in tabs {
            match kind {
                0 => watched.key(Press::new(Code::Tab))?,
                1 => watched.text(&wrong, way)?,
                _ => watched.key(Press::new(Code::Enter))?,
            }
        }
        watched.text(EXACT, Way::Paste)?;
        for _ in 0..10 {
            watched.key(Press::new(Code::Enter))?;
            watched.settle()?;
        }
        prop_assert_eq!(watched.writes, 0);
    }

    #[test]
    fn a_burst_on_any_screen_begins_no_change(place in any::<usize>(), text in text()) {
        let mut watched = Watched::begin(place, (100, 30));
        watched.text(&text, Way::Burst)?;
        watched.text(&text, Way::Paste)?;
        for action in registry::actions() {
            for press in chord(action.keys[0]).unwrap() {
                watched.key(Press { burst: true, ..press })?;
            }
        }
        watched.settle()?;
        prop_assert_eq!(watched.writes, 0);
    }

    #[test]
    fn a_draft_is_what_was_typed(words in prop::collection::vec("[a-z0-9 ]{1,8}", 1..8), gap in 0_i64..900) {
        let editor = places::all().iter().position(|place| place.name == "editor").unwrap();
        let mut watched = Watched::begin(editor, (100, 30));
        let before = watched.session.app.world.drafts.len();
        prop_assert_eq!(before, 0);
        let mut typed = String::new();
        watched.session.others.clear();
        for word in &words {
            watched.text(word, Way::Keys)?;
            typed.push_str(word);
            let now = watched.session.app.world.now + time::Duration::milliseconds(gap);
            watched.take(Message::Tick(now))?;
        }
        let later = watched.session.app.world.now + time::Duration::milliseconds(400);
        watched.take(Message::Tick(later))?;
        let kept: Vec<_> = watched.session.others.iter().filter_map(|effect| match effect {
            Effect::SaveDraft(draft) => Some(draft.clone()),
            _ => None,
        }).collect();
        let last = kept.last().expect("a draft is written");
        prop_assert!(last.text.contains(&typed), "{:?} lacks {typed:?}", last.text);
        prop_assert_eq!(last.text.replacen(&typed, "", 1), last.base.clone());
        prop_assert_eq!(watched.session.app.world.drafts.get(&last.document).map(|d| &d.text), Some(&last.text));
    }
}
