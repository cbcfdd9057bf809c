//! SDK credentials: made with their environment, imported, rotated, sealed.

use shared::access::{CredentialKind, SdkCredential};
use shared::api::problem::ProblemKind;
use shared::change::{Entity, Mutation};
use shared::fault::Fault;
use shared::key::{EnvironmentKey, ProjectKey};
use time::{Duration, OffsetDateTime};

use super::draft::{Draft, Touched};
use super::{Cx, Refusal};
use crate::credential;
use crate::secrets::{Secrets, SecretsError};

/// Every kind there is, in the order they are made.
pub const KINDS: [CredentialKind; 3] =
    [CredentialKind::Server, CredentialKind::Mobile, CredentialKind::ClientSideId];

impl From<SecretsError> for Refusal {
    fn from(error: SecretsError) -> Self {
        Self::Plain(ProblemKind::SecretsUnavailable, error.to_string())
    }
}

/// A credential that was drawn up: its key is shown once.
pub struct Drawn {
    /// The row.
    pub row: SdkCredential,
    /// The key.
    pub key: String,
}

/// That there is a secrets key; asks the database where it was not asked yet.
///
/// # Errors
/// 503: `secrets-unavailable`, or the database's.
pub async fn need_secrets(cx: &Cx, secrets: &Secrets) -> Result<(), Refusal> {
    secrets.confirm(&mut *cx.gate.read().await?).await?;
    match secrets.trouble() {
        Some(trouble) => Err(SecretsError::Unavailable(trouble).into()),
        None => Ok(()),
    }
}

/// Draws up a credential: with a key that an application has already, or a new one.
///
/// # Errors
/// There is no secrets key, or the key cannot be taken.
pub fn draw(
    cx: &Cx,
    secrets: &Secrets,
    (project, environment): (&ProjectKey, &EnvironmentKey),
    kind: CredentialKind,
    imported: Option<&str>,
) -> Result<Drawn, Refusal> {
    if imported.is_some_and(|key| !credential::is_importable(key)) {
        return Err(Refusal::invalid(
            "/key",
            "must be 8 to 256 letters, digits, dots, dashes and underscores, and no token of ours",
        ));
    }
    let key = imported.map_or_else(|| credential::sdk_key(kind), str::to_owned);
    let public = kind == CredentialKind::ClientSideId;
    let row = SdkCredential {
        id: cx.clock.uuid(),
        project: project.clone(),
        environment: environment.clone(),
        kind,
        hash: credential::hash(&key),
        sealed: if public { None } else { Some(secrets.seal(&key)?) },
        public: public.then(|| key.clone()),
        masked: if public { key.clone() } else { credential::masked(&key) },
        expires_at: None,
        revoked: false,
    };
    Ok(Drawn { row, key })
}

/// The credentials of a new environment: one of each kind. They belong into the revision that makes it.
///
/// # Errors
/// There is no secrets key.
pub async fn founding(
    cx: &Cx,
    secrets: &Secrets,
    place: (&ProjectKey, &EnvironmentKey),
) -> Result<Vec<Drawn>, Refusal> {
    need_secrets(cx, secrets).await?;
    KINDS.into_iter().map(|kind| draw(cx, secrets, place, kind, None)).collect()
}

/// What ends the old credentials of a kind when a new one comes: at once, or after a while. One that ends
/// sooner anyway keeps its end.
pub fn ending(old: &[&SdkCredential], now: OffsetDateTime, after: Duration) -> Vec<Mutation> {
    old.iter()
        .map(|old| {
            if after <= Duration::ZERO {
                return Mutation::RevokeCredential(old.id);
            }
            let end = now.saturating_add(after);
            let mut row = (*old).clone();
            row.expires_at = Some(row.expires_at.map_or(end, |has| has.min(end)));
            Mutation::PutCredential(Box::new(row))
        })
        .collect()
}

/// Warns of the credentials that are revoked: what each ends, and whether it is the last one of its kind.
///
/// # Errors
/// The database's.
pub async fn warn_of_revoked(cx: &Cx, draft: &mut Draft<'_>, touched: &[Touched]) -> Result<(), Refusal> {
    let after = |change: &Touched| match &change.after {
        Some(Entity::SdkCredential(credential)) => Some(credential.clone()),
        _ => None,
    };
    let changed: Vec<SdkCredential> = touched.iter().filter_map(after).collect();
    let now = cx.clock.now();
    let ended: Vec<&SdkCredential> = touched
        .iter()
        .filter_map(|change| match change.before.as_ref().map(|before| &before.row) {
            Some(Entity::SdkCredential(old)) if is_live(old, now) => {
                changed.iter().find(|new| new.id == old.id && new.revoked)
            }
            _ => None,
        })
        .collect();
    if ended.is_empty() {
        return Ok(());
    }
    let known = crate::store::access::all_credentials(draft.conn).await?;
    for credential in ended {
        let untouched = known.iter().filter(|known| changed.iter().all(|new| new.id != known.id));
        let left = untouched.chain(&changed).any(|other| {
            is_live(other, now)
                && other.kind == credential.kind
                && other.project == credential.project
                && other.environment == credential.environment
        });
        let (masked, kind) = (&credential.masked, kind_words(credential.kind));
        let last = if left { String::new() } else { format!("; no other live {kind} is left") };
        let detail = format!("ends every connection that uses the {kind} {masked}{last}");
        draft.warnings.push(Fault::new("", detail));
    }
    Ok(())
}

fn kind_words(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Server => "server key",
        CredentialKind::Mobile => "mobile key",
        CredentialKind::ClientSideId => "client-side id",
    }
}

/// Whether a credential opens anything now.
pub fn is_live(credential: &SdkCredential, now: OffsetDateTime) -> bool {
    !credential.revoked && credential.expires_at.is_none_or(|end| end > now)
}
