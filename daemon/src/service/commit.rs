//! The one write path: every change to anything with a history goes through [`run`].

use std::collections::BTreeMap;

use shared::access::Scope;
use shared::api::problem::ProblemKind;
use shared::audit::{Hash, Header, RevisionKind, digest, link, public};
use shared::change::{Entity, EntityKind, EntityRef, Mutation};
use shared::json::Json;
use shared::revision::{Position, Revision};
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::draft::{Draft, Touched};
use super::plan::Plan;
use super::{
    Cx, Refusal, WriteOptions, credentials, epoch, mutate, permitted, planning, reach, rows, single_use,
    touched, validate, versions,
};
use crate::store::audit::{Committed, Entry};
use crate::store::gate::Closed;
use crate::store::head::Head;
use crate::store::idempotency::Known;
use crate::store::{self, Stamp, StoreError};

/// What was done, for whoever renders the answer.
#[derive(Debug)]
pub struct Done {
    /// The revision that was made, or the head where nothing differed.
    pub position: Position,
    /// When it was committed.
    pub at: OffsetDateTime,
    /// Whether a revision was made at all.
    pub changed: bool,
    /// What was touched, in order, raised versions last.
    pub touched: Vec<Touched>,
    /// Everything the write read or put, as it now is.
    pub entities: BTreeMap<EntityRef, (Entity, Position)>,
    /// What is worth knowing.
    pub warnings: Vec<shared::fault::Fault>,
    /// What an import has to say.
    pub report: Option<shared::import::Report>,
}

/// An answer as bytes: kept with the idempotency key, in the transaction of the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers beyond the usual ones, as name and value.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The revision that was made, if one was.
    pub revision: Option<Revision>,
    /// Whether this was answered before.
    pub replayed: bool,
}

/// Renders what was done.
pub type Render<'r> = &'r (dyn Fn(&Done) -> Answer + Send + Sync);

/// A mutation with its place in the request and the ETag its author read.
#[derive(Clone, Debug)]
pub struct Item {
    /// The mutation.
    pub mutation: Mutation,
    /// Where it stands in the request, for faults.
    pub at: String,
    /// The ETag that was read, if one was sent.
    pub if_match: Option<String>,
}

impl Item {
    /// A mutation that is the whole request.
    pub const fn whole(mutation: Mutation) -> Self {
        Self { mutation, at: String::new(), if_match: None }
    }
}

/// Does, or plans, a list of mutations as one revision: all or nothing.
///
/// # Errors
/// Why not; then nothing was written.
pub async fn run(
    cx: &Cx,
    options: &WriteOptions,
    items: &[Item],
    render: Render<'_>,
) -> Result<Answer, Refusal> {
    for item in items {
        permitted::before(cx, &item.mutation)?;
    }
    let mut conn = if options.dry_run { cx.gate.read().await? } else { cx.gate.write().await? };
    let began = cx.clock.monotonic();
    let result = transact(cx, options, items, render, &mut conn).await;
    match &result {
        Err(Refusal::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown)) => {
            cx.gate.failed();
            // The session may be half dead: it goes, rather than back into the pool.
            let _ = conn.close().await;
        }
        Err(Refusal::Store(StoreError::Busy(_))) => {}
        Ok(answer) if !options.dry_run => {
            cx.gate.recovered();
            let took = cx.clock.monotonic().saturating_sub(began);
            metrics::histogram!("flagstaff_commit_seconds").record(took);
            if let Some(revision) = answer.revision {
                let position = Position { revision, ..Position::default() };
                if answer.replayed {
                    // What it touched is not known here.
                    cx.gate.committed_ground(position);
                }
                cx.gate.committed(position);
            }
        }
        _ => {}
    }
    result
}

/// Nobody waits long behind a write: the head's lock is held for one.
const BEGIN: &str = "begin; set local lock_timeout = '2s'; set local statement_timeout = '5s'; \
     set local idle_in_transaction_session_timeout = '5s'; set local synchronous_commit = on";
/// Imports and their like write thousands of rows.
const BEGIN_LARGE: &str = "begin; set local lock_timeout = '5s'; set local statement_timeout = '30s'; \
     set local idle_in_transaction_session_timeout = '30s'; set local synchronous_commit = on";

const fn large(options: &WriteOptions) -> bool {
    options.whole_environment || !matches!(options.kind, RevisionKind::Change)
}

async fn transact(
    cx: &Cx,
    options: &WriteOptions,
    items: &[Item],
    render: Render<'_>,
    conn: &mut PgConnection,
) -> Result<Answer, Refusal> {
    let mut tx = if options.dry_run {
        conn.begin_with("begin isolation level repeatable read read only").await.map_err(StoreError::from)?
    } else {
        conn.begin_with(if large(options) { BEGIN_LARGE } else { BEGIN }).await.map_err(StoreError::from)?
    };
    let (head, now) = if options.dry_run {
        let head = store::head::get(&mut tx).await?;
        (head, head.at)
    } else {
        store::head::lock(&mut tx).await?
    };
    // An older database may have taken the place of ours since the follower looked. Only a new epoch may begin
    // on it, and that is begun by who knows.
    if !options.dry_run && options.new_epoch.is_none() && cx.gate.seen().is_after(&head) {
        cx.gate.look();
        return Err(Closed::Regressed.into());
    }
    if !options.dry_run
        && let Some(answer) = replay(cx, options, &mut tx).await?
    {
        return Ok(answer);
    }
    if options.base_epoch.is_some_and(|epoch| epoch != head.position.epoch.0) {
        return Err(Refusal::Plain(
            ProblemKind::Conflict,
            format!(
                "baseRevision belongs to another history: the database was restored since, and its last \
                 revision is {}; read again",
                head.position
            ),
        ));
    }
    if options.base_revision.is_some_and(|base| base > head.position.revision) {
        return Err(Refusal::invalid(
            "/baseRevision",
            format!("is after the last revision, {}", head.position.revision),
        ));
    }
    let mut draft = Draft::new(&mut tx, options.base_revision);
    for item in items {
        permitted::within(cx, &mut draft, &item.mutation).await?;
        check_etag(&mut draft, item, options).await?;
        mutate::apply(cx, &mut draft, &item.mutation, &item.at).await?;
    }
    if let Some(seen) = options.new_epoch {
        epoch::raise_bases(&mut draft, epoch::lost(head.position, seen)).await?;
    }
    single_use::use_up(cx, &mut draft).await?;
    versions::raise(&mut draft).await?;
    validate::check(&mut draft).await?;
    check_environments(cx, &mut draft).await?;
    let touched = touched::touched(&mut draft);
    let counted = reach::counted(&mut draft, &touched).await?;
    credentials::warn_of_revoked(cx, &mut draft, &touched).await?;
    let environments = reach::environments_of(&draft);
    let confirmation = planning::confirmation(&environments, &counted, options.whole_environment);
    let warnings = std::mem::take(&mut draft.warnings);
    let plan = planning::make(head.position, &touched, &draft.slots, confirmation, warnings.clone());
    let report = draft.report.take();
    if options.dry_run {
        let mut body = Json::from_serialize(&plan);
        if let Some(report) = &report {
            report.tell(&mut body);
        }
        return Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_text(),
            revision: None,
            replayed: false,
        });
    }
    confirm(options, &plan)?;
    know_configs(&mut draft).await?;
    let slots = std::mem::take(&mut draft.slots);
    let mut done = Done {
        position: head.position,
        at: head.at,
        changed: !touched.is_empty() || options.new_epoch.is_some(),
        touched,
        entities: slots
            .into_iter()
            .filter_map(|(reference, slot)| {
                let last = slot.before.as_ref().map_or_else(Position::default, |b| b.stamp.last);
                Some((reference, (slot.after?, last)))
            })
            .collect(),
        warnings,
        report,
    };
    let mut made = None;
    if done.changed {
        made = Some(write(cx, options, &mut tx, &head, now, &mut done).await?);
    }
    let mut answer = render(&done);
    answer.revision = Some(done.position.revision);
    if let Some((key, request_hash)) = &options.idempotency {
        let known = Known::Answered {
            request_hash: request_hash.clone(),
            revision: done.position.revision.0,
            status: i32::from(answer.status),
            headers: Json::from_serialize(&answer.headers).to_text(),
            body: answer.body.clone(),
        };
        store::idempotency::keep(&mut tx, &cx.caller.principal, key, &known).await?;
    }
    tx.commit().await.map_err(|error| match StoreError::from(error) {
        StoreError::Unavailable(_) => Refusal::Store(StoreError::OutcomeUnknown),
        other => Refusal::Store(other),
    })?;
    if let Some(hash) = made {
        cx.gate.saw(done.position, hash);
        if done.touched.iter().any(|change| is_ground(change.kind)) {
            cx.gate.committed_ground(done.position);
        }
        metrics::counter!("flagstaff_changes_total", "kind" => options.kind.as_str()).increment(1);
    }
    Ok(answer)
}

/// Whether requests are judged by such an entity before a write begins.
fn is_ground(kind: EntityKind) -> bool {
    kind.is_access() || matches!(kind, EntityKind::Project | EntityKind::Environment)
}

/// Reads the configurations of the flags that were put: a flag's ETag names the newest of them. After the
/// plan, which does not rest on them.
async fn know_configs(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let flags: Vec<_> = draft
        .slots
        .iter()
        .filter(|(_, slot)| slot.written && slot.before.is_some())
        .filter_map(|(reference, _)| match reference {
            EntityRef::Flag(project, flag) => Some((project.clone(), flag.clone())),
            _ => None,
        })
        .collect();
    // Imports answer with a report, not with an ETag each.
    if let [(project, flag)] = flags.as_slice() {
        validate::preload_configs(draft, project, Some(flag)).await?;
    }
    Ok(())
}

/// The answer of an earlier request with the same idempotency key.
async fn replay(cx: &Cx, options: &WriteOptions, conn: &mut PgConnection) -> Result<Option<Answer>, Refusal> {
    let Some((key, hash)) = &options.idempotency else { return Ok(None) };
    match store::idempotency::find(conn, &cx.caller.principal, key).await? {
        None => Ok(None),
        Some(Known::Burned) => Err(Refusal::Plain(
            ProblemKind::IdempotencyKeyBurned,
            "this key was resolved as not applied; the write needs a new one".to_owned(),
        )),
        Some(Known::Answered { request_hash, revision, status, headers, body }) => {
            if request_hash != *hash {
                return Err(Refusal::Plain(
                    ProblemKind::IdempotencyKeyReused,
                    "this key was used for another request within the last 24 hours".to_owned(),
                ));
            }
            Ok(Some(Answer {
                status: u16::try_from(status).unwrap_or(200),
                headers: serde_json::from_str(&headers).unwrap_or_default(),
                body,
                revision: Some(Revision(revision)),
                replayed: true,
            }))
        }
    }
}

/// The entity whose ETag a mutation's `If-Match` compares.
fn guarded(mutation: &Mutation) -> Option<EntityRef> {
    match mutation {
        Mutation::UpdateProject(p, _) => Some(EntityRef::Project(p.clone())),
        Mutation::UpdateEnvironment(p, e, _) => Some(EntityRef::Environment(p.clone(), e.clone())),
        Mutation::UpdateFlag(p, f, _) | Mutation::ArchiveFlag(p, f) | Mutation::RestoreFlag(p, f) => {
            Some(EntityRef::Flag(p.clone(), f.clone()))
        }
        Mutation::SetOn(p, f, e, _)
        | Mutation::ReplaceConfig(p, f, e, ..)
        | Mutation::PatchConfig(p, f, e, _) => Some(EntityRef::Config(p.clone(), f.clone(), e.clone())),
        Mutation::UpdateSegment(p, e, s, _)
        | Mutation::ArchiveSegment(p, e, s)
        | Mutation::RestoreSegment(p, e, s) => Some(EntityRef::Segment(p.clone(), e.clone(), s.clone())),
        _ => None,
    }
}

/// A stale `If-Match` is 412, always; the answer holds what stands there now.
async fn check_etag(draft: &mut Draft<'_>, item: &Item, options: &WriteOptions) -> Result<(), Refusal> {
    let wanted = item.if_match.as_ref().or(options.if_match.as_ref());
    let (Some(wanted), Some(reference)) = (wanted, guarded(&item.mutation)) else { return Ok(()) };
    let current = draft.get(&reference).await?.cloned();
    let last = draft.slots.get(&reference).and_then(|s| s.before.as_ref()).map(|b| b.stamp.last);
    let Some((current, last)) = current.zip(last) else {
        // There is nothing yet: `*` and every ETag ask for something that exists.
        return Err(Refusal::Stale { current: Json::Null, etag: String::new() });
    };
    let matches = wanted.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        let first_two: Vec<&str> = tag.splitn(3, '.').take(2).collect();
        tag == "*" || first_two.join(".") == last.to_string()
    });
    if matches {
        Ok(())
    } else {
        let etag = match &reference {
            EntityRef::Flag(project, key) => {
                validate::preload_configs(draft, project, Some(key)).await?;
                let of_this =
                    |r: &EntityRef| matches!(r, EntityRef::Config(p, k, _) if p == project && k == key);
                let newest =
                    draft.slots.iter().filter(|(r, _)| of_this(r)).filter_map(|(_, s)| s.before.as_ref());
                let newest = newest.map(|b| b.stamp.last.revision.0).max().unwrap_or_default();
                format!("\"{last}.{newest}\"")
            }
            _ => format!("\"{last}\""),
        };
        Err(Refusal::Stale { current: public(current.kind(), current.to_json()), etag })
    }
}

/// Environments may ask for more than `editor`; a project-wide change needs it in each it alters.
async fn check_environments(cx: &Cx, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    for reference in draft.written() {
        let (project, environment) = match &reference {
            EntityRef::Config(p, _, e) | EntityRef::Segment(p, e, _) => (p.clone(), e.clone()),
            EntityRef::Flag(project, _) => {
                // A configuration in the evaluated form may bring a variation, which is everywhere.
                let scope = Scope { project: Some(project), environment: None, minimum_role: None };
                let decision = cx.caller.may(shared::access::Permission::Write, &scope);
                if !decision.allowed {
                    return Err(Refusal::forbidden(decision.because));
                }
                continue;
            }
            _ => continue,
        };
        let made_off = draft.slots.get(&reference).is_some_and(
            |s| matches!((&s.before, &s.after), (None, Some(Entity::Config(config))) if !config.on()),
        );
        if made_off {
            continue;
        }
        let Some(place) = draft.environment(&project, &environment).await? else { continue };
        let mut scope = Scope::environment(&project, &environment);
        scope.minimum_role = place.minimum_role;
        let decision = cx.caller.may(shared::access::Permission::Write, &scope);
        if !decision.allowed {
            return Err(Refusal::forbidden(decision.because));
        }
    }
    Ok(())
}

/// Compares what was said with what the plan asks for.
fn confirm(options: &WriteOptions, plan: &Plan) -> Result<(), Refusal> {
    if plan.changes.is_empty() {
        return Ok(());
    }
    if options.plan_hash.as_ref().is_some_and(|hash| *hash != plan.plan_hash) {
        return Err(Refusal::Plan(ProblemKind::PlanChanged, Box::new(plan.clone())));
    }
    if let Some(wanted) = &plan.confirmation {
        let commented = options.comment.as_ref().is_some_and(|c| !c.trim().is_empty());
        if options.confirm.as_deref() != Some(wanted.text.as_str()) || (wanted.comment_required && !commented)
        {
            return Err(Refusal::Plan(ProblemKind::ConfirmationRequired, Box::new(plan.clone())));
        }
    }
    Ok(())
}

/// Writes rows, history and head, and answers the revision's hash; nothing is seen of it before the commit.
async fn write(
    cx: &Cx,
    options: &WriteOptions,
    conn: &mut PgConnection,
    head: &Head,
    now: OffsetDateTime,
    done: &mut Done,
) -> Result<Hash, Refusal> {
    let position = epoch::next(head.position, options.new_epoch);
    let at = now.max(head.at);
    let header = Header {
        at,
        kind: options.kind,
        actor: cx.caller.principal.clone(),
        credential: cx.caller.credential.clone(),
        source: cx.source.to_owned(),
        comment: options.comment.clone().or_else(|| options.default_comment.clone()),
        request_id: cx.request_id.clone(),
    };
    let entries = record(cx, conn, position, at, done).await?;
    let headers: Vec<_> = entries.iter().map(Entry::header).collect();
    let hash = link(position.epoch.0, position.revision.0, &head.hash, &header, &headers);
    let committed = Committed { position, header, previous_hash: head.hash, hash };
    store::audit::append(conn, &committed, &entries).await?;
    done.position = position;
    done.at = at;
    for change in &done.touched {
        if let Some((_, last)) = done.entities.get_mut(&change.reference) {
            *last = position;
        }
    }
    Ok(hash)
}

/// Writes the rows of what was touched and makes the history's entries of them.
async fn record(
    cx: &Cx,
    conn: &mut PgConnection,
    position: Position,
    at: OffsetDateTime,
    done: &Done,
) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::with_capacity(done.touched.len());
    // Rows in the order in which they refer to each other: projects, environments, flags, the rest.
    let mut rows: Vec<(&Touched, Stamp)> = Vec::with_capacity(done.touched.len());
    for (ordinal, change) in done.touched.iter().enumerate() {
        let actor = cx.caller.principal.clone();
        let stamp = match &change.before {
            Some(before) => {
                Stamp { last: position, updated_by: actor, updated_at: at, ..before.stamp.clone() }
            }
            None => Stamp {
                last: position,
                created_by: actor.clone(),
                updated_by: actor,
                created_at: at,
                updated_at: at,
            },
        };
        rows.push((change, stamp));
        let text = |entity: &Entity| entity.to_json().to_text();
        let before = change.before.as_ref().map(|b| text(&b.row));
        let after = change.after.as_ref().map(text);
        let salt = cx.random::<16>();
        let sum = digest(&salt, before.as_deref(), after.as_deref());
        let id = change.after.as_ref().or(change.before.as_ref().map(|b| &b.row)).map(Entity::id);
        entries.push(Entry {
            revision: position.revision,
            ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            kind: change.kind,
            id: id.unwrap_or_default(),
            key: change.key.clone(),
            project: change.project.clone(),
            environment: change.environment.clone(),
            action: change.action,
            before,
            after,
            salt: salt.to_vec(),
            digest: sum.to_vec(),
        });
    }
    rows.sort_by_key(|(change, _)| change.kind);
    rows::write(conn, &rows).await?;
    Ok(entries)
}
