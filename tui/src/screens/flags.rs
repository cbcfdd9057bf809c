//! The flags in all environments: a filter, a list, marks, a preview.

mod actions;

pub use actions::ACTIONS;

use super::{Do, Event, Mode, Screen, Tone};
use crate::action::Action;
use crate::cache::rows::FlagRow;
use crate::canvas::{Canvas, Window};
use crate::plan::{Touch, Wish};
use crate::route::{Document, Form, Route};
use crate::text;
use crate::widgets::field::Field;
use crate::widgets::list::List;
use crate::widgets::matrix;
use crate::widgets::search::matched;
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::Json;
use shared::query::Query;
use std::sync::Arc;

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sort {
    #[default]
    Key,
    Changed,
    Kind,
}

/// The matrix.
#[derive(Debug)]
pub struct Flags {
    filter: Field,
    typing: bool,
    fault: Option<(usize, String)>,
    sort: Sort,
    shown: Vec<Arc<FlagRow>>,
    list: List,
    selected: Option<String>,
    preview: bool,
    columns: bool,
    range: Option<String>,
    /// Whether the list waits for what it filters by: when flags were last evaluated.
    reading: bool,
    /// Flags that would be shown now, but were not there when the list was made: nothing moves under the cursor.
    waiting: usize,
}

impl Flags {
    /// The matrix with a filter.
    #[must_use]
    pub fn new(filter: String, world: &World) -> Self {
        let mut flags = Self {
            filter: Field::new(filter),
            typing: false,
            fault: None,
            sort: Sort::default(),
            shown: Vec::new(),
            list: List::default(),
            selected: None,
            preview: true,
            columns: true,
            range: None,
            reading: false,
            waiting: 0,
        };
        flags.search(world);
        flags
    }

    /// Asks for the flags anew; the selected one stays selected where it is still there.
    fn search(&mut self, world: &World) {
        let keys: Vec<&str> = world.cache.environments.iter().map(|e| e.key.as_str()).collect();
        let query = match Query::parse_knowing(self.filter.text(), &["draft", "mark"]) {
            Ok(query) => query,
            Err(fault) => {
                self.fault = Some((fault.at, fault.detail));
                return;
            }
        };
        self.fault = query.check_environments(&keys).err().map(|fault| (fault.at, fault.detail));
        let mut found: Vec<(u32, Arc<FlagRow>)> = world
            .cache
            .flags
            .values()
            .filter(|row| query.speaks_of_archived() || !row.archived)
            .filter_map(|row| matched(&query, row, &keys, world).map(|score| (score, Arc::clone(row))))
            .collect();
        match self.sort {
            Sort::Key if query.ranks() => found.sort_by(|a, b| (b.0, &a.1.key).cmp(&(a.0, &b.1.key))),
            Sort::Key => found.sort_by(|a, b| a.1.key.cmp(&b.1.key)),
            Sort::Changed => found.sort_by_key(|(_, row)| std::cmp::Reverse(row.changed().map(|(at, _)| at))),
            Sort::Kind => {
                found.sort_by(|a, b| (a.1.kind.as_str(), &a.1.key).cmp(&(b.1.kind.as_str(), &b.1.key)));
            }
        }
        self.shown = found.into_iter().map(|(_, row)| row).collect();
        self.waiting = 0;
        let at = self.selected.as_ref().and_then(|key| self.shown.iter().position(|row| row.key == *key));
        self.list.at = at.unwrap_or_else(|| self.list.at.min(self.shown.len().saturating_sub(1)));
        self.note();
    }

    /// Takes what changed into the rows that are shown; what came new waits behind a counter.
    fn refresh(&mut self, world: &World) {
        for row in &mut self.shown {
            if let Some(new) = world.cache.flags.get(&row.key) {
                *row = Arc::clone(new);
            }
        }
        let keys: Vec<&str> = world.cache.environments.iter().map(|e| e.key.as_str()).collect();
        let Ok(query) = Query::parse_knowing(self.filter.text(), &["draft", "mark"]) else { return };
        let matching = world
            .cache
            .flags
            .values()
            .filter(|row| query.speaks_of_archived() || !row.archived)
            .filter(|row| matched(&query, row, &keys, world).is_some())
            .count();
        self.waiting = matching.saturating_sub(self.shown.len());
    }

    /// Reads when flags were evaluated where the filter is about that: what the list came with is old.
    fn applied(&mut self) -> Vec<Do> {
        self.reading = self.fault.is_none() && self.filter.text().contains("evaluated:");
        self.reading.then_some(Do::Evaluations).into_iter().collect()
    }

    fn note(&mut self) {
        self.selected = self.shown.get(self.list.at).map(|row| row.key.clone());
    }

    fn row(&self) -> Option<&Arc<FlagRow>> {
        self.shown.get(self.list.at)
    }

    /// How many rows of flags are seen in a body of that height.
    fn rows(&self, height: u16) -> usize {
        let preview = if self.preview && height >= 12 { 4 } else { 0 };
        usize::from(height.saturating_sub(2 + preview)).max(1)
    }

    /// The list with its selection inside of a window of `rows`.
    fn settled(&self, rows: usize) -> List {
        let mut list = self.list.clone();
        list.settle(self.shown.len(), rows);
        list
    }

    /// The marked flags, or the selected one.
    fn chosen(&self, world: &World) -> Vec<Arc<FlagRow>> {
        if world.marks.is_empty() {
            return self.row().cloned().into_iter().collect();
        }
        world.marks.iter().filter_map(|key| world.cache.flags.get(key).cloned()).collect()
    }

    fn toggle(&self, world: &World) -> Vec<Do> {
        let environment = world.environment.clone();
        let rows = self.chosen(world);
        let Some(first) = rows.first() else { return Vec::new() };
        let on = !first.cells.get(&environment).is_some_and(|cell| cell.summary.on);
        let word = if on { "on" } else { "off" };
        let title = match rows.len() {
            1 => format!("turn {} {word} in {environment}", first.key),
            n => format!("turn {n} flags {word} in {environment}"),
        };
        let mutations = rows
            .iter()
            .map(|row| {
                [
                    ("op", Json::from("setOn")),
                    ("flag", Json::from(row.key.as_str())),
                    ("environment", Json::from(environment.as_str())),
                    ("enabled", Json::Bool(on)),
                ]
                .into_iter()
                .collect()
            })
            .collect();
        let touches = rows
            .iter()
            .map(|r| Touch { key: r.key.clone(), environment: Some(environment.clone()) })
            .collect();
        let cli = format!("flagstaff flag {word} {} --env {environment}", keys_of(&rows));
        vec![Do::Wish(Box::new(Wish::mutations(title, mutations, touches).with_cli(cli)))]
    }

    fn archive(&self, world: &World, archive: bool) -> Vec<Do> {
        let rows: Vec<_> = self.chosen(world).into_iter().filter(|row| row.archived != archive).collect();
        let Some(first) = rows.first() else {
            let word = if archive { "archived already" } else { "not archived" };
            return vec![Do::Toast(Tone::Warn, format!("the flag is {word}"))];
        };
        let (op, word) = if archive { ("archiveFlag", "archive") } else { ("restoreFlag", "restore") };
        let title = match rows.len() {
            1 => format!("{word} {}", first.key),
            n => format!("{word} {n} flags"),
        };
        let mutations = rows
            .iter()
            .map(|row| [("op", Json::from(op)), ("flag", Json::from(row.key.as_str()))].into_iter().collect())
            .collect();
        let touches = rows.iter().map(|r| Touch { key: r.key.clone(), environment: None }).collect();
        let cli = format!("flagstaff flag {word} {}", keys_of(&rows));
        vec![Do::Wish(Box::new(Wish::mutations(title, mutations, touches).with_cli(cli).reviewed()))]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let environment = world.environment.clone();
        let key = self.row().map(|row| row.key.clone());
        let with = |make: &dyn Fn(String) -> Do| key.clone().map(make).into_iter().collect::<Vec<_>>();
        match id {
            "flags.open" => {
                with(&|key| Do::Open(Route::Flag { key, environment: environment.clone(), tab: 0 }))
            }
            "flags.toggle" => self.toggle(world),
            "flags.edit" => with(&|flag| {
                Do::Open(Route::Editor(Document::Config { flag, environment: environment.clone() }))
            }),
            "flags.editor" => with(&|flag| {
                let document = Document::Config { flag, environment: environment.clone() };
                Do::OpenTo(Route::Editor(document), "editor.external")
            }),
            "flags.rollout" => {
                with(&|flag| Do::Open(Route::Form(Form::Rollout { flag, environment: environment.clone() })))
            }
            "flags.promote" => {
                let flags = self.chosen(world).iter().map(|row| row.key.clone()).collect();
                vec![Do::Open(Route::Form(Form::Promote { flags, from: environment }))]
            }
            "flags.history" => with(&|key| {
                Do::Open(Route::History { kind: "flag", key, environment: Some(environment.clone()) })
            }),
            "flags.why" => with(&|flag| {
                Do::Open(Route::Why { flag, environment: environment.clone(), at: String::new() })
            }),
            "flags.compare" => {
                let all = &world.cache.environments;
                let at = all.iter().position(|e| e.key == environment);
                let other = at.and_then(|at| all.get(at + 1).or_else(|| all.get(at.checked_sub(1)?)));
                let Some(other) = other else {
                    return vec![Do::Toast(Tone::Warn, "compare: there is only one environment".to_owned())];
                };
                let keys = self.chosen(world).iter().map(|row| row.key.clone()).collect();
                vec![Do::Open(Route::Compare { left: environment, right: other.key.clone(), keys })]
            }
            "flags.add" => vec![Do::Open(Route::Form(Form::NewFlag))],
            "flags.archive" => self.archive(world, true),
            "flags.restore" => self.archive(world, false),
            "flags.mark" => {
                let mut marks = world.marks.clone();
                if let Some(key) = key
                    && !marks.remove(&key)
                {
                    marks.insert(key);
                }
                let rows = self.rows(world.body().1);
                self.list.act("move.down", self.shown.len(), rows);
                self.note();
                vec![Do::Marks(marks)]
            }
            "flags.mark-range" => match (self.range.take(), key) {
                (Some(from), Some(to)) => {
                    let place = |key: &str| self.shown.iter().position(|row| row.key == key);
                    let (a, b) = (place(&from).unwrap_or(self.list.at), place(&to).unwrap_or(self.list.at));
                    let range = self.shown.iter().skip(a.min(b)).take(a.abs_diff(b) + 1);
                    let mut marks = world.marks.clone();
                    marks.extend(range.map(|row| row.key.clone()));
                    vec![Do::Marks(marks)]
                }
                (_, key) => {
                    self.range = key;
                    vec![Do::Toast(Tone::Info, "v again marks from here to there".to_owned())]
                }
            },
            "flags.mark-all" => {
                let all = self.shown.iter().map(|row| row.key.clone()).collect();
                vec![Do::Marks(if world.marks == all { Default::default() } else { all })]
            }
            "flags.filter" => {
                self.typing = true;
                Vec::new()
            }
            "flags.sort" => {
                self.sort = match self.sort {
                    Sort::Key => Sort::Changed,
                    Sort::Changed => Sort::Kind,
                    Sort::Kind => Sort::Key,
                };
                self.search(world);
                Vec::new()
            }
            "flags.preview" => {
                self.preview = !self.preview;
                Vec::new()
            }
            "flags.columns" => {
                self.columns = !self.columns;
                Vec::new()
            }
            "flags.next" => {
                self.search(world);
                Vec::new()
            }
            "move.left" | "move.environment-back" => neighbour(world, false),
            "move.right" | "move.environment" => neighbour(world, true),
            "global.escape" => {
                if self.range.take().is_some() {
                    return Vec::new();
                }
                if !world.marks.is_empty() {
                    return vec![Do::Marks(Default::default())];
                }
                if !self.filter.text().is_empty() {
                    self.filter.set("");
                    self.search(world);
                    return Vec::new();
                }
                vec![Do::Back]
            }
            _ => {
                let rows = self.rows(world.body().1);
                self.list.act(id, self.shown.len(), rows);
                self.note();
                Vec::new()
            }
        }
    }

    fn type_key(&mut self, world: &World, press: crate::key::Press) -> Vec<Do> {
        use crate::key::Code;
        match press.code {
            Code::Enter | Code::Esc | Code::Down => {
                self.typing = false;
                return self.applied();
            }
            Code::Tab => {
                let cursor = self.filter.text().chars().count();
                let keys = |_: &str| -> Vec<String> {
                    world.cache.environments.iter().map(|e| e.key.clone()).collect()
                };
                let found = shared::query::completions(self.filter.text(), cursor, &keys);
                if let Some(option) = found.options.first() {
                    let head: String = self.filter.text().chars().take(found.from).collect();
                    self.filter.set(format!("{head}{option}"));
                }
            }
            _ => {
                if self.filter.key(press) {
                    self.list = List::default();
                    self.selected = None;
                    self.search(world);
                }
            }
        }
        Vec::new()
    }
}

fn keys_of(rows: &[Arc<FlagRow>]) -> String {
    rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>().join(" ")
}

/// The environment to the left or right of the selected one.
fn neighbour(world: &World, right: bool) -> Vec<Do> {
    let all = &world.cache.environments;
    let Some(at) = all.iter().position(|e| e.key == world.environment) else { return Vec::new() };
    let other = if right { at.checked_add(1) } else { at.checked_sub(1) };
    other.and_then(|n| all.get(n)).map(|e| Do::Select(e.key.clone())).into_iter().collect()
}

impl Screen for Flags {
    fn route(&self) -> Route {
        Route::Flags { filter: self.filter.text().to_owned() }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        if self.typing { Mode::Field } else { Mode::Commands }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Action(id) if self.typing && *id == "global.escape" => self.typing = false,
            Event::Action(id) => return self.act(world, id),
            Event::Key(press) => return self.type_key(world, *press),
            Event::Paste(text) => {
                self.filter.paste(text);
                self.search(world);
            }
            Event::Resynced => self.search(world),
            Event::Opened => {
                self.search(world);
                return self.applied();
            }
            Event::Evaluated if std::mem::take(&mut self.reading) => self.search(world),
            Event::Evaluated | Event::Heard(_) | Event::Returned | Event::Written { .. } => {
                // With nothing that the reader holds on to, the list is simply right.
                if self.filter.text().is_empty() && self.sort == Sort::Key && world.marks.is_empty() {
                    self.search(world);
                } else {
                    self.refresh(world);
                }
            }
            Event::Mouse(_, row, 0) => {
                let rows = self.rows(world.body().1);
                if self.list.click(row.checked_sub(2), self.shown.len(), rows) {
                    self.note();
                }
            }
            Event::Mouse(_, _, wheel) => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                for _ in 0..wheel.unsigned_abs() {
                    self.act(world, id);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let place = matrix::Title {
            filter: &self.filter,
            typing: self.typing,
            fault: self.fault.as_ref(),
            shown: self.shown.len(),
            total: world.cache.flags.values().filter(|f| !f.archived).count(),
            sort: match self.sort {
                Sort::Key => "key",
                Sort::Changed => "changed",
                Sort::Kind => "kind",
            },
            waiting: self.waiting,
        };
        let rows = self.rows(height);
        let list = self.settled(rows);
        let layout = matrix::Layout::of(world, width, self.columns);
        // The fault of what is being typed takes the place of the columns' names.
        if !(self.typing && self.fault.is_some()) {
            layout.heading(world, canvas, 1);
        }
        let window = list.window(self.shown.len(), rows);
        for (n, row) in self.shown.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            layout.row(world, canvas, y, row, n == list.at);
        }
        if self.shown.is_empty() {
            let said = match (&world.link, world.cache.loaded) {
                (_, true) if world.cache.flags.is_empty() => "no flags yet: a adds one",
                (_, true) => "nothing matches; esc clears the filter",
                (crate::world::Link::Live | crate::world::Link::Connecting { .. }, false) => {
                    "reading the flags .."
                }
                _ => "not connected, and nothing was read before",
            };
            canvas.put(3, 3, said, crate::theme::Token::Dim);
        }
        if self.preview && height >= 12 {
            let top = height - 4;
            let mut part = canvas.sub(Rect::new(0, top, width, 4));
            matrix::preview(world, &mut part, self.row().map(AsRef::as_ref));
        }
        // Last, for the cursor is in the filter while that is typed.
        place.view(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.typing {
            return vec![];
        }
        vec![
            "flags.toggle",
            "flags.open",
            "flags.edit",
            "flags.history",
            "flags.why",
            "flags.filter",
            "flags.rollout",
            "flags.promote",
            "flags.compare",
        ]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        let needs_flag = !matches!(
            action,
            "flags.add" | "flags.filter" | "flags.sort" | "flags.preview" | "flags.columns"
        ) && action.starts_with("flags.");
        if needs_flag && self.row().is_none() {
            return Err("no flag is selected".to_owned());
        }
        if action == "flags.restore" && self.chosen(world).iter().all(|row| !row.archived) {
            return Err("the flag is not archived".to_owned());
        }
        if action == "flags.toggle" && self.row().is_some_and(|row| row.archived) {
            return Err("the flag is archived: U restores it".to_owned());
        }
        Ok(())
    }

    fn window(&self, world: &World) -> Option<Window> {
        let rows = self.rows(world.body().1);
        let first = self.settled(rows).top;
        Some(Window { top: 2, rows: u16::try_from(rows).ok()?, first })
    }

    fn flag(&self, _world: &World) -> Option<String> {
        self.row().map(|row| row.key.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let row = self.row()?;
        let environment = &world.environment;
        match what {
            "key" => Some(row.key.clone()),
            "value" => Some(row.word(environment)),
            "row" => {
                let words: Vec<String> = world
                    .cache
                    .environments
                    .iter()
                    .map(|e| format!("{}={}", e.key, row.word(&e.key)))
                    .collect();
                Some(format!("{}  {}", row.key, words.join("  ")))
            }
            "cli" => Some(format!("flagstaff flag get {} --env {environment}", row.key)),
            "link" => Some(format!("{}/api/flags/{}", world.server, crate::request::encoded(&row.key))),
            "json" => world.cache.configs.get(&(row.key.clone(), environment.clone())).map(Json::to_text),
            "table" => {
                let heads = world.cache.environments.iter().map(|e| e.key.as_str());
                let mut table = ["key"].into_iter().chain(heads).collect::<Vec<_>>().join("\t");
                for row in &self.shown {
                    table.push('\n');
                    let cells = world.cache.environments.iter().map(|e| row.word(&e.key));
                    let line: Vec<String> = [row.key.clone()].into_iter().chain(cells).collect();
                    table.push_str(
                        &line.iter().map(|c| text::shown(c).into_owned()).collect::<Vec<_>>().join("\t"),
                    );
                }
                Some(table)
            }
            _ => None,
        }
    }
}
