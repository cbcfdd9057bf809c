//! Pages of lists that are served whole from the catalog.

use shared::json::Json;

use super::error::ApiError;
use super::request::Asked;

/// How many items a page has, and may have.
const PAGE: usize = 1000;

/// A page of items, each with the text that a cursor names it by; only those on the page are rendered.
///
/// # Errors
/// 400: `limit` or `cursor` cannot be read.
pub fn page<T>(asked: &Asked, items: &[(String, T)], render: impl Fn(&T) -> Json) -> Result<Json, ApiError> {
    let limit = asked.limit(PAGE, PAGE)?;
    let start = match asked.text("cursor") {
        None => 0,
        Some(cursor) => match items.iter().position(|(name, _)| name == cursor) {
            Some(at) => at + 1,
            None => return Err(ApiError::parameter("cursor", "is not on this list; begin without one")),
        },
    };
    let shown: Vec<_> = items.iter().skip(start).take(limit).collect();
    let next = match shown.last() {
        Some((name, _)) if start + shown.len() < items.len() => Json::from(name.as_str()),
        _ => Json::Null,
    };
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    Ok([
        ("items", Json::Array(shown.iter().map(|(_, item)| render(item)).collect())),
        ("total", Json::from(total)),
        ("nextCursor", next),
    ]
    .into_iter()
    .collect())
}
