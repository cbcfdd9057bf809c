//! The SDK credentials of an environment: listed, made, rotated, revoked; a new key is shown once.

#[cfg(test)]
mod tests;

use super::{Do, Event, Mode, Screen, Tone};
use crate::action::Action;
use crate::cache::rows::{instant, text as word};
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::plan::{Touch, Wish};
use crate::request::{Answer, Failure, Method, Request, encoded};
use crate::route::Route;
use crate::secret::Secret;
use crate::text;
use crate::theme::Token;
use crate::widgets::feed_filter::span;
use crate::widgets::form::{Form, Row};
use crate::widgets::list::List;
use crate::world::World;
use shared::json::Json;
use time::{Duration, OffsetDateTime};

/// What can be done with credentials.
pub const ACTIONS: &[Action] = &[
    Action::wide(
        "credentials.add",
        &["a"],
        "new key..",
        "Make another key beside those that there are; a secret one is shown once.",
    )
    .cli("flagstaff env credentials create ENVIRONMENT"),
    Action::wide(
        "credentials.rotate",
        &["r"],
        "rotate..",
        "Make a new key of the selected kind and give the old ones an end; until then both work.",
    )
    .cli("flagstaff env credentials rotate ENVIRONMENT"),
    Action::wide(
        "credentials.revoke",
        &["x"],
        "revoke..",
        "Revoke the selected key: whoever uses it is cut off at once.",
    )
    .cli("flagstaff env credentials revoke ENVIRONMENT ID"),
];

/// What can be done in the form of a new key.
pub const FORM: &[Action] = &[
    Action::reads("credential.next", &["tab", "enter"], "next field", "To the next field."),
    Action::reads("credential.previous", &["backtab"], "previous field", "To the field before."),
    Action::wide("credential.apply", &["ctrl-x", "ctrl-s"], "review..", "Plan the new key, and review it."),
    Action::reads("credential.cancel", &["esc"], "cancel", "Close the form without a change."),
];

const LIST: u32 = 1;
/// The kind that is no secret.
const PUBLIC: &str = "client-side-id";
const KINDS: [&str; 3] = ["server", "mobile", PUBLIC];

/// A key that works.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: String,
    kind: &'static str,
    /// With its middle hidden; a client-side id, which is public, whole where it is known.
    shown: String,
    ends: Option<OffsetDateTime>,
}

/// The credentials of an environment.
#[derive(Debug)]
pub struct Credentials {
    environment: String,
    keys: Option<Vec<Key>>,
    failed: Option<String>,
    list: List,
    selected: Option<String>,
    /// The form of a new key, and whether the old ones get an end.
    form: Option<(Form, bool)>,
    /// What was sent to be planned: the kind of the key that it makes, none where it makes none.
    sent: Option<Option<String>>,
    /// The new key and its kind, until it is closed.
    made: Option<(String, Secret<String>)>,
}

/// When an id was made: the first 48 bits of a version 7 UUID are milliseconds.
fn made_at(id: &str) -> Option<OffsetDateTime> {
    let id = uuid::Uuid::parse_str(id).ok().filter(|id| id.get_version_num() == 7)?;
    let millis = i128::from(id.as_u64_pair().0 >> 16);
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).ok()
}

fn purpose(kind: &str) -> &'static str {
    match kind {
        "server" => "for server-side SDKs: serves everything of the environment; keep it secret",
        "mobile" => "for mobile SDKs: serves only flags that are available to mobile keys",
        _ => "for browsers: public, serves only flags that are available to client-side ids",
    }
}

impl Credentials {
    /// The screen of an environment's credentials.
    #[must_use]
    pub fn new(environment: String) -> Self {
        Self {
            environment,
            keys: None,
            failed: None,
            list: List::default(),
            selected: None,
            form: None,
            sent: None,
            made: None,
        }
    }

    fn path(&self) -> String {
        format!("/api/environments/{}/credentials", encoded(&self.environment))
    }

    fn ask(&self) -> Vec<Do> {
        vec![Do::Ask(LIST, Read::get(self.path()))]
    }

    fn rows(&self) -> &[Key] {
        self.keys.as_deref().unwrap_or_default()
    }

    fn key(&self) -> Option<&Key> {
        self.rows().get(self.list.at)
    }

    /// How many rows at the bottom tell of the selected key, or of the new one.
    fn below(&self) -> u16 {
        if self.made.is_some() { 6 } else { 4 }
    }

    /// How many keys are seen in a body of that height.
    fn seen(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(self.below() + 2)).max(1)
    }

    fn answered(&mut self, outcome: &Result<Answer, Failure>) {
        match outcome {
            Ok(answer) => {
                self.failed = None;
                self.keys = Some(read(&answer.body));
                let at =
                    self.selected.as_ref().and_then(|id| self.rows().iter().position(|key| key.id == *id));
                self.list.at = at.unwrap_or(self.list.at).min(self.rows().len().saturating_sub(1));
            }
            Err(Failure::Refused(problem)) => self.failed = Some(problem.sentence()),
            Err(failure) => self.failed = Some(format!("not read: {failure}")),
        }
    }

    fn new_form(&mut self, rotate: bool) {
        let kind = self.key().map_or("server", |key| key.kind);
        let mut rows = vec![Row::choice("kind", "Kind", "Which SDKs connect with it.", &KINDS, kind)];
        if rotate {
            rows.push(Row::text(
                "grace",
                "Old keys end after",
                "Until then the old keys and the new one work side by side: 30m, 24h, 7d; 0 ends them at once.",
                "24h",
            ));
        }
        self.form = Some((Form::new(rows), rotate));
    }

    fn touch(&self) -> Vec<Touch> {
        vec![Touch { key: self.environment.clone(), environment: Some(self.environment.clone()) }]
    }

    /// The change that the form asks for; a fault stands in the form where there is none.
    fn apply(&mut self) -> Vec<Do> {
        let (path, touch, environment) = (self.path(), self.touch(), self.environment.clone());
        let Some((form, rotate)) = &mut self.form else { return Vec::new() };
        let kind = form.get("kind").to_owned();
        let mut body: Json = [("kind", Json::from(kind.as_str()))].into_iter().collect();
        let wish = if *rotate {
            let typed = form.get("grace").trim().to_owned();
            let grace = if typed == "0" { Some(Duration::ZERO) } else { span(&typed) };
            let Some(grace) = grace.filter(|grace| *grace <= Duration::days(366)) else {
                form.focus_on("grace");
                form.fault = Some("write 30m, 24h or 7d, at most 366d; 0 ends them at once".to_owned());
                return Vec::new();
            };
            body.set("expireOldAfter", Json::from(grace.whole_seconds()));
            let title = format!("rotate the {kind} keys of {environment}: old ones end after {typed}");
            let request = Request::new(Method::Post, format!("{path}/rotate")).with_body(body);
            let cli = format!("flagstaff env credentials rotate {environment} --kind {kind} --grace {typed}");
            Wish::request(title, request, touch).with_cli(cli)
        } else {
            let title = format!("make a {kind} key for {environment}");
            let cli = format!("flagstaff env credentials create {environment} --kind {kind}");
            Wish::request(title, Request::new(Method::Post, path).with_body(body), touch).with_cli(cli)
        };
        self.sent = Some(Some(kind));
        vec![Do::Wish(Box::new(wish.reviewed().for_good()))]
    }

    fn revoke(&mut self) -> Vec<Do> {
        let Some(key) = self.key().cloned() else { return Vec::new() };
        let request = Request::new(Method::Delete, format!("{}/{}", self.path(), encoded(&key.id)));
        let title = format!("revoke the {} key {} of {}", key.kind, key.shown, self.environment);
        let cli = format!("flagstaff env credentials revoke {} {}", self.environment, key.id);
        self.sent = Some(None);
        let wish = Wish::request(title, request, self.touch()).with_cli(cli);
        vec![Do::Wish(Box::new(wish.reviewed().for_good()))]
    }

    fn written(&mut self, world: &World, touches: &[Touch]) -> Vec<Do> {
        let mine = touches.iter().any(|touch| touch.environment.as_deref() == Some(&self.environment));
        let Some(sent) = self.sent.take_if(|_| mine) else { return Vec::new() };
        self.form = None;
        let mut wanted = self.ask();
        if let Some(kind) = sent {
            match world.once.as_ref().and_then(|once| once.get().as_str()) {
                Some(key) => self.made = Some((kind, Secret::new(key.to_owned()))),
                None if kind == PUBLIC => {}
                None => wanted.push(Do::Toast(
                    Tone::Error,
                    "the key was made, but the answer that shows it was lost: revoke it, make another"
                        .to_owned(),
                )),
            }
        }
        wanted
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        match id {
            "credentials.add" => self.new_form(false),
            "credentials.rotate" => self.new_form(true),
            "credentials.revoke" => return self.revoke(),
            "credential.next" | "credential.previous" => {
                if let Some((form, _)) = &mut self.form {
                    form.go(id == "credential.next");
                }
            }
            "credential.apply" => return self.apply(),
            "credential.cancel" => self.form = None,
            "global.escape" => {
                if self.made.take().is_none() {
                    return vec![Do::Back];
                }
            }
            _ => {
                let (len, rows) = (self.rows().len(), self.seen(world.body().1));
                if self.list.act(id, len, rows) {
                    self.selected = self.key().map(|key| key.id.clone());
                }
            }
        }
        Vec::new()
    }

    fn view_rows(&self, world: &World, canvas: &mut Canvas<'_>, top: u16, rows: usize) {
        let width = canvas.width();
        let wide = width >= 76;
        let (key, ends, made) = (19, if wide { 44 } else { 36 }, if wide { 66 } else { width });
        for (x, name) in [(3, "KIND"), (key, "KEY"), (ends, "WORKS"), (made, "MADE")] {
            canvas.put(x, top, name, Token::Heading);
        }
        let mut list = self.list.clone();
        list.settle(self.rows().len(), rows);
        let window = list.window(self.rows().len(), rows);
        for (y, (n, row)) in
            (top + 1..).zip(self.rows().iter().enumerate().take(window.end).skip(window.start))
        {
            let here = n == list.at;
            canvas.put(1, y, if here { ">" } else { " " }, Token::Strong);
            if here {
                canvas.cursor(3, y);
            }
            canvas.put_fit(3, y, key - 4, row.kind, if here { Token::Selected } else { Token::Plain });
            canvas.put_fit(key, y, ends - key - 1, &row.shown, Token::Plain);
            let (said, token) = works(row, world.now);
            canvas.put_fit(ends, y, made.saturating_sub(ends + 1), &said, token);
            if let Some(at) = made_at(&row.id) {
                canvas.put_fit(
                    made,
                    y,
                    width.saturating_sub(made + 1),
                    &format!("{} ago", text::age(at, world.now)),
                    Token::Dim,
                );
            }
        }
    }
}

/// How long a key works.
fn works(key: &Key, now: OffsetDateTime) -> (String, Token) {
    match key.ends {
        None => ("until it is revoked".to_owned(), Token::Plain),
        Some(at) if at <= now => ("has ended".to_owned(), Token::Dim),
        Some(at) => (format!("ends in {}", text::age(now, at)), Token::Warn),
    }
}

fn read(body: &Json) -> Vec<Key> {
    let public = word(body.get("clientSideId"));
    let mut keys = Vec::new();
    for (kind, member) in KINDS.into_iter().zip(["serverKeys", "mobileKeys", "clientSideIds"]) {
        for (n, key) in body.get(member).and_then(Json::as_array).unwrap_or_default().iter().enumerate() {
            let masked = word(key.get("masked")).unwrap_or_default();
            let whole = public.clone().filter(|_| kind == PUBLIC && n == 0);
            keys.push(Key {
                id: word(key.get("id")).unwrap_or_default(),
                kind,
                shown: whole.unwrap_or(masked),
                ends: instant(key.get("expiresAt")),
            });
        }
    }
    keys
}

impl Screen for Credentials {
    fn route(&self) -> Route {
        Route::Credentials { environment: self.environment.clone() }
    }

    fn actions(&self) -> &'static [Action] {
        if self.form.is_some() { FORM } else { ACTIONS }
    }

    fn mode(&self) -> Mode {
        if self.form.is_some() { Mode::Text } else { Mode::Commands }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                let mut wanted = Vec::from_iter(Do::settle(&mut self.environment, world));
                wanted.extend(self.ask());
                return wanted;
            }
            Event::Resynced => return self.ask(),
            Event::Heard(heard) if heard.touched.iter().any(|(kind, ..)| kind == "sdk-credential") => {
                return self.ask();
            }
            Event::Action(id) => return self.act(world, id),
            Event::Key(press) => {
                if let Some((form, _)) = &mut self.form {
                    form.key(*press);
                }
            }
            Event::Paste(text) => {
                if let Some((form, _)) = &mut self.form {
                    form.paste(text);
                }
            }
            Event::Answer { outcome, .. } => self.answered(outcome),
            Event::Written { touches, .. } => return self.written(world, touches),
            Event::Mouse(_, row, 0) if self.form.is_none() && self.made.is_none() => {
                let (len, rows) = (self.rows().len(), self.seen(world.body().1));
                if self.list.click(row.checked_sub(2), len, rows) {
                    self.selected = self.key().map(|key| key.id.clone());
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let room = width.saturating_sub(4);
        let x = canvas.put(1, 0, "SDK keys > ", Token::Dim);
        canvas.put_fit(x, 0, width.saturating_sub(x + 12), &self.environment, Token::Title);
        if self.keys.is_some() {
            let count = self.rows().len();
            canvas.put_right(0, &format!("{count} {} ", if count == 1 { "key" } else { "keys" }), Token::Dim);
        }
        if let Some((form, rotate)) = &self.form {
            canvas.rule(1, if *rotate { "Rotate" } else { "New key" }, "");
            form.view(canvas, 2);
            return;
        }
        let top = height.saturating_sub(self.below());
        self.view_rows(world, canvas, 1, self.seen(height));
        match (&self.failed, &self.keys) {
            (Some(why), _) => {
                for (y, said) in (3..).zip(text::wrap(why, usize::from(room))) {
                    canvas.put(3, y, &said, Token::Warn);
                }
            }
            (None, None) => {
                canvas.put(3, 2, "reading ..", Token::Dim);
            }
            (None, Some(keys)) if keys.is_empty() => {
                canvas.put_fit(3, 2, room, "no key yet: a makes the first one", Token::Dim);
            }
            _ => {}
        }
        if let Some((kind, key)) = &self.made {
            canvas.rule(top, &format!("the new {kind} key"), "y v copies, esc closes");
            canvas.put_fit(3, top + 1, room, key.get(), Token::Strong);
            let (said, token) = match kind.as_str() {
                PUBLIC => ("It is public: it may be seen in the list at any time.", Token::Plain),
                _ => (
                    "It is shown only now and kept nowhere: once closed, it cannot be seen again.",
                    Token::Warn,
                ),
            };
            for (y, said) in (top + 3..).zip(text::wrap(said, usize::from(room))) {
                canvas.put(3, y, &said, token);
            }
            return;
        }
        let Some(key) = self.key() else { return };
        canvas.rule(top, &format!("{} {}", key.kind, key.shown), "");
        for (y, said) in (top + 1..).zip(text::wrap(purpose(key.kind), usize::from(room))) {
            canvas.put(3, y, &said, Token::Plain);
        }
        if let Some(at) = key.ends {
            let said = format!("works until {} UTC", at.to_offset(time::UtcOffset::UTC).date());
            canvas.put_fit(3, height.saturating_sub(1), room, &said, Token::Dim);
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.form.is_some() {
            return vec!["credential.apply", "credential.next", "credential.previous", "credential.cancel"];
        }
        if self.made.is_some() {
            return vec!["copy.value", "global.escape"];
        }
        vec!["credentials.add", "credentials.rotate", "credentials.revoke"]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        match action {
            "credentials.revoke" if self.key().is_none() => Err("there is no key".to_owned()),
            "credentials.add" | "credentials.rotate" | "credentials.revoke" if self.made.is_some() => {
                Err("a new key is shown: esc closes it".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(Some(self.environment.clone()))
    }

    fn copy(&self, _world: &World, what: &str) -> Option<String> {
        if let ("value", Some((_, key))) = (what, &self.made) {
            return Some(key.get().clone());
        }
        match what {
            "key" => self.key().map(|key| key.id.clone()),
            "value" => {
                let key = self.key().filter(|key| key.kind == PUBLIC)?;
                Some(key.shown.clone()).filter(|shown| !shown.contains('…'))
            }
            "row" => self.key().map(|key| format!("{}  {}  {}", key.kind, key.shown, key.id)),
            "cli" => Some(format!("flagstaff env credentials list {}", self.environment)),
            _ => None,
        }
    }
}
