//! The tables `role_binding`, `token`, `sdk_credential` and `access_log`.

use shared::access::{CredentialKind, RoleBinding, SdkCredential, Token, TokenKind};
use shared::key::{EnvironmentKey, ProjectKey};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;

/// Every role binding.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn all_bindings(conn: &mut PgConnection) -> Result<Vec<RoleBinding>, StoreError> {
    sqlx::query!("select id, subject, role, project, environment from role_binding order by id")
        .fetch_all(conn)
        .await?
        .into_iter()
        .map(|row| {
            Ok(RoleBinding {
                id: row.id,
                role: row.role.parse().map_err(|e| StoreError::corrupt("role binding", e))?,
                subject: row.subject,
                project: row.project,
                environment: row.environment,
            })
        })
        .collect()
}

/// Writes a role binding, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `role_binding_place_unique`.
pub async fn put_binding(conn: &mut PgConnection, binding: &RoleBinding) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into role_binding (id, subject, role, project, environment) values ($1, $2, $3, $4, $5)
         on conflict (id) do update set subject = excluded.subject, role = excluded.role,
             project = excluded.project, environment = excluded.environment",
        binding.id,
        binding.subject,
        binding.role.as_str(),
        binding.project,
        binding.environment
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a role binding away.
///
/// # Errors
/// The database's.
pub async fn remove_binding(conn: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from role_binding where id = $1", id).execute(conn).await?;
    Ok(())
}

fn token_kind(text: &str) -> Result<TokenKind, StoreError> {
    Ok(match text {
        "personal" => TokenKind::Personal,
        "service" => TokenKind::Service,
        "bootstrap" => TokenKind::Bootstrap,
        other => return Err(StoreError::corrupt("token", format!("{other:?} is not a kind of token"))),
    })
}

const fn token_kind_text(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Personal => "personal",
        TokenKind::Service => "service",
        TokenKind::Bootstrap => "bootstrap",
    }
}

/// Every token, revoked ones included.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn all_tokens(conn: &mut PgConnection) -> Result<Vec<Token>, StoreError> {
    sqlx::query!(
        "select id, kind, name, principal, hash, prefix, last_four, role, expires_at, revoked
         from token order by id"
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Token {
            id: row.id,
            kind: token_kind(&row.kind)?,
            name: row.name,
            principal: row.principal,
            hash: row.hash,
            prefix: row.prefix,
            last_four: row.last_four,
            role: row
                .role
                .map(|r| r.parse())
                .transpose()
                .map_err(|e: String| StoreError::corrupt("token", e))?,
            expires_at: row.expires_at,
            revoked: row.revoked,
        })
    })
    .collect()
}

/// Writes a token, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `token_hash_unique` or `token_one_bootstrap`.
pub async fn put_token(conn: &mut PgConnection, token: &Token) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into token (id, kind, name, principal, hash, prefix, last_four, role, expires_at, revoked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (id) do update set name = excluded.name, role = excluded.role,
             expires_at = excluded.expires_at, revoked = excluded.revoked",
        token.id,
        token_kind_text(token.kind),
        token.name,
        token.principal,
        token.hash,
        token.prefix,
        token.last_four,
        token.role.map(shared::access::Role::as_str),
        token.expires_at,
        token.revoked
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every SDK credential, revoked ones included.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn all_credentials(conn: &mut PgConnection) -> Result<Vec<SdkCredential>, StoreError> {
    sqlx::query!(
        "select c.id, p.key as project, e.key as environment, c.kind, c.hash, c.sealed, c.public, c.masked,
                c.expires_at, c.revoked
         from sdk_credential c join environments e on e.id = c.environment_id
              join project p on p.id = e.project_id order by c.id"
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("SDK credential", e);
        Ok(SdkCredential {
            id: row.id,
            project: ProjectKey::new(row.project).map_err(|e| corrupt(&e))?,
            environment: EnvironmentKey::new(row.environment).map_err(|e| corrupt(&e))?,
            kind: match row.kind.as_str() {
                "server" => CredentialKind::Server,
                "mobile" => CredentialKind::Mobile,
                "client-side-id" => CredentialKind::ClientSideId,
                other => return Err(corrupt(&format!("{other:?} is not a kind of credential"))),
            },
            hash: row.hash,
            sealed: row.sealed,
            public: row.public,
            masked: row.masked,
            expires_at: row.expires_at,
            revoked: row.revoked,
        })
    })
    .collect()
}

/// Writes an SDK credential, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `sdk_credential_hash_unique`.
pub async fn put_credential(conn: &mut PgConnection, credential: &SdkCredential) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into sdk_credential (id, environment_id, kind, hash, sealed, public, masked, expires_at, revoked)
         select $1, e.id, $4, $5, $6, $7, $8, $9, $10
         from project p join environments e on e.project_id = p.id and e.key = $3 where p.key = $2
         on conflict (id) do update set sealed = excluded.sealed, expires_at = excluded.expires_at,
             revoked = excluded.revoked",
        credential.id,
        credential.project.as_str(),
        credential.environment.as_str(),
        match credential.kind {
            CredentialKind::Server => "server",
            CredentialKind::Mobile => "mobile",
            CredentialKind::ClientSideId => "client-side-id",
        },
        credential.hash,
        credential.sealed,
        credential.public,
        credential.masked,
        credential.expires_at,
        credential.revoked
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One line of the access log.
#[derive(Clone, Debug)]
pub struct AccessEvent {
    /// When; the database's clock where it is a fresh one.
    pub at: OffsetDateTime,
    /// Who, as far as known.
    pub principal: String,
    /// How they were known.
    pub credential: String,
    /// `denied`, `login`, `secret-read`.
    pub action: String,
    /// What was asked for.
    pub resource: String,
    /// Why it was decided so.
    pub because: String,
    /// The request.
    pub request_id: Option<String>,
    /// How many alike were put together.
    pub count: i32,
}

/// Appends to the access log.
///
/// # Errors
/// The database's.
pub async fn append_event(conn: &mut PgConnection, event: &AccessEvent) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into access_log (at, principal, credential, action, resource, because, request_id, count)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        event.at,
        event.principal,
        event.credential,
        event.action,
        event.resource,
        event.because,
        event.request_id,
        event.count
    )
    .execute(conn)
    .await?;
    Ok(())
}
