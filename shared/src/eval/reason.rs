//! Why an evaluation came out as it did, in LaunchDarkly's own JSON.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// A reason; its strings belong to the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'f> {
    /// What decided.
    pub kind: ReasonKind<'f>,
    /// Set if a big segment was asked for on the way.
    pub big_segments_status: Option<BigSegmentsStatus>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind<'f> {
    /// The flag is off.
    Off,
    /// No target and no rule matched.
    Fallthrough {
        /// Whether the context is part of an experiment.
        in_experiment: bool,
    },
    /// A key was targeted.
    TargetMatch,
    /// A rule matched.
    RuleMatch {
        /// Its position.
        index: usize,
        /// Its id; may be empty.
        id: &'f str,
        /// Whether the context is part of an experiment.
        in_experiment: bool,
    },
    /// Another flag is off or serves something else.
    PrerequisiteFailed {
        /// That flag's key.
        key: &'f str,
    },
    /// There is no result.
    Error(ErrorKind),
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing is loaded yet.
    ClientNotReady,
    /// There is no such flag.
    FlagNotFound,
    /// The flag contradicts itself.
    MalformedFlag,
    /// The context is invalid.
    UserNotSpecified,
    /// The value has another type than the one asked for.
    WrongType,
    /// Something else.
    Exception,
}

impl ErrorKind {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientNotReady => "CLIENT_NOT_READY",
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::MalformedFlag => "MALFORMED_FLAG",
            Self::UserNotSpecified => "USER_NOT_SPECIFIED",
            Self::WrongType => "WRONG_TYPE",
            Self::Exception => "EXCEPTION",
        }
    }
}

/// Whether the answer about a big segment can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BigSegmentsStatus {
    /// It can.
    Healthy,
    /// It may be old.
    Stale,
    /// The store failed.
    StoreError,
    /// There is no store.
    NotConfigured,
}

impl BigSegmentsStatus {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Stale => "STALE",
            Self::StoreError => "STORE_ERROR",
            Self::NotConfigured => "NOT_CONFIGURED",
        }
    }
}

impl<'f> Reason<'f> {
    /// An error and nothing else.
    pub const fn error(kind: ErrorKind) -> Self {
        Self { kind: ReasonKind::Error(kind), big_segments_status: None }
    }

    /// Whether the context is part of an experiment.
    pub const fn is_in_experiment(&self) -> bool {
        self.kind.is_in_experiment()
    }
}

impl ReasonKind<'_> {
    /// Its name on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Fallthrough { .. } => "FALLTHROUGH",
            Self::TargetMatch => "TARGET_MATCH",
            Self::RuleMatch { .. } => "RULE_MATCH",
            Self::PrerequisiteFailed { .. } => "PREREQUISITE_FAILED",
            Self::Error(_) => "ERROR",
        }
    }

    /// Whether the context is part of an experiment.
    pub const fn is_in_experiment(&self) -> bool {
        matches!(
            self,
            Self::Fallthrough { in_experiment: true } | Self::RuleMatch { in_experiment: true, .. }
        )
    }
}

impl Serialize for Reason<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind.as_str())?;
        match self.kind {
            ReasonKind::RuleMatch { index, id, .. } => {
                map.serialize_entry("ruleIndex", &index)?;
                if !id.is_empty() {
                    map.serialize_entry("ruleId", id)?;
                }
            }
            ReasonKind::PrerequisiteFailed { key } => map.serialize_entry("prerequisiteKey", key)?,
            ReasonKind::Error(kind) => map.serialize_entry("errorKind", kind.as_str())?,
            ReasonKind::Off | ReasonKind::Fallthrough { .. } | ReasonKind::TargetMatch => {}
        }
        if self.is_in_experiment() {
            map.serialize_entry("inExperiment", &true)?;
        }
        if let Some(status) = self.big_segments_status {
            map.serialize_entry("bigSegmentsStatus", status.as_str())?;
        }
        map.end()
    }
}
