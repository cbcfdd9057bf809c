//! What a flag serves to one context and why, as an evaluation answers it, in a few words.

use crate::cache::rows::{FlagRow, instant, number, short, text};
use shared::eval::Explanation;
use shared::flag::Variation;
use shared::json::Json;
use time::OffsetDateTime;

/// The revision that made a configuration what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The revision.
    pub revision: u64,
    /// When it was made.
    pub at: Option<OffsetDateTime>,
    /// Who made it.
    pub actor: String,
}

/// What is served, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The value; none where the caller's default is served.
    pub value: Option<Json>,
    /// Its index.
    pub variation: Option<usize>,
    /// Why, as SDKs report it.
    pub reason: Json,
    /// The revision behind it.
    pub because: Option<Because>,
    /// Every step, where it was asked for.
    pub steps: Option<Box<Explanation>>,
}

impl Verdict {
    /// Reads what `POST /api/evaluate` answers about one flag; none where it says nothing about it.
    #[must_use]
    pub fn read(answer: &Json, flag: &str) -> Option<Self> {
        let result = answer.get("results")?.as_array()?.first()?.get("flags")?.get(flag)?;
        let because = result.get("because").filter(|b| b.as_object().is_some());
        Some(Self {
            variation: result.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok()),
            value: result
                .get("value")
                .filter(|_| result.get("variation").is_some_and(|v| !v.is_null()))
                .cloned(),
            reason: result.get("reason").cloned().unwrap_or_default(),
            because: because.map(|b| Because {
                revision: number(b.get("revision")),
                at: instant(b.get("at")),
                actor: text(b.get("actor")).unwrap_or_default(),
            }),
            steps: result.get("explanation").and_then(|e| e.to_type().ok()).map(Box::new),
        })
    }

    /// The same of steps that were taken here.
    #[must_use]
    pub fn of(steps: Explanation) -> Self {
        Self {
            value: steps.value.clone().filter(|_| steps.variation.is_some()),
            variation: steps.variation,
            reason: steps.reason.clone(),
            because: None,
            steps: Some(Box::new(steps)),
        }
    }

    /// The value in a few characters: its name, or the value itself.
    #[must_use]
    pub fn served(&self, row: Option<&FlagRow>) -> String {
        let Some(value) = &self.value else { return "the caller's default".to_owned() };
        let known = self.variation.and_then(|n| row?.variations.get(n));
        match known.filter(|known| known.value.same_value(value)) {
            Some(known) => short(known),
            None => {
                short(&Variation { value: value.clone(), name: None, description: None, placeholder: false })
            }
        }
    }

    /// Why, in a few words.
    #[must_use]
    pub fn why(&self) -> String {
        why(&self.reason)
    }

    /// Why the flag is not known where it is asked about, though there is such a flag; none where it is known.
    #[must_use]
    pub fn unknown(&self, row: Option<&FlagRow>) -> Option<&'static str> {
        let row = row.filter(|_| text(self.reason.get("errorKind")).as_deref() == Some("FLAG_NOT_FOUND"))?;
        Some(if row.archived { "is archived" } else { "has no configuration" })
    }

    /// Whether the same is served.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Some(one), Some(two)) => one.same_value(two),
            (None, None) => true,
            _ => false,
        }
    }
}

/// A reason as SDKs report it, in a few words.
#[must_use]
pub fn why(reason: &Json) -> String {
    let of = |name: &str| text(reason.get(name)).unwrap_or_default();
    let mut said = match of("kind").as_str() {
        "OFF" => "the flag is off".to_owned(),
        "FALLTHROUGH" => "default: no target, no rule".to_owned(),
        "TARGET_MATCH" => "its key is targeted".to_owned(),
        "RULE_MATCH" => {
            let place = reason.get("ruleIndex").and_then(Json::as_i64).unwrap_or_default() + 1;
            match of("ruleId") {
                id if id.is_empty() => format!("rule {place} matches"),
                id => format!("rule {place} ({id}) matches"),
            }
        }
        "PREREQUISITE_FAILED" => format!("{} is not met", of("prerequisiteKey")),
        "ERROR" => match of("errorKind").as_str() {
            "FLAG_NOT_FOUND" => "there is no such flag here".to_owned(),
            "MALFORMED_FLAG" => "ERROR: the flag contradicts itself".to_owned(),
            other => format!("ERROR: {other}"),
        },
        "" => "no reason was given".to_owned(),
        other => other.to_owned(),
    };
    if reason.get("inExperiment") == Some(&Json::Bool(true)) {
        said.push_str(", in the experiment");
    }
    if let Some(status) = text(reason.get("bigSegmentsStatus")) {
        said.push_str(&format!(", big segments {status}"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn reasons_are_words() {
        for (reason, said) in [
            (r#"{"kind":"OFF"}"#, "the flag is off"),
            (r#"{"kind":"RULE_MATCH","ruleIndex":1,"ruleId":"beta"}"#, "rule 2 (beta) matches"),
            (
                r#"{"kind":"RULE_MATCH","ruleIndex":0,"inExperiment":true}"#,
                "rule 1 matches, in the experiment",
            ),
            (r#"{"kind":"PREREQUISITE_FAILED","prerequisiteKey":"x"}"#, "x is not met"),
            (r#"{"kind":"ERROR","errorKind":"FLAG_NOT_FOUND"}"#, "there is no such flag here"),
            ("null", "no reason was given"),
        ] {
            assert_eq!(why(&parse(reason).unwrap()), said);
        }
    }

    #[test]
    fn null_that_a_variation_serves_is_not_the_callers_default() {
        let read = |variation: &str| {
            let text = format!(
                r#"{{"results":[{{"flags":{{"f":{{"value":null,"variation":{variation},"reason":{{"kind":"OFF"}}}}}}}}]}}"#
            );
            Verdict::read(&parse(&text).unwrap(), "f").unwrap().served(None)
        };
        assert_eq!(read("0"), "null");
        assert_eq!(read("null"), "the caller's default");
        assert_eq!(Verdict::read(&Json::Null, "f"), None);
    }
}
