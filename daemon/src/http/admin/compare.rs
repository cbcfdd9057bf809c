//! Two environments side by side, and one taken into the other.

use axum::response::Response;
use shared::access::{Permission, Scope};
use shared::api::problem::{Problem, ProblemKind};
use shared::audit::RevisionKind;
use shared::change::Mutation;
use shared::json::{Change, Json, Op, Pointer, diff};
use shared::key::{EnvironmentKey, FlagKey};
use shared::promotion::Promotion;

use crate::http::error::ApiError;
use crate::http::filter::Filter;
use crate::http::request::{Asked, Writing, answered};
use crate::http::schema::{ChangesMade, Said};
use crate::http::views;
use crate::service::commit::{self, Answer, Done, Item};

/// How a flag or segment stands in two environments.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The same in both.
    Same,
    /// Different.
    Differs,
    /// The right one lacks it.
    OnlyLeft,
    /// The left one lacks it.
    OnlyRight,
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::OnlyLeft => "only-left",
            Self::OnlyRight => "only-right",
        }
    }
}

impl std::str::FromStr for Standing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Same, Self::Differs, Self::OnlyLeft, Self::OnlyRight]
            .into_iter()
            .find(|standing| standing.as_str() == text)
            .ok_or_else(|| "must be same, differs, only-left or only-right".to_owned())
    }
}

/// Two environments side by side.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Comparison {
    /// The revision that was compared.
    revision: i64,
    /// The environment on the left.
    left: String,
    /// The environment on the right.
    right: String,
    /// How many flags stand how, the standing asked for aside.
    summary: Summary,
    /// A page of flags, by key.
    flags: Vec<Compared>,
    /// The segments, by key; on the first page only.
    segments: Vec<Compared>,
    /// Where the next page starts.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// How many flags stand how.
#[derive(Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    same: usize,
    differs: usize,
    only_left: usize,
    only_right: usize,
}

/// A flag or segment in two environments.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Compared {
    /// Its key.
    key: String,
    /// How it stands.
    standing: Standing,
    /// On the left; null where it is missing.
    #[schema(required)]
    left: Option<Side>,
    /// On the right; null where it is missing.
    #[schema(required)]
    right: Option<Side>,
    /// What leads from the left document to the right one.
    diff: Vec<Change>,
}

/// One side.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is rendered from the catalog")]
pub struct Side {
    /// Whether the flag is on; of a segment it is left out.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// The version.
    version: i64,
    /// The last revision.
    revision: i64,
}

/// One side as it is compared: what is told of it, and its document.
type Shown<'c> = (Json, &'c Json);

fn compared(key: &str, left: Option<Shown<'_>>, right: Option<Shown<'_>>) -> (Standing, Json) {
    let mut changes = Vec::new();
    let standing = match (&left, &right) {
        (Some((_, left)), Some((_, right))) => {
            changes = differences(left, right);
            if changes.is_empty() { Standing::Same } else { Standing::Differs }
        }
        (Some(_), None) => Standing::OnlyLeft,
        _ => Standing::OnlyRight,
    };
    let side = |side: Option<Shown<'_>>| side.map_or(Json::Null, |(side, _)| side);
    let view = [
        ("key", Json::from(key)),
        ("standing", Json::from(standing.as_str())),
        ("left", side(left)),
        ("right", side(right)),
        ("diff", Json::from_serialize(&changes)),
    ]
    .into_iter()
    .collect();
    (standing, view)
}

/// What differs for a reader: the order of an object's members and the text of equal numbers do not.
fn differences(left: &Json, right: &Json) -> Vec<Change> {
    let mut changes = diff(left, right);
    changes.retain(|change| match change.op {
        Op::Reorder => {
            let place = Pointer::parse(&change.path).ok();
            place.is_none_or(|p| p.resolve(right).is_none_or(|v| v.as_object().is_none()))
        }
        Op::Replace => match (&change.before, &change.after) {
            (Some(before), Some(after)) => !before.same_value(after),
            _ => true,
        },
        Op::Add | Op::Remove => true,
    });
    changes
}

/// Compares two environments, flag by flag and segment by segment.
#[utoipa::path(get, path = "/environments/compare", tag = "environments", params(
    ("left" = String, Query, description = "an environment", example = "staging"),
    ("right" = String, Query, description = "another one", example = "production"),
    ("q" = Option<String>, Query, description = "key or name contains"),
    ("filter" = Option<String>, Query,
     description = "flags by the query language of docs/API.md; segments are left out then", example = "tag:a"),
    ("standing" = Option<Standing>, Query, description = "only what stands so"),
    ("limit" = Option<u32>, Query, description = "1 to 1000 flags, usually 1000", minimum = 1, maximum = 1000),
    ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
), responses(
    (status = 200, description = "both, side by side", body = Comparison),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn compare(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let mut states = Vec::with_capacity(2);
    for name in ["left", "right"] {
        let key = asked
            .query::<EnvironmentKey>(name)?
            .ok_or_else(|| ApiError::parameter(name, "is required: an environment"))?;
        asked.known_environment(&project, &key)?;
        asked.allow(Permission::Read, Scope::environment(&project, &key))?;
        states.extend(asked.catalog.environment(&project, &key).cloned());
    }
    let [left, right] = states.as_slice() else { return Err(ApiError::unknown("such environment")) };
    let q = asked.text("q").map(str::to_lowercase);
    let fits = |key: &str, name: &str| {
        q.as_ref().is_none_or(|q| key.to_lowercase().contains(q) || name.to_lowercase().contains(q))
    };
    let wanted = asked.query::<Standing>("standing")?;
    let readable = asked.readable(&project);
    let filter = Filter::read(&asked, &readable)?;
    let filtered = asked.text("filter").is_some_and(|text| !text.trim().is_empty());
    let limit = asked.limit(1000, 1000)?;
    let after = asked.query::<FlagKey>("cursor")?;
    let mut summary = Summary::default();
    let mut flags: Vec<Json> = Vec::new();
    let mut last = None;
    let mut more = false;
    for flag in asked.catalog.flags_of(&project) {
        let key = &flag.row.key;
        let (l, r) = (left.configs.get(key), right.configs.get(key));
        if (l.is_none() && r.is_none())
            || !fits(key.as_str(), &flag.row.name)
            || !filter.shows(flag, &readable)
        {
            continue;
        }
        let side = |served: &'_ std::sync::Arc<crate::live::catalog::Served>| -> Json {
            let row = &served.stored.row;
            [
                ("enabled", Json::Bool(row.on())),
                ("version", Json::from(row.version)),
                ("revision", Json::from(served.stored.stamp.last.revision.0)),
            ]
            .into_iter()
            .collect()
        };
        let (standing, view) = compared(
            key.as_str(),
            l.map(|s| (side(s), &s.stored.row.document)),
            r.map(|s| (side(s), &s.stored.row.document)),
        );
        match standing {
            Standing::Same => summary.same += 1,
            Standing::Differs => summary.differs += 1,
            Standing::OnlyLeft => summary.only_left += 1,
            Standing::OnlyRight => summary.only_right += 1,
        }
        let passed = after.as_ref().is_some_and(|after| key <= after);
        if passed || wanted.is_some_and(|wanted| wanted != standing) {
            continue;
        }
        if flags.len() == limit {
            more = true;
            continue;
        }
        last = Some(key.to_string());
        flags.push(view);
    }
    let mut segments = Vec::new();
    if after.is_none() && !filtered {
        let live = |state: &crate::live::catalog::EnvironmentState| {
            state
                .segments
                .iter()
                .filter(|(_, s)| !s.stored.row.archived)
                .map(|(key, s)| (key.clone(), std::sync::Arc::clone(s)))
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        let (ours, theirs) = (live(left), live(right));
        let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for key in keys {
            let (l, r) = (ours.get(key), theirs.get(key));
            let name = l.or(r).map_or("", |s| s.stored.row.name.as_str());
            if !fits(key.as_str(), name) {
                continue;
            }
            let side = |served: &'_ std::sync::Arc<crate::live::catalog::ServedSegment>| -> Json {
                [
                    ("version", Json::from(served.stored.row.version)),
                    ("revision", Json::from(served.stored.stamp.last.revision.0)),
                ]
                .into_iter()
                .collect()
            };
            let (standing, view) = compared(
                key.as_str(),
                l.map(|s| (side(s), &s.stored.row.document)),
                r.map(|s| (side(s), &s.stored.row.document)),
            );
            if wanted.is_none_or(|wanted| wanted == standing) {
                segments.push(view);
            }
        }
    }
    let body = [
        ("revision", Json::from(asked.catalog.position.revision.0)),
        ("left", Json::from(left.stored.row.key.as_str())),
        ("right", Json::from(right.stored.row.key.as_str())),
        ("summary", Json::from_serialize(&summary)),
        ("flags", Json::Array(flags)),
        ("segments", Json::Array(segments)),
        ("nextCursor", last.filter(|_| more).map_or(Json::Null, Json::from)),
    ]
    .into_iter()
    .collect();
    Ok(asked.reply(asked.head_etag().filter(|_| filter.lasts()), &body))
}

/// What is taken where.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is read by hand, with a pointer to every fault")]
pub struct PromoteRequest {
    /// Where the configurations come from.
    from: String,
    /// Where they go.
    to: String,
    /// Keys, or `"all"`.
    flags: serde_json::Value,
    /// `targeting`, `on` or, usually, both.
    include: Option<Vec<String>>,
    /// Copy segments that the target lacks.
    segments: Option<bool>,
    /// Say what would happen, write nothing.
    dry_run: Option<bool>,
    /// The plan that was seen.
    plan_hash: Option<String>,
    /// The text that the plan asks for: the target's key where it is protected.
    confirm: Option<String>,
    /// Why.
    comment: Option<String>,
}

/// Takes flags' configurations from one environment into another, as one revision.
#[utoipa::path(post, path = "/environments/promote", tag = "environments", request_body = PromoteRequest,
    responses(
    (status = 200, description = "what was changed, or with dryRun the plan",
        body = Said<ChangesMade>),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn promote(mut writing: Writing) -> Result<Response, ApiError> {
    writing.take_options()?;
    let project = writing.project()?;
    let promotion = Promotion::read(writing.json()?, &project)
        .map_err(|faults| ApiError::faults(ProblemKind::Invalid, faults))?;
    for environment in [&promotion.from, &promotion.to] {
        writing.known_environment(&project, environment)?;
        writing.allow(Permission::Read, Scope::environment(&project, environment))?;
    }
    writing.options.kind = RevisionKind::Promote;
    writing.options.whole_environment = true;
    let render = |done: &Done| Answer {
        status: 200,
        headers: Vec::new(),
        body: views::done_all(done).to_text(),
        revision: None,
        replayed: false,
    };
    let items = [Item::whole(Mutation::Promote(Box::new(promotion)))];
    Ok(answered(commit::run(&writing.asked.cx, &writing.options, &items, &render).await?))
}
