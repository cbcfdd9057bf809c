//! An answer that is polled again and again: its tag, what is unchanged, what is compressed once.

use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::asked::SdkAsked;
use super::refused::Refused;
use crate::live::serving::{Piece, ServedEnvironment};

/// Environments with more flags and segments than this are encoded where it holds up nobody else.
const LARGE: usize = 200;

/// What is answered.
pub struct Answer<P> {
    /// The `ETag`, quoted.
    pub tag: String,
    /// Makes the body.
    pub plain: P,
    /// The piece under which the compressed body is kept, where it is.
    pub packed: Option<Piece>,
}

/// The tag of a whole state. Two environments that one change touched have different ones.
pub fn tag(served: &ServedEnvironment) -> String {
    format!("\"{}.{}\"", served.position, served.state.stored.row.id.simple())
}

/// The tag of one flag or segment in a version of its own.
pub fn item_tag(served: &ServedEnvironment, version: i64) -> String {
    format!("\"{}.{version}.{}\"", served.position.epoch.0, served.state.stored.row.id.simple())
}

/// Answers a poll: 304 where the client holds this already.
///
/// # Errors
/// 503 where the body cannot be made.
pub async fn answer<P>(asked: &SdkAsked, headers: &HeaderMap, answer: Answer<P>) -> Result<Response, Refused>
where
    P: Fn(&ServedEnvironment) -> Bytes + Send + 'static,
{
    let unchanged = known(headers, &answer.tag);
    let packed = answer.packed.filter(|_| takes_gzip(headers));
    let mut response = if unchanged {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let body = made(&asked.served, answer.plain, packed).await?;
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(answer.tag) {
        headers.insert(header::ETAG, tag);
    }
    // SDKs keep answers by their address alone, which is the same for every key.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization, Accept-Encoding"));
    if let Some(id) = asked.environment_id().and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(HeaderName::from_static("x-ld-envid"), id);
    }
    Ok(response)
}

async fn made<P>(served: &Arc<ServedEnvironment>, plain: P, packed: Option<Piece>) -> Result<Bytes, Refused>
where
    P: Fn(&ServedEnvironment) -> Bytes + Send + 'static,
{
    let large = served.state.configs.len() + served.state.segments.len() > LARGE;
    let served = Arc::clone(served);
    let make = move || match packed {
        Some(piece) => served.piece(piece, || gzip(&plain(&served))),
        None => plain(&served),
    };
    if !large {
        return Ok(make());
    }
    let made = tokio::task::spawn_blocking(make).await;
    made.map_err(|_| Refused::NotNow("the environment could not be encoded".to_owned()))
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 6 + 64), Compression::fast());
    // Memory takes every byte.
    let _ = encoder.write_all(plain);
    encoder.finish().map_or_else(|_| Bytes::new(), Bytes::from)
}

/// Whether the client holds the state of this tag already.
pub fn known(headers: &HeaderMap, tag: &str) -> bool {
    // A proxy that packs an answer makes its tag a weak one, or marks it inside the quotes.
    let bare = |text: &str| {
        let text = text.trim();
        let text = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
        text.strip_suffix("-gzip").unwrap_or(text).to_owned()
    };
    let own = bare(tag);
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| bare(value) == own)
}

/// Whether the client takes gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts
            .any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0)));
        gzip && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        for (text, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
            ("identity, gzip ; q=0.000", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            assert_eq!(takes_gzip(&headers), takes, "{text}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_tag_is_known_in_whatever_dress_it_comes_back() {
        let holds = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(text));
            known(&headers, "\"1.2.ab\"")
        };
        for text in ["\"1.2.ab\"", "W/\"1.2.ab\"", "1.2.ab", "\"x\", \"1.2.ab\"", "\"1.2.ab-gzip\""] {
            assert!(holds(text), "{text}");
        }
        for text in ["\"1.3.ab\"", "*", "", "\"1.2\""] {
            assert!(!holds(text), "{text}");
        }
    }
}
