//! What is asked: a flag as it stands in all its environments, borrowed from whoever holds it.

use time::OffsetDateTime;

use crate::flag::{FlagKind, Variation};
use crate::json::Json;
use crate::targeting::Summary;

/// A flag as it stands in all environments.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// Its tags.
    pub tags: &'a [String],
    /// What its values are.
    pub kind: FlagKind,
    /// Who answers for it.
    pub owner: Option<&'a str>,
    /// Whether it is archived.
    pub archived: bool,
    /// Its values.
    pub variations: &'a [Variation],
    /// When the flag itself was last changed.
    pub changed_at: OffsetDateTime,
    /// Who changed the flag itself last.
    pub changed_by: &'a str,
    /// Every environment of the project, in order.
    pub environments: &'a [Place<'a>],
    /// The words that `has:` finds it by, beside those that are known of every flag.
    pub marks: &'a [&'a str],
}

/// An environment.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its key.
    pub key: &'a str,
    /// How the flag stands there; `None` where it does not exist.
    pub state: Option<State<'a>>,
}

/// How a flag stands in an environment.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// What a list shows of its document.
    pub summary: &'a Summary,
    /// The document, where it is known: `json:` needs it.
    pub document: Option<&'a Json>,
    /// When it was last changed there.
    pub changed_at: OffsetDateTime,
    /// Who changed it there last.
    pub changed_by: &'a str,
    /// When it was last evaluated there; `None` = never, as far as is known.
    pub last_evaluated: Option<OffsetDateTime>,
}
