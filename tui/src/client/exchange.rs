//! One request and its answer, and what is known when the answer does not come.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::{Instant, timeout_at};

use super::answer;
use super::dial::Dialler;
use super::pool::Pool;
use crate::request::{Answer, Failure, Method, Request};

/// The largest body on the wire.
const MOST: usize = 256 * 1024 * 1024;
/// Tries on connections that may be closed by now; the last one is on a new connection.
const TRIES: u32 = 3;

/// Does a request.
///
/// # Errors
/// [`Failure::Unreachable`] where nothing was sent; [`Failure::Lost`] where that is not known.
pub async fn exchange(
    pool: &Pool,
    request: &Request,
    accept: Option<&str>,
) -> Result<(Answer, HeaderMap), Failure> {
    let deadline = Instant::now() + request.timeout;
    let waited = || format!("nothing within {} s", request.timeout.as_secs_f32());
    let mut tries = 0;
    loop {
        tries += 1;
        if tries == TRIES {
            pool.clear();
        }
        let message = message(pool.dialler(), request, accept)?;
        let taken = timeout_at(deadline, pool.take()).await;
        let taken = taken.map_err(|_| Failure::Unreachable(waited()))?;
        let mut line = taken.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let ready = timeout_at(deadline, line.sender.ready()).await;
        if !matches!(ready, Ok(Ok(()))) {
            if line.reused && tries < TRIES {
                continue;
            }
            return Err(Failure::Unreachable(gone(pool, "the connection was closed").await));
        }
        let response = match timeout_at(deadline, line.sender.try_send_request(message)).await {
            Ok(Ok(response)) => response,
            Ok(Err(mut error)) => {
                let unsent = error.take_message().is_some();
                if line.reused && tries < TRIES && (unsent || request.method == Method::Get) {
                    continue;
                }
                let why = gone(pool, &error.error().to_string()).await;
                let unsent = unsent || (!line.reused && never_opened(&why));
                return Err(if unsent { Failure::Unreachable(why) } else { Failure::Lost(why) });
            }
            Err(_) => return Err(Failure::Lost(waited())),
        };
        let (parts, body) = response.into_parts();
        let body = match timeout_at(deadline, Limited::new(body, MOST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Err(Failure::Lost(gone(pool, &error.to_string()).await)),
            Err(_) => return Err(Failure::Lost(waited())),
        };
        pool.give(line);
        let answer = answer::read(parts.status, &parts.headers, &body)?;
        return Ok((answer, parts.headers));
    }
}

/// Why a connection went away, with the last words of `ssh`.
async fn gone(pool: &Pool, why: &str) -> String {
    match pool.dialler().last_words().await {
        Some(words) => format!("{why} (ssh: {words})"),
        None => why.to_owned(),
    }
}

/// Whether `ssh` took the connection and found nobody behind it: then what was written went nowhere.
fn never_opened(why: &str) -> bool {
    why.contains("(ssh: ") && why.contains("open failed")
}

fn message(
    dialler: &Dialler,
    request: &Request,
    accept: Option<&str>,
) -> Result<http::Request<Full<Bytes>>, Failure> {
    let unsendable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| unsendable(&error));
    let mut headers = dialler.headers().map_err(|error| unsendable(&error))?;
    headers.insert(ACCEPT, value(accept.unwrap_or("application/json"))?);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(tag) = &request.if_match {
        headers.insert(IF_MATCH, value(tag)?);
    }
    if let Some(key) = &request.idempotency_key {
        headers.insert(HeaderName::from_static("idempotency-key"), value(&key.to_string())?);
    }
    let body = match &request.body {
        Some(body) => {
            let kind = request.content_type.unwrap_or("application/json");
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            Bytes::from(body.to_text())
        }
        None => Bytes::new(),
    };
    let mut message = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{}{}", dialler.prefix(), request.path))
        .body(Full::new(body))
        .map_err(|error| unsendable(&error))?;
    *message.headers_mut() = headers;
    Ok(message)
}
