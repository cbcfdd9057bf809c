//! The way out: nothing new, requests under way finish, streams end one by one.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A handle on the end of the process; clones mean the same end.
#[derive(Clone, Debug)]
pub struct Drain {
    going: CancellationToken,
    gone: CancellationToken,
    spread: Duration,
}

impl Drain {
    /// A process that isn't going; its streams would end spread over `spread`.
    pub fn new(spread: Duration) -> Self {
        Self { going: CancellationToken::new(), gone: CancellationToken::new(), spread }
    }

    /// Starts to go: `/health/ready` says no, listeners close, requests under way finish, streams end.
    pub fn begin(&self) {
        self.going.cancel();
    }

    /// Drops what is still open.
    pub fn cut(&self) {
        self.going.cancel();
        self.gone.cancel();
    }

    /// Whether the process is going; then it isn't ready, and a new write is refused.
    pub fn is_going(&self) -> bool {
        self.going.is_cancelled()
    }

    /// Ends when the process starts to go.
    pub fn going(&self) -> impl Future<Output = ()> + Send + 'static {
        self.going.clone().cancelled_owned()
    }

    /// Ends when whatever is still open is dropped.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        self.gone.clone().cancelled_owned()
    }

    /// Ends when *this* stream should: each stream waits a moment of its own, so that the clients
    /// of this daemon don't all come back to the next one at once.
    pub fn stream_end(&self) -> impl Future<Output = ()> + Send + 'static {
        let (going, gone, spread) = (self.going(), self.gone(), self.spread);
        async move {
            going.await;
            let wait = spread.mul_f64(rand::random::<f64>());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = gone => {}
            }
        }
    }

    /// How long all streams together take to end.
    pub fn spread(&self) -> Duration {
        self.spread
    }

    /// Begins at SIGTERM or SIGINT, and cuts at the second one.
    ///
    /// # Errors
    /// The system refuses the handlers.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let drain = self.clone();
        tokio::spawn(async move {
            for turn in 0..2 {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if turn == 0 {
                    tracing::info!(
                        "stopping: requests under way finish, streams end; a second signal stops at once"
                    );
                    drain.begin();
                } else {
                    tracing::warn!("stopping at once");
                    drain.cut();
                }
            }
        });
        Ok(())
    }
}
