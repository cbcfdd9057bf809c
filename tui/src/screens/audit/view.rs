//! Draws the feed: its title with the filter, the list, the details of a row, a whole diff.

use super::draw::{self, Form};
use super::feed::{self, Row};
use super::state::{Open, State};
use crate::canvas::Canvas;
use crate::text::{count, fit, width};
use crate::theme::Token;
use crate::widgets::feed_filter::{TERMS, short_actor};
use crate::widgets::{change_words, diff};
use crate::world::{Link, World};
use ratatui::layout::Rect;
use shared::json::Json;

impl State {
    /// Draws everything.
    pub fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        if let Some(open) = &self.open {
            return self.view_diff(world, canvas, open);
        }
        let (columns, height) = (canvas.width(), canvas.height());
        let form = Form::of(world, columns);
        if form == Form::Columns {
            draw::heading(canvas, 1);
        }
        self.title(world, canvas);
        let (top, rows) = self.list(world, columns, height);
        let above = self.above(world);
        let marked = |row: &Row| self.marks.iter().any(|at| row.holds(*at));
        let mut list = canvas.sub(Rect::new(0, top, columns, rows));
        if self.feed.rows.is_empty() {
            list.put_fit(3, 1, columns.saturating_sub(4), &self.empty(world), Token::Dim);
        } else {
            draw::rows(world, &mut list, &self.feed, &above, &marked);
        }
        let pane = self.pane(height);
        if pane > 0 {
            let mut part = canvas.sub(Rect::new(0, height - pane, columns, pane));
            self.details(world, &mut part);
        }
    }

    /// What stands above the first row of all.
    fn above(&self, world: &World) -> String {
        if self.asking {
            return "reading older lines ..".to_owned();
        }
        if let Some(why) = &self.failed {
            return format!("older lines were not read: {why}");
        }
        if self.feed.complete {
            return "the history begins here".to_owned();
        }
        if !world.live() && !matches!(world.link, Link::Connecting { .. }) {
            return "older lines: when the daemon is back".to_owned();
        }
        if self.feed.dropped > 0 {
            let lines = count(self.feed.dropped);
            return format!("{lines} older lines dropped from memory: up loads them from the daemon");
        }
        "up reads older lines".to_owned()
    }

    fn title(&self, world: &World, canvas: &mut Canvas<'_>) {
        let wide = canvas.width() >= 96;
        let mut right = Vec::new();
        match self.feed.paused {
            Some(at) => {
                right.push((format!("PAUSED at {}", draw::clock(Some(at))), Token::Warn));
                let new = self.feed.held.count();
                if new > 0 {
                    let mut said = format!("+{} new", count(new));
                    if wide {
                        let each: Vec<String> =
                            self.feed.held.counts.iter().map(|(e, n)| format!("{e} {}", count(*n))).collect();
                        said.push_str(&format!(" ({})", each.join(", ")));
                    }
                    right.push((said, Token::Info));
                }
                right.push(("p resume".to_owned(), Token::Dim));
            }
            None => {
                let word = if world.live() { "FOLLOWING" } else { "NOT LIVE" };
                right.push((word.to_owned(), if world.live() { Token::Live } else { Token::Stale }));
                let known = count(self.feed.known() as u64);
                let said = if self.wanted.is_empty() {
                    format!("{known} lines")
                } else {
                    format!("{} rows of {known} lines", count(self.feed.rows.len() as u64))
                };
                right.push((said, Token::Dim));
            }
        }
        if !self.marks.is_empty() {
            right.insert(0, (format!("{} marked", self.marks.len()), Token::Mark));
        }
        let columns: usize = right.iter().map(|(said, _)| width(said) + 2).sum::<usize>().saturating_sub(1);
        let most = usize::from(canvas.width()).saturating_sub(14);
        let start = canvas.width().saturating_sub(u16::try_from(columns.min(most)).unwrap_or(0));
        let mut x = start;
        for (said, token) in &right {
            x = canvas.put_fit(x, 0, canvas.width().saturating_sub(x + 1), said, *token) + 2;
        }
        let x = canvas.put(1, 0, "Audit feed", Token::Title) + 2;
        if self.typing || !self.filter.text().is_empty() {
            let x = canvas.put(x, 0, "/ ", Token::Key);
            self.filter.view(canvas, x, 0, start.saturating_sub(x + 1), self.typing);
            self.below_field(canvas, x);
        }
    }

    fn below_field(&self, canvas: &mut Canvas<'_>, x: u16) {
        if let Some(fault) = &self.fault {
            let said = format!("^ {}", fault.detail);
            let column = x.saturating_add(u16::try_from(fault.at).unwrap_or(0));
            let column =
                column.min(canvas.width().saturating_sub(u16::try_from(width(&said)).unwrap_or(u16::MAX)));
            canvas.fill(Rect::new(0, 1, canvas.width(), 1), Token::Plain);
            canvas.put_fit(column, 1, canvas.width().saturating_sub(column), &said, Token::Error);
        } else if self.typing {
            canvas.fill(Rect::new(0, 1, canvas.width(), 1), Token::Plain);
            canvas.put_fit(3, 1, canvas.width().saturating_sub(4), TERMS, Token::Dim);
        }
    }

    fn details(&self, world: &World, canvas: &mut Canvas<'_>) {
        let Some(row) = self.row() else { return };
        let line = &row.head;
        let mut said = vec![format!("rev {}", line.revision), line.actor.clone()];
        if !line.credential.is_empty() {
            said.push(format!("by {}", line.credential));
        }
        if !line.source.is_empty() {
            said.push(format!("via {}", line.source));
        }
        if !line.request_id.is_empty() {
            said.push(format!("request {}", line.request_id));
        }
        let right = line.at.map_or_else(String::new, draw::date);
        let left = usize::from(canvas.width()).saturating_sub(width(&right) + 10);
        canvas.rule(0, &fit(&said.join("  "), left), &right);
        let room = canvas.height().saturating_sub(1);
        let mut part = canvas.sub(Rect::new(2, 1, canvas.width().saturating_sub(3), room));
        if !row.also.is_empty() {
            let others = row.lines().take(usize::from(room) * 2);
            let said: Vec<String> = others
                .map(|line| {
                    format!(
                        "{} in {}: {}",
                        line.key,
                        feed::environment(line),
                        change_words::of_line(line, world).join(", ")
                    )
                })
                .collect();
            let rows: Vec<diff::Row> = said.into_iter().map(diff::Row::Gap).collect();
            diff::view(&mut part, &rows, 0);
        } else {
            let before = row.earlier.first().unwrap_or(line).before.as_ref();
            let body =
                |json: Option<&Json>| json.map(|json| diff::body(&line.kind, json)).unwrap_or_default();
            let changes = match (before, &line.after) {
                (Some(_), Some(after)) => shared::json::diff(&body(before), &body(Some(after))),
                _ => Vec::new(),
            };
            let rows = if changes.is_empty() {
                vec![diff::Row::Gap(row.words(world).join(", "))]
            } else {
                diff::paths(&changes, usize::from(part.width()))
            };
            diff::view(&mut part, &rows, 0);
            if rows.len() > usize::from(room) {
                let said = format!(" {} more: enter ", rows.len() - usize::from(room));
                part.put_right(room.saturating_sub(1), &said, Token::Dim);
            }
        }
    }

    fn view_diff(&self, world: &World, canvas: &mut Canvas<'_>, open: &Open) {
        let Some(row) = self.row() else { return };
        let line = &row.head;
        let rows = self.diff(world, canvas.width());
        let room = usize::from(canvas.height().saturating_sub(2));
        let top = open.top.min(rows.len().saturating_sub(room));
        let below = rows.len().saturating_sub(top + room);
        let mut right = format!("{}  d changes", self.style.word());
        if below > 0 {
            right = format!("{below} more lines below  {right}");
        }
        let end = canvas.put_right(0, &format!("{right} "), Token::Dim);
        let revisions = match row.earlier.first() {
            Some(first) => format!("rev {} to {}", first.revision, line.revision),
            None => format!("rev {}", line.revision),
        };
        let also = if row.also.is_empty() { String::new() } else { format!(" +{}", row.also.len()) };
        let title = format!("{revisions}  {}{also} in {}", line.key, draw::place(row));
        canvas.put_fit(1, 0, end.saturating_sub(2), &title, Token::Title);
        let comment = if line.comment.is_empty() { String::new() } else { format!("  '{}'", line.comment) };
        let at =
            line.at.map_or_else(String::new, |at| format!("{} {}", draw::date(at), draw::clock(Some(at))));
        let said = format!("{at} UTC  {}  {}{comment}", short_actor(&line.actor), draw::action(line));
        canvas.put_fit(1, 1, canvas.width().saturating_sub(2), &said, Token::Dim);
        let mut part =
            canvas.sub(Rect::new(1, 2, canvas.width().saturating_sub(2), canvas.height().saturating_sub(2)));
        diff::view(&mut part, &rows, top);
        canvas.cursor(1, 2);
    }

    fn empty(&self, world: &World) -> String {
        if !self.wanted.is_empty() && self.feed.known() > 0 {
            let known = count(self.feed.known() as u64);
            let more = if self.feed.complete { "" } else { ", up reads older lines" };
            return format!("none of {known} lines matches: esc clears the filter{more}");
        }
        match world.link {
            _ if self.asking => "reading the history ..".to_owned(),
            Link::Live if self.feed.complete => "nothing was changed yet".to_owned(),
            Link::Live | Link::Connecting { .. } => "waiting for the first change".to_owned(),
            _ => "not connected, and nothing was read before".to_owned(),
        }
    }
}
