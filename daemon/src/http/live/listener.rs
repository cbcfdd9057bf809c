//! Who listens: the caller of a stream, asked again for as long as it lasts.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{Request, header};
use shared::api::problem::ProblemKind;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::identity;
use crate::http::request::Asked;
use crate::live::catalog::{Access, Catalog};
use crate::live::clients::{Guard, Introduction, Protocol};
use crate::net::peer::Peer;
use crate::net::request::RequestId;
use crate::service::Caller;

/// The caller of a stream.
pub struct Listener {
    /// What handlers share.
    pub state: AppState,
    /// Who it is now.
    pub caller: Caller,
    /// What the client calls itself.
    name: Option<String>,
    /// What the caller is known by.
    parts: Parts,
    /// The access that the caller was last judged by.
    access: Arc<Access>,
}

/// A request for a stream.
pub struct Listening {
    /// The request.
    pub asked: Asked,
    /// Its caller, for as long as the stream lasts.
    pub listener: Listener,
}

impl FromRequestParts<AppState> for Listening {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let asked = Asked::from_request_parts(parts, state).await?;
        // What the connection itself put there, like the way to upgrade it, must not live on with us.
        let mut kept = Request::new(()).into_parts().0;
        kept.uri = parts.uri.clone();
        kept.headers = parts.headers.clone();
        if let Some(peer) = parts.extensions.get::<Peer>() {
            kept.extensions.insert(peer.clone());
        }
        if let Some(path) = parts.extensions.get::<MatchedPath>() {
            kept.extensions.insert(path.clone());
        }
        if let Some(id) = parts.extensions.get::<RequestId>() {
            kept.extensions.insert(id.clone());
        }
        let listener = Listener {
            state: state.clone(),
            caller: asked.cx.caller.clone(),
            name: asked.text("name").map(ToOwned::to_owned),
            parts: kept,
            access: Arc::clone(&asked.catalog.access),
        };
        Ok(Self { asked, listener })
    }
}

impl Listener {
    /// Finds out again who is calling, where that may have changed: roles, tokens or credentials were
    /// touched, or time has passed that a token does not outlive.
    ///
    /// # Errors
    /// The caller is not known any more: the stream ends.
    pub fn recheck(&mut self, catalog: &Catalog) -> Result<(), ApiError> {
        let same = Arc::ptr_eq(&self.access, &catalog.access);
        // Without a token nothing expires.
        if same && !self.parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        self.caller = identity::caller(&self.state, catalog, &self.parts)?;
        self.access = Arc::clone(&catalog.access);
        Ok(())
    }

    /// Puts the caller on the register of connected clients.
    pub fn register(&self, protocol: Protocol) -> Guard {
        let address = match self.parts.extensions.get::<Peer>() {
            Some(Peer::Tcp(address)) => address.to_string(),
            Some(Peer::Unix { .. }) => "unix".to_owned(),
            None => "unknown".to_owned(),
        };
        let agent = self.parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        self.state.live.clients().register(Introduction {
            protocol,
            principal: self.caller.principal.clone(),
            address,
            user_agent: agent.map(ToOwned::to_owned),
            name: self.name.clone(),
            since: self.state.clock.now(),
        })
    }

    /// That a page which a browser shows may listen: a WebSocket is not held to CORS, so that we look.
    ///
    /// # Errors
    /// 403 naming the origin.
    pub fn origin(&self) -> Result<(), ApiError> {
        let allowed = &self.state.config.http.cors_origin;
        match self.parts.headers.get(header::ORIGIN).map(|v| v.to_str().unwrap_or("?")) {
            Some(origin) if !allowed.iter().any(|o| o == "*" || o == origin) && !self.own(origin) => {
                Err(ApiError::new(
                    ProblemKind::Forbidden,
                    format!("pages of {origin} may not listen; http.cors_origin lists those that may"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether a page came from this daemon.
    fn own(&self, origin: &str) -> bool {
        let host = self.parts.headers.get(header::HOST).and_then(|v| v.to_str().ok());
        host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, from)| from == host))
    }
}
