//! Unleash's front-end API: contexts read, toggles written, counts read.

use shared::context::{Context, DEFAULT_KIND, Description};
use shared::eval::{Evaluation, ReasonKind};
use shared::flag::FlagKind;
use shared::json::Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Members of a context that mean something else than an attribute, or that a context has anyway.
const RESERVED: [&str; 4] = ["key", "kind", "anonymous", "_meta"];

/// Whom the query of a GET asks for: `userId=a&properties[plan]=pro`.
pub fn context_of_query(query: &[(String, String)]) -> Context {
    let members = query.iter().map(|(name, value)| {
        let property = name.strip_prefix("properties[").and_then(|rest| rest.strip_suffix(']'));
        (property.unwrap_or(name).to_owned(), Json::from(value.as_str()))
    });
    context(members.collect())
}

/// Whom the body of a POST asks for: `{"context": {..}}`.
///
/// # Errors
/// What is wrong with the body, as a sentence.
pub fn context_of_body(body: &[u8]) -> Result<Context, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(context(Vec::new()));
    }
    let json = super::lenient::json(body)?;
    let given = json.get("context").unwrap_or(&json);
    let members = given.as_object().ok_or("the context must be an object")?;
    let mut all = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("properties", Json::Object(properties)) => all.extend(properties.iter().cloned()),
            _ => all.push((name.clone(), value.clone())),
        }
    }
    Ok(context(all))
}

/// The user is who `userId` says, else the session. A property never hides a field of the context.
fn context(members: Vec<(String, Json)>) -> Context {
    let text = |name: &str| {
        let found = members.iter().rev().find(|(given, _)| given == name)?;
        found.1.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let user = text("userId");
    let description = Description {
        kind: DEFAULT_KIND.to_owned(),
        anonymous: user.is_none(),
        key: user.or_else(|| text("sessionId")),
        name: text("name"),
        attributes: members
            .into_iter()
            .filter(|(name, _)| name != "name" && !RESERVED.contains(&name.as_str()))
            .collect(),
        private: Vec::new(),
    };
    // One individual of a kind that is one: there is nothing to refuse.
    Context::described(vec![description]).unwrap_or_else(|_| Context::anonymous())
}

/// Whether a flag counts as enabled: a boolean one where it serves true, another one where it is on and
/// serves something else than while it is off.
pub fn is_enabled(kind: FlagKind, off_variation: Option<usize>, evaluation: &Evaluation<'_>) -> bool {
    if evaluation.missed_key {
        return false;
    }
    if kind == FlagKind::Boolean {
        return evaluation.value().and_then(Json::as_bool) == Some(true);
    }
    let decided = !matches!(
        evaluation.reason.kind,
        ReasonKind::Off | ReasonKind::PrerequisiteFailed { .. } | ReasonKind::Error(_)
    );
    decided && evaluation.value().is_some() && evaluation.variation_index != off_variation
}

/// Writes a toggle. `key` and `variant` are JSON strings; a boolean flag has no variant.
pub fn write(
    out: &mut String,
    key: &str,
    enabled: bool,
    variant: Option<&str>,
    evaluation: Option<&Evaluation<'_>>,
) {
    out.push_str("{\"name\":");
    out.push_str(key);
    out.push_str(if enabled { ",\"enabled\":true" } else { ",\"enabled\":false" });
    out.push_str(",\"impressionData\":false,\"variant\":{\"name\":");
    let served = evaluation.and_then(Evaluation::value).filter(|_| enabled);
    match (variant, served) {
        (Some(variant), Some(value)) => {
            out.push_str(variant);
            out.push_str(",\"enabled\":true,\"feature_enabled\":true,\"payload\":{\"type\":\"");
            out.push_str(match value {
                Json::Number(_) => "number",
                Json::String(_) => "string",
                _ => "json",
            });
            out.push_str("\",\"value\":");
            match value {
                Json::String(_) => value.write(out),
                other => Json::from(other.to_text()).write(out),
            }
            out.push_str("}}}");
        }
        _ => {
            out.push_str("\"disabled\",\"enabled\":false,\"feature_enabled\":");
            out.push_str(if enabled { "true}}" } else { "false}}" });
        }
    }
}

/// How often a toggle was asked for, and what came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Its name.
    pub name: String,
    /// How often it was enabled.
    pub yes: u64,
    /// How often it was not.
    pub no: u64,
    /// How often each variant was served.
    pub variants: Vec<(String, u64)>,
}

/// What a client counted in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// When the span ended; `None` where it does not say.
    pub stop: Option<OffsetDateTime>,
    /// The counts.
    pub toggles: Vec<Counts>,
}

/// Reads what a client counted. Whatever is strange in it counts nothing.
///
/// # Errors
/// What is wrong with the body, as a sentence.
pub fn metrics(body: &[u8]) -> Result<Metrics, String> {
    let json = super::lenient::json(body)?;
    let bucket = json.get("bucket").unwrap_or(&Json::Null);
    let count = |json: Option<&Json>| json.and_then(Json::as_i64).and_then(|n| u64::try_from(n).ok());
    let toggles = bucket.get("toggles").and_then(Json::as_object).unwrap_or_default();
    let toggles = toggles.iter().map(|(name, counts)| Counts {
        name: name.clone(),
        yes: count(counts.get("yes")).unwrap_or(0),
        no: count(counts.get("no")).unwrap_or(0),
        variants: counts
            .get("variants")
            .and_then(Json::as_object)
            .unwrap_or_default()
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), count(Some(value))?)))
            .collect(),
    });
    let stop = bucket.get("stop").and_then(Json::as_str);
    Ok(Metrics {
        stop: stop.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()),
        toggles: toggles.collect(),
    })
}

/// A refusal as Unleash's clients read it.
pub fn refusal(name: &str, detail: &str) -> String {
    let details = [("message", Json::from(detail))].into_iter().collect();
    let body: Json = [
        ("name", Json::from(name)),
        ("message", Json::from(detail)),
        ("details", Json::Array(vec![details])),
    ]
    .into_iter()
    .collect();
    body.to_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Context {
        let owned: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        context_of_query(&owned)
    }

    #[test]
    fn the_user_comes_before_the_session_and_properties_are_attributes() {
        let context = query(&[
            ("sessionId", "42"),
            ("userId", "anna"),
            ("appName", "web"),
            ("properties[plan]", "pro"),
            ("properties[key]", "evil"),
            ("properties[kind]", "org"),
        ]);
        assert_eq!(
            context.to_canonical_text(),
            r#"{"kind":"user","key":"anna","appName":"web","plan":"pro","sessionId":"42","userId":"anna"}"#
        );
        let context = query(&[("sessionId", "42"), ("userId", "")]);
        assert_eq!(
            context.to_canonical_text(),
            r#"{"kind":"user","key":"42","anonymous":true,"sessionId":"42","userId":""}"#
        );
        assert!(!query(&[]).individuals()[0].has_key());
    }

    #[test]
    fn a_body_says_the_same_as_a_query() {
        let body = br#"{"context":{"userId":"anna","properties":{"plan":"pro"}}}"#;
        let asked = query(&[("userId", "anna"), ("properties[plan]", "pro")]);
        assert_eq!(context_of_body(body).unwrap(), asked);
        for nobody in ["", " ", "{}", r#"{"context":{}}"#] {
            assert_eq!(context_of_body(nobody.as_bytes()).unwrap(), query(&[]), "{nobody}");
        }
        for wrong in ["{", "[]", r#"{"context":3}"#, "\u{1}"] {
            assert!(context_of_body(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_are_read_and_what_is_strange_counts_nothing() {
        let body = br#"{"bucket":{"start":"2026-01-01T00:00:00.000Z","stop":"2026-01-01T00:01:00.000Z",
            "toggles":{"a":{"yes":3,"no":-1,"variants":{"on":2,"x":"y"}},"b":7}}}"#;
        let metrics = metrics(body).unwrap();
        assert_eq!(metrics.stop.unwrap().unix_timestamp(), 1_767_225_660);
        assert_eq!(
            metrics.toggles[0],
            Counts { name: "a".to_owned(), yes: 3, no: 0, variants: vec![("on".to_owned(), 2)] }
        );
        assert_eq!((metrics.toggles[1].yes, metrics.toggles[1].no), (0, 0));
        assert_eq!(super::metrics(b"{}").unwrap().toggles, []);
        assert!(super::metrics(b"nonsense").is_err());
    }
}
