//! Promotions: configurations of one environment taken into another.

use crate::fault::Fault;
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey};
use crate::read::{Fields, FromJson, unread};

/// The most flags that one promotion names; all of them may be more.
pub const MAX_FLAGS: usize = 1000;

/// What is taken where.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// The project of both environments.
    pub project: ProjectKey,
    /// Where the configurations come from.
    pub from: EnvironmentKey,
    /// Where they go.
    pub to: EnvironmentKey,
    /// The flags; `None` is every flag that has a configuration in `from`.
    pub flags: Option<Vec<FlagKey>>,
    /// Take the targeting: the document without `on`.
    pub targeting: bool,
    /// Take whether targeting is on.
    pub on: bool,
    /// Copy segments that the configurations name and the target lacks.
    pub segments: bool,
}

impl Promotion {
    /// Reads `{from, to, flags, include, segments}`.
    ///
    /// # Errors
    /// Every fault, with pointers into the request.
    pub fn read(json: &Json, project: &ProjectKey) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::of(json, "")?;
        let from = fields.take::<EnvironmentKey>("from");
        let to = fields.take::<EnvironmentKey>("to");
        let flags = match fields.raw("flags") {
            Some(Json::String(all)) if all == "all" => Some(None),
            Some(Json::Array(_)) => fields.take::<Vec<FlagKey>>("flags").map(Some),
            Some(_) => {
                fields.fault("flags", "must be an array of keys, or \"all\"");
                None
            }
            None => {
                fields.fault("flags", "is required: an array of keys, or \"all\"");
                None
            }
        };
        let parts = fields.take::<Option<Vec<Part>>>("include").flatten();
        let segments = fields.take::<Option<bool>>("segments").flatten();
        if from.is_some() && from == to {
            fields.fault("to", "must be another environment than from");
        }
        if let Some(Some(keys)) = &flags {
            if keys.is_empty() {
                fields.fault("flags", "must name a flag");
            }
            if keys.len() > MAX_FLAGS {
                fields.fault("flags", format!("names {} where at most {MAX_FLAGS} are allowed", keys.len()));
            }
        }
        if parts.as_ref().is_some_and(Vec::is_empty) {
            fields.fault("include", "must name \"targeting\", \"on\" or both");
        }
        fields.finish()?;
        let parts = parts.unwrap_or_else(|| vec![Part::Targeting, Part::On]);
        Ok(Self {
            project: project.clone(),
            from: from.ok_or_else(|| unread("/from"))?,
            to: to.ok_or_else(|| unread("/to"))?,
            flags: flags.ok_or_else(|| unread("/flags"))?,
            targeting: parts.contains(&Part::Targeting),
            on: parts.contains(&Part::On),
            segments: segments.unwrap_or(false),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Targeting,
    On,
}

impl FromJson for Part {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        match json.as_str() {
            Some("targeting") => Ok(Self::Targeting),
            Some("on") => Ok(Self::On),
            _ => Err(vec![Fault::new(at, "must be \"targeting\" or \"on\"")]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn read(text: &str) -> Result<Promotion, Vec<Fault>> {
        Promotion::read(&parse(text).unwrap(), &ProjectKey::default())
    }

    #[test]
    fn both_parts_are_taken_where_none_is_named() {
        let all = read(r#"{"from":"a","to":"b","flags":"all"}"#).unwrap();
        assert!(all.targeting && all.on && !all.segments && all.flags.is_none());
        let on = read(r#"{"from":"a","to":"b","flags":["x"],"include":["on"]}"#).unwrap();
        assert!(!on.targeting && on.on);
    }

    #[test]
    fn wrong_requests_name_the_member() {
        for (text, pointer) in [
            (r#"{"from":"a","to":"a","flags":"all"}"#, "/to"),
            (r#"{"from":"a","to":"b"}"#, "/flags"),
            (r#"{"from":"a","to":"b","flags":[]}"#, "/flags"),
            (r#"{"from":"a","to":"b","flags":"some"}"#, "/flags"),
            (r#"{"from":"a","to":"b","flags":"all","include":["x"]}"#, "/include/0"),
            (r#"{"from":"a","to":"b","flags":"all","include":[]}"#, "/include"),
        ] {
            let faults = read(text).unwrap_err();
            assert_eq!(faults.iter().map(|f| f.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{text}");
        }
    }
}
