//! ROOF: the connection to a daemon: requests, the feed, and how the way there is made.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

mod answer;
mod dial;
mod exchange;
pub mod feed;
mod pool;
mod ssh;
pub mod step;
pub mod target;
mod tls;

pub use feed::FeedHandle;
pub use step::{Outcome, Step, StepEvent, Watch};
pub use target::{Credential, Target, Tls};

use crate::request::{Answer, Failure, FeedEvent, Request};
use dial::Dialler;
use pool::Pool;

/// A way to one daemon. Clones share the connections, and the tunnel of `ssh`; it ends with the last of them.
#[derive(Clone)]
pub struct Client {
    dialler: Arc<Dialler>,
    pool: Arc<Pool>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("target", self.dialler.target()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of `target`. Nothing is dialled before it is needed.
    #[must_use]
    pub fn new(target: Target, credential: Credential) -> Self {
        let dialler = Arc::new(Dialler::new(target, credential));
        Self { pool: Arc::new(Pool::new(Arc::clone(&dialler))), dialler }
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        self.dialler.target()
    }

    /// Makes a new connection step by step and asks who we are (`GET /api/me`, the answer).
    ///
    /// # Errors
    /// The step that failed was told to `watch`, too.
    pub async fn connect(&self, watch: &Watch) -> Result<Answer, Failure> {
        self.pool.open(watch).await.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let mut step = watch.begin(Step::Identifying, "asking who we are");
        let answer = self.send(Request::get("/api/me")).await;
        match &answer {
            Ok(answer) => {
                let name = answer.body.get("principal").and_then(shared::json::Json::as_str);
                step.done(name.unwrap_or("nobody"));
            }
            Err(failure) => step.failed(&failure.to_string()),
        }
        answer
    }

    /// Does one request. Dropping the future takes it back, unless it is on its way already.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] where nothing was sent, [`Failure::Lost`] where the answer did not come.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        Ok(exchange::exchange(&self.pool, &request, None).await?.0)
    }

    /// The same, with another media type in `Accept` and the headers of the answer. A body that is not JSON comes as
    /// one string.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_accepting(
        &self,
        request: Request,
        accept: &str,
    ) -> Result<(Answer, http::HeaderMap), Failure> {
        exchange::exchange(&self.pool, &request, Some(accept)).await
    }

    /// Opens the feed and keeps it open until `cancel`, or until nobody takes its events any more.
    ///
    /// It starts after `since` (a position), or now. Must be called within a tokio runtime.
    #[must_use]
    pub fn feed(
        &self,
        topics: Vec<String>,
        since: Option<String>,
        out: mpsc::Sender<FeedEvent>,
        cancel: CancellationToken,
    ) -> FeedHandle {
        feed::start(Arc::clone(&self.dialler), topics, since, out, cancel, feed::Pace::default())
    }

    /// Forgets the connections that are open and idle, such as after the machine slept.
    pub fn forget_connections(&self) {
        self.pool.clear();
    }
}
