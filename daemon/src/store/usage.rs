//! The tables of what SDKs report: counts, last evaluations and contexts seen.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;

/// How often something was served, in the minute that began at `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The flag's configuration in an environment.
    pub config: Uuid,
    /// The beginning of the minute (of the step, where steps were asked for).
    pub at: OffsetDateTime,
    /// The variation's index; -1 where the caller's default was served.
    pub variation: i32,
    /// As the SDK reports it; 0 = it did not.
    pub version: i64,
    /// The reason's kind; empty = not told.
    pub reason: String,
    /// The rule's id; empty = none.
    pub rule: String,
    /// How often.
    pub count: i64,
}

/// When a configuration was last evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The configuration.
    pub config: Uuid,
    /// Its environment.
    pub environment: Uuid,
    /// When.
    pub at: OffsetDateTime,
}

/// A context that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenContext {
    /// Where.
    pub environment: Uuid,
    /// Its kind; `multi` where it is several.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// Its JSON, without what is private.
    pub context: String,
    /// Over which protocol.
    pub source: String,
    /// When last.
    pub at: OffsetDateTime,
}

/// What one statement writes. A batch is written once, however often it is sent.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The daemon that counted.
    pub daemon: Uuid,
    /// Rises with every batch of that daemon.
    pub number: i64,
    /// No two of the same counter, in the order in which every daemon locks rows.
    pub counted: Vec<Counted>,
    /// No two of the same configuration.
    pub evaluated: Vec<Evaluated>,
    /// No two of the same context.
    pub contexts: Vec<SeenContext>,
}

/// Adds a batch, in one statement that does not wait for the disk: what a crash of the database may lose is the
/// last moment of counting.
///
/// # Errors
/// The database's.
pub async fn add(conn: &mut PgConnection, batch: &Batch) -> Result<(), StoreError> {
    let (counted, evaluated, contexts) = (&batch.counted, &batch.evaluated, &batch.contexts);
    fn column<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    sqlx::query!(
        "with fresh as (
             insert into usage_batch as b (daemon_id, number, at)
             select $1, $2, clock_timestamp() where set_config('synchronous_commit', 'off', true) = 'off'
             on conflict (daemon_id) do update set number = excluded.number, at = excluded.at
                 where b.number < excluded.number
             returning number
         ), counted as (
             insert into usage_minute as u (config_id, at, variation, version, reason, rule, count)
             select c.* from unnest($3::uuid[], $4::timestamptz[], $5::int[], $6::bigint[], $7::text[], $8::text[],
                 $9::bigint[]) as c
             where exists (select from fresh)
             on conflict (config_id, at, variation, version, reason, rule)
                 do update set count = u.count + excluded.count
         ), evaluated as (
             insert into flag_evaluated as e (config_id, environment_id, at, told_at)
             select l.*, clock_timestamp() from unnest($10::uuid[], $11::uuid[], $12::timestamptz[]) as l
             where exists (select from fresh)
             on conflict (config_id) do update set at = excluded.at, told_at = excluded.told_at
                 where e.at < excluded.at
         )
         insert into recent_context as r (environment_id, kind, key, context, source, seen_at)
         select s.environment_id, s.kind, s.key, s.context::json, s.source, s.seen_at
         from unnest($13::uuid[], $14::text[], $15::text[], $16::text[], $17::text[], $18::timestamptz[])
             as s (environment_id, kind, key, context, source, seen_at)
         where exists (select from fresh)
         on conflict (environment_id, kind, key) do update
             set context = excluded.context, source = excluded.source, seen_at = excluded.seen_at
             where r.seen_at < excluded.seen_at",
        batch.daemon,
        batch.number,
        &column(counted, |c| c.config),
        &column(counted, |c| c.at),
        &column(counted, |c| c.variation),
        &column(counted, |c| c.version),
        &column(counted, |c| c.reason.clone()),
        &column(counted, |c| c.rule.clone()),
        &column(counted, |c| c.count),
        &column(evaluated, |e| e.config),
        &column(evaluated, |e| e.environment),
        &column(evaluated, |e| e.at),
        &column(contexts, |c| c.environment),
        &column(contexts, |c| c.kind.clone()),
        &column(contexts, |c| c.key.clone()),
        &column(contexts, |c| c.context.clone()),
        &column(contexts, |c| c.source.clone()),
        &column(contexts, |c| c.at)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The last evaluations that any daemon told of after `since`, and the database's time.
///
/// # Errors
/// The database's.
pub async fn evaluated_since(
    conn: &mut PgConnection,
    since: OffsetDateTime,
) -> Result<(OffsetDateTime, Vec<Evaluated>), StoreError> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *conn).await?;
    let rows =
        sqlx::query!("select config_id, environment_id, at from flag_evaluated where told_at >= $1", since)
            .fetch_all(conn)
            .await?;
    let rows = rows.into_iter().map(|row| Evaluated {
        config: row.config_id,
        environment: row.environment_id,
        at: row.at,
    });
    Ok((now, rows.collect()))
}

/// What was counted of a configuration from `from` to before `to`, summed over time; the most frequent first,
/// at most `most`.
///
/// # Errors
/// The database's.
pub async fn counters(
    conn: &mut PgConnection,
    config: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
    most: i64,
) -> Result<Vec<Counted>, StoreError> {
    Ok(sqlx::query!(
        r#"select variation as "variation!", version as "version!", reason as "reason!", rule as "rule!",
                  sum(count)::bigint as "count!"
           from (select * from usage_minute union all select * from usage_hour) as u
           where config_id = $1 and at >= $2 and at < $3
           group by variation, version, reason, rule order by sum(count) desc limit $4"#,
        config,
        from,
        to,
        most
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Counted {
        config,
        at: from,
        variation: row.variation,
        version: row.version,
        reason: row.reason,
        rule: row.rule,
        count: row.count,
    })
    .collect())
}

/// The same by step and variation: `at` is the beginning of the step, counted from `from`.
///
/// # Errors
/// The database's.
pub async fn series(
    conn: &mut PgConnection,
    config: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
    step_seconds: f64,
) -> Result<Vec<Counted>, StoreError> {
    Ok(sqlx::query!(
        r#"select date_bin(make_interval(secs => $4), at, $2) as "at!", variation as "variation!",
                  sum(count)::bigint as "count!"
           from (select * from usage_minute union all select * from usage_hour) as u
           where config_id = $1 and at >= $2 and at < $3 group by 1, 2"#,
        config,
        from,
        to,
        step_seconds
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Counted {
        config,
        at: row.at,
        variation: row.variation,
        version: 0,
        reason: String::new(),
        rule: String::new(),
        count: row.count,
    })
    .collect())
}

/// The contexts seen last in an environment, newest first, at most `most`.
///
/// # Errors
/// The database's.
pub async fn contexts(
    conn: &mut PgConnection,
    environment: Uuid,
    most: i64,
) -> Result<Vec<SeenContext>, StoreError> {
    Ok(sqlx::query!(
        r#"select kind, key, context::text as "context!", source, seen_at from recent_context
           where environment_id = $1 order by seen_at desc limit $2"#,
        environment,
        most
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| SeenContext {
        environment,
        kind: row.kind,
        key: row.key,
        context: row.context,
        source: row.source,
        at: row.seen_at,
    })
    .collect())
}

/// What is too old, and what is too much.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Minutes before this hour are summed into hours.
    pub minutes_from: OffsetDateTime,
    /// Hours before this are forgotten, and what else was not heard of since.
    pub hours_from: OffsetDateTime,
    /// The most contexts in an environment.
    pub contexts: i64,
}

/// Sums old minutes into hours and forgets what is too old or too much.
///
/// # Errors
/// The database's; what was done by then is done.
pub async fn prune(conn: &mut PgConnection, keep: &Keep) -> Result<(), StoreError> {
    sqlx::query!(
        "with old as (delete from usage_minute where at < $1 returning *)
         insert into usage_hour as h (config_id, at, variation, version, reason, rule, count)
         select config_id, date_trunc('hour', at, 'UTC') as hour, variation, version, reason, rule, sum(count)
         from old group by config_id, hour, variation, version, reason, rule
         order by config_id, hour, variation, version, reason, rule
         on conflict (config_id, at, variation, version, reason, rule) do update set count = h.count + excluded.count",
        keep.minutes_from
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from usage_hour where at < $1", keep.hours_from).execute(&mut *conn).await?;
    sqlx::query!(
        "delete from recent_context r using (
             select environment_id, kind, key,
                    row_number() over (partition by environment_id order by seen_at desc) as place
             from recent_context) as n
         where (r.environment_id, r.kind, r.key) = (n.environment_id, n.kind, n.key)
           and (n.place > $1 or r.seen_at < $2)",
        keep.contexts,
        keep.hours_from
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from usage_batch where at < clock_timestamp() - interval '7 days'")
        .execute(conn)
        .await?;
    Ok(())
}
