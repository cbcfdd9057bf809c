//! What a list shows of a flag's document in an environment, without the document.

use super::keys::{prerequisite_keys, segment_keys};
use crate::json::Json;
use crate::json::digest::digest;

/// What everybody gets whom no target and no rule catches, while the flag is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Serves {
    /// Nothing that can be served.
    #[default]
    Nothing,
    /// One variation, by index.
    Variation(usize),
    /// A division: indices with their weights of 100,000, in order.
    Rollout(Vec<(usize, i64)>),
}

impl Serves {
    fn of(document: &Json) -> Self {
        let Some(serve) = document.get("fallthrough") else { return Self::Nothing };
        let index =
            |json: &Json| json.get("variation").and_then(Json::as_i64).and_then(|i| usize::try_from(i).ok());
        if let Some(index) = index(serve) {
            return Self::Variation(index);
        }
        let parts = serve.get("rollout").and_then(|r| r.get("variations")).and_then(Json::as_array);
        let parts: Vec<_> = parts
            .unwrap_or_default()
            .iter()
            .filter_map(|part| Some((index(part)?, part.get("weight").and_then(Json::as_i64).unwrap_or(0))))
            .collect();
        if parts.is_empty() { Self::Nothing } else { Self::Rollout(parts) }
    }

    /// Whether more than one variation is served.
    pub fn is_partial(&self) -> bool {
        match self {
            Self::Rollout(parts) => parts.iter().filter(|(_, weight)| *weight > 0).count() > 1,
            _ => false,
        }
    }

    /// The indices of what is served, of a rollout those with a weight.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        let (one, parts): (Option<usize>, &[(usize, i64)]) = match self {
            Self::Nothing => (None, &[]),
            Self::Variation(index) => (Some(*index), &[]),
            Self::Rollout(parts) => (None, parts),
        };
        one.into_iter().chain(parts.iter().filter(|(_, weight)| *weight > 0).map(|(index, _)| *index))
    }

    /// `{"variation":0}`, `{"rollout":[{"variation":0,"weight":25000},..]}` or null.
    pub fn to_json(&self) -> Json {
        let number = |index: usize| Json::from(index);
        match self {
            Self::Nothing => Json::Null,
            Self::Variation(index) => [("variation", number(*index))].into_iter().collect(),
            Self::Rollout(parts) => {
                let parts = parts.iter().map(|(index, weight)| {
                    [("variation", number(*index)), ("weight", Json::from(*weight))].into_iter().collect()
                });
                [("rollout", Json::Array(parts.collect()))].into_iter().collect()
            }
        }
    }

    /// Reads what [`Self::to_json`] wrote; anything else is nothing.
    pub fn from_json(json: &Json) -> Self {
        let parts = json.get("rollout").cloned();
        let fallthrough = match parts {
            Some(parts) => {
                [("rollout", [("variations", parts)].into_iter().collect::<Json>())].into_iter().collect()
            }
            None => json.clone(),
        };
        Self::of(&[("fallthrough", fallthrough)].into_iter().collect())
    }
}

/// What a list shows of a flag's document in an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether targeting is on.
    pub on: bool,
    /// What everybody else gets while it is on.
    pub default: Serves,
    /// What is served while it is off, by index.
    pub off_variation: Option<usize>,
    /// How many rules there are.
    pub rules: usize,
    /// How many targets there are.
    pub targets: usize,
    /// The flags it waits for.
    pub prerequisites: Vec<String>,
    /// The segments that its rules name.
    pub segments: Vec<String>,
    /// The digest of the document: another one says that something differs.
    pub digest: u64,
}

impl Summary {
    /// The summary of a document.
    pub fn of(document: &Json) -> Self {
        let count = |name: &str| document.get(name).and_then(Json::as_array).map_or(0, <[Json]>::len);
        Self {
            on: document.get("on").and_then(Json::as_bool).unwrap_or(false),
            default: Serves::of(document),
            off_variation: index(document.get("offVariation")),
            rules: count("rules"),
            targets: count("targets"),
            prerequisites: prerequisite_keys(document),
            segments: segment_keys(document),
            digest: digest(document),
        }
    }

    /// The indices that are served by default as it stands: while it is off, that of off.
    pub fn served(&self) -> impl Iterator<Item = usize> {
        let off = if self.on { None } else { self.off_variation };
        let on = self.on.then(|| self.default.indices());
        on.into_iter().flatten().chain(off)
    }

    /// The members that the API shows: `on`, `default`, `partialRollout`, `offVariation`, `rules`, `targets`,
    /// `prerequisites`, `segments`, `digest`.
    pub fn members(&self) -> [(&'static str, Json); 9] {
        let keys = |keys: &[String]| Json::Array(keys.iter().map(|k| Json::from(k.as_str())).collect());
        [
            ("on", Json::Bool(self.on)),
            ("default", self.default.to_json()),
            ("partialRollout", Json::Bool(self.default.is_partial())),
            ("offVariation", self.off_variation.map_or(Json::Null, Json::from)),
            ("rules", Json::from(self.rules)),
            ("targets", Json::from(self.targets)),
            ("prerequisites", keys(&self.prerequisites)),
            ("segments", keys(&self.segments)),
            ("digest", Json::from(format!("{:016x}", self.digest))),
        ]
    }

    /// Reads what [`Self::members`] made; what is missing is as nothing.
    pub fn from_json(json: &Json) -> Self {
        let count = |name: &str| index(json.get(name)).unwrap_or(0);
        let keys = |name: &str| {
            let keys = json.get(name).and_then(Json::as_array).unwrap_or_default();
            keys.iter().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let digest = json.get("digest").and_then(Json::as_str).unwrap_or("");
        Self {
            on: json.get("on").and_then(Json::as_bool).unwrap_or(false),
            default: json.get("default").map(Serves::from_json).unwrap_or_default(),
            off_variation: index(json.get("offVariation")),
            rules: count("rules"),
            targets: count("targets"),
            prerequisites: keys("prerequisites"),
            segments: keys("segments"),
            digest: u64::from_str_radix(digest, 16).unwrap_or(0),
        }
    }
}

fn index(json: Option<&Json>) -> Option<usize> {
    json.and_then(Json::as_i64).and_then(|i| usize::try_from(i).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_summary_says_what_a_list_shows_and_reads_back() {
        let document = parse(
            r#"{"on":true,"offVariation":1,"prerequisites":[{"key":"base","variation":0}],
                "targets":[{"variation":0,"values":["bob"]}],
                "rules":[{"variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["beta"]}]}],
                "fallthrough":{"rollout":{"variations":[{"variation":0,"weight":25000},
                    {"variation":1,"weight":75000},{"variation":2,"weight":0}]}}}"#,
        )
        .unwrap();
        let summary = Summary::of(&document);
        assert!(summary.on && summary.default.is_partial());
        assert_eq!((summary.rules, summary.targets, summary.off_variation), (1, 1, Some(1)));
        assert_eq!(
            (summary.prerequisites.as_slice(), summary.segments.as_slice()),
            (&["base".to_owned()][..], &["beta".to_owned()][..])
        );
        assert_eq!(summary.served().collect::<Vec<_>>(), [0, 1]);
        let json: Json = summary.members().into_iter().collect();
        assert_eq!(Summary::from_json(&json), summary);
        assert_eq!(
            json.get("default").unwrap().to_text(),
            r#"{"rollout":[{"variation":0,"weight":25000},{"variation":1,"weight":75000},{"variation":2,"weight":0}]}"#
        );
        let off = Summary { on: false, default: Serves::Variation(0), ..summary };
        assert_eq!(off.served().collect::<Vec<_>>(), [1]);
        assert!(!off.default.is_partial());
        assert_eq!(Summary::from_json(&Json::Null), Summary::default());
    }

    #[test]
    fn a_division_with_one_part_that_weighs_is_no_partial_one() {
        let document = parse(
            r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":100000},{"variation":1,"weight":0}]}}}"#,
        )
        .unwrap();
        assert!(!Summary::of(&document).default.is_partial());
        assert_eq!(Summary::of(&parse(r#"{"fallthrough":{}}"#).unwrap()).default, Serves::Nothing);
    }
}
