//! The segments of an environment: a filter, a list, the selected one (GROUND of its files).

mod question;
#[cfg(test)]
mod tests;
mod view;

use super::{Do, Event, Mode, Screen, Tone, Window};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::{Code, Press};
use crate::plan::{Touch, Wish};
use crate::request::{Answer, Failure, encoded};
use crate::route::{Document, Form, Route};
use crate::widgets::field::Field;
use crate::widgets::list::List;
use crate::widgets::membership::Membership;
use crate::widgets::segment_line::Line;
use crate::widgets::segment_text;
use crate::world::World;
use shared::json::Json;

/// What can be done with segments.
pub const ACTIONS: &[Action] = &[
    Action::reads("segments.open", &["enter"], "whole", "The whole segment: every key, every rule, each flag that uses it."),
    Action::reads("segments.check", &["c"], "is X in it?", "Ask whether a context is in the segment: a key, kind:key, or a context as JSON.")
        .cli("flagstaff segment contains KEY ID --env ENVIRONMENT"),
    Action::writes("segments.add-ids", &["a"], "add ids..", "Add keys to the segment's lists; many can be pasted.")
        .cli("flagstaff segment add-ids KEY ID.. --env ENVIRONMENT"),
    Action::writes("segments.remove-ids", &["x"], "remove ids..", "Take keys out of the segment's lists.")
        .cli("flagstaff segment rm-ids KEY ID.. --env ENVIRONMENT"),
    Action::writes(
        "segments.import",
        &["I"],
        "import ids..",
        "Paste the text of a file with keys, separated by lines, commas or spaces; a file itself is read by `flagstaff segment add-ids`.",
    )
    .cli("flagstaff segment add-ids KEY --file FILE --env ENVIRONMENT"),
    Action::reads("segments.edit", &["e"], "edit JSON", "Edit the segment's lists and rules as JSON."),
    Action::writes("segments.new", &["A"], "add segment..", "Make a new segment in this environment.")
        .cli("flagstaff segment create KEY --env ENVIRONMENT"),
    Action::wide("segments.archive", &["D"], "archive..", "Archive the segment: nobody is in it then, and it can be restored."),
    Action::writes("segments.restore", &["U"], "restore..", "Bring an archived segment back."),
    Action::reads("segments.history", &["t"], "history", "The history of the segment."),
    Action::reads("segments.compare", &["d"], "compare", "Compare this environment with the next one, at this segment."),
    Action::reads("segments.filter", &["/"], "filter", "Show only segments whose key, name or tags have these letters."),
    Action::reads("segments.archived", &["o"], "archived too", "Show archived segments as well, or hide them."),
];

const LIST: u32 = 1;
const ARCHIVED: u32 = 2;
const ONE: u32 = 3;
/// The first tag for segments that a question has to know; each has its own.
const NAMED: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typing {
    No,
    Filter,
    Check,
}

/// The segments of an environment.
#[derive(Debug)]
pub struct Segments {
    environment: String,
    key: Option<String>,
    filter: Field,
    check: Field,
    typing: Typing,
    /// What the last question came to; none while it was not asked.
    answer: Option<Membership>,
    live: Vec<Line>,
    archived: Vec<Line>,
    with_archived: bool,
    shown: Vec<Line>,
    list: List,
    whole: bool,
    top: usize,
    loading: bool,
    fault: Option<String>,
}

impl Segments {
    /// The segments of an environment, with one of them selected.
    #[must_use]
    pub fn new(environment: String, key: Option<String>) -> Self {
        Self {
            environment,
            key,
            filter: Field::default(),
            check: Field::default(),
            typing: Typing::No,
            answer: None,
            live: Vec::new(),
            archived: Vec::new(),
            with_archived: false,
            shown: Vec::new(),
            list: List::default(),
            whole: false,
            top: 0,
            loading: false,
            fault: None,
        }
    }

    fn path(&self) -> String {
        format!("/api/environments/{}/segments", encoded(&self.environment))
    }

    fn read(&mut self, world: &World) -> Vec<Do> {
        if self.environment.is_empty() {
            self.environment.clone_from(&world.environment);
        }
        if self.environment.is_empty() {
            return Vec::new();
        }
        self.loading = true;
        let mut wanted = vec![Do::Ask(LIST, Read::get(format!("{}?limit=1000", self.path())))];
        if self.with_archived {
            wanted.push(Do::Ask(ARCHIVED, Read::get(format!("{}?limit=1000&archived=true", self.path()))));
        }
        wanted
    }

    fn one(&self) -> Vec<Do> {
        let Some(key) = &self.key else { return Vec::new() };
        vec![Do::Ask(ONE, Read::get(format!("{}/{}", self.path(), encoded(key))))]
    }

    /// The selected segment as the daemon answered it, with its document.
    fn row<'w>(&self, world: &'w World) -> Option<&'w Json> {
        let key = self.key.clone()?;
        let row = world.cache.segments.get(&(self.environment.clone(), key))?;
        row.get("document").is_some().then_some(row)
    }

    fn selected(&self) -> Option<&Line> {
        self.shown.get(self.list.at)
    }

    fn arrange(&mut self) {
        let asked = self.filter.text().trim().to_owned();
        let fits = |line: &&Line| {
            asked.split_whitespace().all(|part| {
                shared::query::fuzzy(part, &line.key).is_some()
                    || line.name.to_lowercase().contains(&part.to_lowercase())
                    || line.tags.iter().any(|tag| tag.contains(part))
            })
        };
        let archived = self.archived.iter().filter(|_| self.with_archived);
        self.shown = self.live.iter().chain(archived).filter(fits).cloned().collect();
        let at = self.key.as_ref().and_then(|key| self.shown.iter().position(|line| line.key == *key));
        self.list.at = at.unwrap_or_else(|| self.list.at.min(self.shown.len().saturating_sub(1)));
    }

    /// Notes which one is selected; reads it when it is another one.
    fn note(&mut self, world: &World) -> Vec<Do> {
        let key = self.selected().map(|line| line.key.clone());
        if key == self.key && self.row(world).is_some() {
            return Vec::new();
        }
        if key != self.key {
            self.answer = None;
            self.top = 0;
        }
        self.key = key;
        self.one()
    }

    fn rows(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(2 + self.details(height))).max(1)
    }

    fn details(&self, height: u16) -> u16 {
        match height {
            0..14 => 5,
            14..26 => 10,
            _ => height / 2,
        }
    }

    fn answered(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Failure::Cancelled) => return Vec::new(),
            Err(failure) => {
                self.loading = false;
                if tag >= NAMED {
                    // A segment that a rule names and that there is not: nobody is in it.
                    return self.ask_membership(world, true);
                }
                self.fault = Some(failure.to_string());
                return Vec::new();
            }
        };
        match tag {
            LIST | ARCHIVED => {
                self.loading = false;
                self.fault = None;
                let items = answer.body.get("items").and_then(Json::as_array).unwrap_or_default();
                let lines: Vec<Line> = items.iter().filter_map(Line::read).collect();
                if tag == LIST {
                    self.live = lines;
                } else {
                    self.archived = lines;
                }
                self.arrange();
                let mut wanted = self.note(world);
                if wanted.is_empty() {
                    wanted = self.one();
                }
                wanted
            }
            _ => vec![Do::KeepSegments(self.environment.clone(), vec![answer.body.clone()])],
        }
    }

    fn typed(&mut self, world: &World, press: Press) -> Vec<Do> {
        let done = matches!(press.code, Code::Esc | Code::Enter);
        match self.typing {
            Typing::Filter if done => {
                if press.code == Code::Esc {
                    self.filter.set("");
                    self.arrange();
                }
                self.typing = Typing::No;
                return self.note(world);
            }
            Typing::Filter => {
                self.filter.key(press);
                self.arrange();
                return self.note(world);
            }
            Typing::Check if press.code == Code::Esc => self.typing = Typing::No,
            Typing::Check if press.code == Code::Enter => return self.ask_membership(world, false),
            Typing::Check => {
                self.check.key(press);
                self.answer = None;
            }
            Typing::No => {}
        }
        Vec::new()
    }

    fn archive(&self, archive: bool) -> Vec<Do> {
        let Some(line) = self.selected() else { return Vec::new() };
        let (op, verb) = if archive { ("archiveSegment", "archive") } else { ("restoreSegment", "restore") };
        let mutation: Json = [
            ("op", Json::from(op)),
            ("environment", Json::from(self.environment.as_str())),
            ("segment", Json::from(line.key.as_str())),
        ]
        .into_iter()
        .collect();
        let touch = Touch { key: line.key.clone(), environment: Some(self.environment.clone()) };
        let title = format!("{verb} segment {} in {}", line.key, self.environment);
        vec![Do::Wish(Box::new(Wish::mutations(title, vec![mutation], vec![touch]).reviewed()))]
    }

    fn go(&mut self, world: &World, right: bool) -> Vec<Do> {
        let all = &world.cache.environments;
        let Some(at) = all.iter().position(|e| e.key == self.environment) else { return Vec::new() };
        let other = if right { at.checked_add(1) } else { at.checked_sub(1) };
        let Some(other) = other.and_then(|n| all.get(n)) else { return Vec::new() };
        self.environment.clone_from(&other.key);
        self.live.clear();
        self.archived.clear();
        self.shown.clear();
        self.answer = None;
        let mut wanted = vec![Do::Select(other.key.clone())];
        wanted.extend(self.read(world));
        wanted
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let environment = self.environment.clone();
        let key = self.selected().map(|line| line.key.clone());
        let with = |make: &dyn Fn(String) -> Route| -> Vec<Do> {
            key.clone().map(|key| Do::Open(make(key))).into_iter().collect()
        };
        match id {
            "segments.open" | "global.zoom" => {
                self.whole = !self.whole && key.is_some();
                self.top = 0;
                Vec::new()
            }
            "segments.check" => {
                self.typing = Typing::Check;
                Vec::new()
            }
            "segments.add-ids" | "segments.import" => with(&|segment| {
                Route::Form(Form::Members { segment, environment: environment.clone(), remove: false })
            }),
            "segments.remove-ids" => with(&|segment| {
                Route::Form(Form::Members { segment, environment: environment.clone(), remove: true })
            }),
            "segments.edit" => with(&|segment| {
                Route::Editor(Document::Segment { segment, environment: environment.clone() })
            }),
            "segments.new" => vec![Do::Open(Route::Form(Form::NewSegment { environment }))],
            "segments.archive" => self.archive(true),
            "segments.restore" => self.archive(false),
            "segments.history" => {
                with(&|key| Route::History { kind: "segment", key, environment: Some(environment.clone()) })
            }
            "segments.compare" => {
                let all = &world.cache.environments;
                let at = all.iter().position(|e| e.key == environment).unwrap_or(0);
                let other = all.get(at + 1).or_else(|| at.checked_sub(1).and_then(|n| all.get(n)));
                match other {
                    Some(other) => {
                        let (left, right) = (environment.clone(), other.key.clone());
                        vec![Do::Open(Route::Compare { left, right, keys: key.into_iter().collect() })]
                    }
                    None => vec![Do::Toast(Tone::Warn, "there is only one environment".to_owned())],
                }
            }
            "segments.filter" => {
                self.typing = Typing::Filter;
                Vec::new()
            }
            "segments.archived" => {
                self.with_archived = !self.with_archived;
                self.arrange();
                self.read(world)
            }
            "move.left" | "move.environment-back" => self.go(world, false),
            "move.right" | "move.environment" => self.go(world, true),
            "global.escape" => {
                if self.whole {
                    self.whole = false;
                } else if self.answer.is_some() {
                    self.answer = None;
                    self.check.set("");
                } else if !self.filter.text().is_empty() {
                    self.filter.set("");
                    self.arrange();
                    return self.note(world);
                } else {
                    return vec![Do::Back];
                }
                Vec::new()
            }
            _ if self.whole => {
                let room = usize::from(world.size.1.saturating_sub(5)).max(1);
                let len = self.row(world).map_or(0, |row| {
                    segment_text::lines(world, &environment, row, true, usize::from(world.size.0)).len()
                });
                let mut list = List { at: self.top, top: self.top };
                list.act(id, len.saturating_sub(room) + 1, 1);
                self.top = list.at;
                Vec::new()
            }
            _ => {
                let rows = self.rows(world.body().1);
                if self.list.act(id, self.shown.len(), rows) { self.note(world) } else { Vec::new() }
            }
        }
    }
}

impl Screen for Segments {
    fn route(&self) -> Route {
        Route::Segments { environment: self.environment.clone(), key: self.key.clone() }
    }

    fn actions(&self) -> &'static [Action] {
        // While text is typed letters are letters.
        if self.typing == Typing::No { ACTIONS } else { &[] }
    }

    fn mode(&self) -> Mode {
        if self.typing == Typing::No { Mode::Commands } else { Mode::Text }
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(Some(self.environment.clone()))
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced | Event::Returned => self.read(world),
            Event::Action("global.escape") if self.typing != Typing::No => {
                self.typing = Typing::No;
                Vec::new()
            }
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => self.typed(world, *press),
            Event::Paste(pasted) => {
                match self.typing {
                    Typing::Filter => {
                        self.filter.paste(pasted);
                        self.arrange();
                        return self.note(world);
                    }
                    Typing::Check => {
                        self.check.paste(pasted.trim());
                        self.answer = None;
                    }
                    Typing::No => {}
                }
                Vec::new()
            }
            Event::Answer { tag, outcome } => {
                let mut wanted = self.answered(world, *tag, outcome);
                if *tag >= NAMED && outcome.is_ok() {
                    // The cache has it only after this; the question is decided again with the next event.
                    wanted.push(Do::Ask(
                        ONE,
                        Read::get(format!(
                            "{}/{}",
                            self.path(),
                            encoded(self.key.as_deref().unwrap_or_default())
                        )),
                    ));
                }
                if *tag == ONE && matches!(self.answer, Some(Membership::Missing(_))) {
                    wanted.extend(self.ask_membership(world, false));
                }
                wanted
            }
            Event::Heard(heard) => {
                let mine = |(kind, _, environment): &(String, String, String)| {
                    kind == "segment" && *environment == self.environment
                };
                if heard.touched.iter().any(mine) { self.read(world) } else { Vec::new() }
            }
            Event::Written { touches, .. } => {
                // A segment that was just made is the one to look at.
                let mine =
                    touches.iter().find(|touch| touch.environment.as_deref() == Some(&self.environment));
                if let Some(touch) = mine {
                    self.key = Some(touch.key.clone());
                }
                self.read(world)
            }
            Event::Mouse(_, row, 0) => {
                let rows = self.rows(world.body().1);
                if !self.whole && self.list.click(row.checked_sub(2), self.shown.len(), rows) {
                    return self.note(world);
                }
                Vec::new()
            }
            Event::Mouse(_, _, wheel) => self.act(world, if *wheel > 0 { "move.down" } else { "move.up" }),
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.view_title(canvas);
        let height = canvas.height();
        if self.whole {
            self.view_details(world, canvas, 1, true);
            return;
        }
        let rows = self.rows(height);
        self.view_list(world, canvas, rows);
        self.view_details(world, canvas, height.saturating_sub(self.details(height)), false);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.typing != Typing::No {
            return Vec::new();
        }
        vec![
            "segments.add-ids",
            "segments.remove-ids",
            "segments.edit",
            "segments.check",
            "segments.history",
            "segments.compare",
            "segments.filter",
            "segments.new",
        ]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        let free = matches!(
            action,
            "segments.new" | "segments.filter" | "segments.archived" | "segments.compare" | "segments.open"
        );
        let line = self.selected();
        if !action.starts_with("segments.") || free {
            return Ok(());
        }
        match (line, action) {
            (None, _) => Err("no segment is selected".to_owned()),
            (Some(line), "segments.restore") if !line.archived => {
                Err("the segment is not archived".to_owned())
            }
            (
                Some(line),
                "segments.add-ids" | "segments.remove-ids" | "segments.import" | "segments.archive",
            ) if line.archived => Err("the segment is archived: U restores it".to_owned()),
            _ => Ok(()),
        }
    }

    fn window(&self, world: &World) -> Option<Window> {
        if self.whole {
            return None;
        }
        let rows = self.rows(world.body().1);
        let mut list = self.list.clone();
        list.settle(self.shown.len(), rows);
        Some(Window { top: 2, rows: u16::try_from(rows).ok()?, first: list.top })
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let line = self.selected()?;
        match what {
            "key" => Some(line.key.clone()),
            "row" => {
                Some(format!("{}  {}  {} ids  {} rules", line.key, line.kind(), line.included, line.rules))
            }
            "json" | "value" => self.row(world).and_then(|row| row.get("document")).map(shared::json::pretty),
            "cli" => Some(format!("flagstaff segment get {} --env {}", line.key, self.environment)),
            "link" => Some(format!("{}{}/{}", world.server, self.path(), encoded(&line.key))),
            "table" => {
                let rows = self
                    .shown
                    .iter()
                    .map(|l| format!("{}\t{}\t{}\t{}", l.key, l.kind(), l.included, l.rules));
                let head = "key\tkind\tids\trules".to_owned();
                Some([head].into_iter().chain(rows).collect::<Vec<_>>().join("\n"))
            }
            _ => None,
        }
    }
}
