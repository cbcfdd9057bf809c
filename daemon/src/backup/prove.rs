//! Proves a copy: its sum, its contents, and if wanted its rows in a database of its own.

use std::ffi::OsStr;
use std::path::Path;

use shared::revision::Position;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use super::manifest::{Manifest, sum};
use super::tools::Tools;
use super::{BackupError, replace};
use crate::store::{self, StoreError};

/// Proves the file: the SHA-256 of its manifest, where it has one, and that `pg_restore` can read it.
///
/// # Errors
/// What is wrong with it.
pub async fn file(tools: &Tools, copy: &Path) -> Result<Option<Manifest>, BackupError> {
    let manifest = Manifest::of(copy)?;
    let place = copy.to_owned();
    let summed = tokio::task::spawn_blocking(move || sum(&place)).await;
    let (found, _) =
        summed.map_err(|error| BackupError::files("read", copy)(std::io::Error::other(error)))??;
    if let Some(manifest) = &manifest
        && manifest.sha256 != found
    {
        let wanted = manifest.sha256.clone();
        return Err(BackupError::Altered { path: copy.to_owned(), found, wanted });
    }
    tools.run("pg_restore", &[OsStr::new("--list"), copy.as_os_str()]).await?;
    Ok(manifest)
}

/// Proves the content: puts the copy into a database made for this, hands a connection to `look`, and removes that
/// database. Needs the right to make databases.
///
/// # Errors
/// What is wrong with it; or the database's.
pub async fn content<T>(
    tools: &Tools,
    options: &PgConnectOptions,
    copy: &Path,
    id: Uuid,
    look: impl AsyncFnOnce(&mut PgConnection) -> Result<T, BackupError>,
) -> Result<(Position, T), BackupError> {
    let scratch = format!("flagstaff_proof_{}", id.simple());
    let mut conn = options.connect().await.map_err(StoreError::from)?;
    raw(&mut conn, format!("create database {scratch}")).await?;
    let there = options.clone().database(&scratch);
    let looked = async {
        replace::put_back(&tools.on(&there), copy).await?;
        let mut inside = there.connect().await.map_err(StoreError::from)?;
        let head = store::head::get(&mut inside).await?;
        if let Some(manifest) = Manifest::of(copy)?
            && manifest.position != head.position
        {
            return Err(BackupError::Elsewhere { found: head.position, wanted: manifest.position });
        }
        let seen = look(&mut inside).await?;
        inside.close().await.map_err(StoreError::from)?;
        Ok((head.position, seen))
    };
    let result = looked.await;
    raw(&mut conn, format!("drop database {scratch} with (force)")).await?;
    let _ = conn.close().await;
    result
}

/// Statements that take no parameters; what is in them is ours.
async fn raw(conn: &mut PgConnection, sql: String) -> Result<(), BackupError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map_err(StoreError::from)?;
    Ok(())
}
