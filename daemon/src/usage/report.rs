//! What was counted, for readers: the database's part and what has not got there yet.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::recorder::Usage;
use crate::store::StoreError;
use crate::store::gate::Gate;
use crate::store::usage::{self, Counted, SeenContext};

/// The most counters that are told apart.
const MOST_COUNTERS: usize = 1_000;
/// How long a reader waits for a batch that is on its way.
const STILL: Duration = Duration::from_secs(1);

/// A span of time in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The beginning, of the first step.
    pub from: OffsetDateTime,
    /// The end, of the last step.
    pub to: OffsetDateTime,
    /// The length of a step.
    pub step_seconds: i64,
}

impl Span {
    /// The whole steps that hold everything from `since` to `until`: of a minute up to three hours, of an hour up
    /// to two weeks, of a day beyond.
    pub fn around(since: OffsetDateTime, until: OffsetDateTime) -> Self {
        let (since, until) = (since.unix_timestamp(), until.unix_timestamp());
        let long = |most: i64| until - since > most;
        let step_seconds = if long(1_209_600) {
            86_400
        } else if long(10_800) {
            3_600
        } else {
            60
        };
        let from = since.div_euclid(step_seconds) * step_seconds;
        let to = (until - 1).div_euclid(step_seconds) * step_seconds + step_seconds;
        let time = |at: i64| OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { from: time(from), to: time(to), step_seconds }
    }

    /// The beginning of each step.
    pub fn steps(&self) -> impl Iterator<Item = i64> + use<> {
        let (from, to) = (self.from.unix_timestamp(), self.to.unix_timestamp());
        (from..to).step_by(usize::try_from(self.step_seconds).unwrap_or(60))
    }

    fn holds(&self, at: OffsetDateTime) -> bool {
        self.from <= at && at < self.to
    }
}

/// What was counted of a flag in an environment.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All together.
    pub total: i64,
    /// By version, variation and reason, the most frequent first; `at` says nothing.
    pub counters: Vec<Counted>,
    /// By beginning of the step, in seconds since 1970, and by variation; steps without any are left out.
    pub series: BTreeMap<i64, BTreeMap<i32, i64>>,
    /// Whether there are more counters.
    pub truncated: bool,
}

impl Usage {
    /// What was counted of a configuration in a span of time, by all daemons.
    ///
    /// # Errors
    /// The database's.
    pub async fn report(
        &self,
        gate: &Gate,
        environment: Uuid,
        config: Uuid,
        span: Span,
    ) -> Result<Report, StoreError> {
        let mut conn = gate.read().await?;
        let _still = tokio::time::timeout(STILL, self.moving.read()).await;
        let (stored, series) = stored(&mut conn, config, span).await?;
        let mut report = Report { truncated: stored.len() > MOST_COUNTERS, ..Report::default() };
        let mut counters: BTreeMap<(i64, i32, String, String), Counted> = BTreeMap::new();
        let waiting = self.waiting(environment, config).into_iter().filter(|row| span.holds(row.at));
        for row in waiting.clone().chain(stored) {
            let key = (row.version, row.variation, row.reason.clone(), row.rule.clone());
            match counters.get_mut(&key) {
                Some(known) => known.count = known.count.saturating_add(row.count),
                None => {
                    counters.insert(key, row);
                }
            }
        }
        for row in waiting.chain(series) {
            let at = row.at.unix_timestamp();
            let start = span.from.unix_timestamp();
            let step = at - (at - start).rem_euclid(span.step_seconds);
            let count = report.series.entry(step).or_default().entry(row.variation).or_default();
            *count = count.saturating_add(row.count);
            report.total = report.total.saturating_add(row.count);
        }
        report.counters = counters.into_values().collect();
        report.counters.sort_by(|a, b| {
            (b.count, b.version, a.variation, &a.reason, &a.rule).cmp(&(
                a.count,
                a.version,
                b.variation,
                &b.reason,
                &b.rule,
            ))
        });
        report.truncated |= report.counters.len() > MOST_COUNTERS;
        report.counters.truncate(MOST_COUNTERS);
        Ok(report)
    }

    /// The contexts seen last in an environment, by all daemons, newest first. While the database is away: those
    /// that this daemon saw itself.
    pub async fn contexts(&self, gate: &Gate, environment: Uuid) -> Vec<SeenContext> {
        let most = self.settings.most_contexts;
        let stored = async {
            let mut conn = gate.read().await?;
            usage::contexts(&mut conn, environment, i64::try_from(most).unwrap_or(i64::MAX)).await
        };
        let stored = match tokio::time::timeout(STILL * 3, stored).await {
            Ok(Ok(rows)) => rows,
            _ => Vec::new(),
        };
        let mut all: BTreeMap<(String, String), SeenContext> = BTreeMap::new();
        for row in self.seen(environment).into_iter().chain(stored) {
            let name = (row.kind.clone(), row.key.clone());
            match all.get(&name) {
                Some(known) if known.at >= row.at => {}
                _ => {
                    all.insert(name, row);
                }
            }
        }
        let mut all: Vec<SeenContext> = all.into_values().collect();
        all.sort_by(|a, b| (b.at, &a.kind, &a.key).cmp(&(a.at, &b.kind, &b.key)));
        all.truncate(most);
        all
    }
}

async fn stored(
    conn: &mut PgConnection,
    config: Uuid,
    span: Span,
) -> Result<(Vec<Counted>, Vec<Counted>), StoreError> {
    let most = i64::try_from(MOST_COUNTERS + 1).unwrap_or(i64::MAX);
    let counters = usage::counters(&mut *conn, config, span.from, span.to, most).await?;
    #[allow(clippy::cast_precision_loss, reason = "a step has at most 86,400 seconds")]
    let step = span.step_seconds as f64;
    let series = usage::series(conn, config, span.from, span.to, step).await?;
    Ok((counters, series))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_whole_steps_that_hold_it() {
        let at = |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let span = Span::around(at(61), at(180));
        assert_eq!((span.from, span.to, span.step_seconds), (at(60), at(180), 60));
        assert_eq!(span.steps().collect::<Vec<_>>(), [60, 120]);
        let span = Span::around(at(61), at(181));
        assert_eq!(span.steps().collect::<Vec<_>>(), [60, 120, 180]);
        let day = Span::around(at(5_000), at(5_000 + 86_400));
        assert_eq!((day.step_seconds, day.steps().count()), (3_600, 25));
        let month = Span::around(at(0), at(30 * 86_400));
        assert_eq!((month.step_seconds, month.steps().count()), (86_400, 30));
        assert!(span.holds(at(60)) && !span.holds(at(240)));
    }
}
