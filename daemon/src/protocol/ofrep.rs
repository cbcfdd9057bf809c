//! OpenFeature's remote evaluation protocol: contexts read, results and failures written.
//!
//! Providers differ in what they forgive (the least forgiving decides): a reason is one of OpenFeature's
//! names, `variant` is always there, a value is left out rather than null, every failure has its code, its
//! details and, for a single flag, its key.

use serde::Deserialize;
use shared::context::{Context, DEFAULT_KIND, Description};
use shared::eval::{ErrorKind, Evaluation, ReasonKind};
use shared::json::Json;
use shared::revision::Position;

/// What OpenFeature calls a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// There is no such flag, or it is not for this credential.
    FlagNotFound,
    /// The flag contradicts itself.
    Parse,
    /// A share of everybody is asked for, and the context does not say who it is.
    TargetingKeyMissing,
    /// The context cannot be read.
    InvalidContext,
    /// Anything else.
    General,
}

impl Code {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::Parse => "PARSE_ERROR",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::General => "GENERAL",
        }
    }

    /// The status it is answered with, where it is the whole answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::FlagNotFound => 404,
            Self::Parse | Self::TargetingKeyMissing | Self::InvalidContext => 400,
            Self::General => 500,
        }
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it is called.
    pub code: Code,
    /// A sentence for people.
    pub details: String,
}

impl Failure {
    /// A failure.
    pub fn new(code: Code, details: impl Into<String>) -> Self {
        Self { code, details: details.into() }
    }

    /// No flag of that key.
    pub fn unknown_flag(key: &str) -> Self {
        Self::new(Code::FlagNotFound, format!("there is no flag {key:?} for this credential"))
    }

    /// A flag whose configuration cannot be read.
    pub fn malformed_flag() -> Self {
        Self::new(Code::Parse, "the flag contradicts itself; its configuration has to be mended")
    }

    /// The body: `key` of a single flag first.
    pub fn write(&self, key: Option<&str>, out: &mut String) {
        out.push('{');
        if let Some(key) = key {
            out.push_str("\"key\":");
            Json::from(key).write(out);
            out.push(',');
        }
        out.push_str("\"errorCode\":\"");
        out.push_str(self.code.as_str());
        out.push_str("\",\"errorDetails\":");
        Json::from(self.details.as_str()).write(out);
        out.push('}');
    }
}

/// What is said of a flag that is off and serves its off variation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OffReason {
    /// `DISABLED`: it is. OpenFeature's Go provider then takes the caller's default.
    #[default]
    Disabled,
    /// `DEFAULT`.
    Default,
}

/// Whom a request asks for. A missing body, `null`, and a body without a context ask for nobody in particular.
///
/// # Errors
/// The body is not JSON, or the context is not one.
pub fn request(body: &[u8]) -> Result<Context, Failure> {
    let invalid = |details: String| Failure::new(Code::InvalidContext, details);
    if body.iter().all(u8::is_ascii_whitespace) {
        return context(&Json::Null);
    }
    let json = super::lenient::json(body).map_err(|details| invalid(format!("the body: {details}")))?;
    match &json {
        Json::Null => context(&Json::Null),
        Json::Object(_) => context(json.get("context").unwrap_or(&Json::Null)),
        other => Err(invalid(format!("the body must be an object, not {}", other.type_name()))),
    }
}

/// OpenFeature's context as a context: as LaunchDarkly's own adapter does it, but a key may be missing.
///
/// # Errors
/// It is not an object, or its kinds are none.
pub fn context(json: &Json) -> Result<Context, Failure> {
    let invalid = |details: String| Failure::new(Code::InvalidContext, details);
    let described = match json {
        Json::Null => vec![individual(DEFAULT_KIND, json)?],
        Json::Object(members) => match json.get("kind").and_then(Json::as_str) {
            Some("multi") => members
                .iter()
                .filter(|(_, value)| matches!(value, Json::Object(_)))
                .map(|(kind, value)| individual(kind, value))
                .collect::<Result<_, _>>()?,
            Some(kind) => vec![individual(kind, json)?],
            None => vec![individual(DEFAULT_KIND, json)?],
        },
        other => return Err(invalid(format!("the context must be an object, not {}", other.type_name()))),
    };
    Context::described(described).map_err(|faults| {
        let told: Vec<String> =
            faults.iter().map(|f| format!("{} {}", f.pointer, f.detail).trim().to_owned()).collect();
        invalid(told.join("; "))
    })
}

fn individual(kind: &str, json: &Json) -> Result<Description, Failure> {
    let mut out = Description { kind: kind.to_owned(), ..Description::default() };
    let mut other_key = None;
    for (name, value) in json.as_object().unwrap_or_default() {
        match (name.as_str(), value) {
            (_, Json::Null) | ("kind", _) => {}
            ("targetingKey", Json::String(key)) => out.key = Some(key.clone()),
            ("targetingKey", other) => {
                let details = format!("targetingKey must be a string, not {}", other.type_name());
                return Err(Failure::new(Code::InvalidContext, details));
            }
            ("key", Json::String(key)) => other_key = Some(key.clone()),
            ("name", Json::String(name)) => out.name = Some(name.clone()),
            ("anonymous", Json::Bool(anonymous)) => out.anonymous = *anonymous,
            // Of another type they are nothing, as in the adapter.
            ("key" | "name" | "anonymous" | "_meta", _) => {}
            ("privateAttributes", Json::Array(names)) => {
                out.private = names.iter().filter_map(Json::as_str).map(str::to_owned).collect();
            }
            _ => out.attributes.push((name.clone(), value.clone())),
        }
    }
    out.key = out.key.filter(|key| !key.is_empty()).or(other_key);
    Ok(out)
}

/// The reason, in OpenFeature's words.
///
/// # Errors
/// The flag has no result.
pub fn reason(evaluation: &Evaluation<'_>, off: OffReason) -> Result<&'static str, Failure> {
    if evaluation.missed_key {
        let details = "this flag serves a share of everybody: send a targetingKey that says who this is";
        return Err(Failure::new(Code::TargetingKeyMissing, details));
    }
    Ok(match evaluation.reason.kind {
        ReasonKind::Off => match (off, evaluation.variation_index) {
            (OffReason::Default, Some(_)) => "DEFAULT",
            _ => "DISABLED",
        },
        ReasonKind::Fallthrough { .. } | ReasonKind::RuleMatch { .. } if evaluation.is_divided() => "SPLIT",
        ReasonKind::TargetMatch | ReasonKind::RuleMatch { .. } => "TARGETING_MATCH",
        ReasonKind::Fallthrough { .. }
            if evaluation.variation_index.is_none() || evaluation.flag.has_targeting() =>
        {
            "DEFAULT"
        }
        ReasonKind::Fallthrough { .. } => "STATIC",
        ReasonKind::PrerequisiteFailed { .. } => "DEFAULT",
        ReasonKind::Error(ErrorKind::FlagNotFound) => {
            return Err(Failure::unknown_flag(evaluation.flag.key()));
        }
        ReasonKind::Error(ErrorKind::MalformedFlag) => return Err(Failure::malformed_flag()),
        ReasonKind::Error(ErrorKind::UserNotSpecified) => {
            return Err(Failure::new(Code::InvalidContext, "the context cannot be evaluated"));
        }
        ReasonKind::Error(kind) => return Err(Failure::new(Code::General, kind.as_str())),
    })
}

/// A flag as results name it; both texts are JSON strings.
#[derive(Clone, Copy, Debug)]
pub struct Names<'n> {
    /// Its key.
    pub key: &'n str,
    /// What its variations are called, by index.
    pub variants: &'n [Box<str>],
}

/// Writes a result. No value is written where there is none, or null: the caller's default counts.
pub fn write(
    out: &mut String,
    names: Names<'_>,
    evaluation: &Evaluation<'_>,
    reason: &str,
    metadata: Option<&str>,
) {
    out.push_str("{\"key\":");
    out.push_str(names.key);
    out.push_str(",\"reason\":\"");
    out.push_str(reason);
    out.push_str("\",\"variant\":");
    let variant = evaluation.variation_index.and_then(|index| names.variants.get(index));
    out.push_str(variant.map_or("\"\"", |variant| variant));
    if let Some(variation) = evaluation.variation().filter(|variation| !variation.value().is_null()) {
        out.push_str(",\"value\":");
        out.push_str(variation.text());
    }
    if let Some(metadata) = metadata {
        out.push_str(",\"metadata\":");
        out.push_str(metadata);
    }
    out.push('}');
}

/// The first event of a stream: where the client is, and after how many milliseconds it comes back. Clients
/// ignore what it says.
pub fn hello(position: Position, retry: u32) -> String {
    format!("retry: {retry}\nid: {position}\ndata: {{\"type\":\"hello\"}}\n\n")
}

/// Word that there may be something new since; `at` in seconds since 1970.
pub fn changed(position: Position, at: i64) -> String {
    format!(
        "id: {position}\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"\\\"{position}\\\"\",\"lastModified\":{at}}}\n\n"
    )
}

/// Moves what the client will say it heard last, and fires nothing.
pub fn bookmark(position: Position) -> String {
    format!(":\nid: {position}\n\n")
}

/// What the author of a flag wants providers to see beside its value: the scalars in the member
/// `openFeature` of its metadata. `whole` leaves out numbers that a 32-bit integer does not hold: there are
/// providers that refuse every flag of an answer for one such number.
pub fn metadata(flag: &Json, whole: bool) -> Option<String> {
    let fits = |value: &Json| match value {
        Json::String(_) | Json::Bool(_) => true,
        Json::Number(text) => !whole || text.parse::<i32>().is_ok(),
        _ => false,
    };
    let given = flag.get("openFeature")?.as_object()?;
    let kept: Vec<(String, Json)> = given.iter().filter(|(_, value)| fits(value)).cloned().collect();
    (!kept.is_empty()).then(|| Json::Object(kept).to_text())
}

#[cfg(test)]
mod tests {
    use shared::eval::{EmptyStore, evaluate, prepare_flag};
    use shared::json::parse;

    use super::*;

    fn told(flag: &str, context: &str, off: OffReason) -> Result<&'static str, Code> {
        let flag = prepare_flag(&parse(flag).unwrap()).unwrap();
        let context = context_of(context);
        let evaluation = evaluate(&EmptyStore, &flag, &context);
        reason(&evaluation, off).map_err(|failure| failure.code)
    }

    fn context_of(text: &str) -> Context {
        context(&parse(text).unwrap()).unwrap()
    }

    #[test]
    fn a_flag_that_contradicts_itself_is_a_failure_and_not_a_result() {
        for rest in
            [r#""on":true"#, r#""on":true,"fallthrough":{"variation":7}"#, r#""on":false,"offVariation":7"#]
        {
            let flag = format!(r#"{{"key":"f","variations":[1],{rest}}}"#);
            assert_eq!(told(&flag, "{}", OffReason::Disabled), Err(Code::Parse), "{rest}");
        }
        let own = r#"{"key":"f","on":true,"variations":[1],"fallthrough":{"variation":0},
            "prerequisites":[{"key":"f","variation":0}]}"#;
        assert_eq!(told(own, "{}", OffReason::Disabled), Ok("DEFAULT"), "there is no other flag here");
        assert_eq!(Failure::malformed_flag().code.status(), 400);
    }

    #[test]
    fn what_is_off_says_so_or_takes_part_in_the_disguise() {
        let off = r#"{"key":"f","on":false,"variations":[1],"offVariation":0}"#;
        assert_eq!(told(off, "{}", OffReason::Disabled), Ok("DISABLED"));
        assert_eq!(told(off, "{}", OffReason::Default), Ok("DEFAULT"));
        let none = r#"{"key":"f","on":false,"variations":[1]}"#;
        assert_eq!(told(none, "{}", OffReason::Default), Ok("DISABLED"), "there is no value to hide");
    }

    #[test]
    fn a_segment_that_divides_somebody_without_a_key_fails_the_flag() {
        struct One(shared::eval::PreparedSegment);
        impl shared::eval::Store for One {
            fn flag(&self, _: &str) -> Option<&shared::eval::PreparedFlag> {
                None
            }
            fn segment(&self, _: &str) -> Option<&shared::eval::PreparedSegment> {
                Some(&self.0)
            }
        }
        let segment = r#"{"key":"s","rules":[{"clauses":[],"weight":50000}],"salt":"x"}"#;
        let store = One(shared::eval::prepare_segment(&parse(segment).unwrap()).unwrap());
        let flag = prepare_flag(
            &parse(
                r#"{"key":"f","on":true,"variations":[1,2],"fallthrough":{"variation":1},
                "rules":[{"id":"r","variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["s"]}]}]}"#,
            )
            .unwrap(),
        )
        .unwrap();
        let of = |context: &str| {
            let context = context_of(context);
            reason(&evaluate(&store, &flag, &context), OffReason::Disabled).map_err(|failure| failure.code)
        };
        assert_eq!(of("{}"), Err(Code::TargetingKeyMissing));
        assert!(of(r#"{"targetingKey":"a"}"#).is_ok());
    }

    #[test]
    fn a_context_goes_where_the_adapter_of_launchdarkly_puts_it() {
        for (given, meant) in [
            (r#"{"targetingKey":"a"}"#, r#"{"kind":"user","key":"a"}"#),
            (r#"{"key":"a","kind":7}"#, r#"{"kind":"user","key":"a"}"#),
            (r#"{"kind":"org","targetingKey":"a","x":1.0}"#, r#"{"kind":"org","key":"a","x":1.0}"#),
            (
                r#"{"targetingKey":"a","name":"A","anonymous":true,"_meta":{},"n":null,"privateAttributes":["x"]}"#,
                r#"{"kind":"user","key":"a","name":"A","anonymous":true}"#,
            ),
            (
                r#"{"kind":"multi","plan":"pro","user":{"targetingKey":"a"},"org":{"key":"b"}}"#,
                r#"{"kind":"multi","org":{"key":"b"},"user":{"key":"a"}}"#,
            ),
            ("{}", r#"{"kind":"user","key":null}"#),
        ] {
            assert_eq!(context_of(given).to_canonical_text(), meant, "{given}");
        }
        let private = context_of(r#"{"targetingKey":"a","x":1,"privateAttributes":["x"]}"#);
        assert_eq!(private.individuals()[0].private_attributes(), ["x"]);
    }
}
