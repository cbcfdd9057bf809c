//! Draws flags by environments: the title with the filter, the columns, a row, the preview.

use super::field::Field;
use crate::cache::rows::{Evaluated, FlagRow, percent};
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use crate::world::World;
use shared::targeting::Serves;
use time::{Duration, OffsetDateTime};

/// The row above the columns.
#[derive(Debug)]
pub struct Title<'a> {
    /// The filter.
    pub filter: &'a Field,
    /// Whether it is being typed.
    pub typing: bool,
    /// What is wrong with it, and at which character.
    pub fault: Option<&'a (usize, String)>,
    /// How many are shown.
    pub shown: usize,
    /// Of how many.
    pub total: usize,
    /// What they are sorted by.
    pub sort: &'a str,
    /// How many came since, and wait.
    pub waiting: usize,
}

impl Title<'_> {
    /// Draws it into row 0, and the fault of the filter into row 1 while it is typed.
    pub fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let mut right = format!("{} of {}", text::count(self.shown as u64), text::count(self.total as u64));
        if !world.cache.loaded && world.cache.expected > 0 {
            let read = text::count(world.cache.flags.len() as u64);
            right = format!("reading {read} of {}; ctrl-c stops", text::count(world.cache.expected));
        }
        if self.waiting > 0 {
            right = format!("+{} new: n  {right}", self.waiting);
        }
        if !world.marks.is_empty() {
            right = format!("{} marked  {right}", world.marks.len());
        }
        if !world.staged.is_empty() {
            right = format!("{} staged  {right}", world.staged.len());
        }
        if !world.drafts.is_empty() && canvas.width() >= 90 {
            right = format!("{right}   {} drafts", world.drafts.len());
        }
        if canvas.width() >= 90 {
            right = format!("{right}   sort {}", self.sort);
        }
        let end = canvas.put_right(0, &format!("{right} "), Token::Dim);
        let x = canvas.put(1, 0, "Flags", Token::Title) + 2;
        if self.typing || !self.filter.text().is_empty() {
            let x = canvas.put(x, 0, "/ ", Token::Key);
            self.filter.view(canvas, x, 0, end.saturating_sub(x + 1), self.typing);
            if let Some((at, detail)) = self.fault {
                let column = x.saturating_add(u16::try_from(*at).unwrap_or(0));
                let said = format!("^ {detail}");
                let wide = u16::try_from(text::width(&said)).unwrap_or(u16::MAX);
                let column = column.min(canvas.width().saturating_sub(wide));
                canvas.put_fit(column, 1, canvas.width().saturating_sub(column), &said, Token::Error);
            }
        } else if let Some((_, detail)) = self.fault {
            canvas.put_fit(x, 0, end.saturating_sub(x), detail, Token::Error);
        }
    }
}

/// Which columns there are, and where.
#[derive(Debug)]
pub struct Layout {
    key: u16,
    kind: Option<u16>,
    environments: Vec<(String, u16, u16)>,
    evaluated: Option<u16>,
    changed: Option<u16>,
}

impl Layout {
    /// The columns of a width: the selected environment is always among them.
    #[must_use]
    pub fn of(world: &World, width: u16, more: bool) -> Self {
        let wide = width >= 96;
        let kind = (wide && more).then_some(8);
        let changed = if more { 19 } else { 0 };
        let told = |row: &std::sync::Arc<FlagRow>| {
            row.cells.get(&world.environment).map(|cell| cell.evaluated != Evaluated::Unknown)
        };
        let counted = world.cache.flags.values().find_map(told) == Some(true);
        let evaluated = if width >= 100 && more && counted { 11 } else { 0 };
        let fixed = 3 + kind.unwrap_or(0) + evaluated + changed;
        // Values are seen whole where there is room for them beside a key of a usual length.
        let count = u16::try_from(world.cache.environments.len()).unwrap_or(u16::MAX).max(1);
        let room = width.saturating_sub(fixed + if wide { 36 } else { 25 });
        let cell = (room / count).clamp(if wide { 11 } else { 9 }, 18);
        let most = usize::from(width.saturating_sub(fixed + 22) / cell).max(1);
        let all = &world.cache.environments;
        let at = all.iter().position(|e| e.key == world.environment).unwrap_or(0);
        let first = (at + 1).saturating_sub(most);
        let seen: Vec<_> = all.iter().skip(first).take(most).collect();
        let columns = u16::try_from(seen.len()).unwrap_or(0) * cell;
        let key = width.saturating_sub(fixed + columns).clamp(12, 60);
        let mut x = 3 + key + kind.unwrap_or(0);
        let environments = seen
            .into_iter()
            .map(|e| {
                let place = (e.key.clone(), x, cell);
                x += cell;
                place
            })
            .collect();
        Self {
            key,
            kind: kind.map(|_| 3 + key),
            environments,
            evaluated: (evaluated > 0).then_some(x),
            changed: (changed > 0).then_some(x + evaluated),
        }
    }

    /// Draws the names of the columns.
    pub fn heading(&self, world: &World, canvas: &mut Canvas<'_>, y: u16) {
        if world.settings.a11y {
            return;
        }
        canvas.put(3, y, "KEY", Token::Heading);
        if let Some(x) = self.kind {
            canvas.put(x, y, "KIND", Token::Heading);
        }
        for (key, x, columns) in &self.environments {
            // The selected one is in capitals: a word, not only a look.
            let selected = *key == world.environment;
            let name = if selected { key.to_uppercase() } else { key.clone() };
            canvas.put_fit(*x, y, columns - 1, &name, if selected { Token::Strong } else { Token::Heading });
        }
        if let Some(x) = self.evaluated {
            canvas.put(x, y, "EVALUATED", Token::Heading);
        }
        if let Some(x) = self.changed {
            canvas.put(x, y, "CHANGED  BY", Token::Heading);
        }
    }

    /// Draws one flag.
    pub fn row(&self, world: &World, canvas: &mut Canvas<'_>, y: u16, row: &FlagRow, selected: bool) {
        let marked = world.marks.contains(&row.key);
        if selected {
            // Screen readers, magnifiers and tmux's copy mode follow the cursor.
            canvas.cursor(1, y);
        }
        if world.settings.a11y {
            let said = sentence(world, row, marked);
            canvas.put(1, y, if selected { ">" } else { " " }, Token::Strong);
            let token = if selected { Token::Selected } else { Token::Plain };
            canvas.put_fit(3, y, canvas.width().saturating_sub(4), &said, token);
            return;
        }
        canvas.put(1, y, if selected { ">" } else { " " }, Token::Strong);
        if marked {
            canvas.put(2, y, "*", Token::Mark);
        }
        // On a slow line the marker is enough.
        let token = if selected && !world.settings.lite {
            Token::Selected
        } else if row.archived {
            Token::Dim
        } else {
            Token::Plain
        };
        canvas.put_fit(3, y, self.key - 1, &row.key, token);
        if let Some(x) = self.kind {
            canvas.put_fit(x, y, 7, row.kind.as_str(), Token::Dim);
        }
        let mut left: Option<u64> = None;
        for (key, x, columns) in &self.environments {
            let (word, token) = cell(world, row, key);
            let digest = row.cells.get(key).map(|cell| cell.summary.digest);
            let differs = left.is_some() && digest.is_some() && left != digest;
            let room = columns - 1 - if differs { 2 } else { 0 };
            let end = canvas.put_fit(*x, y, room, &word, token);
            if differs {
                canvas.put(end + 1, y, "~", Token::DiffChange);
            }
            left = digest.or(left);
        }
        if let Some(x) = self.evaluated {
            let (word, token) = match row.cells.get(&world.environment).map(|cell| cell.evaluated) {
                None | Some(Evaluated::Unknown) => ("-".to_owned(), Token::Dim),
                Some(Evaluated::Never) => ("never".to_owned(), Token::Warn),
                Some(Evaluated::At(at)) if stale(at, world.now) => {
                    (format!("{} stale", text::age(at, world.now)), Token::Warn)
                }
                Some(Evaluated::At(at)) => (rough(at, world.now), Token::Dim),
            };
            canvas.put_fit(x, y, 10, &word, token);
        }
        if let Some(x) = self.changed
            && let Some((at, by)) = row.changed()
        {
            canvas.put_fit(x, y, 8, &rough(at, world.now), Token::Dim);
            canvas.put_fit(x + 9, y, canvas.width().saturating_sub(x + 10), short_name(by), Token::Dim);
        }
    }
}

/// A flag as one sentence, for screen readers: nothing has to be found in a column.
fn sentence(world: &World, row: &FlagRow, marked: bool) -> String {
    let mut said = row.key.clone();
    if marked {
        said.push_str(", marked");
    }
    let first = world.cache.environments.iter().filter(|e| e.key == world.environment);
    let others = world.cache.environments.iter().filter(|e| e.key != world.environment);
    for environment in first.chain(others) {
        let (word, _) = cell(world, row, &environment.key);
        said.push_str(&format!(", {} {word}", environment.key));
    }
    let here = row.cells.get(&world.environment).map(|cell| evaluated(cell.evaluated, world.now));
    if let Some(here) = here.filter(|here| !here.is_empty()) {
        said.push_str(&format!(", {here}"));
    }
    if let Some((at, by)) = row.changed() {
        said.push_str(&format!(", changed {} ago by {}", text::age(at, world.now), short_name(by)));
    }
    said
}

/// Whether it was not evaluated for so long that nothing may use it any more.
fn stale(at: OffsetDateTime, now: OffsetDateTime) -> bool {
    now - at > Duration::days(90)
}

/// When it was last evaluated, as a part of a sentence; empty where it is not known.
fn evaluated(evaluated: Evaluated, now: OffsetDateTime) -> String {
    match evaluated {
        Evaluated::Unknown => String::new(),
        Evaluated::Never => "never evaluated".to_owned(),
        Evaluated::At(at) if stale(at, now) => format!("evaluated {} ago (stale)", text::age(at, now)),
        Evaluated::At(at) => match rough(at, now).as_str() {
            "now" => "evaluated just now".to_owned(),
            age => format!("evaluated {age} ago"),
        },
    }
}

/// An age that does not change with every second: a list of them would be drawn anew with each key.
fn rough(then: OffsetDateTime, now: OffsetDateTime) -> String {
    if now - then < Duration::MINUTE { "now".to_owned() } else { text::age(then, now) }
}

/// `alice` of `user:alice`.
#[must_use]
pub fn short_name(principal: &str) -> &str {
    principal.split_once(':').map_or(principal, |(_, name)| name)
}

/// What a cell says, and how it looks.
#[must_use]
pub fn cell(world: &World, row: &FlagRow, environment: &str) -> (String, Token) {
    let word = row.word(environment);
    if world.is_pending(&row.key, environment) {
        return (format!("{word}.."), Token::Pending);
    }
    let token = match row.cells.get(environment) {
        _ if row.archived => Token::Dim,
        None => Token::Dim,
        Some(cell) if !cell.summary.on => Token::Off,
        Some(cell) if cell.summary.default.is_partial() => Token::Part,
        Some(_) => Token::On,
    };
    let unmet = row.cells.get(environment).is_some_and(|cell| {
        cell.summary.on
            && cell.summary.prerequisites.iter().any(|key| {
                let other = world.cache.flags.get(key).filter(|flag| !flag.archived);
                !other.and_then(|flag| flag.cells.get(environment)).is_some_and(|cell| cell.summary.on)
            })
    });
    if unmet { (format!("{word} !"), Token::Bad) } else { (word, token) }
}

/// What the default rule serves, as words: `25% true, 75% false`.
#[must_use]
pub fn serves(row: &FlagRow, serves: &Serves) -> String {
    match serves {
        Serves::Nothing => "the caller's default".to_owned(),
        Serves::Variation(index) => row.value(*index),
        Serves::Rollout(parts) => parts
            .iter()
            .map(|(index, weight)| format!("{} {}", percent(*weight), row.value(*index)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Draws the preview of a flag in the selected environment: four rows.
pub fn preview(world: &World, canvas: &mut Canvas<'_>, row: Option<&FlagRow>) {
    let Some(row) = row else {
        canvas.rule(0, "", "i hide");
        return;
    };
    canvas.rule(0, &row.key, "i hide");
    let owner = row.owner.as_deref().map_or(String::new(), |owner| format!("   owner {owner}"));
    let tags = if row.tags.is_empty() { String::new() } else { format!("   tags {}", row.tags.join(", ")) };
    let described = if row.description.is_empty() { &row.name } else { &row.description };
    canvas.put_fit(
        3,
        1,
        canvas.width().saturating_sub(4),
        &format!("{described}{owner}{tags}"),
        Token::Plain,
    );
    let environment = &world.environment;
    let Some(cell) = row.cells.get(environment) else {
        canvas.put(3, 2, &format!("{environment}: no configuration there yet"), Token::Dim);
        return;
    };
    let off = cell.summary.off_variation.map_or_else(|| "the caller's default".to_owned(), |n| row.value(n));
    let state = if cell.summary.on {
        format!("on, by default {}", serves(row, &cell.summary.default))
    } else {
        format!("off, serves {off}")
    };
    let mut parts = vec![state];
    if cell.summary.rules > 0 {
        let word = if cell.summary.rules == 1 { "rule" } else { "rules" };
        parts.push(format!("{} {word}", cell.summary.rules));
    }
    if cell.summary.targets > 0 {
        parts.push(format!("{} target lists", cell.summary.targets));
    }
    if !cell.summary.prerequisites.is_empty() {
        parts.push(format!("needs {}", cell.summary.prerequisites.join(", ")));
    }
    if !cell.summary.segments.is_empty() {
        parts.push(format!("segments {}", cell.summary.segments.join(", ")));
    }
    let x = canvas.put(3, 2, &environment.to_uppercase(), Token::Strong) + 1;
    canvas.put_fit(x, 2, canvas.width().saturating_sub(x + 1), &parts.join("; "), Token::Plain);
    let changed = cell.updated_at.map_or(String::new(), |at| {
        format!("changed {} ago by {} (rev {})", text::age(at, world.now), cell.updated_by, cell.revision)
    });
    canvas.put_fit(
        3,
        3,
        canvas.width().saturating_sub(4),
        format!("version {}   {changed}   {}", cell.version, evaluated(cell.evaluated, world.now)).trim_end(),
        Token::Dim,
    );
}
