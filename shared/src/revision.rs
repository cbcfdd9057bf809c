//! Positions in the installation's one history: revision, epoch, and the two together.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A committed change's number in the installation: gap-free, counted under the head's lock.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Revision(pub i64);

impl Revision {
    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// Raised when a restore takes the database back, so that no cursor of the lost history is mistaken.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// A place in the history, written `epoch.revision`: every cursor, stream id, `since` and ETag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The epoch.
    pub epoch: Epoch,
    /// The revision within all epochs (it goes on counting).
    pub revision: Revision,
}

impl Position {
    /// A position from its two numbers.
    pub const fn new(epoch: i64, revision: i64) -> Self {
        Self { epoch: Epoch(epoch), revision: Revision(revision) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.revision.0)
    }
}

/// The text is not `epoch.revision`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is written EPOCH.REVISION, like 1.4812")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, revision) = text.split_once('.').ok_or(PositionError)?;
        let number = |t: &str| {
            if t.is_empty() || !t.bytes().all(|b| b.is_ascii_digit()) {
                return Err(PositionError);
            }
            t.parse::<i64>().map_err(|_| PositionError)
        };
        Ok(Self::new(number(epoch)?, number(revision)?))
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back() {
        assert_eq!("3.4812".parse(), Ok(Position::new(3, 4812)));
        assert_eq!(Position::new(1, 2).to_string(), "1.2");
        for bad in ["", "1", "1.", ".1", "-1.2", "1.2.3", "a.b", "+1.2"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
        assert!(Position::new(1, 99) < Position::new(2, 1));
    }
}
