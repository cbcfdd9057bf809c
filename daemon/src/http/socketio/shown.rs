//! A flag as Socket.IO clients know it, and the events that tell of its changes.

use std::sync::Arc;

use shared::context::Context;
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::project::ClientSideAvailability;
use shared::revision::{Position, Revision};
use uuid::Uuid;

use super::identify::Audience;
use crate::http::views;
use crate::live::catalog::{Catalog, EnvironmentState, Place};
use crate::protocol::socketio::event_start;

/// A flag of an environment as it was last told.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// Its object in `GET /api/environments/{env}/flags`, as text.
    pub config: Arc<str>,
    /// Whether it is on.
    pub on: bool,
    /// The version of its configuration.
    pub version: i64,
    /// Who may see it.
    pub availability: ClientSideAvailability,
    /// When it was last changed itself.
    pub last: Revision,
}

/// What a flag is now; `None` where it is archived or cannot be evaluated.
pub fn shown(catalog: &Catalog, state: &EnvironmentState, key: &FlagKey) -> Option<Shown> {
    let served = state.configs.get(key)?;
    let flag = catalog.flag(&state.stored.row.project, key)?;
    let entry = views::client_entry(state, &flag.row, served, &Context::anonymous())?;
    Some(Shown {
        config: entry.to_text().into(),
        on: served.stored.row.on(),
        version: served.stored.row.version,
        availability: flag.row.client_side_availability,
        last: served.stored.stamp.last.revision.max(flag.stamp.last.revision),
    })
}

/// An event for a room, as far as it is the same for everybody in it.
#[derive(Clone, Debug)]
pub struct Emission {
    /// The environment's id.
    pub room: Uuid,
    /// Where one stands before anything of this step was heard.
    pub before: Position,
    /// Where one stands when all of this step was heard.
    pub after: Position,
    /// The packet without its end.
    pub start: Arc<str>,
    /// Who may see the flag now; `None` is nobody.
    to: Option<ClientSideAvailability>,
    /// Those are left out who could see it before.
    but: Option<ClientSideAvailability>,
}

impl Emission {
    /// Whether it is for this audience.
    pub fn is_for(&self, audience: Audience) -> bool {
        self.to.is_some_and(|to| audience.sees(to)) && !self.but.is_some_and(|but| audience.sees(but))
    }
}

/// One flag of a room in one step of the history.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The environment's id.
    pub room: Uuid,
    /// The environment.
    pub place: &'a Place,
    /// The flag.
    pub key: &'a FlagKey,
    /// Where the step begins.
    pub before: Position,
    /// Where the step ends.
    pub after: Position,
}

impl Step<'_> {
    fn emission(&self, name: &str, more: &[(&str, &str)]) -> Emission {
        let mut object = format!(
            "{{\"flagKey\":{},\"environment\":{}",
            Json::from(self.key.as_str()).to_text(),
            Json::from(self.place.1.as_str()).to_text()
        );
        if self.place.0 != ProjectKey::default() {
            object.push_str(",\"project\":");
            object.push_str(&Json::from(self.place.0.as_str()).to_text());
        }
        for (member, text) in more {
            object.push_str(&format!(",\"{member}\":{text}"));
        }
        object.push_str(&format!(",\"revision\":{}}}", self.after.revision.0));
        Emission {
            room: self.room,
            before: self.before,
            after: self.after,
            start: event_start(name, &object).into(),
            to: None,
            but: None,
        }
    }

    /// `flag:updated`, with `config` unless the flag is gone.
    fn updated(&self, config: Option<&str>, version: i64) -> Emission {
        let version = version.to_string();
        let config = config.map(|text| ("config", text));
        let more: Vec<_> = config.into_iter().chain([("version", version.as_str())]).collect();
        self.emission("flag:updated", &more)
    }

    fn toggled(&self, now: &Shown) -> Emission {
        let version = now.version.to_string();
        let enabled = if now.on { "true" } else { "false" };
        self.emission("flag:toggled", &[("enabled", enabled), ("version", &version)])
    }

    /// What to tell those who know the flag as `old` when it is `new`. `always` tells of an equal object
    /// too; `created` says that somebody made the flag in this step.
    pub fn told(
        &self,
        old: Option<&Shown>,
        new: Option<&Shown>,
        always: bool,
        created: bool,
        out: &mut Vec<Emission>,
    ) {
        let could = old.map(|o| o.availability);
        match (old, new) {
            (None, None) => {}
            (Some(old), None) => {
                out.push(Emission { to: could, ..self.emission("flag:archived", &[]) });
                out.push(Emission { to: could, ..self.updated(None, old.version) });
            }
            (_, Some(new)) => {
                let can = Some(new.availability);
                if created && old.is_none() {
                    out.push(Emission { to: can, ..self.emission("flag:created", &[]) });
                }
                let same = old.is_some_and(|old| old.config == new.config) && !always;
                if same && could == can {
                    return;
                }
                let updated = self.updated(Some(&new.config), new.version);
                out.push(Emission { to: can, but: could.filter(|_| same), ..updated });
                if could.is_some_and(|could| could != new.availability) {
                    out.push(Emission { to: could, but: can, ..self.updated(None, new.version) });
                }
                if old.is_some_and(|old| old.on != new.on) {
                    out.push(Emission { to: can, ..self.toggled(new) });
                }
            }
        }
    }

    /// What to tell somebody who was away: the flag as it is, whatever it was. `flipped` says that it may
    /// have been turned on or off meanwhile; `gone` is the version of one that is archived.
    pub fn caught_up(
        &self,
        new: Option<&Shown>,
        gone: Option<(i64, ClientSideAvailability)>,
        flipped: bool,
        out: &mut Vec<Emission>,
    ) {
        if let Some(new) = new {
            self.told(None, Some(new), true, false, out);
            if flipped {
                out.push(Emission { to: Some(new.availability), ..self.toggled(new) });
            }
        } else if let Some((version, availability)) = gone {
            let to = Some(availability);
            out.push(Emission { to, ..self.emission("flag:archived", &[]) });
            out.push(Emission { to, ..self.updated(None, version) });
        }
    }
}
