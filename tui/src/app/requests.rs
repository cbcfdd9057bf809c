//! Requests and their answers, and the first reading of everything.

use super::{App, Waiting};
use crate::cache::rows::text;
use crate::effect::{Effect, Read};
use crate::guard::Policy;
use crate::request::{Answer, Failure, Request};
use crate::screens::{Event, Tone};
use crate::world::{Link, LogLine};
use std::time::Duration;

/// How many flags are read at a time.
const PAGE: usize = 2_000;
/// How many requests the command log keeps.
const LOGGED: usize = 500;

impl App {
    /// A connection to a profile begins.
    pub(crate) fn connected(
        &mut self,
        project: String,
        environment: Option<String>,
        read_only: Policy,
        held: bool,
    ) -> Vec<Effect> {
        let world = &mut self.world;
        world.guard.policy = read_only;
        world.guard.held = held;
        world.guard.close();
        world.link = Link::Connecting { attempt: 0 };
        world.cache = crate::cache::Cache { project, ..Default::default() };
        world.marks.clear();
        world.steps.clear();
        world.drafts.clear();
        world.unsaved.clear();
        if let Some(environment) = environment {
            world.environment = environment;
        }
        self.waiting.clear();
        self.reload()
    }

    /// Reads everything again; the feed goes on from the revision of the answer.
    pub(crate) fn reload(&mut self) -> Vec<Effect> {
        self.waiting.retain(|_, w| !matches!(w, Waiting::Me | Waiting::Environments | Waiting::Flags { .. }));
        self.loading = true;
        vec![
            self.ask(Waiting::Me, Read::get("/api/me")),
            self.ask(Waiting::Environments, Read::get("/api/environments?limit=500")),
        ]
    }

    fn flags_from(&mut self, cursor: Option<&str>) -> Effect {
        let path = format!("/api/matrix?filter=archived%3Aany&limit={PAGE}");
        let path = match cursor {
            Some(cursor) => format!("{path}&cursor={}", crate::request::encoded(cursor)),
            None => path,
        };
        self.ask(Waiting::Flags { first: cursor.is_none() }, Read::long(path))
    }

    /// An answer came, or did not.
    pub(crate) fn answered(
        &mut self,
        id: u64,
        outcome: Result<Answer, Failure>,
        took: Duration,
    ) -> Vec<Effect> {
        if let Some(line) = self.world.log.iter_mut().find(|line| line.id == id) {
            line.took = Some(took);
            line.result = match &outcome {
                Ok(answer) => answer
                    .revision
                    .map_or(answer.status.to_string(), |r| format!("{} rev {r}", answer.status)),
                Err(failure) => failure.to_string(),
            };
        }
        let Some(waiting) = self.waiting.remove(&id) else { return Vec::new() };
        match waiting {
            Waiting::Screen { layer, tag } => self.tell(layer, &Event::Answer { tag, outcome: &outcome }),
            Waiting::Plan { layer, wish } => self.planned(layer, wish, outcome),
            Waiting::Write { layer, apply } => self.written(id, layer, apply, outcome),
            Waiting::Resolve { layer, apply, write } => self.resolved(layer, apply, write, outcome),
            Waiting::Evaluations(reading) => self.evaluations_told(reading, outcome),
            Waiting::Me | Waiting::Environments | Waiting::Flags { .. } => self.loaded(&waiting, outcome),
        }
    }

    fn loaded(&mut self, waiting: &Waiting, outcome: Result<Answer, Failure>) -> Vec<Effect> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                self.loading = false;
                let refused = matches!(&failure, Failure::Refused(p) if p.status == 401 || p.status == 403);
                if refused {
                    self.world.link = Link::Shut(failure.to_string());
                }
                self.toast(Tone::Error, failure.to_string());
                // The feed's own attempts tell when the daemon is back; then everything is read.
                return if refused { Vec::new() } else { self.subscribe(None) };
            }
        };
        if let Some(revision) = answer.revision {
            self.world.cache.revision = self.world.cache.revision.max(revision);
        }
        match waiting {
            Waiting::Me => {
                self.world.cache.identity(answer.body);
                Vec::new()
            }
            Waiting::Environments => {
                self.world.cache.environments_page(&answer.body);
                let known = self.world.selected().is_some();
                if !known {
                    // The first unprotected one: nobody begins in production by accident.
                    let first = self.world.cache.environments.iter().find(|e| !e.protected);
                    let first = first.or(self.world.cache.environments.first());
                    self.world.environment = first.map(|e| e.key.clone()).unwrap_or_default();
                }
                vec![self.flags_from(None)]
            }
            Waiting::Flags { first } => {
                self.world.cache.flags_page(&answer.body, *first);
                if *first {
                    // Later pages may be newer; what the feed tells again changes nothing.
                    self.first_page = text(answer.body.get("position"));
                    self.evaluations_listed();
                }
                let more = text(answer.body.get("nextCursor"));
                if let Some(cursor) = more {
                    return vec![self.flags_from(Some(&cursor))];
                }
                self.loading = false;
                self.world.cache.loaded = true;
                let since = self.first_page.take().or_else(|| answer.revision.map(|r| r.to_string()));
                let mut effects = self.subscribe(since);
                effects.extend(self.tell_all(&Event::Resynced));
                effects
            }
            _ => Vec::new(),
        }
    }

    /// Listens to every environment and to the audit.
    pub(crate) fn subscribe(&self, since: Option<String>) -> Vec<Effect> {
        let environments = self.world.cache.environments.iter().map(|e| format!("environment:{}", e.key));
        let topics = environments.chain(["audit".to_owned()]).collect();
        vec![Effect::Subscribe { topics, since }]
    }

    /// Puts a request into the command log.
    pub(crate) fn note(&mut self, id: u64, request: &Request, cli: &str) {
        let log = &mut self.world.log;
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(LogLine {
            at: self.world.now,
            id,
            what: format!("{} {}", request.method.as_str(), request.path),
            cli: cli.to_owned(),
            result: String::new(),
            took: None,
        });
    }
}
