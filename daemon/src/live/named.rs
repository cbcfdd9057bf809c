//! Flags with the names of their variations, for protocols that answer with names.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::access::CredentialKind;
use shared::flag::Flag;
use shared::json::Json;
use shared::key::{FlagKey, ProjectKey};
use shared::project::ClientSideAvailability;
use shared::revision::Position;

use super::catalog::{Catalog, EnvironmentState, Place, Served};
use crate::store::Stored;

/// A flag as it is served in an environment, and what its variations are called.
#[derive(Debug)]
pub struct NamedFlag {
    /// Its key.
    pub key: FlagKey,
    /// The key as a JSON string.
    pub quoted_key: Box<str>,
    /// Its configuration.
    pub served: Arc<Served>,
    /// The flag.
    pub flag: Arc<Stored<Flag>>,
    /// What its variations are called, by index.
    pub names: Box<[Box<str>]>,
    /// The same as JSON strings.
    pub quoted_names: Box<[Box<str>]>,
}

impl NamedFlag {
    /// What a flag is called, with its variations.
    pub fn new(key: &FlagKey, served: &Arc<Served>, flag: &Arc<Stored<Flag>>) -> Self {
        let names = names(&flag.row);
        Self {
            key: key.clone(),
            quoted_key: quoted(key.as_str()),
            served: Arc::clone(served),
            flag: Arc::clone(flag),
            quoted_names: names.iter().map(|name| quoted(name)).collect(),
            names,
        }
    }

    /// Whether a credential of that kind may see it.
    pub fn is_exposed(&self, kind: CredentialKind) -> bool {
        exposed(kind, self.flag.row.client_side_availability)
    }

    fn is_of(&self, served: &Arc<Served>, flag: &Arc<Stored<Flag>>) -> bool {
        Arc::ptr_eq(&self.served, served) && Arc::ptr_eq(&self.flag, flag)
    }
}

/// Whether a credential of that kind may see a flag that is available like this.
pub const fn exposed(kind: CredentialKind, availability: ClientSideAvailability) -> bool {
    match kind {
        CredentialKind::Server => true,
        CredentialKind::Mobile => availability.using_mobile_key,
        CredentialKind::ClientSideId => availability.using_environment_id,
    }
}

fn quoted(text: &str) -> Box<str> {
    Json::from(text).to_text().into()
}

/// A variation is called by its name, or by its index where it has none, or one that an earlier one has.
fn names(flag: &Flag) -> Box<[Box<str>]> {
    let name = |variation: &shared::flag::Variation| variation.name.clone().filter(|name| !name.is_empty());
    let given: Vec<Option<String>> = flag.variations.iter().map(name).collect();
    given
        .iter()
        .enumerate()
        .map(|(index, name)| match name {
            Some(name) if !given.iter().take(index).any(|other| other.as_ref() == Some(name)) => {
                name.as_str().into()
            }
            _ => index.to_string().into(),
        })
        .collect()
}

/// The flags of an environment at one revision of the catalog.
#[derive(Debug)]
pub struct NamedFlags {
    /// The epoch, and the last revision that touched what is served.
    pub position: Position,
    /// The highest revision of any of the flags themselves: a new name raises it.
    pub flags_revision: i64,
    /// What is evaluated.
    pub state: Arc<EnvironmentState>,
    /// The flags in order of their keys, archived ones left out.
    pub flags: Vec<Arc<NamedFlag>>,
}

impl NamedFlags {
    /// The flag of that key.
    pub fn find(&self, key: &str) -> Option<&NamedFlag> {
        let at = self.flags.binary_search_by(|named| named.key.as_str().cmp(key)).ok()?;
        self.flags.get(at).map(AsRef::as_ref)
    }

    /// The flags, and where each stands in [`EnvironmentState::rules`]; `None` for one that never prepared.
    pub fn placed(&self) -> impl Iterator<Item = (&NamedFlag, Option<usize>)> {
        self.flags.iter().scan(0, |next, named| {
            let place = named.served.prepared.is_some().then_some(*next);
            *next += usize::from(place.is_some());
            Some((&**named, place))
        })
    }
}

/// The named flags of the environments that were asked for, as they were last.
#[derive(Debug, Default)]
pub struct Named(Mutex<BTreeMap<Place, Arc<NamedFlags>>>);

impl Named {
    /// The flags of an environment as the catalog has them; `None` where there is none, or it is archived.
    pub fn flags(&self, catalog: &Catalog, place: &Place) -> Option<Arc<NamedFlags>> {
        let state = catalog.environments.get(place).filter(|state| !state.stored.row.archived)?;
        let position = Position::new(catalog.position.epoch.0, state.revision.0);
        let held = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held().get(place).cloned();
        if let Some(same) = &before
            && Arc::ptr_eq(&same.state, state)
            && same.position == position
        {
            return Some(Arc::clone(same));
        }
        // Outside the lock: two that are the first after a change do the same work.
        let made = Arc::new(made(catalog, &place.0, state, position, before.as_deref()));
        held().insert(place.clone(), Arc::clone(&made));
        Some(made)
    }
}

/// Every change of a flag makes a new state of each of its environments, so that the state says it all.
fn made(
    catalog: &Catalog,
    project: &ProjectKey,
    state: &Arc<EnvironmentState>,
    position: Position,
    before: Option<&NamedFlags>,
) -> NamedFlags {
    let mut old = before.map(|named| named.flags.iter()).unwrap_or_default().peekable();
    let mut flags = Vec::with_capacity(state.configs.len());
    let mut flags_revision = 0;
    for (key, served) in &state.configs {
        let Some(flag) = catalog.flag(project, key) else { continue };
        flags_revision = flags_revision.max(flag.stamp.last.revision.0);
        while old.next_if(|named| named.key.cmp(key) == Ordering::Less).is_some() {}
        let known = old.next_if(|named| named.key == *key).filter(|named| named.is_of(served, flag));
        flags.push(known.map_or_else(|| Arc::new(NamedFlag::new(key, served, flag)), Arc::clone));
    }
    NamedFlags { position, flags_revision, state: Arc::clone(state), flags }
}
