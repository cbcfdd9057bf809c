//! Queries from anybody are answered, or refused at a place within them.

use shared::flag::{FlagKind, Variation};
use shared::json::{Json, parse};
use shared::query::{Place, Query, State, Subject, completions};
use shared::targeting::Summary;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));
const DOCUMENT: &str = r#"{"on":true,"prerequisites":[{"key":"pay.base","variation":0}],
    "rules":[{"variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["beta-testers"]}]}],
    "fallthrough":{"rollout":{"variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}},
    "offVariation":1}"#;

/// Any text as a query over flags, and as one that somebody is still typing.
pub fn queries(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let length = text.chars().count();
    match Query::parse_knowing(text, &["draft"]) {
        Ok(query) => {
            let found = score(&query);
            assert!(found.is_some() || !query.is_empty(), "{text:?}");
            // In a group of its own it says the same, where it may still be that long and deep.
            if let Ok(grouped) = Query::parse_knowing(&format!("({text})"), &["draft"]) {
                assert_eq!(score(&grouped).is_some(), found.is_some(), "{text:?}");
            }
            if let Err(fault) = query.check_environments(&["staging"]) {
                assert!(fault.at <= length, "{text:?}: {fault:?}");
            }
        }
        Err(fault) => {
            assert!(fault.at <= length, "{text:?}: {fault:?}");
            assert!(!fault.detail.is_empty());
        }
    }
    for cursor in (0..=length).rev().step_by(length / 8 + 1).chain([length + 1]) {
        assert!(completions(text, cursor, &|_| vec!["two words".to_owned()]).from <= cursor, "{text:?}");
    }
}

fn score(query: &Query) -> Option<u32> {
    let document = parse(DOCUMENT).unwrap();
    let summary = Summary::of(&document);
    let state = State {
        summary: &summary,
        document: Some(&document),
        changed_at: NOW - Duration::hours(30),
        changed_by: "user:carol",
        last_evaluated: Some(NOW - Duration::minutes(5)),
    };
    let (tags, variations) = (
        ["Checkout".to_owned(), "two words".to_owned()],
        [true, false].map(|on| Variation::of(Json::Bool(on))),
    );
    let places = [Place { key: "staging", state: Some(state) }, Place { key: "production", state: None }];
    let subject = Subject {
        key: "pay.new-checkout",
        name: "New one-page checkout",
        description: "",
        tags: &tags,
        kind: FlagKind::Boolean,
        owner: Some("payments"),
        archived: false,
        variations: &variations,
        changed_at: NOW - Duration::days(100),
        changed_by: "user:grace",
        environments: &places,
        marks: &["draft"],
    };
    query.matches(&subject, NOW)
}
