//! The history: what a revision records and how the chain of hashes binds it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::change::{Action, EntityKind};
use crate::json::Json;
use crate::key::{EnvironmentKey, ProjectKey};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash before the first revision.
pub const GENESIS: Hash = [0; 32];

/// Why a revision was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionKind {
    /// The first one: the installation with its default project.
    Install,
    /// Somebody's edit.
    Change,
    /// An export taken in.
    Import,
    /// The demo's data.
    Seed,
    /// An earlier revision undone.
    Revert,
    /// One environment's configuration taken into another.
    Promote,
    /// Roles, tokens and credentials.
    Access,
    /// A restored database, accepted.
    Epoch,
}

impl RevisionKind {
    /// The name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Change => "change",
            Self::Import => "import",
            Self::Seed => "seed",
            Self::Revert => "revert",
            Self::Promote => "promote",
            Self::Access => "access",
            Self::Epoch => "epoch",
        }
    }
}

impl std::str::FromStr for RevisionKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "install" => Self::Install,
            "change" => Self::Change,
            "import" => Self::Import,
            "seed" => Self::Seed,
            "revert" => Self::Revert,
            "promote" => Self::Promote,
            "access" => Self::Access,
            "epoch" => Self::Epoch,
            other => return Err(format!("{other:?} is not a kind of revision")),
        })
    }
}

/// The columns of a revision that the chain binds, but for its place and hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// When it was committed, by the database's clock, never before the revision before it.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why it was made.
    pub kind: RevisionKind,
    /// The principal who made it.
    pub actor: String,
    /// How the principal was known: `socket`, `token:<id>`, `header`, `cli`.
    pub credential: String,
    /// Which door it came through: `api`, `change-set`, `system-config`, `import`, `cli`.
    pub source: String,
    /// What the actor said about it.
    pub comment: Option<String>,
    /// The request that made it.
    pub request_id: Option<String>,
}

/// What the chain binds of one entity in a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryHeader {
    /// Place in the revision, from 0.
    pub ordinal: i32,
    /// What was touched.
    pub kind: EntityKind,
    /// Which one.
    pub id: Uuid,
    /// Its key, for people.
    pub key: String,
    /// Its project, where it has one.
    pub project: Option<ProjectKey>,
    /// Its environment, where it has one.
    pub environment: Option<EnvironmentKey>,
    /// What was done.
    pub action: Action,
    /// SHA-256 over salt, before and after, hexadecimal.
    pub digest: String,
}

fn part(hasher: &mut Sha256, text: Option<&str>) {
    match text {
        Some(text) => {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        None => hasher.update(u64::MAX.to_be_bytes()),
    }
}

/// `SHA-256(0x00, salt, len(before), before, len(after), after)` over the stored bytes.
pub fn digest(salt: &[u8], before: Option<&str>, after: Option<&str>) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(salt);
    part(&mut hasher, before);
    part(&mut hasher, after);
    hasher.finalize().into()
}

/// The link: `SHA-256(0x01, "flagstaff/1", epoch, number, previous, SHA-256(JCS(header with entries)))`.
pub fn link(epoch: i64, number: i64, previous: &Hash, header: &Header, entries: &[EntryHeader]) -> Hash {
    #[derive(Serialize)]
    struct Bound<'a> {
        #[serde(flatten)]
        header: &'a Header,
        entries: &'a [EntryHeader],
    }
    // Strings, small integers and arrays only: RFC 8785 cannot fail on them.
    let canonical = serde_json_canonicalizer::to_vec(&Bound { header, entries }).unwrap_or_default();
    let mut hasher = Sha256::new();
    hasher.update([0x01]);
    hasher.update(b"flagstaff/1");
    hasher.update((epoch as u64).to_be_bytes());
    hasher.update((number as u64).to_be_bytes());
    hasher.update(previous);
    hasher.update(Sha256::digest(&canonical));
    hasher.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    // Not by `write!`: keys are looked up by their digest, in every request.
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A row as people may see it: what look-ups and seals use stays inside.
pub fn public(kind: EntityKind, mut row: Json) -> Json {
    if matches!(kind, EntityKind::Token | EntityKind::SdkCredential) {
        row.remove("hash");
        row.remove("sealed");
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            at: OffsetDateTime::UNIX_EPOCH,
            kind: RevisionKind::Change,
            actor: "user:alice".into(),
            credential: "header".into(),
            source: "api".into(),
            comment: None,
            request_id: None,
        }
    }

    #[test]
    fn null_and_empty_are_told_apart() {
        assert_ne!(digest(b"s", None, Some("a")), digest(b"s", Some(""), Some("a")));
        assert_ne!(digest(b"s", Some("ab"), Some("c")), digest(b"s", Some("a"), Some("bc")));
        assert_ne!(digest(b"s", Some("1.0"), None), digest(b"s", Some("1"), None));
    }

    #[test]
    fn every_part_moves_the_link() {
        let base = link(1, 2, &GENESIS, &header(), &[]);
        assert_ne!(base, link(2, 2, &GENESIS, &header(), &[]));
        assert_ne!(base, link(1, 3, &GENESIS, &header(), &[]));
        assert_ne!(base, link(1, 2, &[1; 32], &header(), &[]));
        let other = Header { comment: Some("x".into()), ..header() };
        assert_ne!(base, link(1, 2, &GENESIS, &other, &[]));
    }
}
