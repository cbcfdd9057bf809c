//! What is kept of a context: never what its sender calls private.

use shared::context::{Context, Individual, Reference};
use shared::json::Json;

/// A context larger than this, in bytes, is kept without its attributes.
const LARGEST: usize = 4_096;
/// The longest key that is kept, in bytes: one longer is no name that anybody would look for.
const LONGEST_KEY: usize = 1_024;
/// The most references to private attributes that are named.
const MOST_NAMED: usize = 100;

/// A context as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its kind; `multi` where it is several.
    pub kind: String,
    /// Its key; of several, the key of each with its kind.
    pub key: String,
    /// Its JSON.
    pub text: String,
}

/// What is kept of a context as it arrived; `None` where it is none, or nothing that could be found again.
pub fn kept(arrived: &Json) -> Option<Kept> {
    let context = Context::parse(arrived).ok()?;
    let (kind, key) = match context.individuals() {
        [only] => (only.kind().to_owned(), only.key().to_owned()),
        _ => ("multi".to_owned(), context.canonical_key()),
    };
    // Both are part of an index, whose rows have a limit; and one NUL would have the database refuse a whole batch.
    if key.len() > LONGEST_KEY || kind.len() > LONGEST_KEY || key.contains('\0') {
        return None;
    }
    // Attributes, and what is private of them, are looked for one by one: never in something large.
    let small = arrived.to_text().len() <= 4 * LARGEST;
    let whole = small.then(|| rendered(&context, arrived, true).to_text());
    let text = whole
        .filter(|whole| whole.len() <= LARGEST)
        .unwrap_or_else(|| rendered(&context, arrived, false).to_text());
    (text.len() <= LARGEST).then_some(Kept { kind, key, text })
}

fn rendered(context: &Context, arrived: &Json, attributes: bool) -> Json {
    match context.individuals() {
        [only] => {
            // Of several only one may be left, which stands then below its kind.
            let whole = arrived.get(only.kind()).filter(|_| is_multi(arrived)).unwrap_or(arrived);
            let kind = [("kind".to_owned(), Json::from(only.kind()))];
            Json::Object(kind.into_iter().chain(members(only, whole, attributes)).collect())
        }
        several => {
            let mut out = Json::object();
            out.set("kind", Json::from("multi"));
            for one in several {
                let whole = arrived.get(one.kind()).unwrap_or(&Json::Null);
                out.set(one.kind(), Json::Object(members(one, whole, attributes)));
            }
            out
        }
    }
}

fn is_multi(arrived: &Json) -> bool {
    arrived.get("kind").and_then(Json::as_str) == Some("multi")
}

fn members(one: &Individual, arrived: &Json, attributes: bool) -> Vec<(String, Json)> {
    let mut out = Json::object();
    out.set("key", Json::from(one.key()));
    if one.is_anonymous() {
        out.set("anonymous", Json::Bool(true));
    }
    let mut redacted = told_redacted(arrived);
    if attributes {
        if let Some(name) = one.name() {
            out.set("name", Json::from(name));
        }
        for (name, value) in one.attributes() {
            out.set(name, value.clone());
        }
        for text in one.private_attributes() {
            if let Ok(reference) = Reference::parse(text)
                && reference.first() != "key"
                && taken_out(&mut out, &reference)
                && !redacted.contains(text)
                && redacted.len() < MOST_NAMED
            {
                redacted.push(text.clone());
            }
        }
        if !redacted.is_empty() {
            let names = Json::Array(redacted.iter().map(|name| Json::from(name.as_str())).collect());
            out.set("_meta", [("redactedAttributes", names)].into_iter().collect());
        }
    }
    match out {
        Json::Object(members) => members,
        _ => Vec::new(),
    }
}

/// What the sender had taken out before, by name.
fn told_redacted(arrived: &Json) -> Vec<String> {
    let told = arrived.get("_meta").and_then(|meta| meta.get("redactedAttributes"));
    // `privateAttrs` is what SDKs from before there were contexts call it.
    let told = told.or_else(|| arrived.get("privateAttrs")).and_then(Json::as_array).unwrap_or_default();
    told.iter().filter_map(Json::as_str).take(MOST_NAMED).map(str::to_owned).collect()
}

/// Takes out what a reference means; whether there was such a thing.
fn taken_out(object: &mut Json, reference: &Reference) -> bool {
    let mut here = object;
    let mut name = reference.first();
    for deeper in reference.rest() {
        match here.get_mut(name) {
            Some(next @ Json::Object(_)) => here = next,
            _ => return false,
        }
        name = deeper;
    }
    here.remove(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Kept {
        kept(&shared::json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn private_attributes_are_taken_out_and_named() {
        let kept =
            of(r#"{"kind":"user","key":"a","name":"Anna","email":"a@x","address":{"city":"B","zip":"1"},
                 "_meta":{"privateAttributes":["email","/address/zip","name","missing","/key"]}}"#);
        assert_eq!((kept.kind.as_str(), kept.key.as_str()), ("user", "a"));
        assert_eq!(
            kept.text,
            r#"{"kind":"user","key":"a","address":{"city":"B"},"_meta":{"redactedAttributes":["email","/address/zip","name"]}}"#
        );
    }

    #[test]
    fn what_was_redacted_before_stays_named() {
        let kept =
            of(r#"{"kind":"user","key":"a","anonymous":true,"_meta":{"redactedAttributes":["name"]}}"#);
        assert_eq!(
            kept.text,
            r#"{"kind":"user","key":"a","anonymous":true,"_meta":{"redactedAttributes":["name"]}}"#
        );
    }

    #[test]
    fn users_of_old_sdks_become_contexts() {
        let kept = of(r#"{"key":"a","email":"a@x","custom":{"plan":"pro"},"privateAttrs":["ip"],
                 "privateAttributeNames":["email"]}"#);
        assert_eq!(
            kept.text,
            r#"{"kind":"user","key":"a","plan":"pro","_meta":{"redactedAttributes":["ip","email"]}}"#
        );
    }

    #[test]
    fn several_are_kept_under_all_their_names() {
        let kept = of(
            r#"{"kind":"multi","user":{"key":"a","x":1.0,"_meta":{"privateAttributes":["x"]}},"org":{"key":"b:c"}}"#,
        );
        assert_eq!((kept.kind.as_str(), kept.key.as_str()), ("multi", "org:b%3Ac:user:a"));
        assert_eq!(
            kept.text,
            r#"{"kind":"multi","org":{"key":"b:c"},"user":{"key":"a","_meta":{"redactedAttributes":["x"]}}}"#
        );
        let one = of(r#"{"kind":"multi","org":{"key":"b","_meta":{"redactedAttributes":["y"]}}}"#);
        assert_eq!(one.text, r#"{"kind":"org","key":"b","_meta":{"redactedAttributes":["y"]}}"#);
    }

    #[test]
    fn a_large_context_is_kept_without_its_attributes_and_an_absurd_one_not_at_all() {
        let long = "x".repeat(5_000);
        let kept = of(&format!(r#"{{"kind":"user","key":"a","bio":"{long}"}}"#));
        assert_eq!(kept.text, r#"{"kind":"user","key":"a"}"#);
        let absurd = shared::json::parse(&format!(r#"{{"kind":"user","key":"{long}"}}"#)).unwrap();
        assert_eq!(super::kept(&absurd), None);
        assert_eq!(super::kept(&Json::from("a")), None);
    }
}
