//! What the feed holds and asks for: the filter, the window, pages of older lines, the revert.

use super::draw::{self, Form};
use super::feed::{self, Feed, Place, Row, place};
use crate::cache::events::Line;
use crate::cache::rows::text;
use crate::effect::Read;
use crate::request::{Answer, Failure, encoded};
use crate::screens::{Do, Tone};
use crate::widgets::diff::{self, Style};
use crate::widgets::feed_filter::{Filter, FilterFault};
use crate::widgets::field::Field;
use crate::widgets::list::moved;
use crate::widgets::{change_words, revert};
use crate::world::World;
use shared::json::Json;
use std::collections::BTreeSet;

/// Older lines.
pub const OLDER: u32 = 1;
/// The newest lines, after a time without the feed.
pub const NEWEST: u32 = 2;
/// What the revision to be reverted touched.
pub const REVERT: u32 = 3;
/// How many lines are asked for at a time.
pub const PAGE: usize = 100;
/// How many pages are read one after the other to fill the screen with what a filter lets through.
pub const PAGES: usize = 10;
/// How many entities of one revision a diff shows.
pub const ENTITIES: usize = 40;

/// The diff that lies over the list.
#[derive(Debug, Default)]
pub struct Open {
    /// The first row that is seen.
    pub top: usize,
}

/// What the feed shows.
#[derive(Debug)]
pub struct State {
    pub filter: Field,
    pub typing: bool,
    pub wanted: Filter,
    pub fault: Option<FilterFault>,
    pub feed: Feed,
    pub marks: BTreeSet<Place>,
    pub details: bool,
    pub open: Option<Open>,
    pub style: Style,
    pub asking: bool,
    pub failed: Option<String>,
    /// Pages that may still be read to fill the screen.
    pub pages: usize,
}

impl State {
    /// With a filter.
    #[must_use]
    pub fn new(filter: String) -> Self {
        let wanted = Filter::parse(&filter);
        Self {
            filter: Field::new(filter),
            typing: false,
            fault: wanted.as_ref().err().cloned(),
            wanted: wanted.unwrap_or_default(),
            feed: Feed::default(),
            marks: BTreeSet::new(),
            details: true,
            open: None,
            style: Style::default(),
            asking: false,
            failed: None,
            pages: 0,
        }
    }

    pub fn row(&self) -> Option<&Row> {
        self.feed.rows.get(self.feed.at)
    }

    /// Where the list begins, and how many rows it has, in a body of that size.
    pub fn list(&self, world: &World, columns: u16, height: u16) -> (u16, u16) {
        let heading = u16::from(self.typing || Form::of(world, columns) == Form::Columns);
        let top = 1 + heading;
        (top, height.saturating_sub(top + self.pane(height)).max(1))
    }

    pub fn pane(&self, height: u16) -> u16 {
        match height {
            _ if !self.details => 0,
            18.. => 4,
            14.. => 3,
            _ => 0,
        }
    }

    pub fn settle(&mut self, world: &World) {
        let (columns, height) = world.body();
        let rows = usize::from(self.list(world, columns, height).1);
        draw::settle(&mut self.feed, rows, Form::of(world, columns));
    }

    pub fn refilter(&mut self, world: &World) -> Vec<Do> {
        match Filter::parse(self.filter.text()) {
            Ok(wanted) => {
                self.fault = None;
                if wanted != self.wanted {
                    self.wanted = wanted;
                    self.feed.fold_all(&self.wanted, world.now);
                }
                self.pages = PAGES;
                self.fill(world)
            }
            Err(fault) => {
                self.fault = Some(fault);
                Vec::new()
            }
        }
    }

    /// Reads older lines when what is known does not fill the screen.
    pub fn fill(&mut self, world: &World) -> Vec<Do> {
        if self.feed.rows.len() >= usize::from(world.size.1) || self.pages == 0 {
            return Vec::new();
        }
        self.pages -= 1;
        self.older(world)
    }

    pub fn older(&mut self, world: &World) -> Vec<Do> {
        if self.asking || self.feed.complete {
            return Vec::new();
        }
        self.asking = true;
        let path = match self.feed.oldest() {
            Some(line) => {
                let epoch = world.cache.position.as_deref().and_then(|p| p.split('.').next()).unwrap_or("1");
                let cursor = format!("{epoch}.{}.{}", line.revision, line.ordinal);
                format!("/api/audit?limit={PAGE}&cursor={}", encoded(&cursor))
            }
            None => format!("/api/audit?limit={PAGE}"),
        };
        vec![Do::Ask(OLDER, Read::get(path))]
    }

    pub fn answer(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        if tag == OLDER {
            self.asking = false;
        }
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                if tag == REVERT {
                    return vec![Do::Toast(Tone::Error, format!("not reverted: {failure}"))];
                }
                self.failed = Some(failure.to_string());
                return Vec::new();
            }
        };
        if tag == REVERT {
            return match revert::wish(answer, &world.cache.project) {
                Ok(wish) => vec![Do::Wish(Box::new(wish))],
                Err(why) => vec![Do::Toast(Tone::Warn, why)],
            };
        }
        self.failed = None;
        let items = answer.body.get("items").and_then(Json::as_array).unwrap_or_default();
        let lines: Vec<Line> = items.iter().flat_map(Line::read).collect();
        let last = text(answer.body.get("nextCursor")).is_none();
        if tag == NEWEST {
            self.feed.newest(lines, last, &self.wanted, world.now);
            self.settle(world);
            return Vec::new();
        }
        // The ring takes only what joins on to its own first line.
        let ring = world.cache.events.iter().next().map(|line| place(line));
        let joins = ring == self.feed.oldest().map(|line| place(line));
        let mut wants = Vec::new();
        if joins && !lines.is_empty() {
            wants.push(Do::KeepLines(lines.clone()));
        }
        self.feed.older(lines, last, &self.wanted, world.now);
        self.settle(world);
        wants.extend(self.fill(world));
        wants
    }

    pub fn walk(&mut self, world: &World, id: &str) -> Vec<Do> {
        let (columns, height) = world.body();
        let form = Form::of(world, columns);
        let seen = draw::seen(&self.feed, usize::from(self.list(world, columns, height).1), form);
        let last = self.feed.rows.len().saturating_sub(1);
        let Some(to) = moved(id, self.feed.at, last, seen) else { return Vec::new() };
        self.feed.at = to;
        let up = matches!(id, "move.up" | "move.first" | "move.half-up" | "move.page-up");
        if up {
            self.feed.pause(world.now);
        }
        self.settle(world);
        if up && self.feed.at == 0 {
            self.pages = PAGES;
            return self.older(world);
        }
        Vec::new()
    }

    /// The rows of the whole diff of the selected row.
    pub fn diff(&self, world: &World, columns: u16) -> Vec<diff::Row> {
        let Some(row) = self.row() else { return Vec::new() };
        let width = usize::from(columns.saturating_sub(2));
        let mut out = Vec::new();
        let several = !row.also.is_empty();
        let lines: Vec<&Line> =
            if several { row.lines().map(AsRef::as_ref).take(ENTITIES).collect() } else { vec![&*row.head] };
        for line in &lines {
            // What was folded into one row is compared as a whole.
            let before = if several {
                line.before.as_ref()
            } else {
                row.earlier.first().unwrap_or(&row.head).before.as_ref()
            };
            if several {
                let words = change_words::of_line(line, world).join(", ");
                out.push(diff::Row::Gap(String::new()));
                out.push(diff::Row::Gap(format!(
                    "{} {} in {}: {words}",
                    line.kind,
                    line.key,
                    feed::environment(line)
                )));
            }
            let body = |json: Option<&Json>| json.map(|json| diff::body(&line.kind, json));
            out.extend(diff::rows(
                self.style,
                body(before).as_ref(),
                body(line.after.as_ref()).as_ref(),
                width,
            ));
        }
        let more = row.also.len() + 1 - lines.len().min(row.also.len() + 1);
        if several && more > 0 {
            out.push(diff::Row::Gap(format!("and {more} more changes in this revision")));
        }
        out
    }
}
