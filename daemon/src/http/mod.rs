//! GROUND: the state that handlers share. Handlers parse, call one use case, render.
//!
//! The children import this file; `router` stands on all of them: every route on one screen.

pub mod accounted;
pub mod admin;
pub mod compat;
pub mod error;
pub mod filter;
pub mod health;
pub mod identity;
pub mod live;
pub mod openapi;
pub mod os_users;
pub mod paging;
pub mod past;
pub mod request;
pub mod router;
pub mod schema;
pub mod sdk;
pub mod socketio;
pub mod views;

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::access_log::AccessLog;
use crate::clock::Clock;
use crate::config::Config;
use crate::live::Live;
use crate::live::certain::Certain;
use crate::live::deliveries::Deliveries;
use crate::live::named::Named;
use crate::live::serving::Serving;
use crate::net::drain::Drain;
use crate::secrets::Secrets;
use crate::secure_mode::SecureMode;
use crate::service::findings::Report;
use crate::store::gate::Gate;
use crate::usage::recorder::Usage;

/// A verification of the history.
pub struct Verified {
    /// When it was done.
    pub at: OffsetDateTime,
    /// What it found.
    pub report: Report,
}

/// What handlers share. Every layer and handler of a request has a copy, so that a copy costs one count.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl AppState {
    /// Shares it.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The rooms that handlers reach.
pub struct Shared {
    /// The catalog and the feed.
    pub live: Arc<Live>,
    /// Environments as SDKs are served them.
    pub serving: Arc<Serving>,
    /// Flags with the names of their variations.
    pub named: Arc<Named>,
    /// Who may be sent a whole environment at the moment.
    pub deliveries: Arc<Deliveries>,
    /// Whether the catalog holds everything that was committed.
    pub certain: Arc<Certain>,
    /// The way to the database.
    pub gate: Arc<Gate>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// The configuration.
    pub config: Arc<Config>,
    /// The secrets key, and what is derived from it.
    pub secrets: Arc<Secrets>,
    /// The opened server keys that secure mode checks with.
    pub secure_mode: Arc<SecureMode>,
    /// Denials, log-ins and reads of secrets.
    pub access_log: Arc<AccessLog>,
    /// What SDKs report.
    pub usage: Arc<Usage>,
    /// Turns of questions that may take long: half of the processors are left to everybody else.
    pub questions: Arc<Semaphore>,
    /// The last verification of the history that this daemon was asked for.
    pub verified: Arc<ArcSwapOption<Verified>>,
    /// Whether the daemon is stopping, and when streams end.
    pub drain: Drain,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}
