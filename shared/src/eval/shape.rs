//! How a result was come by: whether a flag looks at whom it serves, and whether a share decided.

use super::outcome::Evaluation;
use super::prepare::{PreparedFlag, PreparedServe};
use super::reason::ReasonKind;

impl PreparedFlag {
    /// Whether anything but the fallthrough can decide while it is on: prerequisites, targets or rules.
    pub fn has_targeting(&self) -> bool {
        !self.prerequisites.is_empty() || !self.rules.is_empty() || self.targets.name_anybody()
    }
}

impl Evaluation<'_> {
    /// Whether a rollout or an experiment chose the variation.
    pub fn is_divided(&self) -> bool {
        let serve = match self.reason.kind {
            ReasonKind::Fallthrough { .. } => Some(&self.flag.fallthrough),
            ReasonKind::RuleMatch { index, .. } => self.flag.rules.get(index).map(|rule| &rule.serve),
            _ => None,
        };
        matches!(serve, Some(PreparedServe::Rollout(_)))
    }
}
