//! The API's description: what the routes say of themselves made whole, and its page.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use shared::eval::{ClauseStep, PrerequisiteStep, SegmentRuleStep, SegmentStep};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement,
    Server, Type,
};

use super::AppState;
use super::request::json;

/// What the document begins with; the routes add themselves.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Flagstaff",
        description = "Feature flags in your own PostgreSQL: changed, audited and heard live.",
        license(name = "Apache-2.0")
    ),
    // Steps hold steps: what refers to itself is not collected by the routes.
    components(schemas(PrerequisiteStep, SegmentStep, SegmentRuleStep, ClauseStep))
)]
pub struct Document;

/// Where the document is served.
pub const DOCUMENT: &str = "/api/openapi.json";
const PROJECT: &str = "/api/projects/{project}";
const PROBLEM: &str = "application/problem+json";

/// The document's own routes: public, and without anything from outside.
pub fn routes(document: OpenApi) -> Router<AppState> {
    let text: Arc<str> = complete(document).to_json().unwrap_or_default().into();
    let served = move || {
        let text = text.to_string();
        async move { document_response(text) }
    };
    let page = utoipa_swagger_ui::SwaggerUi::new("/docs").config(
        utoipa_swagger_ui::Config::from(DOCUMENT)
            .validator_url("none")
            .display_operation_id(false)
            .doc_expansion("list")
            .filter(true)
            .default_models_expand_depth(0),
    );
    Router::new().route(DOCUMENT, get(served)).merge(page)
}

fn document_response(text: String) -> Response {
    let mut response = json(StatusCode::OK, text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Adds what no single route can say: servers, credentials, names, the parameters of mounts, problems.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let mut server = Server::new("/");
    server.description = Some("this daemon".to_owned());
    document.servers = Some(vec![server]);
    secure(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            declare_project(path, operation);
            declare_problem(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("patch", item.patch.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// Handlers of different nouns have the same names; method and path are told apart by themselves.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        id.push('_');
        id.extend(part.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    }
    id
}

/// The other mount of the same routes has one more parameter.
fn declare_project(path: &str, operation: &mut Operation) {
    let mounted = path.starts_with(PROJECT);
    let parameters: &mut Vec<RefOr<Parameter>> = operation.parameters.get_or_insert_default();
    let declared = parameters
        .iter()
        .any(|p| matches!(p, RefOr::T(p) if p.name == "project" && p.parameter_in == ParameterIn::Path));
    if mounted && !declared {
        let project = ParameterBuilder::new()
            .name("project")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("the project"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        parameters.insert(0, project.into());
    }
}

/// Every operation can be refused, and every refusal has one shape.
fn declare_problem(operation: &mut Operation) {
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| {
        ResponseBuilder::new()
            .description("a problem")
            .content(PROBLEM, ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build())
            .build()
            .into()
    });
}

fn secure(document: &mut OpenApi) {
    let header = |name: &str, text: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)))
    };
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("a personal or service token: `Authorization: Bearer fsp_...`"))
        .build();
    let schemes: BTreeMap<String, SecurityScheme> = [
        ("token".to_owned(), SecurityScheme::Http(token)),
        (
            "user".to_owned(),
            header("x-user-id", "the user, from a trusted proxy; in the demo from everybody"),
        ),
        ("sdkKey".to_owned(), header("authorization", "an SDK credential, for what its environment serves")),
    ]
    .into();
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .extend(schemes.into_iter().map(|(name, scheme)| (name, RefOr::T(scheme))));
    let none: [&str; 0] = [];
    document.security = Some(vec![
        SecurityRequirement::new("token", none),
        SecurityRequirement::new("user", none),
        SecurityRequirement::new("sdkKey", none),
        // The Unix socket knows its caller, and the demo lets everybody read.
        SecurityRequirement::default(),
    ]);
}
