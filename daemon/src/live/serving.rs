//! Environments as SDKs are served them: made once a change, shared by every stream and poll.
//!
//! A connection is a cursor: it holds the environment that it told last, and asks for the steps from there to
//! the newest. Whoever fell off the ring of steps, or out of the epoch, is told everything again.

use std::cmp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use imbl::OrdMap;
use shared::access::SdkCredential;
use shared::eval::Ruleset;
use shared::json::Json;
use shared::key::{FlagKey, SegmentKey};
use shared::revision::Position;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Live;
use super::catalog::{Access, EnvironmentState, Place, Served, ServedSegment, affected};
use super::feed::Limits;

/// Which bytes of an environment or a step: each is made when first asked for, then shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The first event of LaunchDarkly's server-side stream, or the events of a step.
    All,
    /// The same of the older stream of flags alone.
    Flags,
    /// The polled document.
    Latest,
    /// The same, compressed.
    LatestGzip,
    /// The polled flags alone.
    FlagMap,
    /// The first events of the second protocol's stream, or the events of a step.
    Objects,
    /// The second protocol's polled document.
    ObjectsPoll,
    /// The same, compressed.
    ObjectsPollGzip,
}

const PIECES: usize = 8;

/// The bytes of one state, by piece.
#[derive(Debug, Default)]
struct Pieces {
    made: [Mutex<Option<Bytes>>; PIECES],
    retired: AtomicBool,
}

impl Pieces {
    fn get(&self, piece: Piece, make: impl FnOnce() -> Bytes) -> Bytes {
        let Some(slot) = self.made.get(piece as usize) else { return make() };
        // Held while the bytes are made: whoever else wants them waits for these.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = &*slot {
            return bytes.clone();
        }
        let bytes = make();
        if !self.retired.load(Ordering::Acquire) {
            *slot = Some(bytes.clone());
        }
        bytes
    }

    /// Lets go of the bytes: a client that is stuck keeps its state, and must not keep megabytes with it.
    fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        for slot in &self.made {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// An environment as it is served from one change to the next.
#[derive(Debug)]
pub struct ServedEnvironment {
    /// Where it is.
    pub place: Place,
    /// Counts the states of this environment in this process.
    pub serial: u64,
    /// The epoch, and the last revision that touched it: the same in every daemon.
    pub position: Position,
    /// What it serves.
    pub state: Arc<EnvironmentState>,
    /// What led here from the state before.
    step: Option<Arc<Step>>,
    pieces: Pieces,
}

impl ServedEnvironment {
    /// The flags and segments that evaluate, linked when first asked for.
    pub fn rules(&self) -> &Ruleset {
        self.state.rules()
    }

    /// Bytes of this state, made at most once.
    pub fn piece(&self, piece: Piece, make: impl FnOnce() -> Bytes) -> Bytes {
        self.pieces.get(piece, make)
    }

    /// The environment-wide version on wires of client-side SDKs: it rises with every change.
    pub fn version(&self) -> i64 {
        self.state.stored.row.version_base.saturating_add(self.state.revision.0)
    }

    fn new(place: Place, serial: u64, epoch: i64, state: &Arc<EnvironmentState>) -> Self {
        Self {
            place,
            serial,
            position: Position::new(epoch, state.revision.0),
            state: Arc::clone(state),
            step: None,
            pieces: Pieces::default(),
        }
    }
}

/// What one change did to an environment.
#[derive(Debug)]
pub struct Step {
    /// The serial of the environment that it leads to.
    pub serial: u64,
    /// The position that it leads to.
    pub position: Position,
    /// The version that it leads to, as [`ServedEnvironment::version`].
    pub version: i64,
    /// The flags whose document is new, or that are gone.
    pub flags: Vec<(FlagKey, Item<Served>)>,
    /// The segments whose document is new, or that are gone.
    pub segments: Vec<(SegmentKey, Item<ServedSegment>)>,
    /// The flags whose result may differ, those that rest on a changed one included.
    pub affected: BTreeSet<FlagKey>,
    /// About how many bytes it keeps alive.
    weight: usize,
    pieces: Pieces,
}

impl Step {
    /// Bytes of this step, made at most once.
    pub fn piece(&self, piece: Piece, make: impl FnOnce() -> Bytes) -> Bytes {
        self.pieces.get(piece, make)
    }

    /// Several steps as one: of each key only what became of it in the end. `None` for no steps.
    pub fn merged(steps: &[Arc<Self>]) -> Option<Self> {
        let last = steps.last()?;
        let (mut flags, mut segments) = (BTreeMap::new(), BTreeMap::new());
        let mut affected = BTreeSet::new();
        for step in steps {
            flags.extend(step.flags.iter().map(|(key, item)| (key, item)));
            segments.extend(step.segments.iter().map(|(key, item)| (key, item)));
            affected.extend(step.affected.iter().cloned());
        }
        Some(Self {
            serial: last.serial,
            position: last.position,
            version: last.version,
            flags: flags.into_iter().map(|(key, item)| (key.clone(), item.clone())).collect(),
            segments: segments.into_iter().map(|(key, item)| (key.clone(), item.clone())).collect(),
            affected,
            weight: steps.iter().map(|step| step.weight).sum(),
            pieces: Pieces::default(),
        })
    }
}

/// What became of a flag or segment.
#[derive(Debug)]
pub enum Item<T> {
    /// It is new or changed.
    Put(Arc<T>),
    /// It is gone; the version is higher than any that was told of it.
    Gone {
        /// That version.
        version: i64,
    },
}

impl<T> Item<T> {
    fn document<'t>(&'t self, of: impl FnOnce(&'t T) -> &'t Json) -> Option<&'t Json> {
        match self {
            Self::Put(thing) => Some(of(thing)),
            Self::Gone { .. } => None,
        }
    }
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Put(thing) => Self::Put(Arc::clone(thing)),
            Self::Gone { version } => Self::Gone { version: *version },
        }
    }
}

/// What a stream that told one state has to tell of another.
#[derive(Debug)]
pub enum Change {
    /// These steps, in order; none where nothing differs.
    Steps(Vec<Arc<Step>>),
    /// Everything, anew.
    Everything,
}

struct Channel {
    head: watch::Sender<Arc<ServedEnvironment>>,
    steps: VecDeque<Arc<Step>>,
    weight: usize,
    /// Where the oldest step of the ring begins.
    tail: Position,
}

/// The environments that somebody was served, and who waits for their changes.
pub struct Serving {
    live: Arc<Live>,
    ring: Limits,
    channels: Mutex<BTreeMap<Place, Channel>>,
    access: watch::Sender<Arc<Access>>,
}

impl Serving {
    /// Serves what is in `live`, with a ring of these limits an environment; [`Serving::follow`] moves it.
    pub fn new(live: Arc<Live>, ring: Limits) -> Self {
        let access = watch::Sender::new(Arc::clone(&live.catalog().access));
        Self { live, ring, channels: Mutex::default(), access }
    }

    /// Moves every environment on whenever the catalog moves, until told to stop.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut moves = self.live.feed().watch();
        loop {
            self.advance();
            tokio::select! {
                () = stop.cancelled() => return,
                moved = moves.changed() => if moved.is_err() { return },
            }
        }
    }

    /// An environment as it stands now; `None` where there is none, or it is archived.
    pub fn environment(&self, place: &Place) -> Option<Arc<ServedEnvironment>> {
        self.channel(place).map(|head| Arc::clone(&head.borrow()))
    }

    /// An environment, and word of each change of it; `None` as above.
    pub fn subscribe(&self, place: &Place) -> Option<watch::Receiver<Arc<ServedEnvironment>>> {
        self.channel(place)
    }

    /// Word of each change of roles, tokens and credentials.
    pub fn access(&self) -> watch::Receiver<Arc<Access>> {
        self.access.subscribe()
    }

    /// The environment of a credential, as it stands now.
    pub fn of(&self, credential: &SdkCredential) -> Option<Arc<ServedEnvironment>> {
        self.environment(&(credential.project.clone(), credential.environment.clone()))
    }

    /// What leads from one state of an environment to another.
    pub fn change(&self, from: &ServedEnvironment, to: &ServedEnvironment) -> Change {
        // What nearly every wake finds, without the lock that ten thousand of them would wait for.
        if let Some(step) = &to.step
            && from.position.epoch == to.position.epoch
            && from.serial.checked_add(1) == Some(to.serial)
        {
            return Change::Steps(vec![Arc::clone(step)]);
        }
        self.since(from.position, to)
    }

    /// What leads from a position that a client remembers to a state of the environment.
    pub fn since(&self, from: Position, to: &ServedEnvironment) -> Change {
        if from.epoch != to.position.epoch || from > to.position {
            return Change::Everything;
        }
        if from == to.position {
            return Change::Steps(Vec::new());
        }
        let channels = self.held();
        match channels.get(&to.place) {
            Some(channel) if channel.tail <= from => {
                let begin = channel.steps.partition_point(|step| step.position <= from);
                let end = channel.steps.partition_point(|step| step.serial <= to.serial);
                Change::Steps(channel.steps.range(begin..end.max(begin)).cloned().collect())
            }
            _ => Change::Everything,
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Place, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, place: &Place) -> Option<watch::Receiver<Arc<ServedEnvironment>>> {
        let mut channels = self.held();
        let catalog = self.live.catalog();
        let state = catalog.environments.get(place).filter(|state| !state.stored.row.archived)?;
        if let Some(channel) = channels.get_mut(place) {
            channel.advance(catalog.position.epoch.0, state, self.ring);
            return Some(channel.head.subscribe());
        }
        let first = ServedEnvironment::new(place.clone(), 0, catalog.position.epoch.0, state);
        let tail = first.position;
        let head = watch::Sender::new(Arc::new(first));
        let channel = Channel { head, steps: VecDeque::new(), weight: 0, tail };
        let receiver = channel.head.subscribe();
        channels.insert(place.clone(), channel);
        Some(receiver)
    }

    /// Moves what is served to where the catalog is.
    fn advance(&self) {
        let mut channels = self.held();
        let catalog = self.live.catalog();
        // First of all: whoever may hear no more must not hear the change that says so.
        self.access.send_if_modified(|access| {
            let new = !Arc::ptr_eq(access, &catalog.access);
            if new {
                *access = Arc::clone(&catalog.access);
            }
            new
        });
        // Without its channel a stream of an archived environment ends.
        channels.retain(|place, channel| {
            match catalog.environments.get(place).filter(|state| !state.stored.row.archived) {
                Some(state) => {
                    channel.advance(catalog.position.epoch.0, state, self.ring);
                    true
                }
                None => false,
            }
        });
    }
}

impl Channel {
    fn advance(&mut self, epoch: i64, state: &Arc<EnvironmentState>, ring: Limits) {
        let before = Arc::clone(&self.head.borrow());
        let place = before.place.clone();
        let same_epoch = before.position.epoch.0 == epoch;
        // A reader may have been quicker than the follower's word.
        if same_epoch && (Arc::ptr_eq(&before.state, state) || state.revision < before.state.revision) {
            return;
        }
        if same_epoch && state.revision == before.state.revision {
            // A name or the like: nothing that a stream tells.
            let mut same = ServedEnvironment::new(place, before.serial, epoch, state);
            same.step = before.step.clone();
            self.head.send_replace(Arc::new(same));
            before.pieces.retire();
            return;
        }
        let mut next = ServedEnvironment::new(place, before.serial + 1, epoch, state);
        if same_epoch {
            let step = Arc::new(step(&before, &next));
            self.weight += step.weight;
            next.step = Some(Arc::clone(&step));
            self.steps.push_back(step);
            while self.steps.len() > 1 && (self.steps.len() > ring.revisions || self.weight > ring.bytes) {
                let Some(old) = self.steps.pop_front() else { break };
                self.weight -= old.weight;
                self.tail = old.position;
            }
        } else {
            self.steps.clear();
            self.weight = 0;
            self.tail = next.position;
        }
        self.head.send_replace(Arc::new(next));
        before.pieces.retire();
    }
}

fn step(before: &ServedEnvironment, next: &ServedEnvironment) -> Step {
    let (old, new) = (&before.state, &next.state);
    let mut flags = Vec::new();
    differing(&old.configs, &new.configs, |key, was, is| match (was, is) {
        (Some(was), Some(is)) if was.document == is.document => {}
        (_, Some(is)) => flags.push((key.clone(), Item::Put(Arc::clone(is)))),
        (Some(was), None) => {
            let told = was.stored.row.version + 1;
            let version = new.resting.get(key).map_or(told, |rests| rests.stored.row.version.max(told));
            flags.push((key.clone(), Item::Gone { version }));
        }
        (None, None) => {}
    });
    let mut segments = Vec::new();
    let lives = |segment: &Arc<ServedSegment>| !segment.stored.row.archived;
    differing(&old.segments, &new.segments, |key, was, is| {
        match (was.filter(|was| lives(was)), is.filter(|is| lives(is))) {
            (Some(was), Some(is)) if was.document == is.document => {}
            (_, Some(is)) => segments.push((key.clone(), Item::Put(Arc::clone(is)))),
            (Some(was), None) => {
                let told = was.stored.row.version + 1;
                let version = is.map_or(told, |rests| rests.stored.row.version.max(told));
                segments.push((key.clone(), Item::Gone { version }));
            }
            (None, None) => {}
        }
    });
    let touched_flags = flags.iter().map(|(key, _)| key.clone()).collect();
    let touched_segments = segments.iter().map(|(key, _)| key.clone()).collect();
    let documents = flags
        .iter()
        .filter_map(|(_, item)| item.document(|served| &served.document))
        .chain(segments.iter().filter_map(|(_, item)| item.document(|served| &served.document)));
    let weight = documents.map(|document| document.to_text().len()).sum::<usize>() + 256;
    Step {
        serial: next.serial,
        position: next.position,
        version: next.version(),
        affected: affected(new, &touched_flags, &touched_segments),
        flags,
        segments,
        weight,
        pieces: Pieces::default(),
    }
}

/// Calls `each` for every key under which two maps do not hold the very same thing.
fn differing<K: Ord + Clone, T>(
    old: &OrdMap<K, Arc<T>>,
    new: &OrdMap<K, Arc<T>>,
    mut each: impl FnMut(&K, Option<&Arc<T>>, Option<&Arc<T>>),
) {
    let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return,
            (Some(_), None) => cmp::Ordering::Less,
            (None, Some(_)) => cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let was = if order.is_le() { left.next() } else { None };
        let is = if order.is_ge() { right.next() } else { None };
        match (was, is) {
            (Some((_, a)), Some((_, b))) if Arc::ptr_eq(a, b) => {}
            (Some((key, _)), _) | (None, Some((key, _))) => {
                each(key, was.map(|(_, value)| value), is.map(|(_, value)| value));
            }
            (None, None) => {}
        }
    }
}
