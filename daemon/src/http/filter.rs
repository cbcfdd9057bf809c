//! `filter=` of lists of flags: the query language, asked of a catalog.

use std::sync::Arc;

use shared::access::{Permission, Scope};
use shared::flag::Flag;
use shared::key::ProjectKey;
use shared::query::{Place, Query, QueryFault, State, Subject};
use time::OffsetDateTime;

use super::error::ApiError;
use super::request::Asked;
use crate::live::catalog::EnvironmentState;
use crate::store::Stored;
use crate::usage::recorder::Usage;

/// Which flags a list shows.
pub struct Filter {
    query: Query,
    archived: Option<bool>,
    now: OffsetDateTime,
    usage: Arc<Usage>,
}

impl Filter {
    /// Reads `filter` and `archived`; the environments that the filter may name are `known`.
    ///
    /// # Errors
    /// 400 naming the parameter, and for `filter` the place in it.
    pub fn read(asked: &Asked, known: &[Arc<EnvironmentState>]) -> Result<Self, ApiError> {
        let wrong = |fault: QueryFault| ApiError::parameter_at("filter", fault.at, fault.detail);
        let query = Query::parse(asked.text("filter").unwrap_or("")).map_err(wrong)?;
        let keys: Vec<&str> = known.iter().map(|state| state.stored.row.key.as_str()).collect();
        query.check_environments(&keys).map_err(wrong)?;
        let (now, usage) = (asked.state.clock.now(), Arc::clone(&asked.state.usage));
        Ok(Self { query, archived: asked.flag("archived")?, now, usage })
    }

    /// Whether the same revision always has the same answer.
    pub const fn lasts(&self) -> bool {
        !self.query.speaks_of_ages()
    }

    /// Whether a flag is shown, by how it stands in environments.
    pub fn shows(&self, flag: &Stored<Flag>, states: &[Arc<EnvironmentState>]) -> bool {
        let row = &flag.row;
        let archived = match self.archived {
            Some(wanted) => row.archived == wanted,
            None => self.query.speaks_of_archived() || !row.archived,
        };
        if !archived {
            return false;
        }
        if self.query.is_empty() {
            return true;
        }
        let places: Vec<Place<'_>> = states
            .iter()
            .map(|state| Place {
                key: state.stored.row.key.as_str(),
                state: state.standing(&row.key).map(|served| State {
                    summary: &served.summary,
                    document: Some(&served.stored.row.document),
                    changed_at: served.stored.stamp.updated_at,
                    changed_by: &served.stored.stamp.updated_by,
                    last_evaluated: self.usage.last_evaluated(state.stored.row.id, served.stored.row.id),
                }),
            })
            .collect();
        let subject = Subject {
            key: row.key.as_str(),
            name: &row.name,
            description: &row.description,
            tags: &row.tags,
            kind: row.kind,
            owner: row.owner.as_deref(),
            archived: row.archived,
            variations: &row.variations,
            changed_at: flag.stamp.updated_at,
            changed_by: &flag.stamp.updated_by,
            environments: &places,
            marks: &[],
        };
        self.query.matches(&subject, self.now).is_some()
    }
}

impl Asked {
    /// The environments of a project that the caller may read, in their order.
    pub fn readable(&self, project: &ProjectKey) -> Vec<Arc<EnvironmentState>> {
        let all = self.catalog.environments_of(project).into_iter();
        let may = |state: &&Arc<EnvironmentState>| {
            let scope = Scope::environment(project, &state.stored.row.key);
            self.cx.caller.may(Permission::Read, &scope).allowed
        };
        all.filter(may).cloned().collect()
    }
}
