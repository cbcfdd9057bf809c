//! Draws the history: the list of revisions, the diff beside or below it, what a revert would do.

use super::state::{Focus, Parts, State, place};
use crate::cache::events::Line;
use crate::canvas::Canvas;
use crate::text::{age, fit, width};
use crate::theme::Token;
use crate::widgets::change_words::{of_line, sentence};
use crate::widgets::diff;
use crate::widgets::feed_filter::short_actor;
use crate::widgets::revert;
use crate::world::{Link, World};
use ratatui::layout::Rect;
use time::OffsetDateTime;

impl State {
    /// Draws everything.
    pub fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        if self.whole && self.line().is_some() {
            return self.view_whole(world, canvas);
        }
        let (columns, height) = (canvas.width(), canvas.height());
        let parts = Parts::of(columns, height);
        self.title(canvas);
        let mut list = canvas.sub(Rect::new(0, 1, parts.list.width, 1));
        self.heading(&mut list);
        let mut list = canvas.sub(parts.list);
        self.view_list(world, &mut list);
        let mut part = canvas.sub(parts.diff);
        if parts.beside {
            self.beside(world, &mut part, parts);
        } else {
            self.below(world, &mut part, parts);
        }
        if self.line().is_some() {
            canvas.put_fit(
                1,
                height.saturating_sub(1),
                columns.saturating_sub(2),
                &self.inverse(world),
                Token::Strong,
            );
        }
    }

    fn title(&self, canvas: &mut Canvas<'_>) {
        let with = match &self.with {
            Some(with) => format!("compared with: rev {}", with.revision),
            None => "compared with: the one before".to_owned(),
        };
        let n = self.lines.len();
        let many = if self.complete { n.to_string() } else { format!("{n} or more") };
        let right = match (self.asking, canvas.width()) {
            (true, ..110) => format!("reading older ones ..  {many} revisions"),
            (true, _) => format!("reading older ones ..  {many} revisions  {with}"),
            (false, 80..) => format!("{many} revisions  {with}"),
            (false, _) if self.with.is_some() => with,
            (false, _) => format!("{many} revisions"),
        };
        let end = canvas.put_right(
            0,
            &format!("{right} "),
            if self.with.is_some() { Token::Info } else { Token::Dim },
        );
        let place = match (&self.environment, self.kind) {
            (Some(environment), _) => format!(" @ {environment}"),
            (None, _) => " in all environments".to_owned(),
        };
        let x = canvas.put(1, 0, "History", Token::Title) + 2;
        canvas.put_fit(x, 0, end.saturating_sub(x + 1), &format!("{}{place}", self.key), Token::Strong);
    }

    fn heading(&self, canvas: &mut Canvas<'_>) {
        let at = Columns::of(self, canvas.width());
        canvas.put(3, 0, "REV", Token::Heading);
        canvas.put(at.when, 0, "WHEN UTC", Token::Heading);
        canvas.put(at.who, 0, "WHO", Token::Heading);
        if at.place > 0 {
            canvas.put(at.place, 0, "ENV", Token::Heading);
        }
        canvas.put(at.what, 0, "WHAT", Token::Heading);
    }

    fn view_list(&self, world: &World, canvas: &mut Canvas<'_>) {
        let rows = usize::from(canvas.height());
        if self.lines.is_empty() {
            let said = self.empty(world);
            canvas.put_fit(3, 0, canvas.width().saturating_sub(4), &said, Token::Dim);
            return;
        }
        let mut list = self.list.clone();
        list.settle(self.lines.len(), rows);
        let at = Columns::of(self, canvas.width());
        let window = list.window(self.lines.len(), rows);
        let mut y = 0;
        for (n, line) in self.lines.iter().enumerate().take(window.end).skip(window.start) {
            let selected = n == list.at;
            let marked = self.with.as_ref().is_some_and(|with| place(with) == place(line));
            canvas.put(1, y, if selected { ">" } else { " " }, Token::Selected);
            if marked {
                canvas.put(2, y, "v", Token::Mark);
            }
            if selected && self.focus == Focus::List {
                canvas.cursor(1, y);
            }
            let token = if selected { Token::Selected } else { Token::Plain };
            canvas.put(3, y, &line.revision.to_string(), token);
            canvas.put_fit(at.when, y, at.who - at.when - 1, &when(line.at, world.now), Token::Dim);
            canvas.put_fit(at.who, y, at.next(at.who) - at.who - 1, short_actor(&line.actor), Token::Plain);
            if at.place > 0 {
                let place = if line.environment.is_empty() { "all" } else { &line.environment };
                canvas.put_fit(at.place, y, at.what - at.place - 1, place, Token::Plain);
            }
            let room = usize::from(canvas.width().saturating_sub(at.what + 1));
            canvas.put(at.what, y, &self.what(world, line, room), Token::Plain);
            y += 1;
        }
        let more = self.lines.len().saturating_sub(window.end);
        if more == 0 && usize::from(y) < rows {
            let said = match (&self.failed, self.asking, self.complete) {
                (Some(why), ..) => format!("older ones were not read: {why}"),
                (_, true, _) => "reading older ones ..".to_owned(),
                (_, _, true) => String::new(),
                _ => "down reads older ones".to_owned(),
            };
            canvas.put_fit(3, y, canvas.width().saturating_sub(4), &said, Token::Dim);
        }
    }

    /// What a line did: why it was made where it is no plain change, and a change of the flag itself says so.
    fn what(&self, world: &World, line: &Line, room: usize) -> String {
        let cause = match line.cause.as_str() {
            "" | "change" => String::new(),
            "revert" if revert::undone(&line.cause, &line.comment).is_some() && room < 40 => {
                return fit(&line.comment, room);
            }
            "revert" if !line.comment.is_empty() => format!("{}: ", fit(&line.comment, room / 2)),
            cause => format!("{cause}: "),
        };
        let all = self.environment.is_some() && line.environment.is_empty() && self.kind == "flag";
        let lead = format!("{}{cause}", if all { "(all) " } else { "" });
        let room = room.saturating_sub(width(&lead));
        format!("{lead}{}", sentence(&of_line(line, world), room))
    }

    fn empty(&self, world: &World) -> String {
        match (&self.failed, self.asking, &world.link) {
            (Some(why), ..) => format!("not read: {why}"),
            (_, true, _) => format!("reading the history of {} ..", self.key),
            (_, _, Link::Down { .. } | Link::Shut(_)) => {
                "not connected, and nothing was read before".to_owned()
            }
            _ if self.complete => format!("{} was never changed here", self.key),
            _ => "no revision among those read; down looks further".to_owned(),
        }
    }

    /// Who, when, and through which door; the comment by itself.
    fn who(&self, world: &World) -> (String, String) {
        let Some(line) = self.line() else { return Default::default() };
        let ago = line.at.map_or_else(String::new, |at| format!("{} ago", age(at, world.now)));
        let head = match &self.with {
            Some(with) if place(with) != place(line) => {
                let (a, b) = (with.revision.min(line.revision), with.revision.max(line.revision));
                format!("rev {a} -> rev {b}")
            }
            _ => format!("rev {}  {}  {ago}", line.revision, short_actor(&line.actor)),
        };
        let comment = if line.comment.is_empty() { String::new() } else { format!("'{}'", line.comment) };
        (head, comment)
    }

    fn via(&self) -> String {
        let Some(line) = self.line() else { return String::new() };
        let parts = [("by", &line.credential), ("via", &line.source), ("request", &line.request_id)];
        let said: Vec<String> = parts
            .iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(word, value)| format!("{word} {value}"))
            .collect();
        said.join("  ")
    }

    fn beside(&self, world: &World, canvas: &mut Canvas<'_>, parts: Parts) {
        for y in 0..canvas.height() {
            canvas.put(0, y, "|", Token::Rule);
        }
        let (columns, rows) = parts.room();
        let (head, comment) = self.who(world);
        canvas.put_fit(2, 0, columns, &head, Token::Title);
        canvas.put_fit(2, 1, columns, &comment, Token::Plain);
        canvas.put_fit(2, 2, columns, &self.via(), Token::Dim);
        let diff = self.diff(columns);
        self.diff_part(canvas, Rect::new(2, 4, columns, rows), &diff);
    }

    fn below(&self, world: &World, canvas: &mut Canvas<'_>, parts: Parts) {
        let (columns, rows) = parts.room();
        let (head, comment) = self.who(world);
        let diff = self.diff(columns);
        let room = usize::from(canvas.width()).saturating_sub(24);
        let said = if comment.is_empty() { head } else { format!("{head}  {comment}") };
        let right = if self.focus == Focus::Diff { "tab: list" } else { "tab: scroll diff" };
        canvas.rule(0, &fit(&said, room), right);
        self.diff_part(canvas, Rect::new(1, 1, columns, rows), &diff);
    }

    fn diff_part(&self, canvas: &mut Canvas<'_>, area: Rect, rows: &[diff::Row]) {
        let room = usize::from(area.height);
        let top = self.top.min(rows.len().saturating_sub(room));
        let below = rows.len().saturating_sub(top + room);
        let mut part = canvas.sub(area);
        diff::view(&mut part, rows, top);
        if below > 0 && area.height > 1 {
            let y = area.height - 1;
            part.fill(Rect::new(0, y, area.width, 1), Token::Plain);
            part.put_fit(
                2,
                y,
                area.width.saturating_sub(2),
                &format!("... {} more rows: enter", below + 1),
                Token::Dim,
            );
        }
        if self.focus == Focus::Diff {
            part.cursor(0, 0);
        }
    }

    fn view_whole(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (columns, height) = (canvas.width(), canvas.height());
        let rows = self.diff(columns.saturating_sub(2));
        let room = usize::from(height.saturating_sub(2));
        let top = self.top.min(rows.len().saturating_sub(room));
        let below = rows.len().saturating_sub(top + room);
        let mut right = format!("{}  d changes", self.style.word());
        if below > 0 {
            right = format!("{below} more rows below  {right}");
        }
        let end = canvas.put_right(0, &format!("{right} "), Token::Dim);
        let (head, comment) = self.who(world);
        canvas.put_fit(1, 0, end.saturating_sub(2), &format!("{}  {head}", self.key), Token::Title);
        canvas.put_fit(
            1,
            1,
            columns.saturating_sub(2),
            format!("{comment}  {}", self.via()).trim(),
            Token::Dim,
        );
        let mut part = canvas.sub(Rect::new(1, 2, columns.saturating_sub(2), height.saturating_sub(2)));
        diff::view(&mut part, &rows, top);
        canvas.cursor(1, 2);
    }
}

struct Columns {
    when: u16,
    who: u16,
    /// 0 where there is no such column.
    place: u16,
    what: u16,
}

impl Columns {
    fn of(state: &State, width: u16) -> Self {
        let newest = state.lines.first().map_or(0, |line| line.revision);
        let digits = u16::try_from(newest.to_string().len().max(3)).unwrap_or(20);
        let when = 3 + digits + 1;
        let who = when + if width >= 56 { 13 } else { 10 };
        let next = who + if width >= 56 { 10 } else { 8 };
        match state.environment {
            Some(_) => Self { when, who, place: 0, what: next },
            None => Self { when, who, place: next, what: next + 11 },
        }
    }

    fn next(&self, who: u16) -> u16 {
        if self.place > who { self.place } else { self.what }
    }
}

/// `14:02:31` of today, `yest. 17:40`, `18 Nov 16:20`, `18 Nov 2025`.
#[must_use]
pub fn when(at: Option<OffsetDateTime>, now: OffsetDateTime) -> String {
    let Some(at) = at else { return "?".to_owned() };
    let (hour, minute) = (at.hour(), at.minute());
    let days = (now.date() - at.date()).whole_days();
    let month = at.month().to_string();
    let month = month.get(..3).unwrap_or(&month);
    match days {
        0 => format!("{hour:02}:{minute:02}:{:02}", at.second()),
        1 => format!("yest. {hour:02}:{minute:02}"),
        2..=300 => format!("{} {month} {hour:02}:{minute:02}", at.day()),
        _ => format!("{} {month} {}", at.day(), at.year()),
    }
}
