//! What a flag came to, small enough to be handed up the walk in registers.

use super::prepare::PreparedFlag;
use super::reason::{ErrorKind, ReasonKind};

/// What a flag came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    // Indexes as they are: 4 billion variations or rules fit no memory.
    index: Option<u32>,
    pub(super) reason: Why,
}

/// What decided; its texts stay with the flag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    Off,
    Fallthrough {
        in_experiment: bool,
    },
    Target,
    Rule {
        index: u32,
        in_experiment: bool,
    },
    /// The position of the prerequisite that failed.
    Prerequisite(u32),
    Error(ErrorKind),
}

impl Outcome {
    pub(super) const MALFORMED: Self = Self { index: None, reason: Why::Error(ErrorKind::MalformedFlag) };

    #[inline]
    pub(super) fn new(index: Option<usize>, reason: Why) -> Self {
        Self { index: index.and_then(|index| u32::try_from(index).ok()), reason }
    }

    /// The index of the variation.
    #[inline]
    pub(super) fn index(self) -> Option<usize> {
        self.index.map(|index| index as usize)
    }
}

impl Why {
    #[inline]
    pub(super) fn rule(index: usize) -> Self {
        Self::Rule { index: u32::try_from(index).unwrap_or(u32::MAX), in_experiment: false }
    }

    #[inline]
    pub(super) fn prerequisite(position: usize) -> Self {
        Self::Prerequisite(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The same, of a context that is part of an experiment.
    #[inline]
    pub(super) const fn in_experiment(self) -> Self {
        match self {
            Self::Fallthrough { .. } => Self::Fallthrough { in_experiment: true },
            Self::Rule { index, .. } => Self::Rule { index, in_experiment: true },
            other => other,
        }
    }

    /// The same, with the flag's texts.
    #[inline]
    pub(super) fn told(self, flag: &PreparedFlag) -> ReasonKind<'_> {
        match self {
            Self::Off => ReasonKind::Off,
            Self::Fallthrough { in_experiment } => ReasonKind::Fallthrough { in_experiment },
            Self::Target => ReasonKind::TargetMatch,
            Self::Rule { index, in_experiment } => {
                let index = index as usize;
                let id = flag.rules.get(index).map_or("", |rule| &rule.id);
                ReasonKind::RuleMatch { index, id, in_experiment }
            }
            Self::Prerequisite(position) => {
                let key = flag.prerequisites.get(position as usize).map_or("", |key| key);
                ReasonKind::PrerequisiteFailed { key }
            }
            Self::Error(kind) => ReasonKind::Error(kind),
        }
    }
}
