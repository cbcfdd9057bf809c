//! Where a document is read from, and the change that writes it back.

use crate::cache::rows::{instant, number, text};
use crate::plan::{Edit, Touch, Wish};
use crate::request::{Answer, encoded};
use crate::route::Document;
use shared::json::{Json, Pointer};
use time::OffsetDateTime;

/// The most operations that one patch may have (the daemon's limit).
const MOST: usize = 1_000;
/// The members of a flag that are edited, in the order they are shown in.
const FLAG: [&str; 9] = [
    "name",
    "description",
    "tags",
    "owner",
    "temporary",
    "variations",
    "clientSideAvailability",
    "metadata",
    "valueSchema",
];
/// The members of a segment that are edited.
const SEGMENT: [&str; 4] = ["name", "description", "tags", "document"];

/// A document as the daemon has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The document.
    pub value: Json,
    /// The revision that it was read at.
    pub revision: u64,
    /// The revision that last changed it.
    pub changed: u64,
    /// Who that was.
    pub by: String,
    /// When that was.
    pub at: Option<OffsetDateTime>,
    /// The JSON Schema of the flag's values.
    pub value_schema: Option<Json>,
}

/// The path to read it from.
#[must_use]
pub fn path(document: &Document) -> String {
    match document {
        Document::Config { flag, environment } => {
            format!("/api/flags/{}/config/{}", encoded(flag), encoded(environment))
        }
        Document::Flag { flag } | Document::Variation { flag, .. } => format!("/api/flags/{}", encoded(flag)),
        Document::Segment { segment, environment } => {
            format!("/api/environments/{}/segments/{}", encoded(environment), encoded(segment))
        }
    }
}

/// Reads the daemon's answer; none when it is not such a document.
#[must_use]
pub fn opened(document: &Document, answer: &Answer) -> Option<Opened> {
    let row = &answer.body;
    let pick = |names: &[&str]| -> Json {
        names.iter().filter_map(|name| row.get(name).map(|value| (*name, value.clone()))).collect()
    };
    row.as_object()?;
    let value = match document {
        Document::Config { .. } => row.get("config")?.clone(),
        Document::Flag { .. } => pick(&FLAG),
        Document::Variation { index, .. } => {
            row.get("variations")?.as_array()?.get(*index)?.get("value")?.clone()
        }
        Document::Segment { .. } => pick(&SEGMENT),
    };
    let changed = number(row.get("revision"));
    Some(Opened {
        value,
        revision: answer.revision.unwrap_or(changed).max(changed),
        changed,
        by: text(row.get("updatedBy")).unwrap_or_default(),
        at: instant(row.get("updatedAt")),
        value_schema: row.get("valueSchema").filter(|schema| !schema.is_null()).cloned(),
    })
}

/// Where the document stands in the request that [`wish`] makes: the daemon's pointers begin with it.
#[must_use]
pub fn within(document: &Document) -> String {
    match document {
        Document::Config { .. } => "/mutations/0/config".to_owned(),
        Document::Flag { .. } | Document::Segment { .. } => "/mutations/0/patch".to_owned(),
        Document::Variation { index, .. } => format!("/mutations/0/patch/variations/{index}/value"),
    }
}

/// The change that makes `edit.ours` of what stood at its base revision.
#[must_use]
pub fn wish(edit: Edit) -> Wish {
    let key = Json::from(edit.document.key());
    let environment = edit.document.environment().map(str::to_owned);
    let mut mutation = Json::object();
    let op = match &edit.document {
        Document::Config { .. } => "replaceConfig",
        Document::Flag { .. } | Document::Variation { .. } => "updateFlag",
        Document::Segment { .. } => "updateSegment",
    };
    mutation.set("op", Json::from(op));
    let what = if op == "updateSegment" { "segment" } else { "flag" };
    mutation.set(what, key);
    if let Some(environment) = &environment {
        mutation.set("environment", Json::from(environment.as_str()));
    }
    match &edit.document {
        Document::Config { .. } => mutation.set("config", edit.ours.clone()),
        Document::Variation { index, .. } => {
            let at = Pointer::root().child("variations").child_index(*index).child("value");
            mutation.set("patch", vec![operation("replace", &at, Some(&edit.ours))].into());
        }
        _ => mutation.set("patch", patch(&edit.base, &edit.ours).into()),
    }
    let touch = Touch { key: edit.document.key().to_owned(), environment };
    let title = format!("edit {}", edit.document.title());
    let revision = edit.base_revision;
    let mut wish = Wish::mutations(title, vec![mutation], vec![touch]).based_on(revision).reviewed();
    wish.edit = Some(Box::new(edit));
    wish
}

/// The operations (RFC 6902) that make `ours` of `base`; arrays are replaced whole.
fn patch(base: &Json, ours: &Json) -> Vec<Json> {
    let mut fine = Vec::new();
    collect(&Pointer::root(), base, ours, usize::MAX, &mut fine);
    if fine.len() > MOST {
        fine.clear();
        collect(&Pointer::root(), base, ours, 1, &mut fine);
    }
    fine
}

fn collect(at: &Pointer, base: &Json, ours: &Json, depth: usize, out: &mut Vec<Json>) {
    match (base, ours) {
        _ if base == ours => {}
        (Json::Object(before), Json::Object(after)) if depth > 0 => {
            for (name, _) in before.iter().filter(|(name, _)| ours.get(name).is_none()) {
                out.push(operation("remove", &at.child(name), None));
            }
            for (name, value) in after {
                match base.get(name) {
                    Some(old) => collect(&at.child(name), old, value, depth - 1, out),
                    None => out.push(operation("add", &at.child(name), Some(value))),
                }
            }
        }
        _ => out.push(operation("replace", at, Some(ours))),
    }
}

fn operation(op: &str, at: &Pointer, value: Option<&Json>) -> Json {
    let mut operation: Json =
        [("op", Json::from(op)), ("path", Json::from(at.as_str()))].into_iter().collect();
    if let Some(value) = value {
        operation.set("value", value.clone());
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::{json_patch, parse};

    fn edit(document: Document, base: &str, ours: &str) -> Wish {
        wish(Edit {
            document,
            base: parse(base).unwrap(),
            ours: parse(ours).unwrap(),
            text: ours.to_owned(),
            base_revision: 48,
        })
    }

    #[test]
    fn a_configuration_is_replaced_with_its_numbers_as_they_were_written() {
        let document = Document::Config { flag: "a/b".into(), environment: "prod".into() };
        assert_eq!(path(&document), "/api/flags/a%2Fb/config/prod");
        let wish = edit(document, "{}", r#"{"w":1.0}"#);
        assert_eq!(
            wish.request.body.as_ref().unwrap().to_text(),
            r#"{"mutations":[{"op":"replaceConfig","flag":"a/b","environment":"prod","config":{"w":1.0}}]}"#
        );
        assert_eq!(wish.base_revision, Some(48));
        assert_eq!(wish.touches, [Touch { key: "a/b".into(), environment: Some("prod".into()) }]);
        assert!(wish.review && wish.edit.is_some());
    }

    #[test]
    fn only_what_changed_in_a_flag_is_sent_and_makes_the_new_one() {
        let base = r#"{"name":"n","owner":null,"metadata":{"a":1,"b":{"c":2}},"tags":["x"]}"#;
        let ours = r#"{"name":"n","owner":"me","metadata":{"a":1,"b":{"d":3}},"tags":["x","y"]}"#;
        let wish = edit(Document::Flag { flag: "f".into() }, base, ours);
        let body = wish.request.body.unwrap();
        let mutation = &body.get("mutations").unwrap().as_array().unwrap()[0];
        let patch = mutation.get("patch").unwrap();
        assert_eq!(json_patch(&parse(base).unwrap(), patch).unwrap(), parse(ours).unwrap());
        assert!(!patch.to_text().contains("/name"), "{patch}");
        assert!(patch.to_text().contains("/metadata/b/d"), "{patch}");
    }

    #[test]
    fn a_variation_is_one_value_of_its_flag() {
        let wish = edit(Document::Variation { flag: "f".into(), index: 1 }, "1", "2.50");
        assert_eq!(
            wish.request.body.unwrap().to_text(),
            r#"{"mutations":[{"op":"updateFlag","flag":"f","patch":[{"op":"replace","path":"/variations/1/value","value":2.50}]}]}"#
        );
        assert_eq!(wish.touches[0].environment, None);
    }

    #[test]
    fn what_the_daemon_keeps_for_itself_is_not_edited() {
        let body =
            parse(r#"{"id":"1","name":"n","owner":null,"revision":5,"updatedBy":"bob","environments":{}}"#);
        let answer = Answer { status: 200, etag: None, revision: Some(9), stale: false, body: body.unwrap() };
        let opened = opened(&Document::Flag { flag: "f".into() }, &answer).unwrap();
        assert_eq!(opened.value.to_text(), r#"{"name":"n","owner":null}"#);
        assert_eq!((opened.revision, opened.changed, opened.by.as_str()), (9, 5, "bob"));
    }
}
