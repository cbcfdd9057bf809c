//! The last good catalog on disk: written at once or not at all, and sealed against damage.
//!
//! Three generations are kept. A file is text: the name of the format with the SHA-256 of everything after the first line, the
//! HMAC-SHA-256 of everything after the second one (or `-`), then where it stands, then one row a line.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use shared::audit::hex;
use shared::change::{Entity, EntityKind};
use shared::revision::Position;
use time::OffsetDateTime;
use uuid::Uuid;

use super::catalog::Catalog;
use crate::store::{Stamp, Stored};

/// The first word of a file; another one is another format.
const FORMAT: &str = "flagstaff-catalog/1";
/// How many files are kept.
const GENERATIONS: usize = 3;
/// A file larger than this, in bytes, was not written by us.
const MOST: u64 = 1 << 30;
const ENDING: &str = "catalog";

/// Why a catalog was not written, or one is refused.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The system's.
    #[error("{path}: {source}")]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{path}: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

/// A catalog that was read from the disk.
#[derive(Debug)]
pub struct Remembered {
    /// What was served.
    pub catalog: Catalog,
    /// The installation whose catalog it is.
    pub installation: Uuid,
}

/// What gives the key of the seal. Asked each time: a new installation has one a moment after its start.
pub type Key = Arc<dyn Fn() -> Option<[u8; 32]> + Send + Sync>;

/// The directory of the catalogs, and the key that seals them.
#[derive(Clone)]
pub struct Disk {
    directory: PathBuf,
    key: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Head {
    position: Position,
    hash: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    installation: Uuid,
    rows: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<R> {
    kind: EntityKind,
    last: Position,
    created_by: String,
    updated_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    row: R,
}

impl Disk {
    /// Catalogs below the daemon's data directory. Without a key they are sealed against damage only;
    /// with one, also against whoever cannot read it.
    pub fn below(data: &Path, key: Key) -> Self {
        Self { directory: data.join("catalog"), key }
    }

    /// Whether there is a key at the moment.
    pub fn sealed(&self) -> bool {
        (self.key)().is_some()
    }

    /// Writes a catalog beside the earlier ones and removes the oldest. Blocks.
    ///
    /// # Errors
    /// The system's; the earlier catalogs stay.
    pub fn save(&self, catalog: &Catalog, installation: Uuid) -> Result<(), DiskError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DiskError::Files { path, source }
        };
        let directory = &self.directory;
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed(directory))?;
        let generations = self.generations()?;
        let next = generations.last().map_or(1, |(number, _)| number + 1);
        let path = directory.join(format!("{next:020}.{ENDING}"));
        let temporary = directory.join(format!("{next:020}.tmp"));
        let written = || -> io::Result<()> {
            let text = encode(catalog, installation, (self.key)().as_ref());
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(directory)?.sync_all()
        };
        if let Err(source) = written() {
            let _ = fs::remove_file(&temporary);
            return Err(DiskError::Files { path, source });
        }
        let old = (generations.len() + 1).saturating_sub(GENERATIONS);
        for (_, path) in generations.iter().take(old) {
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    /// Reads the newest catalog that is whole. A damaged one is reported and the one before it tried.
    /// Blocks.
    pub fn read(&self) -> Option<Remembered> {
        let generations = self.generations().unwrap_or_default();
        for (_, path) in generations.iter().rev() {
            match self.read_one(path) {
                Ok(remembered) => return Some(remembered),
                Err(error) => {
                    metrics::counter!("flagstaff_catalog_refused_total").increment(1);
                    tracing::error!(%error, "a catalog on disk is refused; trying the one before it");
                }
            }
        }
        None
    }

    /// Reads one file. Blocks.
    ///
    /// # Errors
    /// The system's, or what is wrong with the file.
    pub fn read_one(&self, path: &Path) -> Result<Remembered, DiskError> {
        let failed = |source| DiskError::Files { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > MOST {
            return Err(DiskError::Damaged { path: path.to_owned(), detail: "it is too large".to_owned() });
        }
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
        decode(&bytes, (self.key)().as_ref())
            .map_err(|detail| DiskError::Damaged { path: path.to_owned(), detail })
    }

    /// The files there are, the oldest first.
    fn generations(&self) -> Result<Vec<(u64, PathBuf)>, DiskError> {
        let failed = |source| DiskError::Files { path: self.directory.clone(), source };
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let ours = path.extension().is_some_and(|ending| ending == ENDING);
                let number = path.file_stem()?.to_str()?.parse().ok()?;
                ours.then_some((number, path))
            })
            .collect();
        found.sort();
        Ok(found)
    }
}

fn mac(key: &[u8; 32], sealed: &[u8]) -> String {
    // A key of 32 bytes is always taken.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(sealed);
            hex(&mac.finalize().into_bytes())
        },
    )
}

fn encode(catalog: &Catalog, installation: Uuid, key: Option<&[u8; 32]>) -> Vec<u8> {
    let rows = rows(catalog);
    let head = Head {
        position: catalog.position,
        hash: hex(&catalog.hash),
        at: catalog.at,
        installation,
        rows: rows.len(),
    };
    let mut sealed = serde_json::to_string(&head).unwrap_or_default();
    sealed.push('\n');
    for Stored { row, stamp } in rows {
        let line = Line {
            kind: row.kind(),
            last: stamp.last,
            created_by: stamp.created_by,
            updated_by: stamp.updated_by,
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            row: row.to_json(),
        };
        sealed.push_str(&serde_json::to_string(&line).unwrap_or_default());
        sealed.push('\n');
    }
    let mac = key.map_or_else(|| "-".to_owned(), |key| mac(key, sealed.as_bytes()));
    let rest = format!("{mac}\n{sealed}");
    let digest = hex(&Sha256::digest(rest.as_bytes()));
    format!("{FORMAT} {digest}\n{rest}").into_bytes()
}

fn decode(bytes: &[u8], key: Option<&[u8; 32]>) -> Result<Remembered, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let (first, rest) = text.split_once('\n').ok_or("it ends in its first line")?;
    let digest =
        first.strip_prefix(FORMAT).and_then(|d| d.strip_prefix(' ')).ok_or("it has another format")?;
    if digest != hex(&Sha256::digest(rest.as_bytes())) {
        return Err("its content is not what was written".to_owned());
    }
    let (seal, sealed) = rest.split_once('\n').ok_or("it ends in its second line")?;
    if let Some(key) = key {
        let wanted = mac(key, sealed.as_bytes());
        if !bool::from(subtle::ConstantTimeEq::ct_eq(seal.as_bytes(), wanted.as_bytes())) {
            return Err("it was not sealed with this daemon's key".to_owned());
        }
    }
    let mut lines = sealed.as_bytes().lines().map(|line| line.map_err(|e| e.to_string()));
    let head: Head = lines
        .next()
        .ok_or("it has no head")?
        .and_then(|line| serde_json::from_str(&line).map_err(|e| format!("its head: {e}")))?;
    let hash = unhex(&head.hash).ok_or("its hash cannot be read")?;
    let mut catalog = Catalog { position: head.position, hash, at: head.at, ..Catalog::default() };
    let mut rows = 0;
    for line in lines {
        let line = line?;
        let line: Line<Box<RawValue>> =
            serde_json::from_str(&line).map_err(|e| format!("row {}: {e}", rows + 1))?;
        let row =
            Entity::from_text(line.kind, line.row.get()).map_err(|e| format!("row {}: {e}", rows + 1))?;
        let stamp = Stamp {
            last: line.last,
            created_by: line.created_by,
            updated_by: line.updated_by,
            created_at: line.created_at,
            updated_at: line.updated_at,
        };
        catalog.put(Stored { row, stamp });
        rows += 1;
    }
    if rows == head.rows {
        Ok(Remembered { catalog, installation: head.installation })
    } else {
        Err(format!("it has {rows} rows and not {}", head.rows))
    }
}

/// Every row of a catalog, in an order in which they can be put.
fn rows(catalog: &Catalog) -> Vec<Stored<Entity>> {
    let mut rows: Vec<Stored<Entity>> = Vec::new();
    rows.extend(catalog.projects.values().map(|p| p.as_ref().clone().map(Entity::Project)));
    rows.extend(catalog.environments.values().map(|e| e.stored.clone().map(Entity::Environment)));
    rows.extend(catalog.flags.values().map(|f| f.as_ref().clone().map(Entity::Flag)));
    for state in catalog.environments.values() {
        rows.extend(state.segments.values().map(|s| s.stored.clone().map(Entity::Segment)));
        let configs = state.configs.values().chain(state.resting.values());
        rows.extend(configs.map(|c| c.stored.clone().map(Entity::Config)));
    }
    let access = &catalog.access;
    let bindings = access.bindings.values().cloned().map(Entity::RoleBinding);
    let tokens = access.tokens.values().cloned().map(Entity::Token);
    let credentials = access.credentials.values().map(|c| Entity::SdkCredential(c.as_ref().clone()));
    for row in bindings.chain(tokens).chain(credentials) {
        let stamp = Stamp {
            last: catalog.position,
            created_by: String::new(),
            updated_by: String::new(),
            created_at: catalog.at,
            updated_at: catalog.at,
        };
        rows.push(Stored { row, stamp });
    }
    rows
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use shared::access::{Role, RoleBinding, Token, TokenKind};
    use shared::json::Json;
    use shared::key::{EnvironmentKey, FlagKey, ProjectKey};
    use shared::project::{Environment, Project};

    use super::*;

    const KEY: Option<[u8; 32]> = Some([7; 32]);

    fn stored(row: Entity, revision: i64) -> Stored<Entity> {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(revision);
        let stamp = Stamp {
            last: Position::new(1, revision),
            created_by: "os:alice".into(),
            updated_by: "user:b\"ob\n".into(),
            created_at: at,
            updated_at: at,
        };
        Stored { row, stamp }
    }

    fn entity(kind: EntityKind, text: &str) -> Entity {
        Entity::from_text(kind, text).unwrap()
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog { position: Position::new(1, 9), hash: [3; 32], ..Catalog::default() };
        let project: Project =
            serde_json::from_str(&format!(r#"{{"id":"{}","key":"default","name":"Default"}}"#, Uuid::nil()))
                .unwrap();
        let environment: Environment = serde_json::from_str(&format!(
            r#"{{"id":"{}","project":"default","key":"staging","name":"Staging","versionBase":41,"protected":true}}"#,
            Uuid::nil()
        ))
        .unwrap();
        catalog.put(stored(Entity::Project(project), 1));
        catalog.put(stored(Entity::Environment(environment), 2));
        catalog.put(stored(
            entity(
                EntityKind::Flag,
                r#"{"id":"00000000-0000-0000-0000-000000000001","project":"default","key":"f","name":"F",
                    "kind":"json","variations":[{"value":{"b":1.0,"a":1e2}}],"flagVersion":3,
                    "clientSideAvailability":{"usingEnvironmentId":true,"usingMobileKey":true}}"#,
            ),
            3,
        ));
        catalog.put(stored(
            entity(
                EntityKind::Config,
                r#"{"id":"00000000-0000-0000-0000-000000000002","project":"default","flag":"f",
                    "environment":"staging","version":7,"salt":"s",
                    "document":{"on":true,"fallthrough":{"variation":0},"zz":1.0,"aa":"ü"}}"#,
            ),
            4,
        ));
        catalog.put(stored(
            entity(
                EntityKind::RoleBinding,
                &serde_json::to_string(&RoleBinding {
                    id: Uuid::nil(),
                    subject: "group:x".into(),
                    role: Role::Editor,
                    project: "*".into(),
                    environment: "*".into(),
                })
                .unwrap(),
            ),
            5,
        ));
        let token = Token {
            id: Uuid::nil(),
            kind: TokenKind::Personal,
            name: "laptop".into(),
            principal: "user:a".into(),
            hash: "ab".repeat(32),
            prefix: "fsp_".into(),
            last_four: "wxyz".into(),
            role: None,
            expires_at: Some(OffsetDateTime::UNIX_EPOCH),
            revoked: false,
        };
        catalog.put(stored(Entity::Token(token), 6));
        catalog
    }

    #[test]
    fn what_was_served_is_served_again_as_it_was_written() {
        let catalog = catalog();
        let installation = Uuid::from_u128(5);
        let read = decode(&encode(&catalog, installation, KEY.as_ref()), KEY.as_ref()).unwrap();
        assert_eq!(read.installation, installation);
        assert_eq!((read.catalog.position, read.catalog.hash), (catalog.position, catalog.hash));
        let place = (ProjectKey::default(), EnvironmentKey::new("staging").unwrap());
        let (old, new) = (&catalog.environments[&place], &read.catalog.environments[&place]);
        let key = FlagKey::new("f").unwrap();
        assert_eq!(new.configs[&key].stored, old.configs[&key].stored);
        assert_eq!(new.configs[&key].document.to_text(), old.configs[&key].document.to_text());
        assert_eq!(new.stored, old.stored);
        assert_eq!(new.revision, old.revision);
        let flag = read.catalog.flag(&place.0, &key).unwrap();
        assert_eq!(flag.row.variations[0].value, Json::from_iter([("b", n("1.0")), ("a", n("1e2"))]));
        assert_eq!(read.catalog.access.tokens, catalog.access.tokens);
        assert_eq!(read.catalog.access.bindings, catalog.access.bindings);
    }

    fn n(text: &str) -> Json {
        shared::json::parse(text).unwrap()
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        for key in [None, KEY] {
            let good = encode(&catalog(), Uuid::nil(), key.as_ref());
            assert!(decode(&good, key.as_ref()).is_ok());
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                assert!(decode(&bad, key.as_ref()).is_err(), "a flip at {at} was not noticed");
            }
            for end in (0..good.len()).step_by(7) {
                assert!(decode(&good[..end], key.as_ref()).is_err(), "a cut at {end} was not noticed");
            }
            let mut longer = good.clone();
            longer.push(b'\n');
            assert!(decode(&longer, key.as_ref()).is_err());
        }
    }

    #[test]
    fn a_catalog_sealed_with_another_key_or_none_is_refused() {
        for other in [None, Some([8; 32])] {
            let foreign = encode(&catalog(), Uuid::nil(), other.as_ref());
            assert!(decode(&foreign, KEY.as_ref()).unwrap_err().contains("key"));
        }
        // Without a key damage is noticed and a foreign seal is not.
        assert!(decode(&encode(&catalog(), Uuid::nil(), KEY.as_ref()), None).is_ok());
    }

    #[test]
    fn three_generations_are_kept_and_a_damaged_one_gives_way_to_the_one_before() {
        let data = tempfile::tempdir().unwrap();
        let disk = Disk::below(data.path(), Arc::new(|| KEY));
        assert!(disk.read().is_none());
        let mut catalog = catalog();
        for revision in 10..=15 {
            catalog.position = Position::new(1, revision);
            disk.save(&catalog, Uuid::nil()).unwrap();
        }
        let files = disk.generations().unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(fs::metadata(&files[0].1).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(disk.read().unwrap().catalog.position, Position::new(1, 15));
        let newest = &files[2].1;
        let bytes = fs::read(newest).unwrap();
        fs::write(newest, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(disk.read().unwrap().catalog.position, Position::new(1, 14));
        // A file that somebody else put there is none of ours.
        fs::write(data.path().join("catalog/notes.txt"), "x").unwrap();
        for (_, path) in &files {
            fs::write(path, b"").unwrap();
        }
        assert!(disk.read().is_none());
        disk.save(&catalog, Uuid::nil()).unwrap();
        assert_eq!(disk.read().unwrap().catalog.position, Position::new(1, 15));
    }
}
