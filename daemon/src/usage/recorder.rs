//! Takes what is reported: short locks, no waiting, bounded memory.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use shared::json::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::kept::kept;
use super::payloads::Payloads;
use super::queue::Queue;
use super::reservoir::Reservoir;
use super::room::{Counter, Outcome, Room};
use super::{Evaluation, LONGEST_RULE, Settings, Source};
use crate::clock::Clock;
use crate::store::usage::{Batch, Counted, Evaluated, SeenContext};

/// How far back a report may lie; what SDKs hold back they hold back for minutes at most.
const LATE: time::Duration = time::Duration::HOUR;
/// The most counters that wait in all environments together.
const MOST_WAITING: usize = 500_000;
/// How many rows one statement adds.
const ROWS: usize = 10_000;
/// The highest index of a variation: a flag has at most 100.
const LAST_VARIATION: usize = 99;
/// The most that one counter of one batch says, so that sums of them stay numbers.
const MOST_COUNTED: u64 = 1_000_000_000_000;

#[derive(Debug, Default)]
struct Environment {
    room: Mutex<Room>,
    contexts: Mutex<Reservoir>,
}

/// What was reported to this daemon, and what every daemon knows of last evaluations.
pub struct Usage {
    /// How counting is done.
    pub settings: Settings,
    /// Which payloads were taken already.
    pub payloads: Payloads,
    /// What was accepted and waits to be read.
    pub queue: Queue,
    /// Held by whoever reads the database and this together, against a batch that moves meanwhile.
    pub(super) moving: tokio::sync::RwLock<()>,
    clock: Arc<dyn Clock>,
    daemon: Uuid,
    number: AtomicI64,
    environments: RwLock<HashMap<Uuid, Arc<Environment>>>,
    /// Batches whose outcome is not known yet, the oldest first.
    sent: Mutex<VecDeque<Arc<Batch>>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shed(what: &'static str, count: u64) {
    metrics::counter!("flagstaff_usage_shed_total", "what" => what).increment(count);
}

fn time(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl Usage {
    /// Nothing is known yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            payloads: Payloads::default(),
            queue: Queue::default(),
            moving: tokio::sync::RwLock::new(()),
            daemon: clock.uuid(),
            clock,
            number: AtomicI64::new(0),
            environments: RwLock::default(),
            sent: Mutex::default(),
        }
    }

    fn environment(&self, id: Uuid) -> Arc<Environment> {
        if let Some(known) = self.known(id) {
            return known;
        }
        let mut all = self.environments.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(id).or_default())
    }

    fn known(&self, id: Uuid) -> Option<Arc<Environment>> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn all(&self) -> Vec<(Uuid, Arc<Environment>)> {
        let all = self.environments.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(id, environment)| (*id, Arc::clone(environment))).collect()
    }

    /// Counts evaluations in an environment (`Environment::id`).
    pub fn record(&self, environment: Uuid, evaluation: &Evaluation<'_>) {
        self.record_all(environment, std::slice::from_ref(evaluation));
    }

    /// The same for many at once.
    pub fn record_all(&self, environment: Uuid, evaluations: &[Evaluation<'_>]) {
        if !self.settings.enabled || evaluations.is_empty() {
            return;
        }
        let now = self.clock.now();
        let place = self.environment(environment);
        let mut room = held(&place.room);
        for evaluation in evaluations.iter().filter(|evaluation| evaluation.count > 0) {
            // The clock of whoever reports may be anywhere.
            let at = if evaluation.at > now || now - evaluation.at > LATE { now } else { evaluation.at };
            let variation = match evaluation.variation {
                Some(index) if index <= LAST_VARIATION => i32::try_from(index).unwrap_or(-1),
                Some(_) => {
                    shed("counter", evaluation.count);
                    continue;
                }
                None => -1,
            };
            let rule = evaluation.rule.filter(|rule| rule.len() <= LONGEST_RULE && !rule.contains('\0'));
            let counter = Counter {
                config: evaluation.config,
                minute: at.unix_timestamp().div_euclid(60),
                variation,
                version: evaluation.version.unwrap_or(0).max(0),
                kind: evaluation.kind,
                rule: rule.map_or_else(Arc::default, Arc::from),
            };
            room.evaluated(evaluation.config, at.unix_timestamp());
            let minute = now.unix_timestamp().div_euclid(60);
            if room.count(counter, evaluation.count, minute, self.settings.most_counters) == Outcome::Shed {
                shed("counter", evaluation.count);
            }
        }
    }

    /// A context was seen in an environment.
    pub fn saw(&self, environment: Uuid, context: &Json, source: Source) {
        if !self.settings.enabled || !self.settings.contexts {
            return;
        }
        let Some(kept) = kept(context) else { return };
        let place = self.environment(environment);
        held(&place.contexts).keep(kept, source, self.clock.now(), self.settings.most_contexts);
    }

    /// When a configuration (`FlagConfig::id`) was last evaluated in its environment, as far as is known here.
    pub fn last_evaluated(&self, environment: Uuid, config: Uuid) -> Option<OffsetDateTime> {
        held(&self.known(environment)?.room).last(config).map(time)
    }

    /// Changes when a last evaluation in one of these environments moves to another minute; 0 = there are none.
    pub fn digest(&self, environments: impl IntoIterator<Item = Uuid>) -> u64 {
        let digests = environments.into_iter().filter_map(|id| Some(held(&self.known(id)?.room).digest()));
        digests.fold(0, |sum, one| sum ^ one)
    }

    /// The last evaluations that the database tells of.
    pub(super) fn learn(&self, rows: &[Evaluated]) {
        for row in rows {
            let place = self.environment(row.environment);
            held(&place.room).learned(row.config, row.at.unix_timestamp());
        }
    }

    /// The oldest batch that is not in the database yet; a new one where there is none and something waits.
    pub(super) fn next_batch(&self) -> Option<Arc<Batch>> {
        let mut sent = held(&self.sent);
        if sent.is_empty() {
            sent.extend(self.cut());
        }
        sent.front().cloned()
    }

    /// The oldest batch is in the database, or will never be.
    pub(super) fn done(&self, batch: &Batch) {
        let mut sent = held(&self.sent);
        if sent.front().is_some_and(|first| first.number == batch.number) {
            sent.pop_front();
        }
    }

    /// Puts what waits into batches.
    fn cut(&self) -> Vec<Arc<Batch>> {
        let (mut counted, mut evaluated, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
        for (id, environment) in self.all() {
            let (counters, news) = held(&environment.room).take();
            let room = MOST_WAITING.saturating_sub(counted.len());
            shed("counter", counters.len().saturating_sub(room) as u64);
            counted.extend(counters.into_iter().take(room));
            evaluated.extend(news.into_iter().map(|(config, at)| Evaluated {
                config,
                environment: id,
                at: time(at),
            }));
            held(&environment.contexts).take_fresh(id, &mut contexts);
        }
        // Daemons that write the same rows take them in the same order, and so never wait in a circle.
        counted.sort_unstable();
        evaluated.sort_unstable_by_key(|row| row.config);
        contexts
            .sort_unstable_by(|a, b| (a.environment, &a.kind, &a.key).cmp(&(b.environment, &b.kind, &b.key)));
        let (mut counted, mut evaluated, mut contexts) = (
            counted.into_iter().map(row).peekable(),
            evaluated.into_iter().peekable(),
            contexts.into_iter().peekable(),
        );
        let mut batches = Vec::new();
        while counted.peek().is_some() || evaluated.peek().is_some() || contexts.peek().is_some() {
            batches.push(Arc::new(Batch {
                daemon: self.daemon,
                number: self.number.fetch_add(1, Ordering::AcqRel) + 1,
                counted: counted.by_ref().take(ROWS).collect(),
                evaluated: evaluated.by_ref().take(ROWS).collect(),
                contexts: contexts.by_ref().take(ROWS).collect(),
            }));
        }
        batches
    }

    /// What was counted of a configuration and is not in the database yet.
    pub(super) fn waiting(&self, environment: Uuid, config: Uuid) -> Vec<Counted> {
        let sent: Vec<Arc<Batch>> = held(&self.sent).iter().cloned().collect();
        let mine = sent.iter().flat_map(|batch| &batch.counted).filter(|row| row.config == config).cloned();
        let fresh = self.known(environment).map(|place| held(&place.room).waiting_of(config));
        mine.chain(fresh.into_iter().flatten().map(row)).collect()
    }

    /// The contexts of an environment that this daemon saw itself.
    pub(super) fn seen(&self, environment: Uuid) -> Vec<SeenContext> {
        self.known(environment).map_or_else(Vec::new, |place| held(&place.contexts).all(environment))
    }
}

fn row((counter, count): (Counter, u64)) -> Counted {
    Counted {
        config: counter.config,
        at: time(counter.minute.saturating_mul(60)),
        variation: counter.variation,
        version: counter.version,
        reason: counter.kind.as_str().to_owned(),
        rule: counter.rule.to_string(),
        count: i64::try_from(count.min(MOST_COUNTED)).unwrap_or(0),
    }
}
