//! JSON of clients as their parsers write it: what no database keeps can still be evaluated.

use shared::json::{self, Json};

/// Reads a text as [`json::parse`] does, and once more with less care where that refuses it for what only
/// storing forbids: repeated members (the last one counts) and integers beyond 2^53 (as a float says them).
///
/// # Errors
/// What is wrong, as a sentence.
pub fn json(bytes: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 after byte {}", error.valid_up_to()))?;
    match json::parse(text) {
        Ok(json) => Ok(json),
        Err(error) if error.syntax => {
            Err(format!("{} (line {}, column {})", error.detail, error.line, error.column))
        }
        Err(error) => match serde_json::from_str(text) {
            Ok(value) => Ok(loosely(value)),
            Err(_) => Err(format!("{} {}", error.pointer, error.detail).trim().to_owned()),
        },
    }
}

fn loosely(value: serde_json::Value) -> Json {
    use serde_json::Value;
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(truth),
        Value::Number(number) => Json::Number(match number.as_i64() {
            Some(small) if small.unsigned_abs() <= 1 << 53 => small.to_string(),
            // Whole numbers are written out: what is divided by them sees the digits.
            _ => number.as_f64().unwrap_or_default().to_string(),
        }),
        Value::String(text) => Json::String(text),
        Value::Array(items) => Json::Array(items.into_iter().map(loosely).collect()),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, loosely(value))).collect(),
    }
}
