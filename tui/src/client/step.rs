//! The steps of a connection as they pass, so that "it hangs" becomes "TLS waits".

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// A step of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A name becomes addresses.
    Resolving,
    /// The socket is opened.
    Connecting,
    /// The TLS handshake.
    Tls,
    /// `ssh` opens its tunnel.
    Ssh,
    /// The daemon says who we are.
    Identifying,
}

impl Step {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Identifying => "identifying",
        }
    }
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has begun.
    Begun,
    /// It is done.
    Done(Duration),
    /// It failed, and the connection with it. The text of the event says why.
    Failed(Duration),
}

/// One thing to tell of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepEvent {
    /// Which one.
    pub step: Step,
    /// How it stands.
    pub outcome: Outcome,
    /// What it is about: `flags.acme.internal`, `TLS 1.3, flags.acme.internal`, or why it failed.
    pub text: String,
}

type Hear = Arc<dyn Fn(StepEvent) + Send + Sync>;

/// Who hears of the steps.
#[derive(Clone)]
pub struct Watch(Option<Hear>);

impl Watch {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self(None)
    }

    /// A function, called from the task that connects.
    pub fn by(hear: impl Fn(StepEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Tells that a step begins; what is returned tells its end.
    pub(crate) fn begin(&self, step: Step, text: &str) -> Running {
        self.tell(step, Outcome::Begun, text);
        Running { watch: self.clone(), step, since: Instant::now(), open: true }
    }

    fn tell(&self, step: Step, outcome: Outcome, text: &str) {
        if let Some(hear) = &self.0 {
            hear(StepEvent { step, outcome, text: text.to_owned() });
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Watch(..)" } else { "Watch" })
    }
}

/// A step under way. Dropped without a word it was given up.
pub(crate) struct Running {
    watch: Watch,
    step: Step,
    since: Instant,
    open: bool,
}

impl Running {
    pub(crate) fn done(&mut self, text: &str) {
        self.open = false;
        self.watch.tell(self.step, Outcome::Done(self.since.elapsed()), text);
    }

    pub(crate) fn failed(&mut self, text: &str) {
        self.open = false;
        self.watch.tell(self.step, Outcome::Failed(self.since.elapsed()), text);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.open {
            self.watch.tell(self.step, Outcome::Failed(self.since.elapsed()), "given up");
        }
    }
}
