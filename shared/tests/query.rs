//! The query language as its askers meet it: what fits, whatever is typed, and how fast.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that the lints spare"
)]

use proptest::prelude::*;
use shared::flag::{FlagKind, Variation};
use shared::json::{Json, parse};
use shared::query::{Place, Query, State, Subject, completions};
use shared::targeting::Summary;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

struct Env {
    key: &'static str,
    document: Option<Json>,
    summary: Summary,
    ago: Duration,
    by: &'static str,
    evaluated: Option<Duration>,
}

struct Flag {
    key: String,
    name: &'static str,
    tags: Vec<String>,
    kind: FlagKind,
    owner: Option<&'static str>,
    archived: bool,
    variations: Vec<Variation>,
    environments: Vec<Env>,
    marks: Vec<&'static str>,
}

fn env(key: &'static str, document: Option<&str>, ago: Duration, by: &'static str) -> Env {
    let document = document.map(|text| parse(text).unwrap());
    let summary = document.as_ref().map(Summary::of).unwrap_or_default();
    Env { key, document, summary, ago, by, evaluated: None }
}

fn evaluated(env: Env, ago: Duration) -> Env {
    Env { evaluated: Some(ago), ..env }
}

const ON: &str = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1}"#;
const SAME: &str = r#"{"offVariation":1.0,"fallthrough":{"variation":0},"on":true}"#;
const OFF: &str = r#"{"on":false,"fallthrough":{"variation":0},"offVariation":1}"#;
const PARTIAL: &str = r#"{"on":true,"prerequisites":[{"key":"pay.base","variation":0}],
    "rules":[{"variation":0,"clauses":[{"attribute":"","op":"segmentMatch","values":["beta-testers"]}]}],
    "fallthrough":{"rollout":{"variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}},
    "offVariation":1}"#;

fn checkout() -> Flag {
    Flag {
        key: "pay.new-checkout".to_owned(),
        name: "New one-page checkout",
        tags: vec!["Checkout".to_owned(), "two words".to_owned()],
        kind: FlagKind::Boolean,
        owner: Some("payments"),
        archived: false,
        variations: vec![Variation::of(Json::Bool(true)), Variation::of(Json::Bool(false))],
        environments: vec![
            evaluated(env("staging", Some(ON), Duration::days(3), "user:carol"), Duration::hours(1)),
            env("prod-eu", Some(PARTIAL), Duration::minutes(2), "os:alice"),
            evaluated(env("prod-us", Some(OFF), Duration::days(40), "user:bob"), Duration::days(31)),
            env("dev", None, Duration::ZERO, ""),
        ],
        marks: vec![],
    }
}

fn budget() -> Flag {
    Flag {
        key: "retry.budget".to_owned(),
        name: "Retries",
        tags: vec![],
        kind: FlagKind::Json,
        owner: None,
        archived: true,
        variations: vec![
            Variation::of(parse(r#"{"maxAttempts":5,"mode":"5"}"#).unwrap()),
            Variation::of(Json::from("half-up")),
        ],
        environments: vec![
            env("staging", Some(ON), Duration::days(100), "user:dave"),
            env("prod-eu", Some(SAME), Duration::days(100), "user:dave"),
        ],
        marks: vec!["draft"],
    }
}

fn score(query: &Query, flag: &Flag) -> Option<u32> {
    let places: Vec<Place<'_>> = flag
        .environments
        .iter()
        .map(|env| Place {
            key: env.key,
            state: env.document.as_ref().map(|document| State {
                summary: &env.summary,
                document: Some(document),
                changed_at: NOW - env.ago,
                changed_by: env.by,
                last_evaluated: env.evaluated.map(|ago| NOW - ago),
            }),
        })
        .collect();
    let subject = Subject {
        key: &flag.key,
        name: flag.name,
        description: "",
        tags: &flag.tags,
        kind: flag.kind,
        owner: flag.owner,
        archived: flag.archived,
        variations: &flag.variations,
        changed_at: NOW - Duration::days(100),
        changed_by: "user:grace",
        environments: &places,
        marks: &flag.marks,
    };
    query.matches(&subject, NOW)
}

fn fits(text: &str, flag: &Flag) -> bool {
    score(&Query::parse_knowing(text, &["draft"]).unwrap_or_else(|e| panic!("{text}: {e}")), flag).is_some()
}

#[test]
fn each_term_finds_what_it_says() {
    let (checkout, budget) = (checkout(), budget());
    for text in [
        "",
        "pay",
        "chkout",
        "one-page",
        "tag:checkout",
        "tag:check*",
        "tag:\"two words\"",
        "tag:x,checkout",
        "owner:payments",
        "owner:*",
        "type:bool",
        "type:string,boolean",
        "env:staging",
        "on:staging",
        "on:prod-eu",
        "off:prod-us",
        "off:prod*",
        "on:stag",
        "rollout:partial",
        "rollout:full",
        "differs:staging",
        "differs:dev",
        "changed:<1h",
        "changed:1h",
        "-changed:>7d",
        "evaluated:<7d",
        "-evaluated:never",
        "env:prod-us evaluated:>30d",
        "env:prod-eu evaluated:never",
        "env:prod-eu evaluated:>30d",
        "by:alice",
        "by:os:alice",
        "by:grace",
        "prereq:pay.base",
        "segment:beta*",
        "key:^pay\\.",
        "key:(checkout|x)$",
        "name:^new",
        "value:true",
        "value:false",
        "json:/on=true",
        "json:/offVariation=1.0",
        "json:/rules/0/clauses/0/op=segmentMatch",
        "json:/prerequisites",
        "has:rules",
        "has:owner",
        "archived:no",
        "archived:any",
        "\"one-page\"",
        "x | pay",
        "(x | pay) on:staging",
        "-retry",
    ] {
        assert!(fits(text, &checkout), "{text}");
    }
    for text in [
        "retry",
        "tag:Checkou",
        "tag:check",
        "owner:pay",
        "type:json",
        "env:dev",
        "on:prod-us",
        "on:dev",
        "off:dev",
        "changed:>7d",
        "stale:90d",
        "evaluated:>30d",
        "evaluated:never",
        "env:prod-us evaluated:<7d",
        "env:prod-us evaluated:never",
        "env:prod-eu evaluated:<7d",
        "by:dave",
        "prereq:base",
        "segment:beta",
        "key:^checkout",
        "json:/on=1",
        "json:/nothing",
        "has:targets",
        "has:draft",
        "archived:yes",
        "-pay",
        "\"one page\"",
        "tag:* type:json",
    ] {
        assert!(!fits(text, &checkout), "{text}");
    }
    for text in [
        "stale:90d",
        "changed:>90d",
        "json:/maxAttempts=5",
        "json:/mode=5",
        "json:/mode=\"5\"",
        "has:draft",
        "archived:yes",
        "-owner:*",
        "-differs:staging",
        "-tag:*",
        "by:dave",
        "value:*maxAttempts*",
    ] {
        assert!(fits(text, &budget), "{text}");
    }
    assert!(!fits("json:/maxAttempts=\"5\"", &budget), "a text is no number");
}

#[test]
fn env_says_what_the_terms_beside_it_are_about() {
    let flag = checkout();
    assert!(fits("rollout:partial env:prod-eu", &flag) && !fits("rollout:partial env:staging", &flag));
    assert!(fits("changed:>7d env:prod-us", &flag) && !fits("changed:>7d env:prod-us,prod-eu", &flag));
    assert!(
        fits("by:bob env:prod*", &flag)
            && !fits("by:grace env:prod*", &flag)
            && !fits("by:bob env:prod-eu", &flag)
    );
    assert!(fits("(env:prod-eu rollout:partial) rollout:full", &flag));
    assert!(fits("env:staging (rollout:partial | rollout:full)", &flag));
    assert!(!fits("env:staging (rollout:partial | by:bob)", &flag));
    assert!(fits("differs:staging env:prod-eu", &flag) && !fits("differs:staging env:staging", &flag));
    assert!(fits("-env:dev", &flag));
}

#[test]
fn an_environment_that_begins_like_another_ones_key_is_not_meant() {
    let mut flag = checkout();
    flag.environments.push(env("prod", Some(OFF), Duration::ZERO, "user:x"));
    assert!(!fits("on:prod", &flag) && fits("off:prod", &flag) && fits("on:prod-", &flag));
}

#[test]
fn or_binds_less_than_standing_together() {
    let flag = checkout();
    assert!(fits("retry type:json | pay type:bool", &flag));
    assert!(!fits("retry (type:json | pay) type:bool", &flag));
    assert!(fits("-(retry | type:json)", &flag) && !fits("-(retry | type:bool)", &flag));
}

#[test]
fn what_is_named_so_comes_before_what_only_holds_the_letters() {
    let query = Query::parse("budget").unwrap();
    let mut other = budget();
    other.key = "big-update-get".to_owned();
    assert!(score(&query, &budget()) > score(&query, &other));
    assert!(score(&query, &other).is_some());
    assert_eq!(score(&Query::parse("type:json").unwrap(), &other), Some(0));
}

#[test]
fn ten_thousand_flags_are_asked_without_a_pause() {
    let flags: Vec<Flag> = (0..10_000)
        .map(|i| Flag { key: format!("team-{}.feature-number-{i}", i % 37), ..checkout() })
        .collect();
    let query = Query::parse("ftr 99 tag:checkout differs:staging -type:json by:alice").unwrap();
    let started = std::time::Instant::now();
    let found = flags.iter().filter(|flag| score(&query, flag).is_some()).count();
    eprintln!("10,000 flags in {:?}", started.elapsed());
    assert!(found > 100 && found < 10_000, "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_typed_is_read_or_refused_at_a_place_within_it(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn whatever_is_put_together_of_what_queries_are_made_of_is_too(
        parts in prop::collection::vec(prop::sample::select(vec![
            "tag:", "on:", "json:", "key:", "changed:", "stale:", "has:", "-", "|", "(", ")", "\"", " ", ",", "*",
            "a", "/a", "=", "[", "]", "{", "}", "\\", "<", ">", "1h", "ü", "rules", ":", "partial", "rollout:", "\u{1b}",
        ]), 0..16)
    ) {
        check(&parts.concat());
    }

    #[test]
    fn any_text_in_quotes_is_a_word(text in "[^\"\\\\]{1,20}") {
        let word = format!("\"{text}\"");
        prop_assert!(Query::parse(&word).is_ok());
        let query = Query::parse(&format!("tag:\"{text}\"")).unwrap();
        let flag = Flag { tags: vec![text], ..checkout() };
        prop_assert!(score(&query, &flag).is_some());
    }

    #[test]
    fn what_is_excluded_is_what_does_not_fit(text in "(tag|owner|on|off|by|key|name):[a-z]{1,5}") {
        let flag = checkout();
        prop_assert_ne!(fits(&text, &flag), fits(&format!("-{text}"), &flag));
    }
}

fn check(text: &str) {
    match Query::parse(text) {
        Ok(query) => {
            score(&query, &checkout());
            score(&query, &budget());
            let _ = query.check_environments(&["staging"]);
        }
        Err(fault) => {
            assert!(fault.at <= text.chars().count(), "{text:?}: {fault:?}");
            assert!(!fault.detail.is_empty());
        }
    }
    for cursor in 0..=text.chars().count() + 1 {
        let found = completions(text, cursor, &|_| vec!["x".to_owned()]);
        assert!(found.from <= cursor);
    }
}
