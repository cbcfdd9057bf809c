//! A [`Json`] in types that serde reads and writes, with its text as it was written.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::parse::parse_within;
use super::value::Json;

/// Generous: a row that holds a document of the greatest depth is deeper itself.
const DEPTH: usize = 512;

impl Json {
    /// Any serialisable value as [`Json`]; `Json::Null` for what JSON cannot say (a map with odd keys).
    pub fn from_serialize<T: Serialize>(value: &T) -> Self {
        let text = serde_json::to_string(value).ok();
        text.and_then(|text| parse_within(&text, DEPTH).ok()).unwrap_or_default()
    }

    /// This value read as a type.
    ///
    /// # Errors
    /// What serde says about the first member that does not fit.
    pub fn to_type<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.to_text())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_text()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    /// Works with serde_json's readers only, which can hand out the raw text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        parse_within(raw.get(), DEPTH).map_err(|e| D::Error::custom(e.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_around_the_deepest_document_is_not_lost() {
        let deep = super::super::parse::parse(&format!("{}1{}", "[".repeat(63), "]".repeat(63))).unwrap();
        let row = Json::from_serialize(&std::collections::BTreeMap::from([("a", vec![vec![&deep]])]));
        assert_eq!(row.to_text(), format!("{{\"a\":[[{}]]}}", deep.to_text()));
        let back: std::collections::BTreeMap<String, Json> = row.to_type().unwrap();
        assert_eq!(back["a"].to_text(), format!("[[{}]]", deep.to_text()));
    }
}
