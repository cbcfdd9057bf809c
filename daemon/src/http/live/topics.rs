//! Topics: what a stream hears, who may hear it, and which changes belong to it.

use std::fmt;
use std::str::FromStr;

use shared::access::{Permission, Scope};
use shared::api::problem::ProblemKind;
use shared::change::EntityKind;
use shared::key::{EnvironmentKey, ProjectKey};

use crate::http::error::ApiError;
use crate::live::catalog::{Catalog, Place};
use crate::live::delta::Delta;
use crate::service::Caller;
use crate::store::audit::Entry;

/// More topics than this on one stream are refused.
const MOST: usize = 200;

/// One thing to hear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// `environment:{project}/{environment}`, or `environment:{environment}` of the default project: what
    /// is served there, and the flags and the project it rests on.
    Environment(Place),
    /// `audit`: every change, where the caller may read the audit.
    Audit,
    /// `status`: how the daemons are, every few seconds.
    Status,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment((project, environment)) => write!(f, "environment:{project}/{environment}"),
            Self::Audit => f.write_str("audit"),
            Self::Status => f.write_str("status"),
        }
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "audit" => return Ok(Self::Audit),
            "status" => return Ok(Self::Status),
            _ => {}
        }
        let place = text.strip_prefix("environment:").ok_or_else(|| {
            format!("{text:?} is not a topic; there are environment:<project>/<environment>, audit, status")
        })?;
        Ok(Self::Environment(place_of(place)?))
    }
}

/// Reads `{environment}` or `{project}/{environment}`.
///
/// # Errors
/// A sentence that says what cannot be a key.
pub fn place_of(text: &str) -> Result<Place, String> {
    let (project, environment) = match text.split_once('/') {
        Some((project, environment)) => {
            (ProjectKey::new(project).map_err(|e| format!("the project of {text:?}: {e}"))?, environment)
        }
        None => (ProjectKey::default(), text),
    };
    let environment =
        EnvironmentKey::new(environment).map_err(|e| format!("the environment of {text:?}: {e}"))?;
    Ok((project, environment))
}

/// The topics of one stream, none twice, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

impl Topics {
    /// Reads a list of topics.
    ///
    /// # Errors
    /// The index of the first that is not one, and why.
    pub fn read<'t>(names: impl IntoIterator<Item = &'t str>) -> Result<Self, (usize, String)> {
        let mut topics = Self::default();
        for (index, name) in names.into_iter().enumerate() {
            let topic = name.parse().map_err(|e| (index, e))?;
            if !topics.0.contains(&topic) {
                topics.0.push(topic);
            }
            if topics.0.len() > MOST {
                return Err((index, format!("a stream has at most {MOST} topics")));
            }
        }
        Ok(topics)
    }

    /// The names, each environment with its project.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether nothing is heard.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is heard.
    pub fn has(&self, topic: &Topic) -> bool {
        self.0.contains(topic)
    }

    /// Without some of them.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self(self.0.iter().filter(|topic| !others.has(topic)).cloned().collect())
    }

    /// The environments that are heard.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|topic| match topic {
            Topic::Environment(place) => Some(place),
            _ => None,
        })
    }

    /// That every environment is there.
    ///
    /// # Errors
    /// 404 naming the first that is not.
    pub fn exist(&self, catalog: &Catalog) -> Result<(), ApiError> {
        for place in self.places() {
            if catalog.environments.get(place).is_none_or(|state| state.stored.row.archived) {
                return Err(ApiError::unknown(format!("environment {}/{}", place.0, place.1)));
            }
        }
        Ok(())
    }

    /// That the caller may hear all of it.
    ///
    /// # Errors
    /// 403 with the reason.
    pub fn allowed(&self, caller: &Caller) -> Result<(), ApiError> {
        for topic in &self.0 {
            let decision = match topic {
                Topic::Environment((project, environment)) => {
                    caller.may(Permission::Read, &Scope::environment(project, environment))
                }
                Topic::Audit => caller.may(Permission::ReadAudit, &Scope::INSTALLATION),
                Topic::Status => caller.may(Permission::Read, &Scope::INSTALLATION),
            };
            if !decision.allowed {
                return Err(ApiError::new(
                    ProblemKind::Forbidden,
                    format!("the topic {topic}: {}", decision.because),
                ));
            }
        }
        Ok(())
    }

    /// The entries of a change that belong to these topics and that the caller may see.
    pub fn shown(&self, delta: &Delta, caller: &Caller) -> Vec<usize> {
        let entries = delta.entries.iter().enumerate();
        entries.filter(|(_, entry)| self.shows(entry, caller)).map(|(index, _)| index).collect()
    }

    fn shows(&self, entry: &Entry, caller: &Caller) -> bool {
        let scope = Scope {
            project: entry.project.as_ref(),
            environment: entry.environment.as_ref(),
            minimum_role: None,
        };
        if entry.kind.is_access() && !caller.may(Permission::Access, &scope).allowed {
            return false;
        }
        self.0.iter().any(|topic| match topic {
            Topic::Environment(place) => belongs(entry, place),
            Topic::Audit => caller.may(Permission::ReadAudit, &scope).allowed,
            Topic::Status => false,
        })
    }
}

fn belongs(entry: &Entry, (project, environment): &Place) -> bool {
    if entry.project.as_ref() != Some(project) {
        return false;
    }
    match entry.kind {
        EntityKind::Project | EntityKind::Flag => true,
        _ => entry.environment.as_ref() == Some(environment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back_and_none_is_heard_twice() {
        let topics = Topics::read(["environment:staging", "audit", "environment:default/staging"]).unwrap();
        assert_eq!(topics.names(), ["environment:default/staging", "audit"]);
        assert_eq!(Topics::read(topics.names().iter().map(String::as_str)), Ok(topics.clone()));
        let rest = topics.without(&Topics::read(["audit"]).unwrap());
        assert_eq!(rest.names(), ["environment:default/staging"]);
        for bad in ["", "environment", "environment:", "environment:a/b/c", "Audit", "flag:x"] {
            assert_eq!(Topics::read(["audit", bad]).unwrap_err().0, 1, "{bad}");
        }
    }
}
