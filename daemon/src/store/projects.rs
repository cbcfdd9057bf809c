//! The tables `project` and `environments`.

use shared::key::{EnvironmentKey, ProjectKey};
use shared::project::{ClientSideAvailability, Environment, Project};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Stamp, StoreError, Stored, stamp_of};

struct ProjectRow {
    id: Uuid,
    key: String,
    name: String,
    description: String,
    default_using_environment_id: bool,
    default_using_mobile_key: bool,
    archived: bool,
    last_epoch: i64,
    last_revision: i64,
    created_by: String,
    updated_by: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<ProjectRow> for Stored<Project> {
    type Error = StoreError;

    fn try_from(row: ProjectRow) -> Result<Self, StoreError> {
        let key = ProjectKey::new(row.key.clone())
            .map_err(|e| StoreError::corrupt(format!("project {}", row.key), e))?;
        Ok(Stored {
            row: Project {
                id: row.id,
                key,
                name: row.name,
                description: row.description,
                default_client_side_availability: ClientSideAvailability {
                    using_environment_id: row.default_using_environment_id,
                    using_mobile_key: row.default_using_mobile_key,
                },
                archived: row.archived,
            },
            stamp: stamp_of!(row),
        })
    }
}

/// Every project, oldest first.
///
/// # Errors
/// The database's.
pub async fn all_projects(
    conn: &mut PgConnection,
) -> Result<Vec<Result<Stored<Project>, StoreError>>, StoreError> {
    let rows = sqlx::query_as!(
        ProjectRow,
        "select id, key, name, description, default_using_environment_id, default_using_mobile_key, archived,
                last_epoch, last_revision, created_by, updated_by, created_at, updated_at
         from project order by id"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect())
}

/// The project of that key.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find_project(
    conn: &mut PgConnection,
    key: &ProjectKey,
) -> Result<Option<Stored<Project>>, StoreError> {
    sqlx::query_as!(
        ProjectRow,
        "select id, key, name, description, default_using_environment_id, default_using_mobile_key, archived,
                last_epoch, last_revision, created_by, updated_by, created_at, updated_at
         from project where key = $1",
        key.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Writes a project, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `project_key_unique`.
pub async fn put_project(
    conn: &mut PgConnection,
    project: &Project,
    stamp: &Stamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into project (id, key, name, description, default_using_environment_id, default_using_mobile_key,
             archived, last_epoch, last_revision, created_by, updated_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (id) do update set name = excluded.name, description = excluded.description,
             default_using_environment_id = excluded.default_using_environment_id,
             default_using_mobile_key = excluded.default_using_mobile_key, archived = excluded.archived,
             last_epoch = excluded.last_epoch, last_revision = excluded.last_revision,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at",
        project.id,
        project.key.as_str(),
        project.name,
        project.description,
        project.default_client_side_availability.using_environment_id,
        project.default_client_side_availability.using_mobile_key,
        project.archived,
        stamp.last.epoch.0,
        stamp.last.revision.0,
        stamp.created_by,
        stamp.updated_by,
        stamp.created_at,
        stamp.updated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct EnvironmentRow {
    id: Uuid,
    project: String,
    key: String,
    name: String,
    color: String,
    sort_order: i32,
    protected: bool,
    comment_required: bool,
    minimum_role: Option<String>,
    secure_mode: bool,
    version_base: i64,
    class: Option<String>,
    archived: bool,
    last_epoch: i64,
    last_revision: i64,
    created_by: String,
    updated_by: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<EnvironmentRow> for Stored<Environment> {
    type Error = StoreError;

    fn try_from(row: EnvironmentRow) -> Result<Self, StoreError> {
        let what = format!("environment {}/{}", row.project, row.key);
        let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt(what.clone(), e);
        Ok(Stored {
            row: Environment {
                id: row.id,
                project: ProjectKey::new(row.project).map_err(|e| corrupt(&e))?,
                key: EnvironmentKey::new(row.key).map_err(|e| corrupt(&e))?,
                name: row.name,
                color: row.color,
                order: row.sort_order,
                protected: row.protected,
                comment_required: row.comment_required,
                minimum_role: row.minimum_role.map(|r| r.parse()).transpose().map_err(|e| corrupt(&e))?,
                secure_mode: row.secure_mode,
                version_base: row.version_base,
                class: row.class.map(|c| c.parse()).transpose().map_err(|e| corrupt(&e))?,
                archived: row.archived,
            },
            stamp: stamp_of!(row),
        })
    }
}

/// Every environment of every project, oldest first.
///
/// # Errors
/// The database's.
pub async fn all_environments(
    conn: &mut PgConnection,
) -> Result<Vec<Result<Stored<Environment>, StoreError>>, StoreError> {
    let rows = sqlx::query_as!(
        EnvironmentRow,
        "select e.id, p.key as project, e.key, e.name, e.color, e.sort_order, e.protected, e.comment_required,
                e.minimum_role, e.secure_mode, e.version_base, e.class, e.archived, e.last_epoch, e.last_revision,
                e.created_by, e.updated_by, e.created_at, e.updated_at
         from environments e join project p on p.id = e.project_id order by e.sort_order, e.id"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TryInto::try_into).collect())
}

/// The environments of a project, in their order.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn environments_of(
    conn: &mut PgConnection,
    project: &ProjectKey,
) -> Result<Vec<Stored<Environment>>, StoreError> {
    sqlx::query_as!(
        EnvironmentRow,
        "select e.id, p.key as project, e.key, e.name, e.color, e.sort_order, e.protected, e.comment_required,
                e.minimum_role, e.secure_mode, e.version_base, e.class, e.archived, e.last_epoch, e.last_revision,
                e.created_by, e.updated_by, e.created_at, e.updated_at
         from environments e join project p on p.id = e.project_id
         where p.key = $1 order by e.sort_order, e.id",
        project.as_str()
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// The environment of that key.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn find_environment(
    conn: &mut PgConnection,
    project: &ProjectKey,
    key: &EnvironmentKey,
) -> Result<Option<Stored<Environment>>, StoreError> {
    sqlx::query_as!(
        EnvironmentRow,
        "select e.id, p.key as project, e.key, e.name, e.color, e.sort_order, e.protected, e.comment_required,
                e.minimum_role, e.secure_mode, e.version_base, e.class, e.archived, e.last_epoch, e.last_revision,
                e.created_by, e.updated_by, e.created_at, e.updated_at
         from environments e join project p on p.id = e.project_id where p.key = $1 and e.key = $2",
        project.as_str(),
        key.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Writes an environment, new or changed.
///
/// # Errors
/// The database's; [`StoreError::Taken`] with `environments_key_unique`.
pub async fn put_environment(
    conn: &mut PgConnection,
    environment: &Environment,
    stamp: &Stamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into environments (id, project_id, key, name, color, sort_order, protected, comment_required,
             minimum_role, secure_mode, version_base, archived, last_epoch, last_revision,
             created_by, updated_by, created_at, updated_at, class)
         select $1, p.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
         from project p where p.key = $2
         on conflict (id) do update set name = excluded.name, color = excluded.color,
             sort_order = excluded.sort_order, protected = excluded.protected,
             comment_required = excluded.comment_required, minimum_role = excluded.minimum_role,
             secure_mode = excluded.secure_mode, version_base = excluded.version_base,
             class = excluded.class,
             archived = excluded.archived, last_epoch = excluded.last_epoch,
             last_revision = excluded.last_revision, updated_by = excluded.updated_by,
             updated_at = excluded.updated_at",
        environment.id,
        environment.project.as_str(),
        environment.key.as_str(),
        environment.name,
        environment.color,
        environment.order,
        environment.protected,
        environment.comment_required,
        environment.minimum_role.map(shared::access::Role::as_str),
        environment.secure_mode,
        environment.version_base,
        environment.archived,
        stamp.last.epoch.0,
        stamp.last.revision.0,
        stamp.created_by,
        stamp.updated_by,
        stamp.created_at,
        stamp.updated_at,
        environment.class.map(shared::project::EnvironmentClass::as_str)
    )
    .execute(conn)
    .await?;
    Ok(())
}
