//! Reads requests out of JSON, so that each fault names the member it is about.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::access::Role;
use crate::fault::Fault;
use crate::flag::{FlagKind, Variation};
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey, SegmentKey};
use crate::project::{ClientSideAvailability, EnvironmentClass};

/// A type that can be read out of a request.
pub trait FromJson: Sized {
    /// Reads `json`, which stands at the pointer `at` of the request.
    ///
    /// # Errors
    /// Every fault that was found, with pointers into the request.
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>>;

    /// What an absent member means; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

fn wrong<T>(at: &str, expected: &str, json: &Json) -> Result<T, Vec<Fault>> {
    Err(vec![Fault::new(at, format!("must be {expected}, not {}", json.type_name()))])
}

/// The members of an object, each taken once; what is left over is a fault.
pub struct Fields<'a> {
    at: String,
    members: &'a [(String, Json)],
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Begins to read an object.
    ///
    /// # Errors
    /// The value is not an object.
    pub fn of(json: &'a Json, at: &str) -> Result<Self, Vec<Fault>> {
        match json.as_object() {
            Some(members) => Ok(Self { at: at.to_owned(), members, known: Vec::new(), faults: Vec::new() }),
            None => wrong(at, "an object", json),
        }
    }

    /// The raw member, which thereby is known.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a Json> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.iter().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    /// The member as a type; a fault (and `None`) if it does not fit or is missing without need.
    pub fn take<T: FromJson>(&mut self, name: &'static str) -> Option<T> {
        match self.raw(name) {
            None => {
                let absent = T::absent();
                if absent.is_none() {
                    self.faults.push(Fault::new(format!("{}/{name}", self.at), "is required"));
                }
                absent
            }
            Some(json) => match T::from_json(json, &format!("{}/{name}", self.at)) {
                Ok(value) => Some(value),
                Err(mut faults) => {
                    self.faults.append(&mut faults);
                    None
                }
            },
        }
    }

    /// Adds a fault at a member.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("{}/{name}", self.at), detail));
    }

    /// Ends the reading: unknown members are faults.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn finish(mut self) -> Result<(), Vec<Fault>> {
        for (key, _) in self.members {
            if !self.known.contains(&key.as_str()) {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                self.faults.push(Fault::new(
                    format!("{}/{escaped}", self.at),
                    format!("is not known here; known are {}", self.known.join(", ")),
                ));
            }
        }
        self.end()
    }

    /// Ends the reading where unknown members are welcome.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn end(self) -> Result<(), Vec<Fault>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

/// The sentence for a member that was read although `finish` found faults; never seen by a client.
pub fn unread(at: &str) -> Vec<Fault> {
    vec![Fault::new(at, "could not be read")]
}

impl FromJson for Json {
    fn from_json(json: &Json, _: &str) -> Result<Self, Vec<Fault>> {
        Ok(json.clone())
    }
}

impl FromJson for bool {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        json.as_bool().map_or_else(|| wrong(at, "true or false", json), Ok)
    }
}

/// The most characters of a text in a request (names, comments, descriptions, keys).
pub const MAX_TEXT: usize = 64 * 1024;

impl FromJson for String {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let Some(text) = json.as_str() else { return wrong(at, "a string", json) };
        if text.len() > MAX_TEXT {
            return Err(vec![Fault::new(at, format!("is longer than {MAX_TEXT} bytes"))]);
        }
        if let Some(c) = text.chars().find(|c| hostile(*c)) {
            return Err(vec![Fault::new(
                at,
                format!(
                    "holds the control or direction character U+{:04X}, which could deceive a reader",
                    c as u32
                ),
            )]);
        }
        Ok(text.to_owned())
    }
}

/// Characters that a terminal or a reader could be deceived with: C0 and C1 but tab and line ends, and
/// the bidirectional overrides.
pub const fn hostile(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

impl FromJson for i64 {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        match json {
            Json::Number(text) => {
                text.parse().map_err(|_| vec![Fault::new(at, format!("must be a whole number, not {text}"))])
            }
            _ => wrong(at, "a whole number", json),
        }
    }
}

impl FromJson for i32 {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let number = i64::from_json(json, at)?;
        Self::try_from(number).map_err(|_| vec![Fault::new(at, format!("{number} is too large"))])
    }
}

impl FromJson for Uuid {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let Some(text) = json.as_str() else { return wrong(at, "a UUID", json) };
        text.parse().map_err(|_| vec![Fault::new(at, "must be a UUID")])
    }
}

impl FromJson for OffsetDateTime {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let text = json.as_str().unwrap_or("");
        Self::parse(text, &time::format_description::well_known::Rfc3339)
            .map_err(|_| vec![Fault::new(at, "must be an RFC 3339 time, like 2026-11-21T03:12:00Z")])
    }
}

macro_rules! from_text {
    ($($type:ty),*) => {$(
        impl FromJson for $type {
            fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
                let Some(text) = json.as_str() else { return wrong(at, "a string", json) };
                text.parse().map_err(|e| vec![Fault::new(at, format!("{e}"))])
            }
        }
    )*};
}

from_text!(ProjectKey, EnvironmentKey, FlagKey, SegmentKey, FlagKind, Role, EnvironmentClass);

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        if json.is_null() { Ok(None) } else { T::from_json(json, at).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let Some(items) = json.as_array() else { return wrong(at, "an array", json) };
        let mut out = Vec::with_capacity(items.len());
        let mut faults = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match T::from_json(item, &format!("{at}/{i}")) {
                Ok(value) => out.push(value),
                Err(mut more) => faults.append(&mut more),
            }
        }
        if faults.is_empty() { Ok(out) } else { Err(faults) }
    }
}

impl FromJson for ClientSideAvailability {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let browser = fields.take::<Option<bool>>("usingEnvironmentId").flatten();
        let mobile = fields.take::<Option<bool>>("usingMobileKey").flatten();
        fields.finish()?;
        Ok(Self { using_environment_id: browser.unwrap_or(false), using_mobile_key: mobile.unwrap_or(false) })
    }
}

impl FromJson for Variation {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, at)?;
        let value = fields.take::<Json>("value");
        let name = fields.take::<Option<String>>("name").flatten();
        let description = fields.take::<Option<String>>("description").flatten();
        let placeholder = fields.take::<Option<bool>>("placeholder").flatten();
        fields.finish()?;
        let value = value.ok_or_else(|| unread(at))?;
        Ok(Self { value, name, description, placeholder: placeholder.unwrap_or(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn every_fault_is_named_at_once() {
        let json = parse(r#"{"name":3,"keyy":"x","on":"yes"}"#).unwrap();
        let mut fields = Fields::of(&json, "/flag").unwrap();
        let key: Option<FlagKey> = fields.take("key");
        let name: Option<String> = fields.take("name");
        let on: Option<bool> = fields.take("on");
        assert!(key.is_none() && name.is_none() && on.is_none());
        let faults = fields.finish().unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/flag/key", "/flag/name", "/flag/on", "/flag/keyy"]);
    }

    #[test]
    fn text_that_could_deceive_a_terminal_is_refused() {
        for text in ["\u{1b}[2J", "a\u{202e}b", "\u{9b}31m"] {
            assert!(String::from_json(&Json::from(text), "/name").is_err(), "{text:?}");
        }
        assert!(String::from_json(&Json::from("two\nlines\tand é 漢"), "/name").is_ok());
    }
}
