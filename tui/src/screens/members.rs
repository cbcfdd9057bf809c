//! Context keys to add to a segment's lists, or to take out: typed, or pasted by the thousand.

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::cache::rows::number;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::plan::{Touch, Wish};
use crate::request::encoded;
use crate::route::{Form as FormRoute, Route};
use crate::text;
use crate::theme::Token;
use crate::widgets::form::{Form, Row};
use crate::widgets::segment_text::listed;
use crate::world::World;
use shared::json::Json;
use std::collections::HashSet;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("members.next", &["tab"], "next field", "To the next field."),
    Action::reads("members.previous", &["backtab"], "previous field", "To the field before."),
    Action::reads(
        "members.take",
        &["enter"],
        "take / review..",
        "Take the typed keys; with none typed, plan the change.",
    ),
    Action::writes(
        "members.apply",
        &["ctrl-x", "ctrl-s"],
        "review..",
        "Plan the change, and review it where that is asked for.",
    )
    .cli("flagstaff segment add-ids KEY ID.. --env ENVIRONMENT"),
    Action::reads("members.clear", &["ctrl-o"], "start over", "Forget the keys that were taken."),
    Action::reads("members.cancel", &["esc"], "cancel", "Back without a change."),
];

const SEGMENT: u32 = 1;

/// Context keys to add to a segment, or to take out of it.
#[derive(Debug)]
pub struct Members {
    segment: String,
    environment: String,
    remove: bool,
    form: Form,
    keys: Vec<String>,
    known: HashSet<String>,
    doubled: usize,
    row: Option<Json>,
    fault: Option<String>,
}

/// The keys in a text: whatever stands between line breaks, commas and spaces, without quotes around it.
#[must_use]
pub fn keys_in(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';' || c == '\u{feff}')
        .map(|key| key.trim_matches(|c| c == '"' || c == '\''))
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Members {
    /// Makes the screen.
    #[must_use]
    pub fn new(segment: String, environment: String, remove: bool) -> Self {
        let form = Form::new(vec![
            Row::choice(
                "list",
                "List",
                "Keys of the list `included` are in the segment whatever rules say; of `excluded` they are not.",
                &["included", "excluded"],
                "included",
            ),
            Row::text("kind", "Context kind", "Whose keys they are: user, organization, device, ..", "user"),
            Row::text(
                "keys",
                "Keys",
                "Type or paste keys: lines, commas or spaces between them; enter takes them.",
                "",
            ),
        ]);
        let mut members = Self {
            segment,
            environment,
            remove,
            form,
            keys: Vec::new(),
            known: HashSet::new(),
            doubled: 0,
            row: None,
            fault: None,
        };
        members.form.focus_on("keys");
        members
    }

    fn read(&self) -> Vec<Do> {
        let (environment, segment) = (encoded(&self.environment), encoded(&self.segment));
        vec![Do::Ask(SEGMENT, Read::get(format!("/api/environments/{environment}/segments/{segment}")))]
    }

    fn take(&mut self, text: &str) {
        for key in keys_in(text) {
            if self.known.insert(key.clone()) {
                self.keys.push(key);
            } else {
                self.doubled += 1;
            }
        }
    }

    fn kind(&self) -> String {
        let kind = self.form.get("kind").trim();
        if kind.is_empty() { "user".to_owned() } else { kind.to_owned() }
    }

    /// The keys that the list has of this kind now.
    fn present(&self) -> Vec<String> {
        let document = self.row.as_ref().and_then(|row| row.get("document"));
        let kind = self.kind();
        let groups = document.map(|document| listed(document, self.form.get("list"))).unwrap_or_default();
        groups.into_iter().filter(|(of, _)| *of == kind).flat_map(|(_, keys)| keys).collect()
    }

    /// Those taken keys that make a difference.
    fn effective(&self) -> Vec<&String> {
        let present: HashSet<String> = self.present().into_iter().collect();
        self.keys.iter().filter(|key| present.contains(*key) == self.remove).collect()
    }

    /// The member of the document that changes, and what it becomes.
    fn member(&self) -> (String, Json) {
        let (list, kind) = (self.form.get("list"), self.kind());
        let effective: HashSet<&String> = self.effective().into_iter().collect();
        let mut keys: Vec<String> = self.present();
        if self.remove {
            keys.retain(|key| !effective.contains(key));
        } else {
            keys.extend(self.keys.iter().filter(|key| effective.contains(key)).cloned());
        }
        let keys = Json::Array(keys.into_iter().map(Json::from).collect());
        let document = self.row.as_ref().and_then(|row| row.get("document"));
        let name = format!("{list}Contexts");
        let targets = document.and_then(|d| d.get(&name)).and_then(Json::as_array).unwrap_or_default();
        let of = |target: &Json| target.get("contextKind").and_then(Json::as_str).unwrap_or("user") == kind;
        if kind == "user" && !targets.iter().any(of) {
            return (list.to_owned(), keys);
        }
        // A user's keys may stand in both places; what is written then stands in one.
        let mut targets: Vec<Json> = targets.iter().filter(|target| !of(target)).cloned().collect();
        if keys.as_array().is_some_and(|keys| !keys.is_empty()) {
            targets
                .push([("contextKind", Json::from(kind.as_str())), ("values", keys)].into_iter().collect());
        }
        (name, Json::Array(targets))
    }

    fn apply(&mut self) -> Vec<Do> {
        let typed = self.form.get("keys").to_owned();
        self.take(&typed);
        self.form.set("keys", "");
        let Some(row) = &self.row else {
            self.form.fault = Some("the segment was not read yet".to_owned());
            return Vec::new();
        };
        let n = self.effective().len();
        if n == 0 {
            let said = match (self.keys.is_empty(), self.remove) {
                (true, _) => "type or paste a key first",
                (_, true) => "none of these keys is on this list",
                (_, false) => "all of these keys are on this list already",
            };
            self.form.fault = Some(said.to_owned());
            return Vec::new();
        }
        let revision = number(row.get("revision"));
        let (member, value) = self.member();
        let mut document = Json::object();
        // A user's keys that moved to the other member leave this one.
        if member.ends_with("Contexts") && self.kind() == "user" {
            document.set(self.form.get("list"), Json::Array(Vec::new()));
        }
        document.set(&member, value);
        let merge: Json = [("document", document)].into_iter().collect();
        let mutation: Json = [
            ("op", Json::from("updateSegment")),
            ("environment", Json::from(self.environment.as_str())),
            ("segment", Json::from(self.segment.as_str())),
            ("merge", merge),
        ]
        .into_iter()
        .collect();
        let (verb, place, command) =
            if self.remove { ("take", "out of", "rm-ids") } else { ("add", "to", "add-ids") };
        let what = if n == 1 { "1 key".to_owned() } else { format!("{} keys", text::count(n as u64)) };
        let list = self.form.get("list");
        let title =
            format!("{verb} {what} {place} {list} of segment {} in {}", self.segment, self.environment);
        let touch = Touch { key: self.segment.clone(), environment: Some(self.environment.clone()) };
        let shown = self.effective().into_iter().take(3).cloned().collect::<Vec<_>>().join(" ");
        let more = if n > 3 { " .." } else { "" };
        let cli =
            format!("flagstaff segment {command} {} {shown}{more} --env {}", self.segment, self.environment);
        let wish = Wish::mutations(title, vec![mutation], vec![touch]).based_on(revision).with_cli(cli);
        vec![Do::Wish(Box::new(wish))]
    }

    fn counts(&self) -> Vec<(String, Token)> {
        let mut said = Vec::new();
        let n = self.keys.len();
        if n == 0 {
            said.push(("no keys taken yet".to_owned(), Token::Dim));
            return said;
        }
        let first: Vec<&str> = self.keys.iter().take(8).map(String::as_str).collect();
        let more = if n > 8 { ", .." } else { "" };
        said.push((
            format!("{} keys taken: {}{more}", text::count(n as u64), first.join(", ")),
            Token::Plain,
        ));
        if self.doubled > 0 {
            said.push((
                format!("{} came twice and were dropped", text::count(self.doubled as u64)),
                Token::Dim,
            ));
        }
        if self.row.is_some() {
            let effective = self.effective().len();
            let idle = n - effective;
            let (does, idles) = if self.remove {
                ("will leave the list", "are not on it")
            } else {
                ("will be added", "are on the list already")
            };
            said.push((format!("{} {does}", text::count(effective as u64)), Token::Strong));
            if idle > 0 {
                said.push((format!("{} {idles}", text::count(idle as u64)), Token::Dim));
            }
            if !self.remove && self.form.get("list") == "excluded" {
                let document = self.row.as_ref().and_then(|row| row.get("document"));
                let kind = self.kind();
                let included: HashSet<String> = document
                    .map(|document| listed(document, "included"))
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|(of, _)| *of == kind)
                    .flat_map(|(_, keys)| keys)
                    .collect();
                let both = self.keys.iter().filter(|key| included.contains(*key)).count();
                if both > 0 {
                    said.push((format!("{both} of them are included too, and that wins"), Token::Warn));
                }
            }
        }
        said
    }
}

impl Screen for Members {
    fn route(&self) -> Route {
        Route::Form(FormRoute::Members {
            segment: self.segment.clone(),
            environment: self.environment.clone(),
            remove: self.remove,
        })
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(Some(self.environment.clone()))
    }

    fn on(&mut self, _world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced => {
                return self.read();
            }
            Event::Answer { outcome: Ok(answer), .. } => {
                self.fault = None;
                self.row = Some(answer.body.clone());
            }
            Event::Answer { outcome: Err(failure), .. } => self.fault = Some(failure.to_string()),
            Event::Heard(heard)
                if heard.touched.iter().any(|(kind, key, environment)| {
                    kind == "segment" && *key == self.segment && *environment == self.environment
                }) =>
            {
                return self.read();
            }
            Event::Written { touches, .. } if touches.iter().any(|touch| touch.key == self.segment) => {
                return vec![Do::Back];
            }
            Event::Key(press) => self.form.key(*press),
            Event::Paste(pasted) if self.form.focus() == "keys" => {
                self.form.fault = None;
                self.take(pasted);
            }
            Event::Paste(pasted) => self.form.paste(pasted),
            Event::Action("members.next") => self.form.go(true),
            Event::Action("members.previous") => self.form.go(false),
            Event::Action("members.take") => {
                let typed = self.form.get("keys").to_owned();
                if self.form.focus() != "keys" {
                    self.form.go(true);
                } else if typed.trim().is_empty() {
                    return self.apply();
                } else {
                    self.take(&typed);
                    self.form.set("keys", "");
                }
            }
            Event::Action("members.apply") => return self.apply(),
            Event::Action("members.clear") => {
                self.keys.clear();
                self.known.clear();
                self.doubled = 0;
            }
            Event::Action("members.cancel" | "global.escape") => return vec![Do::Back],
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, _world: &World, canvas: &mut Canvas<'_>) {
        let width = canvas.width();
        let title = if self.remove { "Remove ids from" } else { "Add ids to" };
        let title = format!("{title} segment {} in {}", self.segment, self.environment);
        canvas.put_fit(1, 0, width.saturating_sub(2), &title, Token::Title);
        let mut y = self.form.view(canvas, 2) + 1;
        canvas.rule(y, "", "");
        y += 1;
        match (&self.fault, &self.row) {
            (Some(fault), _) => {
                canvas.put_fit(3, y, width.saturating_sub(4), fault, Token::Error);
                y += 1;
            }
            (None, None) => {
                canvas.put(3, y, "reading the segment ..", Token::Dim);
                y += 1;
            }
            _ => {}
        }
        for (said, token) in self.counts() {
            for line in text::wrap(&said, usize::from(width.saturating_sub(4))).iter().take(4) {
                canvas.put(3, y, line, token);
                y += 1;
            }
        }
        let said = "A file of keys: flagstaff segment add-ids KEY --file FILE";
        if y + 1 < canvas.height() && !self.remove {
            canvas.put_fit(3, canvas.height() - 1, width.saturating_sub(4), said, Token::Dim);
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["members.take", "members.apply", "members.next", "members.clear", "members.cancel"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::request::Answer;

    use time::macros::datetime;

    fn world() -> World {
        let now = datetime!(2026-11-22 03:00 UTC);
        crate::scenery::bare(now, (80, 24), Policy::Never)
    }

    fn read(members: &mut Members, document: &str) {
        let body =
            shared::json::parse(&format!(r#"{{"key":"beta","revision":7,"document":{document}}}"#)).unwrap();
        let outcome = Ok(Answer { status: 200, etag: None, revision: Some(9), stale: false, body });
        members.on(&world(), &Event::Answer { tag: SEGMENT, outcome: &outcome });
    }

    fn body(wanted: &[Do]) -> String {
        match wanted {
            [Do::Wish(wish)] => wish.request.body.as_ref().unwrap().to_text(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_are_read_from_lines_commas_and_spaces() {
        assert_eq!(keys_in("a, b\r\n\"c\"\t d;;e\n"), ["a", "b", "c", "d", "e"]);
        assert!(keys_in(" \n,").is_empty());
    }

    #[test]
    fn a_paste_of_many_keys_is_added_once_each_after_those_that_are_there() {
        let mut members = Members::new("beta".into(), "staging".into(), false);
        read(&mut members, r#"{"included":["a","b"]}"#);
        members.on(&world(), &Event::Paste("b\nc\nc\nd\n"));
        let wanted = members.on(&world(), &Event::Action("members.apply"));
        assert_eq!(
            body(&wanted),
            r#"{"mutations":[{"op":"updateSegment","environment":"staging","segment":"beta","merge":{"document":{"included":["a","b","c","d"]}}}]}"#
        );
        let Do::Wish(wish) = &wanted[0] else { panic!() };
        assert_eq!(wish.title, "add 2 keys to included of segment beta in staging");
        assert_eq!(wish.base_revision, Some(7));
        let drawn = crate::widgets::drawn::text(80, 20, |canvas| members.view(&world(), canvas));
        for said in ["3 keys taken: b, c, d", "1 came twice", "2 will be added", "1 are on the list already"]
        {
            assert!(drawn.contains(said), "{said}\n{drawn}");
        }
    }

    #[test]
    fn keys_of_another_kind_go_to_their_own_list() {
        let mut members = Members::new("beta".into(), "staging".into(), false);
        read(&mut members, r#"{"includedContexts":[{"contextKind":"device","values":["d"]}]}"#);
        members.form.set("kind", "organization");
        members.on(&world(), &Event::Paste("acme"));
        let wanted = members.on(&world(), &Event::Action("members.apply"));
        assert!(
            body(&wanted).contains(
                r#""includedContexts":[{"contextKind":"device","values":["d"]},{"contextKind":"organization","values":["acme"]}]"#
            ),
            "{}",
            body(&wanted)
        );
    }

    #[test]
    fn keys_that_are_not_listed_are_not_removed() {
        let mut members = Members::new("beta".into(), "staging".into(), true);
        read(&mut members, r#"{"included":["a","b"]}"#);
        members.on(&world(), &Event::Paste("x"));
        assert!(members.on(&world(), &Event::Action("members.apply")).is_empty());
        assert_eq!(members.form.fault.as_deref(), Some("none of these keys is on this list"));
        members.on(&world(), &Event::Paste("a"));
        let wanted = members.on(&world(), &Event::Action("members.apply"));
        assert!(body(&wanted).contains(r#""document":{"included":["b"]}"#));
    }
}
