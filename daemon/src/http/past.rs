//! Looking back: `?at=` a revision or a time makes a read see the catalog of that moment.

use std::sync::Arc;

use shared::access::{Permission, Scope};
use shared::key::ProjectKey;

use super::error::ApiError;
use super::request::Asked;
use crate::live::catalog::Catalog;
use crate::service::history::{self, Moment};
use crate::store::StoreError;

impl Asked {
    /// Lets this request see its project as it was. What the past was is part of the history, so the
    /// caller needs to be one who may read that.
    pub(super) async fn look_back(&mut self, at: &str) -> Result<(), ApiError> {
        let project = self.project_key()?;
        let past = self.catalog_at(&project, at).await?;
        let access = Arc::clone(&self.catalog.access);
        self.catalog = Arc::new(Catalog { access, ..past.as_ref().clone() });
        Ok(())
    }

    /// The catalog of a project as it was at a moment: `4810`, `r4810`, `1.4810` or an RFC 3339 time.
    /// It holds no access rules.
    ///
    /// # Errors
    /// 400 where the moment cannot be read, 404 where nothing was yet, 422 where it has not come yet,
    /// 403, 503.
    pub async fn catalog_at(&self, project: &ProjectKey, at: &str) -> Result<Arc<Catalog>, ApiError> {
        let moment: Moment = at.parse().map_err(|e| ApiError::parameter("at", e))?;
        let environment = self.path("environment").ok();
        let scope = Scope { project: Some(project), environment: environment.as_ref(), minimum_role: None };
        self.allow(Permission::ReadAudit, scope)?;
        let mut conn = self.cx.gate.read().await?;
        let committed = history::committed_at(&self.cx, &mut conn, moment).await?;
        let result = self.state.live.past().catalog(&mut conn, project, &committed).await;
        if let Err(StoreError::Unavailable(_)) = &result {
            self.cx.gate.failed();
        }
        Ok(result?)
    }
}
