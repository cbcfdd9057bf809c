//! What the history holds and asks for: revisions, the selected one, what it is compared with.

use crate::cache::events::Line;
use crate::cache::rows::text;
use crate::effect::Read;
use crate::request::encoded;
use crate::screens::Do;
use crate::widgets::diff::{self, Style};
use crate::widgets::list::List;
use crate::widgets::revert::foreign;
use crate::widgets::{change_words, revert};
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::Json;
use std::sync::Arc;

/// Older revisions.
pub const OLDER: u32 = 1;
/// The newest ones, after a time without the feed.
pub const NEWEST: u32 = 2;
/// What the revision to be reverted touched.
pub const REVERT: u32 = 3;
/// How many lines are asked for at a time.
const PAGE: usize = 50;
/// How many pages are read one after the other until the screen is filled.
const PAGES: usize = 10;
/// From so many columns on the diff stands beside the list.
const BESIDE: u16 = 96;

/// A line's place in the history: revision and ordinal.
pub type Place = (u64, u64);

/// The place of a line.
#[must_use]
pub fn place(line: &Line) -> Place {
    (line.revision, line.ordinal)
}

/// Which part takes the movement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list of revisions.
    #[default]
    List,
    /// The diff.
    Diff,
}

/// The history.
#[derive(Debug)]
pub struct State {
    /// `flag` or `segment`.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// The environment; none for all of them.
    pub environment: Option<String>,
    /// The lines, newest first.
    pub lines: Vec<Arc<Line>>,
    /// The selection.
    pub list: List,
    /// The revision that the selected one is compared with; none for the one before it.
    pub with: Option<Arc<Line>>,
    /// How the diff is shown.
    pub style: Style,
    /// Which part takes the movement.
    pub focus: Focus,
    /// Whether the diff takes the whole screen.
    pub whole: bool,
    /// The first row of the diff that is seen.
    pub top: usize,
    /// Whether a page is on its way.
    pub asking: bool,
    /// Why the last page was not read.
    pub failed: Option<String>,
    /// Whether the last line is the first of all.
    pub complete: bool,
    cursor: Option<String>,
    pages: usize,
}

/// Where the parts of the screen lie.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The rows of the list.
    pub list: Rect,
    /// The heading and rows of the diff.
    pub diff: Rect,
    /// Whether the diff is beside the list, and not below it.
    pub beside: bool,
}

impl Parts {
    /// The parts of a body of that size, without its title and its last row.
    #[must_use]
    pub fn of(columns: u16, height: u16) -> Self {
        let rows = height.saturating_sub(3);
        if columns >= BESIDE {
            let left = (columns * 60 / 100).min(90);
            return Self {
                list: Rect::new(0, 2, left, rows),
                diff: Rect::new(left, 1, columns - left, rows + 1),
                beside: true,
            };
        }
        let top = (rows * 45 / 100).max(3);
        Self {
            list: Rect::new(0, 2, columns, top),
            diff: Rect::new(0, 2 + top, columns, rows.saturating_sub(top)),
            beside: false,
        }
    }

    /// The columns and rows of the diff itself, below its heading.
    #[must_use]
    pub fn room(&self) -> (u16, u16) {
        let (left, above) = if self.beside { (2, 4) } else { (1, 1) };
        (self.diff.width.saturating_sub(left + 1), self.diff.height.saturating_sub(above))
    }
}

impl State {
    /// A history that nothing was read of.
    #[must_use]
    pub fn new(kind: &'static str, key: String, environment: Option<String>) -> Self {
        Self {
            kind,
            key,
            environment,
            lines: Vec::new(),
            list: List::default(),
            with: None,
            style: Style::default(),
            focus: Focus::default(),
            whole: false,
            top: 0,
            asking: false,
            failed: None,
            complete: false,
            cursor: None,
            pages: PAGES,
        }
    }

    /// The selected line.
    #[must_use]
    pub fn line(&self) -> Option<&Arc<Line>> {
        self.lines.get(self.list.at)
    }

    /// The columns and rows of the body.
    #[must_use]
    pub fn size(world: &World) -> (u16, u16) {
        world.body()
    }

    /// The rows of the list.
    #[must_use]
    pub fn rows(world: &World) -> usize {
        let (columns, height) = Self::size(world);
        usize::from(Parts::of(columns, height).list.height).max(1)
    }

    /// Whether a line belongs here. A flag's own changes belong to each environment.
    #[must_use]
    pub fn holds(&self, line: &Line, world: &World) -> bool {
        let kind = match self.kind {
            "segment" => line.kind == "segment",
            _ => matches!(line.kind.as_str(), "flag" | "config"),
        };
        let here =
            self.environment.as_deref().is_none_or(|e| line.environment == e || line.environment.is_empty());
        kind && here
            && line.key == self.key
            && line.action != "version-raised"
            && !foreign(line, &world.cache.project)
    }

    fn path(&self) -> String {
        let key = encoded(&self.key);
        match (self.kind, &self.environment) {
            ("segment", Some(environment)) => {
                format!("/api/audit?kind=segment&environment={}&q={key}&limit={PAGE}", encoded(environment))
            }
            ("segment", None) => format!("/api/audit?kind=segment&q={key}&limit={PAGE}"),
            // Changes of the flag itself have no environment, so all of them are asked for.
            _ => format!("/api/flags/{key}/audit?limit={PAGE}"),
        }
    }

    /// Asks for older revisions, when there are any and none are on their way.
    pub fn older(&mut self) -> Vec<Do> {
        if self.asking || self.complete {
            return Vec::new();
        }
        self.asking = true;
        let path = match &self.cursor {
            Some(cursor) => format!("{}&cursor={}", self.path(), encoded(cursor)),
            None => self.path(),
        };
        vec![Do::Ask(OLDER, Read::get(path))]
    }

    /// Asks for older revisions, as many pages as it takes to fill the screen.
    pub fn further(&mut self) -> Vec<Do> {
        self.pages = PAGES;
        self.older()
    }

    /// Asks for the newest revisions again.
    #[must_use]
    pub fn newest(&self) -> Do {
        Do::Ask(NEWEST, Read::get(self.path()))
    }

    /// Takes in a page.
    pub fn page(&mut self, world: &World, tag: u32, body: &Json) -> Vec<Do> {
        let items = body.get("items").and_then(Json::as_array).unwrap_or_default();
        let lines: Vec<Line> = items.iter().flat_map(Line::read).collect();
        let next = text(body.get("nextCursor"));
        if tag == NEWEST {
            let newest = self.lines.first().map(|line| place(line));
            let joins =
                next.is_none() || lines.iter().any(|line| newest.is_some_and(|newest| place(line) <= newest));
            if !joins {
                // More came meanwhile than one page holds: what is known no longer joins on.
                self.lines.clear();
                self.list = List::default();
                self.cursor = next.clone();
                self.complete = false;
            }
        }
        self.merge(lines.into_iter().filter(|line| self.holds(line, world)).map(Arc::new).collect());
        if tag == NEWEST {
            self.list.settle(self.lines.len(), Self::rows(world));
            return Vec::new();
        }
        self.asking = false;
        self.cursor = next;
        self.complete = self.cursor.is_none();
        self.list.settle(self.lines.len(), Self::rows(world));
        let wanted = self.list.top + Self::rows(world);
        if self.lines.len() < wanted && self.pages > 0 {
            self.pages -= 1;
            return self.older();
        }
        Vec::new()
    }

    /// Takes in what the feed told.
    pub fn hear(&mut self, world: &World) {
        let newest = self.lines.first().map(|line| place(line));
        // Before the first page came, a live line alone would look like all of it.
        let Some(newest) = newest.or(self.complete.then_some((0, 0))) else { return };
        let fresh: Vec<Arc<Line>> = world
            .cache
            .events
            .iter()
            .rev()
            .take_while(|line| line.revision >= newest.0)
            .filter(|line| place(line) > newest && self.holds(line, world))
            .cloned()
            .collect();
        self.merge(fresh);
        self.list.settle(self.lines.len(), Self::rows(world));
    }

    /// Puts lines where they belong; the selected revision stays selected, and in its row where it can.
    fn merge(&mut self, fresh: Vec<Arc<Line>>) {
        let selected = self.line().map(|line| place(line));
        let known: std::collections::BTreeSet<Place> = self.lines.iter().map(|line| place(line)).collect();
        self.lines.extend(fresh.into_iter().filter(|line| !known.contains(&place(line))));
        self.lines.sort_by_key(|line| std::cmp::Reverse(place(line)));
        let Some(selected) = selected else { return };
        let at = self.lines.iter().position(|line| place(line) == selected).unwrap_or(self.list.at);
        if self.list.top > 0 {
            // Somebody reads further down: the rows stay where they are.
            self.list.top += at.saturating_sub(self.list.at);
        }
        self.list.at = at;
    }

    /// What the selected line is compared with: the marked one, or the row before its own change. `Err` says why
    /// the two cannot be compared.
    ///
    /// # Errors
    /// Lines of different kinds.
    pub fn sides(&self) -> Result<(Option<Json>, Option<Json>), String> {
        let Some(line) = self.line() else { return Ok((None, None)) };
        let body = |json: Option<&Json>| json.map(|json| diff::body(&line.kind, json));
        match &self.with {
            Some(with) if place(with) == place(line) => {
                Ok((body(line.before.as_ref()), body(line.after.as_ref())))
            }
            Some(with) if with.kind != line.kind => {
                Err("the flag itself and its configuration: nothing to compare".to_owned())
            }
            Some(with) => {
                let (old, new) = if place(with) < place(line) { (with, line) } else { (line, with) };
                Ok((body(old.after.as_ref()), body(new.after.as_ref())))
            }
            None => Ok((body(line.before.as_ref()), body(line.after.as_ref()))),
        }
    }

    /// The rows of the diff in so many columns.
    #[must_use]
    pub fn diff(&self, columns: u16) -> Vec<diff::Row> {
        if self.line().is_none() {
            return Vec::new();
        }
        let style = if columns < 90 && self.style == Style::Side { Style::Text } else { self.style };
        match self.sides() {
            Ok((before, after)) => diff::rows(style, before.as_ref(), after.as_ref(), usize::from(columns)),
            Err(why) => vec![diff::Row::Gap(why)],
        }
    }

    /// What `R` would do, in words.
    #[must_use]
    pub fn inverse(&self, world: &World) -> String {
        let Some(line) = self.line() else { return String::new() };
        if matches!(line.cause.as_str(), "install" | "access" | "epoch") {
            return format!("rev {} is about {}, which is never reverted", line.revision, line.cause);
        }
        let words = match line.before {
            None => vec!["archives it".to_owned()],
            Some(_) => {
                let mut back = (**line).clone();
                std::mem::swap(&mut back.before, &mut back.after);
                change_words::between(&back, back.before.as_ref(), world)
            }
        };
        // What else the revision changed is known only where the feed told of it.
        let own = |other: &Arc<Line>| {
            other.key == line.key && other.kind == line.kind && other.environment == line.environment
        };
        let told = world.cache.events.iter().rev().skip_while(|other| other.revision > line.revision);
        let others = told.take_while(|other| other.revision == line.revision);
        let others = others.filter(|other| other.action != "version-raised" && !own(other)).count();
        let also = if others > 0 { format!(" and {others} more of that revision") } else { String::new() };
        format!("R undoes only rev {} and keeps later edits: {}{also}", line.revision, words.join(", "))
    }

    /// The wish that restores the version after the selected line.
    ///
    /// # Errors
    /// Why there is none.
    pub fn restore(&self) -> Result<crate::plan::Wish, String> {
        let line = self.line().ok_or("no revision is selected")?;
        revert::restore(line)
    }
}
