//! The lines of the feed as rows: what belongs together is folded, and while paused nothing moves.

use crate::cache::events::{Events, KEPT, Line};
use crate::widgets::change_words;
use crate::widgets::feed_filter::Filter;
use crate::world::World;
use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// Changes of one thing by one person within this time are one row.
const FOLD: Duration = Duration::seconds(10);

/// A line's place in the history: revision and ordinal.
pub type Place = (u64, u64);

/// The place of a line.
#[must_use]
pub fn place(line: &Line) -> Place {
    (line.revision, line.ordinal)
}

/// One row: a change, with what was changed together with it or right before it.
#[derive(Debug)]
pub struct Row {
    /// The newest line, or the first one of a revision with several.
    pub head: Arc<Line>,
    /// The other lines of its revision.
    pub also: Vec<Arc<Line>>,
    /// Earlier changes of the same thing by the same person, oldest first.
    pub earlier: Vec<Arc<Line>>,
    words: OnceCell<Vec<String>>,
}

impl Row {
    fn new(head: Arc<Line>) -> Self {
        Self { head, also: Vec::new(), earlier: Vec::new(), words: OnceCell::new() }
    }

    /// Whether a line is in it.
    #[must_use]
    pub fn holds(&self, at: Place) -> bool {
        self.lines().any(|line| place(line) == at)
    }

    /// All its lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.earlier.iter().chain([&self.head]).chain(&self.also)
    }

    /// What it did, the most telling first: of all its folded changes together.
    pub fn words(&self, world: &World) -> &[String] {
        self.words.get_or_init(|| match self.earlier.first() {
            Some(first) => change_words::between(&self.head, first.before.as_ref(), world),
            None => change_words::of_line(&self.head, world),
        })
    }

    /// Takes in a line that belongs to it; gives it back when it does not.
    fn fold(&mut self, line: Arc<Line>) -> Option<Arc<Line>> {
        if line.revision == self.head.revision && self.earlier.is_empty() {
            self.also.push(line);
            return None;
        }
        let same = self.also.is_empty()
            && line.revision != self.head.revision
            && line.actor == self.head.actor
            && line.cause == self.head.cause
            && line.comment == self.head.comment
            && (&line.project, &line.kind, &line.key, &line.environment)
                == (&self.head.project, &self.head.kind, &self.head.key, &self.head.environment);
        let near = matches!((line.at, self.head.at), (Some(new), Some(old)) if new - old <= FOLD);
        if !(same && near) {
            return Some(line);
        }
        self.earlier.push(std::mem::replace(&mut self.head, line));
        self.words = OnceCell::new();
        None
    }
}

/// What came while paused.
#[derive(Debug, Default)]
pub struct Held {
    lines: VecDeque<Arc<Line>>,
    /// How many lines that the filter lets through came, by environment; flags themselves under `all`.
    pub counts: BTreeMap<String, u64>,
    /// How many of all fell out of memory.
    lost: u64,
    /// Whether lines before the first one were never told.
    gap: bool,
}

impl Held {
    /// How many came that the filter lets through.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// The feed.
#[derive(Debug, Default)]
pub struct Feed {
    /// Every line that is known, oldest first, without holes.
    lines: VecDeque<Arc<Line>>,
    /// What the filter lets through, folded.
    pub rows: VecDeque<Row>,
    /// Since when nothing new is shown.
    pub paused: Option<OffsetDateTime>,
    /// What came since.
    pub held: Held,
    /// How many lines before the first one were in memory once.
    pub dropped: u64,
    /// Whether the first line is the first of all.
    pub complete: bool,
    /// The selected row.
    pub at: usize,
    /// The first row that is seen.
    pub top: usize,
    seen: u64,
}

impl Feed {
    /// Begins with what the cache holds.
    pub fn begin(&mut self, events: &Events, filter: &Filter, now: OffsetDateTime) {
        let paused = self.paused;
        *self = Self { seen: events.seen, dropped: events.dropped, paused, ..Self::default() };
        self.lines = events.iter().filter(|line| told(line)).cloned().collect();
        self.fold_all(filter, now);
        self.at = self.rows.len().saturating_sub(1);
    }

    /// Takes in what came since it was last asked.
    pub fn hear(&mut self, events: &Events, filter: &Filter, now: OffsetDateTime) {
        if events.seen < self.seen {
            // Another daemon.
            self.paused = None;
            self.begin(events, filter, now);
            return;
        }
        let new = usize::try_from(events.seen - self.seen).unwrap_or(usize::MAX);
        self.seen = events.seen;
        if new > events.len() {
            self.cut((new - events.len()) as u64);
        }
        let skip = events.len().saturating_sub(new);
        for line in events.iter().skip(skip) {
            self.take(Arc::clone(line), filter, now);
        }
        if self.paused.is_none() {
            self.at = self.rows.len().saturating_sub(1);
        }
    }

    /// Lines came that nobody kept: what is known before them no longer joins on.
    fn cut(&mut self, lost: u64) {
        if self.paused.is_some() {
            self.held.lost += lost + self.held.lines.len() as u64;
            self.held.lines.clear();
            self.held.gap = true;
        } else {
            self.dropped += lost + self.lines.len() as u64;
            self.lines.clear();
            self.rows.clear();
            self.complete = false;
        }
    }

    fn take(&mut self, line: Arc<Line>, filter: &Filter, now: OffsetDateTime) {
        let last = self.held.lines.back().or(self.lines.back());
        if !told(&line) || last.is_some_and(|last| place(&line) <= place(last)) {
            return;
        }
        if self.paused.is_none() {
            return self.push(line, filter, now);
        }
        if filter.lets(&line, now) {
            *self.held.counts.entry(environment(&line).to_owned()).or_default() += 1;
        }
        if self.held.lines.len() == KEPT {
            self.held.lines.pop_front();
            self.held.lost += 1;
            self.held.gap = true;
        }
        self.held.lines.push_back(line);
    }

    fn push(&mut self, line: Arc<Line>, filter: &Filter, now: OffsetDateTime) {
        if self.lines.len() >= KEPT {
            self.trim();
        }
        self.lines.push_back(Arc::clone(&line));
        if filter.lets(&line, now) {
            self.show(line);
        }
    }

    /// Forgets the oldest line, and the row that it was the last line of.
    fn trim(&mut self) {
        let Some(oldest) = self.lines.pop_front() else { return };
        self.dropped += 1;
        self.complete = false;
        let gone = self.rows.front().is_some_and(|row| row.lines().all(|l| place(l) <= place(&oldest)));
        if gone {
            self.rows.pop_front();
            self.at = self.at.saturating_sub(1);
            self.top = self.top.saturating_sub(1);
        }
    }

    fn show(&mut self, line: Arc<Line>) {
        let left = match self.rows.back_mut() {
            Some(row) => row.fold(line),
            None => Some(line),
        };
        let Some(line) = left else { return };
        // A revision that was folded with earlier ones turns out to have more lines: it is its own row.
        if let Some(row) = self.rows.back_mut().filter(|row| row.head.revision == line.revision)
            && let Some(before) = row.earlier.pop()
        {
            let head = std::mem::replace(&mut row.head, before);
            row.words = OnceCell::new();
            let mut own = Row::new(head);
            own.also.push(line);
            self.rows.push_back(own);
            return;
        }
        self.rows.push_back(Row::new(line));
    }

    /// Folds all lines anew, for another filter. The selected line stays selected, or the one nearest to it.
    pub fn fold_all(&mut self, filter: &Filter, now: OffsetDateTime) {
        let selected = self.rows.get(self.at).map(|row| place(&row.head));
        let before = self.at.saturating_sub(self.top);
        self.rows.clear();
        for n in 0..self.lines.len() {
            if let Some(line) = self.lines.get(n).filter(|line| filter.lets(line, now)).cloned() {
                self.show(line);
            }
        }
        let last = self.rows.len().saturating_sub(1);
        self.at = match selected {
            Some(wanted) if self.paused.is_some() => {
                let next =
                    self.rows.partition_point(|row| row.lines().last().is_some_and(|l| place(l) < wanted));
                next.min(last)
            }
            _ => last,
        };
        self.top = self.at.saturating_sub(before);
        self.held.counts.clear();
        for line in self.held.lines.iter().filter(|line| filter.lets(line, now)) {
            *self.held.counts.entry(environment(line).to_owned()).or_default() += 1;
        }
    }

    /// Stops showing what comes.
    pub fn pause(&mut self, now: OffsetDateTime) {
        self.paused.get_or_insert(now);
    }

    /// Shows what came, and follows again.
    pub fn resume(&mut self, filter: &Filter, now: OffsetDateTime) {
        if self.paused.take().is_none() {
            return;
        }
        let held = std::mem::take(&mut self.held);
        if held.gap {
            self.dropped += held.lost + self.lines.len() as u64;
            self.lines.clear();
            self.rows.clear();
            self.complete = false;
        }
        // What was loaded while paused is more than is kept.
        while self.lines.len() > KEPT {
            self.trim();
        }
        for line in held.lines {
            self.push(line, filter, now);
        }
        self.at = self.rows.len().saturating_sub(1);
    }

    /// The oldest line that is known.
    #[must_use]
    pub fn oldest(&self) -> Option<&Arc<Line>> {
        self.lines.front()
    }

    /// How many lines are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.lines.len()
    }

    /// Puts older lines before those that are known, the newest of them first; no row that is there moves.
    pub fn older(&mut self, page: Vec<Line>, last: bool, filter: &Filter, now: OffsetDateTime) {
        self.complete = last;
        let mut before = Self { paused: Some(now), ..Self::default() };
        let first = self.lines.front().map(|line| place(line));
        let mut fresh: Vec<Arc<Line>> = page
            .into_iter()
            .filter(|line| told(line) && first.is_none_or(|first| place(line) < first))
            .map(Arc::new)
            .collect();
        fresh.sort_by_key(|line| std::cmp::Reverse(place(line)));
        self.dropped = self.dropped.saturating_sub(fresh.len() as u64);
        for line in fresh.iter().rev().filter(|line| filter.lets(line, now)) {
            before.show(Arc::clone(line));
        }
        for line in fresh {
            self.lines.push_front(line);
        }
        // A revision that the end of a page cut in two becomes one row again.
        if let (Some(end), Some(start)) = (before.rows.back_mut(), self.rows.front_mut())
            && end.head.revision == start.head.revision
            && end.earlier.is_empty()
            && start.earlier.is_empty()
        {
            let head = std::mem::replace(&mut start.head, Arc::clone(&end.head));
            let rest = std::mem::take(&mut start.also);
            start.also = end.also.drain(..).chain([head]).chain(rest).collect();
            start.words = OnceCell::new();
            before.rows.pop_back();
        }
        let added = before.rows.len();
        let none = self.rows.is_empty();
        for row in before.rows.into_iter().rev() {
            self.rows.push_front(row);
        }
        if none || self.paused.is_none() {
            self.at = self.rows.len().saturating_sub(1);
        } else {
            self.at += added;
            self.top += added;
        }
    }

    /// Takes in the newest page after a time without the feed. What does not join on is let go, and can be read again.
    pub fn newest(&mut self, page: Vec<Line>, last: bool, filter: &Filter, now: OffsetDateTime) {
        let Some(start) = page.iter().map(place).min() else { return };
        let known = if self.held.lines.is_empty() { &self.lines } else { &self.held.lines };
        let joins = last || known.back().is_some_and(|line| place(line) >= start);
        let mut all: BTreeMap<Place, Arc<Line>> =
            page.into_iter().filter(told).map(|line| (place(&line), Arc::new(line))).collect();
        if self.paused.is_some() {
            let end = self.lines.back().map(|line| place(line));
            all.extend(self.held.lines.drain(..).map(|line| (place(&line), line)));
            self.held.gap |= !joins;
            self.held.lines = all
                .into_iter()
                .filter(|(at, _)| end.is_none_or(|end| *at > end) && (joins || *at >= start))
                .map(|(_, line)| line)
                .collect();
        } else {
            all.extend(self.lines.drain(..).map(|line| (place(&line), line)));
            self.lines =
                all.into_iter().filter(|(at, _)| joins || *at >= start).map(|(_, line)| line).collect();
            self.complete = (self.complete && joins) || last;
        }
        self.fold_all(filter, now);
    }
}

/// Whether a line is something that somebody did: a version that rose with a change of its flag is not.
fn told(line: &Line) -> bool {
    line.action != "version-raised"
}

/// The environment of a line as people read it: `all` for a flag itself.
#[must_use]
pub fn environment(line: &Line) -> &str {
    match (line.environment.as_str(), line.kind.as_str()) {
        ("", "flag") => "all",
        ("", _) => "-",
        (environment, _) => environment,
    }
}
