//! What the audit feed does with keys, answers and events.

use super::feed::{Row, place};
use super::state::{NEWEST, Open, PAGE, PAGES, REVERT, State};
use super::{draw, report};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::{Code, Press};
use crate::route::Route;
use crate::screens::{Do, Event, Mode, Screen, Tone};
use crate::widgets::feed_filter::Filter;
use crate::widgets::list::moved;
use crate::widgets::revert;
use crate::world::World;
use ratatui::layout::Rect;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "audit.pause",
        &["p"],
        "pause or follow",
        "Stop where it is, or follow again: what came meanwhile is counted.",
    ),
    Action::reads(
        "audit.open",
        &["enter"],
        "diff",
        "The whole diff of the change, and of all that it changed together.",
    ),
    Action::writes(
        "audit.revert",
        &["R"],
        "revert..",
        "Undo this revision on top of what stands today, and keep what came later; reviewed first.",
    )
    .cli("flagstaff flag revert KEY --rev REVISION"),
    Action::reads("audit.history", &["t"], "history", "The history of the flag or segment that was changed."),
    Action::reads(
        "audit.this-flag",
        &["f"],
        "this flag",
        "Only changes of this flag or segment; again for all.",
    ),
    Action::reads("audit.this-actor", &["F"], "this actor", "Only changes by this person; again for all."),
    Action::reads(
        "audit.filter",
        &["/"],
        "filter",
        "Narrow the feed: env: actor: flag: action: kind: rev: since: and words, - excludes, * is any text.",
    ),
    Action::reads("audit.mark", &["m"], "mark", "Mark the change for a report, or take the mark away."),
    Action::reads("audit.style", &["d"], "diff style", "The diff as paths, as text, side by side."),
    Action::reads("audit.details", &["i"], "details", "Show or hide the details of the selected change."),
];

/// How many rows a report takes when none is marked.
const REPORTED: usize = 500;

/// The audit feed: every change as it comes.
#[derive(Debug)]
pub struct Audit(pub(super) State);

impl Audit {
    /// Makes the screen.
    #[must_use]
    pub fn new(filter: String) -> Self {
        Self(State::new(filter))
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        if self.0.open.is_some()
            && let Some(wants) = self.act_in_diff(world, id)
        {
            return wants;
        }
        let now = world.now;
        match id {
            "audit.pause" => match self.0.feed.paused {
                Some(_) => self.0.feed.resume(&self.0.wanted, now),
                None => self.0.feed.pause(now),
            },
            "audit.open" => {
                if self.0.row().is_some() {
                    self.0.feed.pause(now);
                    self.0.open = Some(Open::default());
                }
            }
            "audit.revert" => {
                if let Some(row) = self.0.row() {
                    let revision = row.head.revision;
                    self.0.feed.pause(now);
                    return vec![Do::Ask(REVERT, revert::ask(revision))];
                }
            }
            "audit.history" => return self.history(world),
            "audit.this-flag" | "audit.this-actor" => {
                if let Some(row) = self.0.row() {
                    let term = match id {
                        "audit.this-flag" => format!("flag:{}", row.head.key),
                        _ => format!("actor:{}", row.head.actor),
                    };
                    self.0.filter.set(Filter::turned(self.0.filter.text(), &term));
                    let wants = self.0.refilter(world);
                    self.0.settle(world);
                    return wants;
                }
            }
            "audit.filter" => self.0.typing = true,
            "audit.mark" => {
                if let Some(at) = self.0.row().map(|row| place(&row.head)) {
                    if !self.0.marks.remove(&at) {
                        self.0.marks.insert(at);
                    }
                    self.0.feed.pause(now);
                    self.0.feed.at = self.0.feed.at.saturating_add(1);
                }
            }
            "audit.style" => self.0.style = self.0.style.next(world.size.0),
            "audit.details" => self.0.details = !self.0.details,
            "global.escape" => return self.escape(world),
            _ => return self.0.walk(world, id),
        }
        self.0.settle(world);
        Vec::new()
    }

    fn escape(&mut self, world: &World) -> Vec<Do> {
        if !self.0.filter.text().is_empty() {
            self.0.filter.set("");
            let wants = self.0.refilter(world);
            self.0.settle(world);
            return wants;
        }
        if !self.0.marks.is_empty() {
            self.0.marks.clear();
            return Vec::new();
        }
        vec![Do::Back]
    }

    fn act_in_diff(&mut self, world: &World, id: &str) -> Option<Vec<Do>> {
        let room = usize::from(world.size.1.saturating_sub(5)).max(1);
        let len = self.0.diff(world, world.size.0).len();
        let open = self.0.open.as_mut()?;
        let most = len.saturating_sub(room);
        open.top = match id {
            "move.left" | "move.environment-back" => {
                self.0.feed.at = self.0.feed.at.saturating_sub(1);
                0
            }
            "move.right" | "move.environment" => {
                self.0.feed.at = (self.0.feed.at + 1).min(self.0.feed.rows.len().saturating_sub(1));
                0
            }
            "audit.style" => 0,
            "audit.open" | "global.escape" => {
                self.0.open = None;
                return Some(Vec::new());
            }
            _ => moved(id, open.top, most, room)?,
        };
        if id == "audit.style" {
            self.0.style = self.0.style.next(world.size.0);
        }
        self.0.settle(world);
        Some(Vec::new())
    }

    fn history(&self, world: &World) -> Vec<Do> {
        let Some(row) = self.0.row() else { return Vec::new() };
        let line = &row.head;
        if revert::foreign(line, &world.cache.project) {
            return vec![Do::Toast(Tone::Warn, format!("of the project {}: connect to it", line.project))];
        }
        let environment = Some(line.environment.clone()).filter(|e| !e.is_empty());
        let kind = match line.kind.as_str() {
            "flag" | "config" => "flag",
            "segment" => "segment",
            other => return vec![Do::Toast(Tone::Warn, format!("a {other} has no history of its own"))],
        };
        vec![Do::Open(Route::History { kind, key: line.key.clone(), environment })]
    }

    fn type_key(&mut self, world: &World, press: Press) -> Vec<Do> {
        match press.code {
            Code::Enter | Code::Esc | Code::Down | Code::Up => {
                self.0.typing = false;
                self.0.settle(world);
                Vec::new()
            }
            _ if self.0.filter.key(press) => {
                let wants = self.0.refilter(world);
                self.0.settle(world);
                wants
            }
            _ => Vec::new(),
        }
    }
}

impl Screen for Audit {
    fn route(&self) -> Route {
        Route::Audit { filter: self.0.filter.text().to_owned() }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        if self.0.typing { Mode::Field } else { Mode::Commands }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                self.0.feed.begin(&world.cache.events, &self.0.wanted, world.now);
                self.0.settle(world);
                if self.0.feed.known() < PAGE || self.0.feed.rows.len() < usize::from(world.size.1) {
                    self.0.pages = PAGES;
                    return self.0.older(world);
                }
                Vec::new()
            }
            Event::Heard(_) => {
                self.0.feed.hear(&world.cache.events, &self.0.wanted, world.now);
                self.0.settle(world);
                Vec::new()
            }
            Event::Resynced => {
                self.0.feed.hear(&world.cache.events, &self.0.wanted, world.now);
                self.0.asking = false;
                self.0.failed = None;
                self.0.settle(world);
                vec![Do::Ask(NEWEST, Read::get(format!("/api/audit?limit={PAGE}")))]
            }
            Event::Answer { tag, outcome } => self.0.answer(world, *tag, outcome),
            Event::Action("global.escape") if self.0.typing => {
                self.0.typing = false;
                Vec::new()
            }
            Event::Action(id) => self.act(world, id),
            Event::Key(press) if self.0.typing => self.type_key(world, *press),
            Event::Paste(text) if self.0.typing => {
                self.0.filter.paste(text);
                self.0.refilter(world)
            }
            Event::Returned => {
                self.0.settle(world);
                Vec::new()
            }
            Event::Mouse(_, y, 0) if self.0.open.is_none() => {
                self.click(world, *y);
                Vec::new()
            }
            Event::Mouse(_, _, wheel) => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                (0..wheel.unsigned_abs()).flat_map(|_| self.act(world, id)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.0.view(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.0.typing {
            return Vec::new();
        }
        if self.0.open.is_some() {
            return vec![
                "move.down",
                "move.left",
                "move.right",
                "audit.style",
                "audit.revert",
                "global.escape",
            ];
        }
        vec![
            "audit.pause",
            "audit.open",
            "audit.revert",
            "audit.history",
            "audit.this-flag",
            "audit.this-actor",
            "audit.filter",
            "audit.mark",
        ]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        let of_row = ["open", "revert", "history", "this-flag", "this-actor", "mark"];
        let needs = action.strip_prefix("audit.").is_some_and(|name| of_row.contains(&name));
        if needs && self.0.row().is_none() {
            return Err("no change is selected".to_owned());
        }
        Ok(())
    }

    /// None: what a revert touches is known only when it is asked for.
    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn flag(&self, _world: &World) -> Option<String> {
        let line = &self.0.row()?.head;
        matches!(line.kind.as_str(), "flag" | "config").then(|| line.key.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let row = self.0.row()?;
        let rows = &self.0.feed.rows;
        let chosen: Vec<&Row> = if self.0.marks.is_empty() {
            rows.iter().skip(rows.len().saturating_sub(REPORTED)).collect()
        } else {
            rows.iter().filter(|row| self.0.marks.iter().any(|at| row.holds(*at))).collect()
        };
        report::copy(world, row, &chosen, what)
    }
}

impl Audit {
    fn click(&mut self, world: &World, y: u16) {
        let (columns, height) = world.body();
        let (top, rows) = self.0.list(world, columns, height);
        let Some(y) = y.checked_sub(top) else { return };
        // Drawn away from the screen, to learn where the rows lie.
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        let theme = crate::theme::Theme::standard(crate::theme::Depth::Mono);
        let mut canvas = Canvas::new(&mut buffer, &theme, area);
        let places = draw::rows(world, &mut canvas, &self.0.feed, "", &|_| false);
        if let Some(n) = places.iter().rposition(|start| *start <= y) {
            self.0.feed.pause(world.now);
            self.0.feed.at = self.0.feed.top + n;
            self.0.settle(world);
        }
    }
}
