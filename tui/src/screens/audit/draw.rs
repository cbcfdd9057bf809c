//! Draws rows of the feed: columns where there is room for them, two lines each where there is not.

use super::feed::{Feed, Row, environment};
use crate::cache::events::Line;
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use crate::widgets::change_words::sentence;
use crate::widgets::feed_filter::short_actor;
use crate::widgets::revert::foreign;
use crate::world::World;
use time::{Date, OffsetDateTime, Weekday};

/// How rows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line with columns, and the comment below it.
    Columns,
    /// Two lines.
    Two,
    /// One line that reads well aloud.
    Spoken,
}

impl Form {
    /// The form for a width.
    #[must_use]
    pub fn of(world: &World, columns: u16) -> Self {
        match columns {
            _ if world.settings.a11y => Self::Spoken,
            96.. => Self::Columns,
            _ => Self::Two,
        }
    }

    /// The rows of the screen that a row takes, without the line between hours.
    #[must_use]
    pub fn rows(self, row: &Row) -> usize {
        match self {
            Self::Spoken => 1,
            Self::Two => 2,
            Self::Columns => 1 + usize::from(!row.head.comment.is_empty()),
        }
    }
}

/// Moves the window so that the selected row is in it, and no room is left while there are rows above.
pub fn settle(feed: &mut Feed, height: usize, form: Form) {
    let len = feed.rows.len();
    feed.at = feed.at.min(len.saturating_sub(1));
    feed.top = feed.top.min(feed.at);
    let size = |n: usize| feed.rows.get(n).map_or(0, |row| form.rows(row));
    // The rows from `from` to `to`, with the lines between hours, the one above the first included.
    let cost = |from: usize, to: usize| -> usize {
        let hours = (from + 1..=to).filter(|n| new_hour(feed, *n)).count();
        let head = usize::from(form != Form::Spoken) + usize::from(from == 0);
        (from..=to).map(size).sum::<usize>() + head + if form == Form::Spoken { 0 } else { hours }
    };
    let mut top = feed.at;
    // Each row takes a line or more, so this ends after as many steps as there are lines.
    while top > 0 && top > feed.top.min(feed.at) && cost(top - 1, feed.at) <= height {
        top -= 1;
    }
    if len > 0 {
        while top > 0 && len - top <= height && cost(top - 1, len - 1) <= height {
            top -= 1;
        }
    }
    feed.top = top;
}

/// How many rows are seen from the first one on.
#[must_use]
pub fn seen(feed: &Feed, height: usize, form: Form) -> usize {
    let mut used = usize::from(form != Form::Spoken) + usize::from(feed.top == 0);
    let mut count = 0;
    for n in feed.top..feed.rows.len() {
        let hour = usize::from(form != Form::Spoken && n > feed.top && new_hour(feed, n));
        used += hour + feed.rows.get(n).map_or(0, |row| form.rows(row));
        if used > height {
            break;
        }
        count += 1;
    }
    count.max(1)
}

/// Whether a row is of another hour than the one before it.
fn new_hour(feed: &Feed, n: usize) -> bool {
    let hour = |n: usize| feed.rows.get(n).and_then(|row| row.head.at).map(|at| (at.date(), at.hour()));
    n.checked_sub(1).is_none_or(|before| hour(before) != hour(n))
}

/// Draws the names of the columns.
pub fn heading(canvas: &mut Canvas<'_>, y: u16) {
    let columns = Columns::of(canvas.width());
    for (x, name) in [
        (3, "TIME UTC"),
        (columns.environment, "ENV"),
        (columns.actor, "ACTOR"),
        (columns.action, "ACTION"),
        (columns.target, "TARGET"),
        (columns.change, "CHANGE"),
    ] {
        canvas.put(x, y, name, Token::Heading);
    }
}

struct Columns {
    environment: u16,
    actor: u16,
    action: u16,
    target: u16,
    change: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        let target = 50;
        let rest = width.saturating_sub(target);
        Self {
            environment: 12,
            actor: 23,
            action: 33,
            target,
            change: target + (rest * 45 / 100).clamp(16, 48),
        }
    }
}

/// Draws the rows of the window. `above` is the line above the first row of all. Answers the row of the screen that
/// each drawn row began at.
pub fn rows(
    world: &World,
    canvas: &mut Canvas<'_>,
    feed: &Feed,
    above: &str,
    marked: &dyn Fn(&Row) -> bool,
) -> Vec<u16> {
    let form = Form::of(world, canvas.width());
    let mut y = 0;
    let mut places = Vec::new();
    if feed.top == 0 {
        canvas.put_fit(3, y, canvas.width().saturating_sub(4), above, Token::Dim);
        y += 1;
    }
    let mut day: Option<Date> = Some(world.now.date());
    for n in feed.top..feed.rows.len() {
        let Some(row) = feed.rows.get(n) else { break };
        if form != Form::Spoken && (n == feed.top || new_hour(feed, n)) {
            if let Some(at) = row.head.at {
                hour(canvas, y, at, day);
                day = Some(at.date());
            }
            y += 1;
        }
        if usize::from(y) + form.rows(row) > usize::from(canvas.height()) {
            break;
        }
        places.push(y);
        let selected = n == feed.at;
        canvas.put(1, y, if selected { ">" } else { " " }, Token::Selected);
        if marked(row) {
            canvas.put(2, y, "*", Token::Mark);
        }
        if selected {
            canvas.cursor(1, y);
        }
        match form {
            Form::Columns => columns(world, canvas, y, row, selected),
            Form::Two => two(world, canvas, y, row, selected),
            Form::Spoken => {
                let said = spoken(world, row);
                let token = if selected { Token::Selected } else { Token::Plain };
                canvas.put_fit(3, y, canvas.width().saturating_sub(4), &said, token);
            }
        }
        y = y.saturating_add(u16::try_from(form.rows(row)).unwrap_or(1));
    }
    places
}

fn hour(canvas: &mut Canvas<'_>, y: u16, at: OffsetDateTime, day: Option<Date>) {
    let hour = format!("{:02}:00", at.hour());
    let said = if day == Some(at.date()) { hour } else { format!("{} {hour}", date(at)) };
    let rest = usize::from(canvas.width()).saturating_sub(said.len() + 5);
    let x = canvas.put(1, y, "- ", Token::Rule);
    let x = canvas.put(x, y, &said, Token::Dim);
    canvas.put(x, y, &format!(" {}", "-".repeat(rest)), Token::Rule);
}

/// `Sun 22 Nov`.
#[must_use]
pub fn date(at: OffsetDateTime) -> String {
    let day = match at.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    let month = at.month().to_string();
    format!("{day} {} {}", at.day(), month.get(..3).unwrap_or(&month))
}

/// `14:02:03`.
#[must_use]
pub fn clock(at: Option<OffsetDateTime>) -> String {
    at.map_or_else(
        || "--:--:--".to_owned(),
        |at| format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
    )
}

/// What was done to what kind of thing: `flag.turned-off`, `segment.updated`, `flag.revert`.
#[must_use]
pub fn action(line: &Line) -> String {
    let noun = if line.kind == "config" { "flag" } else { line.kind.as_str() };
    let verb = match line.cause.as_str() {
        "" | "change" | "access" => line.action.as_str(),
        cause => cause,
    };
    format!("{noun}.{verb}")
}

/// How many changes a row stands for: `x3` of the same, `+4` others in its revision; empty for one alone.
#[must_use]
pub fn times(row: &Row) -> String {
    match (row.earlier.len(), row.also.len()) {
        (0, 0) => String::new(),
        (0, also) => format!("+{also}"),
        (earlier, _) => format!("x{}", earlier + 1),
    }
}

/// The environments of a row: its own, or how many.
#[must_use]
pub fn place(row: &Row) -> String {
    let own = environment(&row.head);
    let mut others: Vec<&str> = row.also.iter().map(|line| environment(line)).filter(|e| *e != own).collect();
    others.sort_unstable();
    others.dedup();
    match others.as_slice() {
        [] => own.to_owned(),
        // A new flag has a configuration everywhere: that is what `all` says.
        _ if own == "all" => own.to_owned(),
        more => format!("{own} +{}", more.len()),
    }
}

fn columns(world: &World, canvas: &mut Canvas<'_>, y: u16, row: &Row, selected: bool) {
    let at = Columns::of(canvas.width());
    let line = &row.head;
    canvas.put(3, y, &clock(line.at), Token::Dim);
    canvas.put_fit(at.environment, y, at.actor - at.environment - 1, &place(row), Token::Plain);
    canvas.put_fit(at.actor, y, at.action - at.actor - 1, short_actor(&line.actor), Token::Plain);
    canvas.put_fit(at.action, y, at.target - at.action - 1, &action(line), Token::Plain);
    target(world, canvas, (at.target, y, at.change - 1), row, selected);
    let room = canvas.width().saturating_sub(at.change);
    canvas.put(at.change, y, &sentence(row.words(world), usize::from(room)), Token::Plain);
    if !line.comment.is_empty() {
        let room = canvas.width().saturating_sub(at.environment + 1);
        canvas.put_fit(at.environment, y + 1, room, &quoted(&line.comment), Token::Dim);
    }
}

fn two(world: &World, canvas: &mut Canvas<'_>, y: u16, row: &Row, selected: bool) {
    let line = &row.head;
    let width = canvas.width();
    canvas.put(3, y, &clock(line.at), Token::Dim);
    canvas.put_fit(12, y, 10, &place(row), Token::Plain);
    canvas.put_fit(23, y, 9, short_actor(&line.actor), Token::Plain);
    let wide = width >= 76;
    let x = if wide { 51 } else { 33 };
    if wide {
        canvas.put_fit(33, y, 17, &action(line), Token::Plain);
    }
    target(world, canvas, (x, y, width.saturating_sub(1)), row, selected);
    let words = if wide { Vec::new() } else { vec![action(line)] };
    let words: Vec<String> = words.into_iter().chain(row.words(world).iter().cloned()).collect();
    let room = usize::from(width.saturating_sub(13));
    let said = sentence(&words, room);
    let x = canvas.put(12, y + 1, &said, Token::Plain);
    if !line.comment.is_empty() && width.saturating_sub(x) > 8 {
        canvas.put_fit(x + 2, y + 1, width.saturating_sub(x + 3), &quoted(&line.comment), Token::Dim);
    }
}

/// The target with its count, from a column of a row to another column; the count is never cut.
fn target(world: &World, canvas: &mut Canvas<'_>, (x, y, end): (u16, u16, u16), row: &Row, selected: bool) {
    let line = &row.head;
    let key = match foreign(line, &world.cache.project) {
        true => format!("{}/{}", line.project, line.key),
        false => line.key.clone(),
    };
    let times = times(row);
    let wide = u16::try_from(times.len()).unwrap_or(0);
    let room = end.saturating_sub(x + if wide > 0 { wide + 1 } else { 0 });
    let token = if selected { Token::Selected } else { Token::Strong };
    let x = canvas.put_fit(x, y, room, &key, token);
    if wide > 0 {
        canvas.put(x + 1, y, &times, Token::Part);
    }
}

fn quoted(comment: &str) -> String {
    format!("'{comment}'")
}

/// The row as one sentence.
#[must_use]
pub fn spoken(world: &World, row: &Row) -> String {
    let line = &row.head;
    let mut said = format!(
        "{}, {}, {}, {}, {}",
        clock(line.at),
        place(row),
        short_actor(&line.actor),
        action(line).replace('.', " "),
        line.key,
    );
    let times = times(row);
    if !times.is_empty() {
        said.push_str(&format!(" {times}"));
    }
    said.push_str(&format!(", {}", row.words(world).join(", ")));
    if !line.comment.is_empty() {
        said.push_str(&format!(", {}", quoted(&line.comment)));
    }
    text::shown(&said).into_owned()
}
