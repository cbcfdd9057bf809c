//! A draft: the entities that a write reads and changes, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use shared::change::{Action, Entity, EntityKind, EntityRef};
use shared::fault::Fault;
use shared::import::Report;
use shared::json::{Json, merge};
use shared::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use shared::project::{Environment, Project};
use shared::revision::Revision;
use shared::segment::Segment;
use shared::{flag::Flag, flag::FlagConfig};
use sqlx::PgConnection;

use super::Refusal;
use crate::store::prerequisites::Edge;
use crate::store::{self, StoreError, Stored};

/// How an entity's version moves when its content did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionRule {
    /// By one.
    #[default]
    Rise,
    /// To the imported one, or past ours.
    Imported(i64),
}

/// An entity in the draft.
#[derive(Clone, Debug)]
pub struct Slot {
    /// As it stands in the database.
    pub before: Option<Stored<Entity>>,
    /// As it shall be; equal to before until it is put.
    pub after: Option<Entity>,
    /// Whether it was put.
    pub written: bool,
    /// Where in the request its document stands, for faults.
    pub origin: String,
    /// How its version moves.
    pub rule: VersionRule,
}

/// An entity that a write changes.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Its name.
    pub reference: EntityRef,
    /// What it is.
    pub kind: EntityKind,
    /// Its key.
    pub key: String,
    /// Its project.
    pub project: Option<ProjectKey>,
    /// Its environment.
    pub environment: Option<EnvironmentKey>,
    /// What is done to it.
    pub action: Action,
    /// As it stands.
    pub before: Option<Stored<Entity>>,
    /// As it shall be; `None` is removed.
    pub after: Option<Entity>,
}

/// The entities that a write reads and changes.
pub struct Draft<'c> {
    /// The transaction, which holds the head's lock unless this is a dry run.
    pub conn: &'c mut PgConnection,
    /// What was read or put, by name.
    pub slots: BTreeMap<EntityRef, Slot>,
    order: Vec<EntityRef>,
    /// What is allowed and worth knowing.
    pub warnings: Vec<Fault>,
    /// The revision the edits were made on.
    pub base: Option<Revision>,
    /// What an import has to say.
    pub report: Option<Report>,
    /// Flags of which every configuration is in the draft.
    pub complete: BTreeSet<(ProjectKey, FlagKey)>,
    edges: BTreeMap<ProjectKey, Vec<Edge>>,
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $type:ident, $variant:ident, ($($arg:ident: &$key:ty),*), $what:literal) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// The database's.
        pub async fn $name(&mut self, $($arg: &$key),*) -> Result<Option<$type>, Refusal> {
            match self.get(&EntityRef::$variant($($arg.clone()),*)).await? {
                Some(Entity::$variant(entity)) => Ok(Some(entity.clone())),
                _ => Ok(None),
            }
        }
    };
}

impl<'c> Draft<'c> {
    /// An empty draft on a transaction.
    pub const fn new(conn: &'c mut PgConnection, base: Option<Revision>) -> Self {
        Self {
            conn,
            slots: BTreeMap::new(),
            order: Vec::new(),
            warnings: Vec::new(),
            base,
            report: None,
            complete: BTreeSet::new(),
            edges: BTreeMap::new(),
        }
    }

    typed! {
        /// The project as it shall be.
        project, Project, Project, (project: &ProjectKey), "project"
    }
    typed! {
        /// The environment as it shall be.
        environment, Environment, Environment, (project: &ProjectKey, environment: &EnvironmentKey), "environment"
    }
    typed! {
        /// The flag as it shall be, archived or not.
        flag, Flag, Flag, (project: &ProjectKey, flag: &FlagKey), "flag"
    }
    typed! {
        /// The configuration as it shall be.
        config, FlagConfig, Config, (project: &ProjectKey, flag: &FlagKey, environment: &EnvironmentKey), "config"
    }
    typed! {
        /// The segment as it shall be, archived or not.
        segment, Segment, Segment, (project: &ProjectKey, environment: &EnvironmentKey, segment: &SegmentKey), "segment"
    }

    /// The entity of that name as it shall be.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(&mut self, reference: &EntityRef) -> Result<Option<&Entity>, Refusal> {
        if !self.slots.contains_key(reference) {
            let before = load(self.conn, reference).await?;
            self.remember(reference.clone(), before);
        }
        Ok(self.slots.get(reference).and_then(|slot| slot.after.as_ref()))
    }

    /// The prerequisites of a project as they stand in the database, read once.
    ///
    /// # Errors
    /// The database's.
    pub async fn edges(&mut self, project: &ProjectKey) -> Result<&[Edge], Refusal> {
        if !self.edges.contains_key(project) {
            let edges = store::prerequisites::edges(self.conn, project, None).await?;
            self.edges.insert(project.clone(), edges);
        }
        Ok(self.edges.get(project).map_or(&[], Vec::as_slice))
    }

    /// Takes a row that was read in bulk, unless the draft knows it already.
    pub fn remember(&mut self, reference: EntityRef, before: Option<Stored<Entity>>) {
        self.slots.entry(reference).or_insert_with(|| Slot {
            after: before.as_ref().map(|b| b.row.clone()),
            before,
            written: false,
            origin: String::new(),
            rule: VersionRule::Rise,
        });
    }

    /// Puts an entity as it shall be; its document stands at `origin` in the request.
    ///
    /// # Errors
    /// The database's.
    pub async fn put(&mut self, entity: Entity, origin: &str) -> Result<(), Refusal> {
        self.put_with(entity, origin, VersionRule::Rise).await
    }

    /// [`Draft::put`] with a rule for the version.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_with(&mut self, entity: Entity, origin: &str, rule: VersionRule) -> Result<(), Refusal> {
        let reference = entity.reference();
        self.get(&reference).await?;
        if let Some(slot) = self.slots.get_mut(&reference) {
            if !slot.written {
                self.order.push(reference);
            }
            slot.after = Some(entity);
            slot.written = true;
            slot.origin = origin.to_owned();
            slot.rule = rule;
        }
        Ok(())
    }

    /// Takes an entity away (role bindings only: everything else is archived or revoked).
    ///
    /// # Errors
    /// The database's.
    pub async fn remove(&mut self, reference: &EntityRef) -> Result<bool, Refusal> {
        if self.get(reference).await?.is_none() {
            return Ok(false);
        }
        if let Some(slot) = self.slots.get_mut(reference) {
            if !slot.written {
                self.order.push(reference.clone());
            }
            slot.after = None;
            slot.written = true;
        }
        Ok(true)
    }

    /// Edits a part of an entity, seen as JSON: on the base it was read from if one was given, and then
    /// merged with what came since.
    ///
    /// # Errors
    /// The edit's faults, or [`Refusal::Conflict`] with the places that both sides changed.
    pub async fn edit(
        &mut self,
        reference: &EntityRef,
        view: impl Fn(&Entity) -> Json,
        edit: impl Fn(&Json) -> Result<Json, Vec<Fault>>,
    ) -> Result<Json, Refusal> {
        let Some(current) = self.get(reference).await?.cloned() else {
            return Err(Refusal::unknown("such entity"));
        };
        let theirs = view(&current);
        let last = self.slots.get(reference).and_then(|s| s.before.as_ref()).map(|b| b.stamp.last);
        if let (Some(base), Some(last)) = (self.base, last)
            && last.revision > base
            && let Some(entry) = store::audit::state_at(self.conn, current.kind(), current.id(), base).await?
            && let Some(old) = entry.after_entity()?
        {
            let base = view(&old);
            let ours = edit(&base).map_err(Refusal::Invalid)?;
            return merge(&base, &ours, &theirs)
                .map_err(|conflicts| Refusal::Conflict { conflicts, current: theirs });
        }
        edit(&theirs).map_err(Refusal::Invalid)
    }

    /// What was put, in the order it was put first; entities that came out as they were are left out.
    pub fn written(&self) -> Vec<EntityRef> {
        self.order.iter().filter(|r| self.slots.get(*r).is_some_and(differs)).cloned().collect()
    }
}

/// Whether the content of a slot differs, its version aside, or an import wants a higher version.
pub fn differs(slot: &Slot) -> bool {
    if !slot.written {
        return false;
    }
    match (&slot.before, &slot.after) {
        (None, None) => false,
        (Some(before), Some(after)) => {
            let old = version_of(&before.row);
            if let (VersionRule::Imported(version), Some(old)) = (slot.rule, old)
                && version > old
            {
                return true;
            }
            with_version(after.clone(), 0) != with_version(before.row.clone(), 0)
        }
        _ => true,
    }
}

/// The version an entity carries, where it carries one.
pub const fn version_of(entity: &Entity) -> Option<i64> {
    match entity {
        Entity::Flag(e) => Some(e.flag_version),
        Entity::Config(e) => Some(e.version),
        Entity::Segment(e) => Some(e.version),
        _ => None,
    }
}

/// The same entity with another version.
pub fn with_version(mut entity: Entity, version: i64) -> Entity {
    match &mut entity {
        Entity::Flag(e) => e.flag_version = version,
        Entity::Config(e) => e.version = version,
        Entity::Segment(e) => e.version = version,
        _ => {}
    }
    entity
}

async fn load(conn: &mut PgConnection, reference: &EntityRef) -> Result<Option<Stored<Entity>>, StoreError> {
    Ok(match reference {
        EntityRef::Project(p) => {
            store::projects::find_project(conn, p).await?.map(|s| s.map(Entity::Project))
        }
        EntityRef::Environment(p, e) => {
            store::projects::find_environment(conn, p, e).await?.map(|s| s.map(Entity::Environment))
        }
        EntityRef::Flag(p, f) => store::flags::find(conn, p, f).await?.map(|s| s.map(Entity::Flag)),
        EntityRef::Config(p, f, e) => {
            store::configs::find(conn, p, f, e).await?.map(|s| s.map(Entity::Config))
        }
        EntityRef::Segment(p, e, s) => {
            store::segments::find(conn, p, e, s).await?.map(|s| s.map(Entity::Segment))
        }
        EntityRef::RoleBinding(id) => store::access::all_bindings(conn)
            .await?
            .into_iter()
            .find(|b| b.id == *id)
            .map(|b| unstamped(Entity::RoleBinding(b))),
        EntityRef::Token(id) => store::access::all_tokens(conn)
            .await?
            .into_iter()
            .find(|t| t.id == *id)
            .map(|t| unstamped(Entity::Token(t))),
        EntityRef::SdkCredential(id) => store::access::all_credentials(conn)
            .await?
            .into_iter()
            .find(|c| c.id == *id)
            .map(|c| unstamped(Entity::SdkCredential(c))),
    })
}

/// Access rows carry no stamp: their history is in the audit alone.
fn unstamped(row: Entity) -> Stored<Entity> {
    Stored {
        row,
        stamp: store::Stamp {
            last: shared::revision::Position::default(),
            created_by: String::new(),
            updated_by: String::new(),
            created_at: time::OffsetDateTime::UNIX_EPOCH,
            updated_at: time::OffsetDateTime::UNIX_EPOCH,
        },
    }
}
