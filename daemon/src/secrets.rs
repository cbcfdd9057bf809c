//! The installation's secrets key: made once, checked at start, and what is derived from it.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use shared::audit::hex;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::store::{self, StoreError};

/// How long the database is left alone after it did not answer.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes of a nonce, which stands before what it sealed.
const NONCE: usize = 12;

/// Why something cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is no key, or not the right one.
    #[error("the secrets key is not available: {0}")]
    Unavailable(String),
    /// What was sealed is damaged, or was sealed with another key.
    #[error("a sealed secret cannot be opened: it is damaged or was sealed with another key")]
    Sealed,
}

enum State {
    /// No file, and the database was not asked yet whether one may be made.
    Pending,
    /// A key; `confirmed` once the database knows it.
    Ready { key: [u8; 32], confirmed: bool },
    /// None that can be used, and why.
    Unavailable(String),
}

/// The secrets key, or why there is none. Everything that needs it asks here, each time.
pub struct Secrets {
    path: PathBuf,
    state: ArcSwap<State>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("path", &self.path).field("trouble", &self.trouble()).finish()
    }
}

impl Secrets {
    /// Reads the key file. Without one, [`Secrets::confirm`] decides whether it may be made.
    pub fn load(path: &Path) -> Self {
        let state = match read(path) {
            Ok(Some(key)) => State::Ready { key, confirmed: false },
            Ok(None) => State::Pending,
            Err(trouble) => State::Unavailable(trouble),
        };
        Self { path: path.to_owned(), state: ArcSwap::from_pointee(state) }
    }

    /// Compares the key with what the database knows, and makes one where nothing was ever sealed.
    /// Does nothing once that is settled.
    ///
    /// # Errors
    /// The database's; it can be asked again.
    pub async fn confirm(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let key = match **self.state.load() {
            State::Ready { confirmed: true, .. } | State::Unavailable(_) => return Ok(()),
            State::Ready { key, .. } => Some(key),
            State::Pending => None,
        };
        let (_, mut known) = store::head::installation(conn).await?;
        let mut made = false;
        let key = match (key, &known) {
            (Some(key), _) => key,
            (None, Some(_)) => {
                let path = self.path.display();
                return self.unavailable(format!("{path} is missing; put the installation's key back there"));
            }
            (None, None) => match make(&self.path) {
                Ok((key, new)) => {
                    made = new;
                    key
                }
                Err(trouble) => return self.unavailable(trouble),
            },
        };
        let id = id(&key);
        if known.is_none() {
            store::head::set_secrets_id(conn, &id).await?;
            known = store::head::installation(conn).await?.1;
        }
        if known.as_deref() == Some(id.as_str()) {
            if made {
                tracing::info!(path = %self.path.display(), "a secrets key was made; keep a copy elsewhere");
            }
            self.state.store(Arc::new(State::Ready { key, confirmed: true }));
            return Ok(());
        }
        if made {
            // Another daemon was faster, with a key of its own: ours has sealed nothing.
            let _ = std::fs::remove_file(&self.path);
        }
        self.unavailable(format!("{} is not the key of this installation", self.path.display()))
    }

    fn unavailable(&self, trouble: String) -> Result<(), StoreError> {
        tracing::error!(%trouble, "the secrets key is not available");
        self.state.store(Arc::new(State::Unavailable(trouble)));
        Ok(())
    }

    /// Asks the database until it answers.
    pub async fn settle(self: Arc<Self>, pool: PgPool, stop: CancellationToken) {
        loop {
            let done = async { self.confirm(&mut *pool.acquire().await?).await };
            match done.await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, "the secrets key waits for the database"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Why there is no key, as a sentence for `/health`; `None` where there is one, or it is not known yet.
    pub fn trouble(&self) -> Option<String> {
        match &**self.state.load() {
            State::Unavailable(trouble) => Some(trouble.clone()),
            State::Ready { .. } | State::Pending => None,
        }
    }

    fn key(&self) -> Result<[u8; 32], SecretsError> {
        match &**self.state.load() {
            State::Ready { key, .. } => Ok(*key),
            State::Unavailable(trouble) => Err(SecretsError::Unavailable(trouble.clone())),
            State::Pending => Err(SecretsError::Unavailable("the database was not reached yet".to_owned())),
        }
    }

    fn derive(&self, purpose: &str) -> Result<[u8; 32], SecretsError> {
        let mut derived = [0; 32];
        // 32 bytes are within what HKDF can give, so this cannot fail.
        Hkdf::<Sha256>::new(Some(b"flagstaff/1"), &self.key()?)
            .expand(purpose.as_bytes(), &mut derived)
            .map_err(|e| SecretsError::Unavailable(e.to_string()))?;
        Ok(derived)
    }

    /// Whether there is no key yet only because the database has not been asked whether one may be made.
    pub fn is_pending(&self) -> bool {
        matches!(**self.state.load(), State::Pending)
    }

    /// Whether the database has said whether this key, or its absence, is right.
    pub fn is_settled(&self) -> bool {
        matches!(**self.state.load(), State::Ready { confirmed: true, .. } | State::Unavailable(_))
    }

    /// The key that seals SDK keys.
    pub fn sealing(&self) -> Option<[u8; 32]> {
        self.derive("sealing").ok()
    }

    /// The key of the MAC over the catalog on disk. There also while the database was not reached yet.
    pub fn catalog_mac(&self) -> Option<[u8; 32]> {
        self.derive("catalog-mac").ok()
    }

    /// The key of the MACs in Socket.IO's session and offset.
    pub fn socketio(&self) -> Option<[u8; 32]> {
        self.derive("socketio").ok()
    }

    /// The key of the MACs in the addresses of OpenFeature's streams.
    pub fn event_streams(&self) -> Option<[u8; 32]> {
        self.derive("event-streams").ok()
    }

    /// Seals a text: base64 of a random nonce and what ChaCha20-Poly1305 made of it.
    ///
    /// # Errors
    /// There is no key.
    pub fn seal(&self, text: &str) -> Result<String, SecretsError> {
        let cipher = ChaCha20Poly1305::new(&self.derive("sealing")?.into());
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let sealed =
            cipher.encrypt(&Nonce::from(nonce), text.as_bytes()).map_err(|_| SecretsError::Sealed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`Secrets::seal`] made.
    ///
    /// # Errors
    /// There is no key, or what is there was not sealed with it.
    pub fn open(&self, sealed: &str) -> Result<String, SecretsError> {
        let cipher = ChaCha20Poly1305::new(&self.derive("sealing")?.into());
        let bytes = STANDARD.decode(sealed).map_err(|_| SecretsError::Sealed)?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE>().ok_or(SecretsError::Sealed)?;
        let text = cipher.decrypt(&Nonce::from(*nonce), rest).map_err(|_| SecretsError::Sealed)?;
        String::from_utf8(text).map_err(|_| SecretsError::Sealed)
    }
}

/// What the database calls the key: tells keys apart and gives nothing of them away.
fn id(key: &[u8; 32]) -> String {
    let digest =
        Sha256::new_with_prefix(b"flagstaff/1 the id of a secrets key\0").chain_update(key).finalize();
    hex(digest.get(..8).unwrap_or_default())
}

/// The key in a file; `None` where there is no file.
fn read(path: &Path) -> Result<Option<[u8; 32]>, String> {
    let shown = path.display();
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{shown} cannot be read: {error}")),
    };
    let mode = file.metadata().map_err(|e| format!("{shown} cannot be read: {e}"))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("{shown} is open to others (mode {:03o}); chmod 600 {shown}", mode & 0o777));
    }
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text).map_err(|e| format!("{shown} cannot be read: {e}"))?;
    parse(text.trim()).map(Some).ok_or_else(|| format!("{shown} does not hold 64 hexadecimal digits"))
}

fn parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

/// Makes the file, or reads that of another daemon that was faster: nobody sees half a key.
fn make(path: &Path) -> Result<([u8; 32], bool), String> {
    let shown = path.display();
    let mut key = [0; 32];
    rand::fill(&mut key);
    let draft = path.with_extension(format!("new-{}", hex(&rand::random::<[u8; 6]>())));
    let written = (|| {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}", hex(&key))?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)
    })();
    let _ = std::fs::remove_file(&draft);
    match written {
        Ok(()) => Ok((key, true)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read(path)?.map(|key| (key, false)).ok_or_else(|| format!("{shown} went away"))
        }
        Err(error) => Err(format!("{shown} cannot be made: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_key(name: &str, text: &str, mode: u32) -> (tempfile::TempDir, Secrets) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let secrets = Secrets::load(&path);
        (directory, secrets)
    }

    #[test]
    fn what_was_sealed_opens_and_a_flipped_bit_does_not() {
        let (_directory, secrets) = with_key("k", &"0a".repeat(32), 0o600);
        let sealed = secrets.seal("sdk-1234").unwrap();
        assert_ne!(sealed, secrets.seal("sdk-1234").unwrap());
        assert!(!sealed.contains("1234"));
        assert_eq!(secrets.open(&sealed).unwrap(), "sdk-1234");
        let mut bytes = STANDARD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(secrets.open(&STANDARD.encode(&bytes)), Err(SecretsError::Sealed));
            bytes[at] ^= 1;
        }
        for junk in ["", "AAAA", "%", "c2hvcnQ="] {
            assert_eq!(secrets.open(junk), Err(SecretsError::Sealed));
        }
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let (_directory, secrets) = with_key("k", &"0a".repeat(32), 0o600);
        let (a, b, c) = (secrets.sealing(), secrets.catalog_mac(), secrets.socketio());
        assert!(a.is_some() && a != b && b != c && a != c);
        let (_other, other) = with_key("k", &"0b".repeat(32), 0o600);
        assert_ne!(other.sealing(), a);
        assert_eq!(other.open(&secrets.seal("x").unwrap()), Err(SecretsError::Sealed));
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_no_key_is_not_used() {
        for (text, mode) in [("0a".repeat(32), 0o640), ("0a".repeat(32), 0o604), ("0a".repeat(31), 0o600)] {
            let (_directory, secrets) = with_key("k", &text, mode);
            assert!(secrets.trouble().is_some(), "{mode:o}");
            assert_eq!(secrets.sealing(), None);
        }
    }

    #[test]
    fn two_who_make_the_key_at_once_have_the_same_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/secrets.key");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || make(&path).unwrap())
            })
            .collect();
        let made: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(made.iter().filter(|(_, new)| *new).count(), 1);
        assert!(made.iter().all(|(key, _)| *key == made[0].0));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
