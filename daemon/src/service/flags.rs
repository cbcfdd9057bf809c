//! What people do with flags beyond plain writes.

use std::collections::HashSet;

use shared::key::{EnvironmentKey, ProjectKey};

use super::{Cx, Refusal};
use crate::store::{self, StoreError};

/// The keys of the flags whose document in an environment satisfies a jsonpath predicate.
///
/// # Errors
/// The database's; a predicate that is not jsonpath is [`Refusal::Malformed`].
pub async fn matching(
    cx: &Cx,
    project: &ProjectKey,
    environment: &EnvironmentKey,
    predicate: &str,
) -> Result<HashSet<String>, Refusal> {
    let mut conn = cx.gate.read().await?;
    match store::configs::matching(&mut conn, project, environment, predicate).await {
        Ok(keys) => Ok(keys.into_iter().collect()),
        Err(StoreError::Database(error)) => Err(Refusal::Plain(
            shared::api::problem::ProblemKind::Malformed,
            format!("the parameter config must be a jsonpath predicate, like $.on == true: {error}"),
        )),
        Err(error) => Err(error.into()),
    }
}
