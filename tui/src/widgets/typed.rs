//! Values of flags as they are typed.

use shared::flag::FlagKind;
use shared::json::Json;

/// Reads a value of a kind: text of a string flag is itself, unless it stands in quotes as JSON.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn value(kind: FlagKind, text: &str) -> Result<Json, String> {
    let trimmed = text.trim();
    let parsed = shared::json::parse(trimmed);
    match (kind, parsed) {
        (FlagKind::String, Ok(json @ Json::String(_))) => Ok(json),
        (FlagKind::String, _) if trimmed.starts_with('"') => {
            Err("the closing quote is missing, or an escape is wrong".to_owned())
        }
        (FlagKind::String, _) => Ok(Json::String(text.to_owned())),
        (FlagKind::Json, Ok(json)) => Ok(json),
        (_, _) if trimmed.is_empty() => Err("type a value".to_owned()),
        (FlagKind::Json, Err(error)) => Err(format!("this is not JSON: {error}")),
        (FlagKind::Number, Ok(json @ Json::Number(_))) => Ok(json),
        (FlagKind::Number, _) => Err("a number is wanted, such as 10 or 0.5".to_owned()),
        (FlagKind::Boolean, Ok(json @ Json::Bool(_))) => Ok(json),
        (FlagKind::Boolean, _) => Err("true or false is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_kind_wants_it() {
        let read = |kind, text| value(kind, text).map(|json| json.to_text());
        assert_eq!(read(FlagKind::String, "half up").unwrap(), r#""half up""#);
        assert_eq!(read(FlagKind::String, r#""4""#).unwrap(), r#""4""#);
        assert_eq!(read(FlagKind::String, "4").unwrap(), r#""4""#);
        assert_eq!(read(FlagKind::Number, " 1.50 ").unwrap(), "1.50");
        assert_eq!(read(FlagKind::Json, r#"{"a":1}"#).unwrap(), r#"{"a":1}"#);
        for (kind, text) in [
            (FlagKind::Number, "x"),
            (FlagKind::Json, "{a}"),
            (FlagKind::Json, ""),
            (FlagKind::Boolean, "1"),
            (FlagKind::String, r#""open"#),
        ] {
            assert!(read(kind, text).is_err(), "{text}");
        }
    }
}
