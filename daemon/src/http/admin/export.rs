//! An environment taken out whole: as its rows, or as an import takes it in.

use axum::response::Response;
use http::{HeaderValue, header};
use shared::access::{Permission, Scope};
use shared::api::problem::Problem;
use shared::json::Json;

use crate::http::error::ApiError;
use crate::http::request::Asked;
use crate::live::catalog::EnvironmentState;

/// How an environment is told.
#[derive(Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Everything: `{environment, flags, configs, segments}`, the rows as changes show them.
    Flagstaff,
    /// What server SDKs get, and `POST /api/import` takes: `{flags, segments}` by key.
    LaunchdarklyServer,
}

impl std::str::FromStr for ExportFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "flagstaff" => Ok(Self::Flagstaff),
            "launchdarkly-server" => Ok(Self::LaunchdarklyServer),
            _ => Err("must be flagstaff or launchdarkly-server"),
        }
    }
}

/// `{"flags": {..}, "segments": {..}}`, archived ones left out.
fn server_payload(state: &EnvironmentState) -> String {
    let flags = state.configs.iter().map(|(key, served)| (key.as_str(), &served.document));
    let live = state.segments.iter().filter(|(_, segment)| !segment.stored.row.archived);
    let segments = live.map(|(key, segment)| (key.as_str(), &segment.document));
    let mut out = String::from("{\"flags\":{");
    members(&mut out, flags);
    out.push_str("},\"segments\":{");
    members(&mut out, segments);
    out.push_str("}}");
    out
}

fn members<'j>(out: &mut String, members: impl Iterator<Item = (&'j str, &'j Json)>) {
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(',');
        }
        Json::from(key).write(out);
        out.push(':');
        value.write(out);
    }
}

/// Takes an environment out whole, at one revision.
#[utoipa::path(get, path = "/environments/{environment}/export", tag = "import", params(
    ("environment" = String, Path, description = "the environment"),
    ("format" = Option<String>, Query, description = "flagstaff (the default: every row) or launchdarkly-server",
     example = "flagstaff"),
    ("at" = Option<String>, Query, description = "a revision or an RFC 3339 time to look back to"),
), responses(
    (status = 200, description = "the environment", body = Object),
    (status = "default", description = "a problem", body = Problem, content_type = "application/problem+json"),
))]
pub async fn get(asked: Asked) -> Result<Response, ApiError> {
    let project = asked.project()?;
    let environment = asked.environment(&project)?;
    asked.allow(Permission::Read, Scope::environment(&project, &environment))?;
    let format = asked.query::<ExportFormat>("format")?.unwrap_or(ExportFormat::Flagstaff);
    let place = (project, environment);
    let Some(state) = asked.catalog.environments.get(&place) else {
        return Err(ApiError::unknown(format!("environment {}", place.1)));
    };
    let mut response = asked.reply_with(asked.head_etag(), || match format {
        ExportFormat::Flagstaff => crate::live::snapshot::encode(&asked.catalog, &place, state),
        ExportFormat::LaunchdarklyServer => server_payload(state),
    });
    let name = format!("attachment; filename=\"{}-{}.json\"", place.0, place.1);
    if let Ok(name) = HeaderValue::try_from(name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
