//! Which connected clients are behind what they hear, and since when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::change::EntityKind;
use shared::key::{EnvironmentKey, ProjectKey};
use shared::revision::{Position, Revision};
use time::OffsetDateTime;

use super::Live;
use super::catalog::{Catalog, Place};
use super::clients::Client;
use super::delta::Delta;
use super::feed::Since;

/// How a connected client stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The client.
    pub client: Client,
    /// The environments it hears.
    pub places: Vec<Place>,
    /// Whether it applied everything that it hears; `None` where it never says.
    pub current: Option<bool>,
    /// When the oldest change was made that it has not applied.
    pub behind_since: Option<OffsetDateTime>,
}

/// Every connected client, the oldest first.
pub fn standings(live: &Live) -> Vec<Standing> {
    let catalog = live.catalog();
    // Clients stand at few places in the feed: each stretch is looked up once.
    let mut stretches = BTreeMap::new();
    live.clients().list().into_iter().map(|client| standing(live, &catalog, client, &mut stretches)).collect()
}

type Stretches = BTreeMap<Revision, Vec<std::sync::Arc<Delta>>>;

fn standing(live: &Live, catalog: &Catalog, client: Client, stretches: &mut Stretches) -> Standing {
    let places: Vec<Place> = client.topics.iter().filter_map(|topic| place(topic)).collect();
    let Some(applied) = client.applied else {
        return Standing { client, places, current: None, behind_since: None };
    };
    let served = places.iter().filter_map(|place| catalog.environments.get(place)).map(|s| s.revision).max();
    let behind = client.current() == Some(false) || served.is_some_and(|served| applied < served);
    let behind_since = behind.then(|| {
        let after = stretches.entry(applied).or_insert_with(|| {
            let cursor = Position { epoch: catalog.position.epoch, revision: applied };
            match live.feed().since(cursor, usize::MAX) {
                Since::Deltas(deltas) => deltas,
                Since::Gone => Vec::new(),
            }
        });
        let everything = client.topics.iter().any(|topic| topic == "audit");
        let first =
            after.iter().find(|delta| everything || places.iter().any(|place| concerns(delta, place)));
        first.map_or(catalog.at, |delta| delta.header.at)
    });
    Standing { client, places, current: Some(!behind), behind_since }
}

fn place(topic: &str) -> Option<Place> {
    let (project, environment) = topic.strip_prefix("environment:")?.split_once('/')?;
    Some((ProjectKey::new(project).ok()?, EnvironmentKey::new(environment).ok()?))
}

fn concerns(delta: &Delta, (project, environment): &Place) -> bool {
    delta.entries.iter().any(|entry| {
        entry.project.as_ref() == Some(project)
            && (matches!(entry.kind, EntityKind::Project | EntityKind::Flag)
                || entry.environment.as_ref() == Some(environment))
    })
}

/// A client as other daemons are told of it, and as it is shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Told {
    /// What it speaks.
    pub protocol: String,
    /// Who it is for.
    pub principal: String,
    /// Where it comes from.
    pub address: String,
    /// What it calls itself, else its program.
    pub name: Option<String>,
    /// The environments it hears, each with its project.
    pub environments: Vec<String>,
    /// The last revision that it said to have applied.
    pub applied: Option<i64>,
    /// Whether it applied everything that it hears; `None` where it never says.
    pub current: Option<bool>,
    /// When the oldest change was made that it has not applied.
    #[serde(with = "time::serde::rfc3339::option")]
    pub behind_since: Option<OffsetDateTime>,
}

impl From<Standing> for Told {
    fn from(standing: Standing) -> Self {
        let Standing { client, places, current, behind_since } = standing;
        let introduction = client.introduction;
        Self {
            protocol: introduction.protocol.as_str().to_owned(),
            principal: introduction.principal,
            address: introduction.address,
            name: introduction.name.or(introduction.user_agent),
            environments: places.iter().map(|(p, e)| format!("{p}/{e}")).collect(),
            applied: client.applied.map(|r| r.0),
            current,
            behind_since,
        }
    }
}
