//! Contexts as SDKs send them: base64 in a path or JSON in a body, read leniently.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::model::Context;
use crate::json::{self, Json, ParseError};

/// The most bytes of a sent context's JSON: each stream holds its context as long as it lasts.
pub const MAX_SENT_BYTES: usize = 128 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What is wrong with what was sent, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SentError {
    /// It is not base64.
    #[error("the context in the path is not base64url")]
    NotBase64,
    /// It has more than [`MAX_SENT_BYTES`].
    #[error("a context has at most {MAX_SENT_BYTES} bytes of JSON")]
    TooLarge,
    /// It is no text.
    #[error("the context is not UTF-8")]
    NotUtf8,
    /// It is no JSON.
    #[error("the context cannot be read: {0}")]
    NotJson(ParseError),
    /// It is JSON, but not a context: the first things that are wrong with it.
    #[error("the context is not valid: {0}")]
    NotContext(String),
}

/// The JSON behind a path segment: base64url, with padding or without; the other alphabet is read as well.
///
/// # Errors
/// It is not base64.
pub fn decode_sent(segment: &str) -> Result<Vec<u8>, SentError> {
    let wrong = |_| SentError::NotBase64;
    if segment.contains(['+', '/']) {
        return BASE64.decode(segment.replace('+', "-").replace('/', "_")).map_err(wrong);
    }
    BASE64.decode(segment).map_err(wrong)
}

impl Context {
    /// Reads the JSON that an SDK sent.
    ///
    /// # Errors
    /// It is too large, or no context.
    pub fn parse_sent(bytes: &[u8]) -> Result<Self, SentError> {
        if bytes.len() > MAX_SENT_BYTES {
            return Err(SentError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SentError::NotUtf8)?;
        let json = match json::parse(text) {
            Ok(json) => json,
            Err(error) => kept_by_others(text).ok_or(SentError::NotJson(error))?,
        };
        Self::parse(&json).map_err(|faults| {
            let told = faults.iter().take(5).map(|fault| match fault.pointer.as_str() {
                "" => fault.detail.clone(),
                pointer => format!("{pointer} {}", fault.detail),
            });
            SentError::NotContext(told.collect::<Vec<_>>().join("; "))
        })
    }
}

/// JSON that we would not keep but every SDK evaluates: whole numbers of 64 bits, members that stand twice.
/// Not NUL, which the database cannot hold where a context is remembered.
fn kept_by_others(text: &str) -> Option<Json> {
    taken(serde_json::from_str(text).ok()?)
}

fn taken(value: serde_json::Value) -> Option<Json> {
    use serde_json::Value;
    let clean = |text: String| (!text.contains('\0')).then_some(text);
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(value),
        Value::Number(number) => Json::Number(number.to_string()),
        Value::String(text) => Json::String(clean(text)?),
        Value::Array(items) => Json::Array(items.into_iter().map(taken).collect::<Option<_>>()?),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| Some((clean(name)?, taken(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_is_read_with_padding_and_without() {
        let json = r#"{"kind":"user","key":"Zoë?>~ÿ!"}"#.as_bytes();
        let padded = base64::engine::general_purpose::URL_SAFE.encode(json);
        let standard = base64::engine::general_purpose::STANDARD.encode(json);
        assert!(padded.ends_with('=') && standard.contains('/'), "{padded} {standard}");
        for text in [padded.as_str(), padded.trim_end_matches('='), &standard] {
            assert_eq!(decode_sent(text).unwrap(), json, "{text}");
        }
        for wrong in ["%", "a", "ä", "e30 "] {
            assert!(decode_sent(wrong) == Err(SentError::NotBase64), "{wrong}");
        }
    }

    #[test]
    fn what_every_sdk_evaluates_is_read_although_we_would_not_keep_it() {
        let context =
            Context::parse_sent(br#"{"kind":"user","key":"a","id":9007199254740993,"x":1,"x":2}"#).unwrap();
        let names: Vec<&str> =
            context.individuals()[0].attributes().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "x"]);
    }

    #[test]
    fn what_is_no_context_is_refused_with_the_reason() {
        for (bytes, part) in [
            (&b"{}"[..], "/key is missing"),
            (br#"{"kind":"user","key":""}"#, "/key must not be empty"),
            (br#"{"kind":"multi"}"#, "needs at least one member"),
            (br#"{"kind":"kind","key":"a"}"#, "/kind"),
            (b"[1]", "a context is an object"),
            (b"{", "cannot be read"),
            (br#"{"key":"a\u0000"}"#, "cannot be read"),
            (b"\xff", "UTF-8"),
            (b"", "cannot be read"),
        ] {
            let told = Context::parse_sent(bytes).unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
        }
        let large = format!(r#"{{"key":"{}"}}"#, "a".repeat(MAX_SENT_BYTES));
        assert!(Context::parse_sent(large.as_bytes()) == Err(SentError::TooLarge));
    }
}
