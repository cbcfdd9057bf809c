//! Contexts as SDKs send them: base64 in a path or JSON in a body, read leniently.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use shared::context::Context;
use shared::json::{self, Json};

use super::refused::Refused;

/// The most bytes of a context's JSON: each stream holds its context as long as it lasts.
pub const MAX_BYTES: usize = 128 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The JSON behind a path segment: base64url, with padding or without; the other alphabet is read as well.
///
/// # Errors
/// 400 where it is not base64.
pub fn decoded(segment: &str) -> Result<Vec<u8>, Refused> {
    let wrong = |_| Refused::Malformed("the context in the path is not base64url".to_owned());
    if segment.contains(['+', '/']) {
        return BASE64.decode(segment.replace('+', "-").replace('/', "_")).map_err(wrong);
    }
    BASE64.decode(segment).map_err(wrong)
}

/// Reads a context.
///
/// # Errors
/// 400 with everything that is wrong with it, 413 where it is too large.
pub fn read(bytes: &[u8]) -> Result<Context, Refused> {
    if bytes.len() > MAX_BYTES {
        return Err(Refused::TooLarge(format!("a context has at most {MAX_BYTES} bytes of JSON")));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Refused::Malformed("the context is not UTF-8".to_owned()))?;
    let json = match json::parse(text) {
        Ok(json) => json,
        Err(error) => kept_by_others(text)
            .ok_or_else(|| Refused::Malformed(format!("the context cannot be read: {error}")))?,
    };
    Context::parse(&json).map_err(|faults| {
        let told = faults.iter().take(5).map(|fault| match fault.pointer.as_str() {
            "" => fault.detail.clone(),
            pointer => format!("{pointer} {}", fault.detail),
        });
        Refused::Malformed(format!("the context is not valid: {}", told.collect::<Vec<_>>().join("; ")))
    })
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
            assert_eq!(decoded(text).unwrap(), json, "{text}");
        }
        for wrong in ["%", "a", "ä", "e30 "] {
            assert!(matches!(decoded(wrong), Err(Refused::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn what_every_sdk_evaluates_is_read_although_we_would_not_keep_it() {
        let context = read(br#"{"kind":"user","key":"a","id":9007199254740993,"x":1,"x":2}"#).unwrap();
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
            let Err(Refused::Malformed(told)) = read(bytes) else { panic!("{bytes:?} was read") };
            assert!(told.contains(part), "{told}");
        }
        let large = format!(r#"{{"key":"{}"}}"#, "a".repeat(MAX_BYTES));
        assert!(matches!(read(large.as_bytes()), Err(Refused::TooLarge(_))));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 7_u64;
        for _ in 0..10_000 {
            let bytes: Vec<u8> = (0..seed % 40)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    br#"{}[]":,\u0dkeymltiuser-_=+/%1e9"#[(seed >> 33) as usize % 31]
                })
                .collect();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let _ = read(&bytes);
            let _ = decoded(&String::from_utf8_lossy(&bytes)).map(|bytes| read(&bytes));
        }
    }
}
