//! A delta: one revision as it is told to everybody, encoded once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use bytes::Bytes;
use shared::audit::{Header, public};
use shared::change::{Action, Entity, EntityKind};
use shared::json::Json;
use shared::key::{FlagKey, SegmentKey};
use shared::revision::Position;

use super::catalog::{Catalog, Place, affected};
use crate::store::audit::{Committed, Entry};

/// More entities than this, and the feed says that a snapshot is due instead.
pub const MANY: usize = 200;

/// One revision as it is told to everybody.
#[derive(Debug)]
pub struct Delta {
    /// Its place.
    pub position: Position,
    /// What was said about it.
    pub header: Header,
    /// What it touched.
    pub entries: Vec<Entry>,
    /// Too much to tell one by one, or a new epoch: take a snapshot.
    pub snapshot: bool,
    /// The flags whose result may differ, by place, those that rest on a changed one included.
    pub affected: BTreeMap<Place, BTreeSet<FlagKey>>,
    encoded: Vec<OnceLock<Bytes>>,
    opening: OnceLock<Bytes>,
}

impl Delta {
    /// The delta of a revision; `catalog` is the one after it.
    pub fn new(committed: &Committed, entries: Vec<Entry>, catalog: &Catalog) -> Self {
        let affected = affected_places(&entries, catalog);
        Self { affected, ..Self::replayed(committed, entries) }
    }

    /// The delta of a revision out of the history: who rests on what it touched is not known any more.
    pub fn replayed(committed: &Committed, entries: Vec<Entry>) -> Self {
        let told = entries.iter().filter(|e| e.action != Action::VersionRaised).count();
        Self {
            position: committed.position,
            header: committed.header.clone(),
            snapshot: told > MANY,
            affected: BTreeMap::new(),
            encoded: entries.iter().map(|_| OnceLock::new()).collect(),
            entries,
            opening: OnceLock::new(),
        }
    }

    /// The delta of a jump: whoever sees it takes a snapshot.
    pub fn jump(catalog: &Catalog, header: Header) -> Self {
        Self {
            position: catalog.position,
            header,
            entries: Vec::new(),
            snapshot: true,
            affected: BTreeMap::new(),
            encoded: Vec::new(),
            opening: OnceLock::new(),
        }
    }

    /// How every message about this revision begins, made once for everybody:
    /// `{"type":"revision","revision":..,..,"source":..`, without the closing brace.
    pub fn opening(&self) -> Bytes {
        self.opening.get_or_init(|| Bytes::from(opening(self))).clone()
    }

    /// The bytes of an entry, `{"entity": .., "before": .., "after": ..}`, made once for everybody.
    pub fn change(&self, index: usize) -> Bytes {
        let (Some(entry), Some(slot)) = (self.entries.get(index), self.encoded.get(index)) else {
            return Bytes::new();
        };
        slot.get_or_init(|| Bytes::from(entry_json(entry).to_text())).clone()
    }

    /// About how much memory it holds, in bytes.
    pub fn weight(&self) -> usize {
        let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
        256 + self.entries.iter().map(|e| 256 + 2 * (text(&e.before) + text(&e.after))).sum::<usize>()
    }
}

fn opening(delta: &Delta) -> String {
    let header = &delta.header;
    let at = header.at.format(&time::format_description::well_known::Rfc3339);
    let message: Json = [
        ("type", Json::from("revision")),
        ("revision", Json::from(delta.position.revision.0)),
        ("epoch", Json::from(delta.position.epoch.0)),
        ("position", Json::from(delta.position.to_string())),
        ("at", at.map_or(Json::Null, Json::from)),
        ("kind", Json::from(header.kind.as_str())),
        ("actor", Json::from(header.actor.as_str())),
        ("comment", header.comment.as_deref().map_or(Json::Null, Json::from)),
        ("source", Json::from(header.source.as_str())),
    ]
    .into_iter()
    .collect();
    let mut text = message.to_text();
    text.pop();
    text
}

/// An entry as the feed and the audit show it.
pub fn entry_json(entry: &Entry) -> Json {
    let row = |text: &Option<String>| {
        text.as_ref()
            .and_then(|t| shared::json::parse_within(t, 512).ok())
            .map_or(Json::Null, |row| public(entry.kind, row))
    };
    let entity: Json = [
        ("kind", Json::from(entry.kind.as_str())),
        ("id", Json::from(entry.id.to_string())),
        ("key", Json::from(entry.key.as_str())),
        ("project", entry.project.as_ref().map_or(Json::Null, |p| Json::from(p.as_str()))),
        ("environment", entry.environment.as_ref().map_or(Json::Null, |e| Json::from(e.as_str()))),
    ]
    .into_iter()
    .collect();
    [
        ("entity", entity),
        ("action", Json::from(entry.action.as_str())),
        ("before", row(&entry.before)),
        ("after", row(&entry.after)),
    ]
    .into_iter()
    .collect()
}

fn affected_places(entries: &[Entry], catalog: &Catalog) -> BTreeMap<Place, BTreeSet<FlagKey>> {
    let mut touched: BTreeMap<Place, (BTreeSet<FlagKey>, BTreeSet<SegmentKey>)> = BTreeMap::new();
    for entry in entries {
        match entry.kind {
            EntityKind::Config | EntityKind::Segment => {
                let (Some(project), Some(environment)) = (&entry.project, &entry.environment) else {
                    continue;
                };
                let (flags, segments) = touched.entry((project.clone(), environment.clone())).or_default();
                if entry.kind == EntityKind::Config {
                    flags.extend(FlagKey::new(entry.key.clone()));
                } else {
                    segments.extend(SegmentKey::new(entry.key.clone()));
                }
            }
            EntityKind::Flag => {
                let (Some(project), Ok(key)) = (&entry.project, FlagKey::new(entry.key.clone())) else {
                    continue;
                };
                if matches!(entry.after_entity(), Ok(Some(Entity::Flag(_)))) {
                    for (place, state) in catalog.environments.iter().filter(|((p, _), _)| p == project) {
                        if state.configs.contains_key(&key) || state.resting.contains_key(&key) {
                            touched.entry(place.clone()).or_default().0.insert(key.clone());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    touched
        .into_iter()
        .filter_map(|(place, (flags, segments))| {
            let state = catalog.environments.get(&place)?;
            Some((place, affected(state, &flags, &segments)))
        })
        .collect()
}
