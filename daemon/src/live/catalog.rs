//! The catalog: everything that is served, immutable, prepared, at one revision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use imbl::OrdMap;
use shared::access::{RoleBinding, SdkCredential, Token};
use shared::audit::{GENESIS, Hash};
use shared::change::{Action, Entity};
use shared::eval::{self, PreparedFlag, PreparedSegment, Ruleset};
use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::json::Json;
use shared::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use shared::project::{Environment, Project};
use shared::revision::{Position, Revision};
use shared::segment::Segment;
use shared::targeting;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::audit::{Committed, Entry};
use crate::store::{Stamp, Stored};

/// A place: an environment of a project.
pub type Place = (ProjectKey, EnvironmentKey);

/// A configuration as it is served: composed and prepared.
#[derive(Debug)]
pub struct Served {
    /// The row.
    pub stored: Stored<FlagConfig>,
    /// LaunchDarkly's server document of it.
    pub document: Json,
    /// What lists show of it.
    pub summary: targeting::Summary,
    /// What evaluation reads; the last good one where the row does not prepare.
    pub prepared: Option<Arc<PreparedFlag>>,
}

/// A segment as it is served.
#[derive(Debug)]
pub struct ServedSegment {
    /// The row.
    pub stored: Stored<Segment>,
    /// LaunchDarkly's server document of it.
    pub document: Json,
    /// What evaluation reads; the last good one where the row does not prepare.
    pub prepared: Option<Arc<PreparedSegment>>,
}

/// An environment with what it serves.
#[derive(Clone, Debug)]
pub struct EnvironmentState {
    /// The row.
    pub stored: Stored<Environment>,
    /// The configurations by flag, archived flags left out.
    pub configs: OrdMap<FlagKey, Arc<Served>>,
    /// The configurations of archived flags.
    pub resting: OrdMap<FlagKey, Arc<Served>>,
    /// The segments, archived ones included.
    pub segments: OrdMap<SegmentKey, Arc<ServedSegment>>,
    /// The last revision that touched what is served here.
    pub revision: Revision,
    linked: Linked,
}

/// What evaluation reads, once somebody asked for it; a copy, which is about to change, begins without.
#[derive(Debug, Default)]
struct Linked(OnceLock<Ruleset>);

impl Clone for Linked {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl EnvironmentState {
    /// How a flag stands here: live, or at rest with its archived flag.
    pub fn standing(&self, key: &FlagKey) -> Option<&Arc<Served>> {
        self.configs.get(key).or_else(|| self.resting.get(key))
    }

    /// The flags and segments that are served, linked for evaluation: archived ones left out, and what
    /// never prepared. Made when first asked for, then shared.
    pub fn rules(&self) -> &Ruleset {
        self.linked.0.get_or_init(|| {
            let live = self.segments.values().filter(|segment| !segment.stored.row.archived);
            Ruleset::new(
                self.configs.values().filter_map(|served| served.prepared.clone()),
                live.filter_map(|segment| segment.prepared.clone()),
            )
        })
    }
}

impl eval::Store for EnvironmentState {
    fn flag(&self, key: &str) -> Option<&PreparedFlag> {
        self.configs.get(key)?.prepared.as_deref()
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        let served = self.segments.get(key)?;
        if served.stored.row.archived { None } else { served.prepared.as_deref() }
    }
}

/// Who may do what, indexed for look-ups.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Every role binding.
    pub bindings: BTreeMap<Uuid, RoleBinding>,
    /// Tokens by the hexadecimal SHA-256 of their secret.
    pub tokens: HashMap<String, Token>,
    /// SDK credentials by the hexadecimal SHA-256 of their key.
    pub credentials: HashMap<String, Arc<SdkCredential>>,
}

/// Everything that is served, at one revision.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Where it stands.
    pub position: Position,
    /// The hash of that revision.
    pub hash: Hash,
    /// When that revision was committed.
    pub at: OffsetDateTime,
    /// Projects by key.
    pub projects: OrdMap<ProjectKey, Arc<Stored<Project>>>,
    /// Environments by place.
    pub environments: OrdMap<Place, Arc<EnvironmentState>>,
    /// Flags by key, archived ones included.
    pub flags: OrdMap<(ProjectKey, FlagKey), Arc<Stored<Flag>>>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Rows that cannot be served as they stand, with why; the last good one is served, if there was one.
    pub degraded: OrdMap<String, String>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            position: Position::default(),
            hash: GENESIS,
            at: OffsetDateTime::UNIX_EPOCH,
            projects: OrdMap::new(),
            environments: OrdMap::new(),
            flags: OrdMap::new(),
            access: Arc::default(),
            degraded: OrdMap::new(),
        }
    }
}

impl Catalog {
    /// The environment at a place, archived or not.
    pub fn environment(
        &self,
        project: &ProjectKey,
        environment: &EnvironmentKey,
    ) -> Option<&Arc<EnvironmentState>> {
        self.environments.get(&(project.clone(), environment.clone()))
    }

    /// The environments of a project in their order, archived ones left out.
    pub fn environments_of(&self, project: &ProjectKey) -> Vec<&Arc<EnvironmentState>> {
        let mut found: Vec<_> = self
            .environments
            .iter()
            .filter(|((p, _), state)| p == project && !state.stored.row.archived)
            .map(|(_, state)| state)
            .collect();
        found.sort_by_key(|state| (state.stored.row.order, state.stored.row.id));
        found
    }

    /// The flag of that key, archived or not.
    pub fn flag(&self, project: &ProjectKey, key: &FlagKey) -> Option<&Arc<Stored<Flag>>> {
        self.flags.get(&(project.clone(), key.clone()))
    }

    /// The flags of a project, by key.
    pub fn flags_of(&self, project: &ProjectKey) -> impl Iterator<Item = &Arc<Stored<Flag>>> {
        self.flags.iter().filter(move |((p, _), _)| p == project).map(|(_, flag)| flag)
    }

    /// The configurations of a flag, by environment.
    pub fn configs_of(&self, project: &ProjectKey, key: &FlagKey) -> Vec<&Arc<Served>> {
        self.environments
            .iter()
            .filter(|((p, _), _)| p == project)
            .filter_map(|(_, state)| state.standing(key))
            .collect()
    }

    /// The highest revision that touched a flag or any of its configurations.
    pub fn last_of(&self, project: &ProjectKey, key: &FlagKey) -> (Position, Revision) {
        let flag = self.flag(project, key).map(|f| f.stamp.last).unwrap_or_default();
        let configs = self
            .configs_of(project, key)
            .iter()
            .map(|c| c.stored.stamp.last.revision)
            .max()
            .unwrap_or_default();
        (flag, configs)
    }

    /// Puts a row, of a load or of a revision.
    pub fn put(&mut self, row: Stored<Entity>) {
        let stamp = row.stamp;
        match row.row {
            Entity::Project(project) => {
                self.projects.insert(project.key.clone(), Arc::new(Stored { row: project, stamp }));
            }
            Entity::Environment(environment) => self.put_environment(Stored { row: environment, stamp }),
            Entity::Flag(flag) => self.put_flag(&Arc::new(Stored { row: flag, stamp })),
            Entity::Config(config) => self.put_config(Stored { row: config, stamp }),
            Entity::Segment(segment) => self.put_segment(Stored { row: segment, stamp }),
            Entity::RoleBinding(binding) => {
                Arc::make_mut(&mut self.access).bindings.insert(binding.id, binding);
            }
            Entity::Token(token) => {
                Arc::make_mut(&mut self.access).tokens.insert(token.hash.clone(), token);
            }
            Entity::SdkCredential(credential) => {
                Arc::make_mut(&mut self.access)
                    .credentials
                    .insert(credential.hash.clone(), Arc::new(credential));
            }
        }
    }

    fn put_environment(&mut self, stored: Stored<Environment>) {
        let place = (stored.row.project.clone(), stored.row.key.clone());
        let revision = stored.stamp.last.revision;
        let state = match self.environments.get(&place) {
            Some(state) => {
                let mut state = state.as_ref().clone();
                state.revision = state.revision.max(revision);
                state.stored = stored;
                state
            }
            None => EnvironmentState {
                stored,
                configs: OrdMap::new(),
                resting: OrdMap::new(),
                segments: OrdMap::new(),
                revision,
                linked: Linked::default(),
            },
        };
        self.environments.insert(place, Arc::new(state));
    }

    fn put_flag(&mut self, stored: &Arc<Stored<Flag>>) {
        let key = (stored.row.project.clone(), stored.row.key.clone());
        self.flags.insert(key, Arc::clone(stored));
        let places: Vec<Place> =
            self.environments.keys().filter(|(project, _)| *project == stored.row.project).cloned().collect();
        for place in places {
            let found = self
                .environments
                .get(&place)
                .and_then(|state| state.standing(&stored.row.key).map(|served| served.stored.clone()));
            if let Some(config) = found {
                self.put_config(config);
            }
        }
    }

    fn put_config(&mut self, stored: Stored<FlagConfig>) {
        let place = (stored.row.project.clone(), stored.row.environment.clone());
        let key = stored.row.flag.clone();
        let what = format!("flag {key} in {}/{}", place.0, place.1);
        let (Some(flag), Some(state)) =
            (self.flag(&place.0, &key).cloned(), self.environments.get_mut(&place))
        else {
            self.degraded.insert(what, "its flag or environment cannot be read".to_owned());
            return;
        };
        // Its own while a catalog is loaded row by row; a copy where somebody reads the one before.
        let state = Arc::make_mut(state);
        state.linked = Linked::default();
        let values: Vec<Json> = flag.row.variations.iter().map(|v| v.value.clone()).collect();
        let document = targeting::compose_flag(
            key.as_str(),
            stored.row.version,
            &stored.row.salt,
            &values,
            flag.row.client_side_availability,
            &stored.row.document,
        );
        let prepared = match eval::prepare_flag(&document) {
            Ok(prepared) => {
                self.degraded.remove(&what);
                Some(Arc::new(prepared))
            }
            Err(faults) => {
                self.degraded.insert(what, told(&faults));
                state.configs.get(&key).and_then(|s| s.prepared.clone())
            }
        };
        state.revision = state.revision.max(stored.stamp.last.revision);
        let summary = targeting::Summary::of(&stored.row.document);
        let served = Arc::new(Served { stored, document, summary, prepared });
        if flag.row.archived {
            state.configs.remove(&key);
            state.resting.insert(key, served);
        } else {
            state.resting.remove(&key);
            state.configs.insert(key, served);
        }
    }

    fn put_segment(&mut self, stored: Stored<Segment>) {
        let place = (stored.row.project.clone(), stored.row.environment.clone());
        let key = stored.row.key.clone();
        let what = format!("segment {key} in {}/{}", place.0, place.1);
        let Some(state) = self.environments.get_mut(&place).map(Arc::make_mut) else {
            self.degraded.insert(what, "its environment cannot be read".to_owned());
            return;
        };
        state.linked = Linked::default();
        let document = targeting::compose_segment(
            key.as_str(),
            stored.row.version,
            &stored.row.salt,
            &stored.row.document,
        );
        let prepared = match eval::prepare_segment(&document) {
            Ok(prepared) => {
                self.degraded.remove(&what);
                Some(Arc::new(prepared))
            }
            Err(faults) => {
                self.degraded.insert(what, told(&faults));
                state.segments.get(&key).and_then(|s| s.prepared.clone())
            }
        };
        state.revision = state.revision.max(stored.stamp.last.revision);
        state.segments.insert(key, Arc::new(ServedSegment { stored, document, prepared }));
    }

    /// The catalog after one more revision. A row that cannot be read is marked and left as it was.
    #[must_use]
    pub fn after(&self, committed: &Committed, entries: &[Entry]) -> Self {
        let mut next = self.clone();
        next.position = committed.position;
        next.hash = committed.hash;
        next.at = committed.header.at;
        for entry in entries {
            match entry.after_entity() {
                Ok(Some(entity)) => {
                    let stamp = next.stamp_of(&entity, committed, entry);
                    next.put(Stored { row: entity, stamp });
                }
                Ok(None) => {
                    Arc::make_mut(&mut next.access).bindings.remove(&entry.id);
                }
                Err(error) => {
                    next.degraded.insert(format!("{} {}", entry.kind.as_str(), entry.key), error.to_string());
                }
            }
        }
        next
    }

    fn stamp_of(&self, entity: &Entity, committed: &Committed, entry: &Entry) -> Stamp {
        let known = match entity {
            Entity::Project(e) => self.projects.get(&e.key).map(|s| s.stamp.clone()),
            Entity::Environment(e) => self.environment(&e.project, &e.key).map(|s| s.stored.stamp.clone()),
            Entity::Flag(e) => self.flag(&e.project, &e.key).map(|s| s.stamp.clone()),
            Entity::Config(e) => self
                .environment(&e.project, &e.environment)
                .and_then(|state| state.standing(&e.flag).map(|served| served.stored.stamp.clone())),
            Entity::Segment(e) => self
                .environment(&e.project, &e.environment)
                .and_then(|state| state.segments.get(&e.key))
                .map(|s| s.stored.stamp.clone()),
            _ => None,
        };
        let actor = committed.header.actor.clone();
        let at = committed.header.at;
        match known {
            Some(stamp) if entry.action != Action::Created => {
                Stamp { last: committed.position, updated_by: actor, updated_at: at, ..stamp }
            }
            _ => Stamp {
                last: committed.position,
                created_by: actor.clone(),
                updated_by: actor,
                created_at: at,
                updated_at: at,
            },
        }
    }
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(|f| format!("{} {}", f.pointer, f.detail)).collect::<Vec<_>>().join("; ")
}

/// The flags of an environment whose result may differ when these flags or segments changed: they
/// themselves, and through prerequisites and segments whoever rests on them.
pub fn affected(
    state: &EnvironmentState,
    flags: &BTreeSet<FlagKey>,
    segments: &BTreeSet<SegmentKey>,
) -> BTreeSet<FlagKey> {
    let mut touched_segments: BTreeSet<String> = segments.iter().map(ToString::to_string).collect();
    loop {
        let more: Vec<String> = state
            .segments
            .iter()
            .filter(|(key, _)| !touched_segments.contains(key.as_str()))
            .filter(|(_, s)| {
                targeting::segment_keys(&s.stored.row.document).iter().any(|k| touched_segments.contains(k))
            })
            .map(|(key, _)| key.to_string())
            .collect();
        if more.is_empty() || touched_segments.is_empty() {
            break;
        }
        touched_segments.extend(more);
    }
    let mut touched = flags.clone();
    if !touched_segments.is_empty() {
        for (key, served) in &state.configs {
            if targeting::segment_keys(&served.stored.row.document)
                .iter()
                .any(|k| touched_segments.contains(k))
            {
                touched.insert(key.clone());
            }
        }
    }
    let waits: Vec<(&FlagKey, Vec<String>)> = state
        .configs
        .iter()
        .map(|(key, served)| (key, targeting::prerequisite_keys(&served.stored.row.document)))
        .filter(|(_, keys)| !keys.is_empty())
        .collect();
    loop {
        let more: Vec<FlagKey> = waits
            .iter()
            .filter(|(key, keys)| {
                !touched.contains(*key) && keys.iter().any(|k| touched.contains(k.as_str()))
            })
            .map(|(key, _)| (*key).clone())
            .collect();
        if more.is_empty() {
            return touched;
        }
        touched.extend(more);
    }
}
