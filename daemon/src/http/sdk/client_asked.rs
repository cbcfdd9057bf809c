//! A client-side SDK's request: who asks, about which context, and how the results are to be.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts as _, RawPathParams, Request};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use sha2::{Digest as _, Sha256};
use shared::access::CredentialKind;
use shared::audit::hex;
use shared::context::{Context, decode_sent};

use super::asked::{self, SdkAsked};
use super::refused::Refused;
use super::{poll, reported};
use crate::http::AppState;
use crate::protocol::evalx::Audience;
use crate::usage::Source;

/// Told apart in ETags: raised when results are written in another way.
const FORM: &[u8] = b"evalx 1";

const ENVIRONMENT_ID: HeaderName = HeaderName::from_static("x-ld-envid");

/// A request of a client-side SDK as it was sent.
pub struct Sent {
    /// What handlers share.
    pub state: AppState,
    /// The client-side id in the path.
    pub id: Option<String>,
    /// The query.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    method: Method,
    segment: Option<String>,
    body: Result<Bytes, BytesRejection>,
}

impl FromRequest<AppState> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let (mut id, mut segment) = (None, None);
        let named = RawPathParams::from_request_parts(&mut parts, state).await;
        for (name, value) in &named.map_err(|error| Refused::Malformed(error.to_string()))? {
            match name {
                "id" => id = Some(value.to_owned()),
                _ => segment = Some(value.to_owned()),
            }
        }
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let query = parts.uri.query().map(str::to_owned);
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await;
        Ok(Self { state: state.clone(), id, query, headers, method, segment, body })
    }
}

impl Sent {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.query.as_deref(), name)
    }

    /// Whether the sender has what this ETag names.
    pub fn has(&self, etag: &str) -> bool {
        poll::known(&self.headers, etag)
    }

    /// The context's JSON: behind the path, which is read with GET, else in the body of another method.
    fn context(&self, with: &'static str) -> Result<Vec<u8>, Refused> {
        match &self.segment {
            Some(segment) if self.method == Method::GET || self.method == Method::HEAD => {
                Ok(decode_sent(segment)?)
            }
            Some(_) => Err(Refused::Method("GET")),
            None if self.method.as_str() == with => match &self.body {
                Ok(body) => Ok(body.to_vec()),
                Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                    Err(Refused::TooLarge("the body is larger than is taken".to_owned()))
                }
                Err(error) => {
                    Err(Refused::Malformed(format!("the body cannot be read: {}", error.body_text())))
                }
            },
            None => Err(Refused::Method(with)),
        }
    }
}

/// What opens the environment.
#[derive(Clone, Copy, Debug)]
pub enum Door<'r> {
    /// A client-side id, in the path or the query.
    Id(&'r str),
    /// A key in `Authorization`.
    Key(CredentialKind),
}

impl Door<'_> {
    /// Lets in who asks.
    ///
    /// # Errors
    /// 401, 404 or 503 as [`asked`] says.
    pub async fn open(self, sent: &Sent) -> Result<SdkAsked, Refused> {
        match self {
            Self::Id(id) => asked::by_id(&sent.state, id).await,
            Self::Key(kind) => asked::by_key(&sent.state, &sent.headers, &[kind]).await,
        }
    }
}

/// A client-side SDK's request that is let in.
pub struct ClientAsked {
    /// Whose it is, and the environment.
    pub sdk: SdkAsked,
    /// Which results are told, and how.
    pub audience: Audience,
    /// The context's JSON.
    pub json: Vec<u8>,
    hash: Option<String>,
}

impl ClientAsked {
    /// Lets in who asks; the context is not read yet. `with` is the method that carries one in its body.
    ///
    /// # Errors
    /// 401, 404 or 503 as [`asked`] says; 400, 405 or 413 where there is no context.
    pub async fn arrive(sent: &Sent, door: Door<'_>, with: &'static str) -> Result<Self, Refused> {
        let json = sent.context(with)?;
        let sdk = door.open(sent).await?;
        let reasons = sent.parameter("withReasons");
        let audience = Audience {
            kind: sdk.credential.kind,
            with_reasons: reasons.is_some_and(|wish| wish.eq_ignore_ascii_case("true") || wish == "1"),
        };
        Ok(Self { sdk, audience, json, hash: sent.parameter("h") })
    }

    /// Reads the context and, where the environment has secure mode, checks that it may be asked about.
    ///
    /// # Errors
    /// 400, or 503 where that cannot be told.
    pub fn context(&self) -> Result<Context, Refused> {
        let context = Context::parse_sent(&self.json)?;
        if self.is_secured() {
            let state = &self.sdk.state;
            let catalog = state.live.catalog();
            state.secure_mode.check(
                &state.secrets,
                &catalog.access,
                (&self.sdk.served.place, state.clock.now()),
                &context,
                self.hash.as_deref(),
            )?;
        }
        reported::saw(&self.sdk, &context, Source::Evalx);
        Ok(context)
    }

    /// Whether the context's key must be signed: browsers only, everybody else keeps their key to themselves.
    pub fn is_secured(&self) -> bool {
        self.audience.kind == CredentialKind::ClientSideId && self.sdk.served.state.stored.row.secure_mode
    }

    /// Names the context and the options: the same in every daemon, and without an evaluation.
    pub fn mark(&self) -> String {
        let place = &self.sdk.served.place;
        let digest = Sha256::new()
            .chain_update(FORM)
            .chain_update([self.audience.kind as u8, u8::from(self.audience.with_reasons)])
            .chain_update(place.0.as_str())
            .chain_update([0])
            .chain_update(place.1.as_str())
            .chain_update([0])
            .chain_update(&self.json)
            .finalize();
        hex(digest.get(..16).unwrap_or_default())
    }

    /// Names the results.
    pub fn etag(&self) -> String {
        format!("\"{}.{}\"", self.sdk.served.position, self.mark())
    }

    /// Tells the client-side id of the environment, which SDKs put into their telemetry.
    pub fn name_environment(&self, headers: &mut HeaderMap) {
        let shown = self.sdk.credential.public.clone().or_else(|| self.sdk.environment_id());
        if let Some(id) = shown.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(ENVIRONMENT_ID, id);
        }
    }
}

/// A parameter of a query, with what stands behind `%`; what is no UTF-8 is not there.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| unescaped(value))
}

fn unescaped(value: &str) -> Option<String> {
    if !value.contains('%') {
        return Some(value.to_owned());
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_and_unescaped() {
        let query = Some("h=ab&basis=%28p%3Apl1:3)&withReasons&x=%zz&basis=two&%68=1");
        assert_eq!(parameter(query, "h").as_deref(), Some("ab"));
        assert_eq!(parameter(query, "basis").as_deref(), Some("(p:pl1:3)"));
        assert_eq!(parameter(query, "withReasons").as_deref(), Some(""));
        assert_eq!((parameter(query, "x"), parameter(query, "y"), parameter(None, "h")), (None, None, None));
    }
}
