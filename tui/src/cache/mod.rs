//! What the daemon told, at a known revision: the one copy for all screens (ROOF of its files).

pub mod events;
pub mod rows;

use events::{Events, Line};
use rows::{Cell, EnvironmentRow, Evaluated, FlagRow, instant, number, text, truth};
use shared::json::Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;

/// What the daemon told.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// The key of the project that flags and environments are of; empty for `default`.
    pub project: String,
    /// The flags, by key, archived ones included.
    pub flags: BTreeMap<String, Arc<FlagRow>>,
    /// The environments, in their order.
    pub environments: Vec<EnvironmentRow>,
    /// Whole documents of configurations that some screen has read, by flag and environment: the row as answered.
    pub configs: BTreeMap<(String, String), Json>,
    /// The segments of environments that some screen has read, by environment and key: rows as answered.
    pub segments: BTreeMap<(String, String), Json>,
    /// The changes of the feed.
    pub events: Events,
    /// The last answer of `GET /api/status`, or message of the topic.
    pub status: Json,
    /// Who I am: `GET /api/me`.
    pub me: Json,
    /// The newest revision that was seen.
    pub revision: u64,
    /// The newest position of the feed: `epoch.revision`.
    pub position: Option<String>,
    /// Whether all flags were read at least once.
    pub loaded: bool,
    /// How many flags there are, archived ones included, while they are being read.
    pub expected: u64,
    /// Rises with each change of flags or environments, so that what is computed of them can be kept.
    pub generation: u64,
}

/// What a message of the feed asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The entities that changed: kind, key, environment.
    pub touched: Vec<(String, String, String)>,
    /// Everything has to be read again: the change was too big to be told.
    pub reload: bool,
    /// Whether the message was a change at all.
    pub changed: bool,
}

impl Cache {
    /// The environment of that key.
    #[must_use]
    pub fn environment(&self, key: &str) -> Option<&EnvironmentRow> {
        self.environments.iter().find(|e| e.key == key)
    }

    /// Takes in a page of `GET /api/flags`; the first page of a whole reading empties what was there.
    pub fn flags_page(&mut self, page: &Json, first: bool) {
        if first {
            self.flags.clear();
            self.expected = number(page.get("total"));
        }
        for row in
            page.get("items").and_then(Json::as_array).unwrap_or_default().iter().filter_map(FlagRow::read)
        {
            self.flags.insert(row.key.clone(), Arc::new(row));
        }
        self.generation += 1;
    }

    /// Takes in `GET /api/environments`.
    pub fn environments_page(&mut self, page: &Json) {
        let items = page.get("items").and_then(Json::as_array).unwrap_or_default();
        self.environments =
            items.iter().filter(|e| !truth(e.get("archived"))).filter_map(EnvironmentRow::read).collect();
        self.environments.sort_by(|a, b| (a.order, &a.key).cmp(&(b.order, &b.key)));
        self.roles();
        self.generation += 1;
    }

    /// Takes in `GET /api/me`.
    pub fn identity(&mut self, me: Json) {
        self.me = me;
        self.roles();
    }

    fn roles(&mut self) {
        let roles = self.me.get("roles").and_then(Json::as_array).unwrap_or_default();
        if roles.is_empty() {
            return;
        }
        for environment in &mut self.environments {
            let project = if self.project.is_empty() { "default" } else { &self.project };
            let mine = roles.iter().find(|r| {
                text(r.get("environment")).as_deref() == Some(&environment.key)
                    && text(r.get("project")).is_none_or(|p| p == project)
            });
            environment.may_write = mine.is_some_and(|r| truth(r.get("mayWrite")));
            environment.role = mine.and_then(|r| text(r.get("role"))).unwrap_or_else(|| "none".to_owned());
        }
    }

    /// Takes in a configuration's whole row.
    pub fn config(&mut self, flag: &str, environment: &str, row: Json) {
        self.cell(flag, environment, Cell::of_config(&row));
        self.configs.insert((flag.to_owned(), environment.to_owned()), row);
    }

    fn cell(&mut self, flag: &str, environment: &str, mut cell: Cell) {
        if let Some(row) = self.flags.get_mut(flag) {
            let old = row.cells.get(environment);
            // Configurations do not say when they were evaluated: what the list said stays.
            if let (Evaluated::Unknown, Some(old)) = (cell.evaluated, old) {
                cell.evaluated = old.evaluated;
            }
            if old.is_none_or(|old| old.revision <= cell.revision) {
                Arc::make_mut(row).cells.insert(environment.to_owned(), Arc::new(cell));
                self.generation += 1;
            }
        }
    }

    /// Takes in when flags were last evaluated, out of a page of the matrix; the answer is whether anything is newer.
    pub fn evaluations_page(&mut self, page: &Json) -> bool {
        let mut newer = false;
        for item in page.get("items").and_then(Json::as_array).unwrap_or_default() {
            let Some(flag) = item.get("key").and_then(Json::as_str) else { continue };
            for (environment, cell) in item.get("environments").and_then(Json::as_object).unwrap_or_default()
            {
                if let Some(at) = instant(cell.get("lastEvaluated")) {
                    newer |= self.evaluated(flag, environment, at);
                }
            }
        }
        newer
    }

    /// Takes in when a flag was last evaluated in an environment; the answer is whether that is newer.
    pub fn evaluated(&mut self, flag: &str, environment: &str, at: OffsetDateTime) -> bool {
        let Some(row) = self.flags.get_mut(flag) else { return false };
        let known = row.cells.get(environment);
        if known.is_none_or(|cell| cell.evaluated.at().is_some_and(|old| old >= at)) {
            return false;
        }
        if let Some(cell) = Arc::make_mut(row).cells.get_mut(environment) {
            Arc::make_mut(cell).evaluated = Evaluated::At(at);
            self.generation += 1;
        }
        true
    }

    /// Takes in one message of the feed.
    pub fn hear(&mut self, message: &Json) -> Heard {
        if let Some(position) = text(message.get("position")) {
            self.position = Some(position);
        }
        match message.get("type").and_then(Json::as_str) {
            Some("status") => {
                self.status = message.clone();
                Heard::default()
            }
            Some("revision") => self.revised(message),
            Some("snapshot") => Heard { reload: true, changed: true, ..Heard::default() },
            _ => Heard::default(),
        }
    }

    fn revised(&mut self, message: &Json) -> Heard {
        let revision = number(message.get("revision"));
        self.revision = self.revision.max(revision);
        let mut heard = Heard { changed: true, reload: truth(message.get("snapshot")), ..Heard::default() };
        for line in Line::read(message) {
            // The audit tells of all projects; the same key in another one is another flag.
            if line.project.is_empty()
                || line.project == self.project
                || (self.project.is_empty() && line.project == "default")
            {
                self.entity(&line, revision);
            }
            heard.touched.push((line.kind.clone(), line.key.clone(), line.environment.clone()));
            self.events.push(line);
        }
        heard
    }

    fn entity(&mut self, line: &Line, revision: u64) {
        let Some(after) = &line.after else { return };
        let mut row = after.clone();
        let stamp = |row: &mut Json| {
            row.set("revision", Json::from(revision as usize));
            row.set("updatedBy", Json::String(line.actor.clone()));
            if let Some(at) =
                line.at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
            {
                row.set("updatedAt", Json::String(at));
            }
        };
        stamp(&mut row);
        match line.kind.as_str() {
            "flag" => {
                let old = self.flags.get(&line.key);
                if old.is_some_and(|old| old.revision > revision) {
                    return;
                }
                if let Some(mut new) = FlagRow::of_flag(&row) {
                    if let Some(old) = old {
                        new.cells.clone_from(&old.cells);
                        new.created_at = old.created_at;
                    } else {
                        new.created_at = line.at;
                    }
                    self.flags.insert(line.key.clone(), Arc::new(new));
                    self.generation += 1;
                }
            }
            "config" => {
                self.cell(&line.key, &line.environment, Cell::of_config(&row));
                let at = (line.key.clone(), line.environment.clone());
                if let Some(kept) = self.configs.get_mut(&at)
                    && number(kept.get("revision")) <= revision
                {
                    // An answer calls the document `config`; the feed calls it `document`.
                    let document = row.remove("document").unwrap_or_else(Json::object);
                    row.set("config", document);
                    *kept = row;
                }
            }
            "segment" => {
                let at = (line.environment.clone(), line.key.clone());
                if let Some(kept) = self.segments.get_mut(&at) {
                    *kept = row;
                }
                self.generation += 1;
            }
            "environment" => {
                if let Some(mut new) = EnvironmentRow::read(&row) {
                    match self.environments.iter_mut().find(|e| e.key == new.key) {
                        Some(old) => {
                            new.may_write = old.may_write;
                            new.role = std::mem::take(&mut old.role);
                            *old = new;
                        }
                        None => self.environments.push(new),
                    }
                    self.environments.retain(|e| !truth(e.row.get("archived")));
                    self.environments.sort_by(|a, b| (a.order, &a.key).cmp(&(b.order, &b.key)));
                    self.generation += 1;
                }
            }
            _ => {}
        }
    }
}
