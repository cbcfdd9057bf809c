//! What an import plans: rows as they shall be, and what is in the project now.

use std::collections::BTreeMap;

use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::import::{Format, Import};
use shared::key::{EnvironmentKey, FlagKey, SegmentKey};
use shared::segment::Segment;

use super::Refusal;
use super::draft::Draft;
use crate::store::{self, Stored};

/// A configuration as it shall be.
pub struct ConfigPlan {
    /// The row.
    pub row: FlagConfig,
    /// The imported version; 0 where none was given.
    pub version: i64,
    /// Where it stands in the export.
    pub at: String,
    /// For each rule its place in the export, where some were left out.
    pub rule_places: Vec<usize>,
    /// What the export looks like.
    pub format: Format,
}

/// A flag as it shall be, and what is wrong with that.
pub struct FlagPlan {
    /// The row.
    pub row: Flag,
    /// The row as it is.
    pub before: Option<Flag>,
    /// The imported version; 0 where none was given.
    pub version: i64,
    /// Where it stands in the export.
    pub at: String,
    /// What the export looks like.
    pub format: Format,
    /// For each index of the export the index here.
    pub indexes: Vec<usize>,
    /// Its configurations.
    pub configs: Vec<ConfigPlan>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Why it is refused, if it is.
    pub faults: Vec<Fault>,
}

/// A segment as it shall be, and what is wrong with that.
pub struct SegmentPlan {
    /// The row.
    pub row: Segment,
    /// The imported version; 0 where none was given.
    pub version: i64,
    /// Where it stands in the export.
    pub at: String,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Why it is refused, if it is.
    pub faults: Vec<Fault>,
}

/// What is in the project now, read in bulk.
#[derive(Default)]
pub struct Here {
    /// Its flags.
    pub flags: BTreeMap<FlagKey, Stored<Flag>>,
    /// Their configurations.
    pub configs: BTreeMap<(FlagKey, EnvironmentKey), Stored<FlagConfig>>,
    /// The segments of the import's environments.
    pub segments: BTreeMap<(EnvironmentKey, SegmentKey), Stored<Segment>>,
}

impl Here {
    /// Reads it, in one statement a table.
    ///
    /// # Errors
    /// The database's.
    pub async fn load(draft: &mut Draft<'_>, import: &Import) -> Result<Self, Refusal> {
        let mut here = Self::default();
        let project = &import.project;
        for stored in store::flags::all(draft.conn, Some(project)).await?.into_iter().flatten() {
            here.flags.insert(stored.row.key.clone(), stored);
        }
        let which = store::configs::Which { project: Some(project), ..Default::default() };
        for stored in store::configs::select(draft.conn, which).await?.into_iter().flatten() {
            here.configs.insert((stored.row.flag.clone(), stored.row.environment.clone()), stored);
        }
        for environment in &import.environments {
            let rows = store::segments::select(draft.conn, Some((project, environment))).await?;
            for stored in rows.into_iter().flatten() {
                here.segments.insert((environment.clone(), stored.row.key.clone()), stored);
            }
        }
        Ok(here)
    }
}
