//! One stream to one SDK: everything first, then each change, until it ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use rand::{Rng, RngExt};
use shared::access::{CredentialKind, SdkCredential};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep};

use super::asked::SdkAsked;
use super::refused::Refused;
use crate::http::AppState;
use crate::live::catalog::Access;
use crate::live::clients::{Guard, Introduction, Protocol};
use crate::live::deliveries::{Lease, Turn};
use crate::live::serving::{Change, ServedEnvironment, Step};
use crate::net::peer::Peer;
use crate::service::credentials;

/// Bytes that many clients share are handed over in slices of this size: what a connection keeps of them
/// while its client is slow is one slice.
const SLICE: usize = 64 * 1024;
/// Whoever is further behind than this is told of each key once.
const FAR_BEHIND: usize = 32;
/// Environments with more flags and segments than this are encoded where it holds up nobody else.
const LARGE: usize = 200;
/// How far the age at which a stream ends is spread, to either side.
const SPREAD: f64 = 0.1;
/// The comment that keeps a stream's proxies awake.
const HEARTBEAT: &[u8] = b":\n\n";

/// Why a stream that could go on ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// The daemon stops.
    Drain,
    /// The stream is old enough for its client to look for another daemon.
    Age,
}

/// What one protocol writes on its streams.
pub trait Wire: Send + 'static {
    /// The events that make a client current that knows nothing.
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes>;

    /// The events that lead a client from the state that it was told last to a newer one: these steps, in
    /// order, at least one. Nothing where the protocol has nothing to tell of them.
    fn steps(
        &mut self,
        from: &Arc<ServedEnvironment>,
        to: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes>;

    /// The events that replace whatever a client holds, where steps cannot lead on: a gap, or an epoch.
    fn anew(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        self.first(served)
    }

    /// The last event of a stream that ends although its client may go on elsewhere.
    fn goodbye(&mut self, leaving: Leaving) -> Option<Bytes> {
        let _ = leaving;
        None
    }
}

/// Who opens a stream, beside the credential: what the register of clients shows.
#[derive(Clone, Debug)]
pub struct Visitor {
    peer: Option<Peer>,
    agent: Option<String>,
    version: Version,
}

impl Visitor {
    /// The name of the SDK in its `User-Agent`, like `NodeJSClient`; browsers have a header of their own.
    fn name(&self) -> Option<String> {
        let agent = self.agent.as_deref()?;
        Some(agent.split('/').next().unwrap_or(agent).to_owned())
    }
}

fn agent(headers: &HeaderMap) -> Option<String> {
    ["x-launchdarkly-user-agent", "user-agent"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok().map(str::trim).filter(|agent| !agent.is_empty()))
        .map(ToOwned::to_owned)
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().cloned();
        Ok(Self { peer, agent: agent(&parts.headers), version: parts.version })
    }
}

/// Opens a stream. It is on the register of clients for as long as it lasts, and ends when its credential
/// or environment does, when the daemon stops, and at about `live.stream_age`.
///
/// # Errors
/// 503 where too many wait for their environment already; 404 where it is archived by now.
pub fn open(
    asked: SdkAsked,
    visitor: &Visitor,
    protocol: Protocol,
    wire: impl Wire,
) -> Result<Response, Refused> {
    let id = asked.environment_id();
    let SdkAsked { state, credential, served } = asked;
    // Subscribed before anything is told, so that nothing falls between.
    let head = state.serving.subscribe(&served.place).ok_or_else(Refused::archived)?;
    let access = state.serving.access();
    let turn = state.deliveries.ask().map_err(|_| Refused::Later(rand::random_range(2..=10)))?;
    let client = register(&state, &credential, visitor, protocol);
    let now = Instant::now();
    let (age, heartbeat) = (state.config.live.stream_age, state.config.live.stream_heartbeat);
    let session = Session {
        turn: Some(Box::pin(turn.come())),
        told: None,
        ready: VecDeque::new(),
        lease: None,
        over: false,
        beat_at: now + first_beat(heartbeat, &mut rand::rng()),
        leave_at: now + lifetime(age, &mut rand::rng()),
        timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        end: Box::pin(state.drain.stream_end()),
        head,
        access,
        client,
        credential,
        state,
        wire: Some(wire),
    };
    let mut response = Response::new(Body::from_stream(events(session)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    // nginx would keep the events until it has a page of them.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(HeaderName::from_static("x-ld-envid"), id);
    }
    if visitor.version < Version::HTTP_2 {
        // A client that comes back over the same connection comes back to the same daemon.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// How long a stream lasts: a crowd that came together does not come back together.
fn lifetime(age: Duration, random: &mut impl Rng) -> Duration {
    age.mul_f64(random.random_range(1.0 - SPREAD..=1.0 + SPREAD))
}

/// When a stream beats for the first time, so that a crowd that came together does not beat together.
fn first_beat(heartbeat: Duration, random: &mut impl Rng) -> Duration {
    heartbeat.mul_f64(random.random_range(0.5..=1.0))
}

fn register(state: &AppState, credential: &SdkCredential, visitor: &Visitor, protocol: Protocol) -> Guard {
    let client = state.live.clients().register(Introduction {
        protocol,
        principal: format!("sdk:{}", credential.id),
        address: match &visitor.peer {
            Some(Peer::Tcp(address)) => address.to_string(),
            Some(Peer::Unix { .. }) => "unix".to_owned(),
            None => "unknown".to_owned(),
        },
        user_agent: visitor.agent.clone(),
        name: visitor.name(),
        since: state.clock.now(),
    });
    client.hears(vec![format!("environment:{}/{}", credential.project, credential.environment)]);
    client
}

type Coming = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

struct Session<W> {
    state: AppState,
    credential: Arc<SdkCredential>,
    client: Guard,
    head: watch::Receiver<Arc<ServedEnvironment>>,
    access: watch::Receiver<Arc<Access>>,
    /// Waits for the turn to be told everything.
    turn: Option<Coming>,
    /// The state that was told last.
    told: Option<Arc<ServedEnvironment>>,
    ready: VecDeque<Bytes>,
    /// The turn, until the connection took everything.
    lease: Option<Lease>,
    over: bool,
    beat_at: Instant,
    leave_at: Instant,
    /// One timer for whichever comes first; one that fires early is cheaper than one that is moved often.
    timer: Pin<Box<Sleep>>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Absent only while it works elsewhere.
    wire: Option<W>,
}

fn events<W: Wire>(session: Session<W>) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold(session, |mut session| async move {
        let bytes = session.next().await?;
        Some((Ok(bytes), session))
    })
}

enum Woken {
    Turn(Option<OwnedSemaphorePermit>),
    Access,
    Moved,
    Archived,
    Timer,
    Drain,
}

impl<W: Wire> Session<W> {
    /// The next bytes; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(slice) = self.slice() {
                return Some(slice);
            }
            // The connection asks for more, so that it has handed on what it had.
            self.lease = None;
            if self.over {
                return None;
            }
            match self.woken().await {
                Woken::Turn(permit) => {
                    self.judged()?;
                    // An archived environment has no channel any more.
                    self.head.has_changed().ok()?;
                    self.everything(permit?).await?;
                }
                Woken::Access => self.judged()?,
                Woken::Moved => {
                    self.judged()?;
                    self.moved()?;
                }
                Woken::Timer => self.timed()?,
                Woken::Drain => self.leave(Leaving::Drain),
                Woken::Archived => return None,
            }
        }
    }

    fn slice(&mut self) -> Option<Bytes> {
        let first = self.ready.front_mut()?;
        if first.len() > SLICE {
            return Some(first.split_to(SLICE));
        }
        let slice = self.ready.pop_front();
        if self.ready.is_empty() {
            // An idle stream keeps nothing.
            self.ready = VecDeque::new();
        }
        slice
    }

    async fn woken(&mut self) -> Woken {
        let waiting = self.turn.is_some();
        tokio::select! {
            biased;
            () = &mut self.end => Woken::Drain,
            changed = self.access.changed() => if changed.is_ok() { Woken::Access } else { Woken::Archived },
            permit = came(&mut self.turn) => Woken::Turn(permit),
            moved = self.head.changed(), if !waiting => {
                if moved.is_ok() { Woken::Moved } else { Woken::Archived }
            }
            () = &mut self.timer => Woken::Timer,
        }
    }

    /// Tells everything, with a turn for it.
    async fn everything(&mut self, permit: OwnedSemaphorePermit) -> Option<()> {
        self.turn = None;
        let served = Arc::clone(&self.head.borrow_and_update());
        let again = self.told.is_some();
        let mut wire = self.wire.take()?;
        let large = served.state.configs.len() + served.state.segments.len() > LARGE;
        let make = {
            let served = Arc::clone(&served);
            move || {
                let bytes = if again { wire.anew(&served) } else { wire.first(&served) };
                (wire, bytes)
            }
        };
        let (wire, bytes) = if large { tokio::task::spawn_blocking(make).await.ok()? } else { make() };
        self.wire = Some(wire);
        self.lease = Some(Lease::new(permit, bytes.iter().map(Bytes::len).sum()));
        self.tell(bytes, served);
        Some(())
    }

    /// Tells what changed.
    fn moved(&mut self) -> Option<()> {
        let to = Arc::clone(&self.head.borrow_and_update());
        let from = self.told.clone()?;
        let secure = |served: &ServedEnvironment| served.state.stored.row.secure_mode;
        if self.credential.kind == CredentialKind::ClientSideId && secure(&to) && !secure(&from) {
            // Its client comes back with the hash of its context, or not at all.
            return None;
        }
        let steps = match self.state.serving.change(&from, &to) {
            Change::Everything => {
                // The crowd is as large as after a restart.
                let turn: Turn = self.state.deliveries.ask().ok()?;
                self.turn = Some(Box::pin(turn.come()));
                return Some(());
            }
            Change::Steps(steps) if steps.len() > FAR_BEHIND => {
                Step::merged(&steps).map(Arc::new).into_iter().collect()
            }
            Change::Steps(steps) => steps,
        };
        let bytes = if steps.is_empty() { Vec::new() } else { self.wire.as_mut()?.steps(&from, &to, &steps) };
        self.tell(bytes, to);
        Some(())
    }

    fn tell(&mut self, bytes: Vec<Bytes>, served: Arc<ServedEnvironment>) {
        self.ready.extend(bytes.into_iter().filter(|bytes| !bytes.is_empty()));
        if !self.ready.is_empty() {
            self.beat_at = Instant::now() + self.state.config.live.stream_heartbeat;
        }
        self.client.sent(served.position);
        self.told = Some(served);
    }

    /// Whether the credential still opens the environment.
    fn judged(&self) -> Option<()> {
        let catalog = self.state.live.catalog();
        let credential = catalog.access.credentials.get(&self.credential.hash)?;
        credentials::is_live(credential, self.state.clock.now()).then_some(())
    }

    /// Does what is due, and sets the timer to what is due next.
    fn timed(&mut self) -> Option<()> {
        self.judged()?;
        let now = Instant::now();
        if now >= self.leave_at {
            self.leave(Leaving::Age);
            return Some(());
        }
        if now >= self.beat_at {
            // Not while it waits: a connection that holds bytes does not ask for more, so that a client that
            // takes none could never take its turn, and would keep it from everybody.
            if self.turn.is_none() {
                self.ready.push_back(Bytes::from_static(HEARTBEAT));
            }
            self.beat_at = now + self.state.config.live.stream_heartbeat;
        }
        let mut due = self.beat_at.min(self.leave_at);
        let catalog = self.state.live.catalog();
        let end = catalog.access.credentials.get(&self.credential.hash).and_then(|found| found.expires_at);
        if let Some(end) = end {
            let left = Duration::try_from(end - self.state.clock.now()).unwrap_or_default();
            due = due.min(now + left.max(Duration::from_millis(1)));
        }
        self.timer.as_mut().reset(due);
        Some(())
    }

    fn leave(&mut self, leaving: Leaving) {
        // Whoever was told nothing yet has nothing to take leave of.
        if self.told.is_some() {
            self.ready.extend(self.wire.as_mut().and_then(|wire| wire.goodbye(leaving)));
        }
        self.over = true;
    }
}

/// The turn, when it comes.
async fn came(turn: &mut Option<Coming>) -> Option<OwnedSemaphorePermit> {
    match turn {
        Some(coming) => coming.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const CROWD: u32 = 1_000;

    /// How many of a crowd come into each tenth of what lies between two bounds.
    fn tenths(bounds: (Duration, Duration), draw: impl Fn(&mut StdRng) -> Duration) -> [u32; 10] {
        let mut random = StdRng::seed_from_u64(7);
        let mut tenths = [0; 10];
        for _ in 0..CROWD {
            let drawn = draw(&mut random);
            assert!(bounds.0 <= drawn && drawn <= bounds.1, "{drawn:?} lies outside of {bounds:?}");
            let share = (drawn - bounds.0).div_duration_f64(bounds.1 - bounds.0);
            tenths[((share * 10.0) as usize).min(9)] += 1;
        }
        tenths
    }

    #[test]
    fn streams_that_were_opened_together_end_all_over_a_fifth_of_their_age() {
        let hours = 2 * Duration::from_secs(3_600);
        let bounds = (hours * 9 / 10, hours * 11 / 10);
        for (tenth, count) in tenths(bounds, |random| lifetime(hours, random)).into_iter().enumerate() {
            assert!((60..=140).contains(&count), "{count} of {CROWD} end in tenth {tenth}");
        }
    }

    #[test]
    fn streams_that_were_opened_together_beat_all_over_half_of_a_heartbeat() {
        let beat = Duration::from_secs(25);
        for (tenth, count) in
            tenths((beat / 2, beat), |random| first_beat(beat, random)).into_iter().enumerate()
        {
            assert!((60..=140).contains(&count), "{count} of {CROWD} beat in tenth {tenth}");
        }
    }
}
