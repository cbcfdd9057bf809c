//! Something to serve: as many flags as wanted, mixed as in a real project.

use serde_json::{Map, Value, json};

/// LaunchDarkly's server document of so many flags and, from 100 on, ten segments.
pub fn document(count: usize) -> Value {
    let flags: Map<String, Value> = (0..count).map(|i| (key(i), flag(i, count))).collect();
    let segments: Map<String, Value> =
        (0..if count >= 100 { 10 } else { 0 }).map(|i| (format!("segment-{i}"), segment(i))).collect();
    json!({ "flags": flags, "segments": segments })
}

/// The key of a flag.
pub fn key(i: usize) -> String {
    format!("team-{}.feature-{i}", i % 17)
}

fn flag(i: usize, count: usize) -> Value {
    let variations = match i % 4 {
        0 | 1 => json!([true, false]),
        2 => json!(["control", "treatment", "a somewhat longer text, as buttons have"]),
        _ => json!([{ "limit": 10, "mode": "fast" }, { "limit": 20, "mode": "safe" }]),
    };
    let rollout = json!({ "rollout": { "contextKind": "user", "variations": [
        { "variation": 0, "weight": 25_000 }, { "variation": 1, "weight": 75_000 }
    ] } });
    let clause = |attribute: &str, op: &str, values: Value| json!({ "contextKind": "user", "attribute": attribute, "op": op, "values": values, "negate": false });
    let rule = |id: &str, clauses: Vec<Value>| json!({ "id": id, "clauses": clauses, "variation": 1, "trackEvents": false });
    let mut rules = Vec::new();
    match i % 10 {
        3 => rules.push(rule("country", vec![clause("country", "in", json!(["NO", "SE", "DK", "FI"]))])),
        4 => rules.push(rule("version", vec![clause("version", "semVerGreaterThan", json!(["2.1.0"]))])),
        5 if count >= 100 => {
            rules.push(rule("beta", vec![clause("", "segmentMatch", json!([format!("segment-{}", i % 7)]))]));
        }
        6 => {
            rules.push(rule("mail", vec![clause("email", "endsWith", json!(["@example.com"]))]));
            rules.push(rule(
                "plan",
                vec![clause("plan", "in", json!(["pro", "team"])), clause("country", "in", json!(["NO"]))],
            ));
        }
        _ => {}
    }
    let targets = if i % 10 == 7 {
        let values: Vec<String> = (0..20).map(|n| format!("user-{i}-{n}")).collect();
        json!([{ "variation": 1, "values": values }])
    } else {
        json!([])
    };
    let prerequisites = if i % 20 == 8 { json!([{ "key": key(i - 8), "variation": 0 }]) } else { json!([]) };
    json!({
        "key": key(i), "version": 3, "on": i % 5 != 1, "prerequisites": prerequisites, "targets": targets,
        "contextTargets": [], "rules": rules,
        "fallthrough": if i % 6 == 2 { rollout } else { json!({ "variation": 0 }) },
        "offVariation": 1, "variations": variations, "salt": format!("salt-{i}"),
        "clientSideAvailability": { "usingEnvironmentId": true, "usingMobileKey": true },
        "clientSide": true, "trackEvents": false, "trackEventsFallthrough": false,
        "debugEventsUntilDate": null, "deleted": false
    })
}

fn segment(i: usize) -> Value {
    let included: Vec<String> = (0..100).map(|n| format!("member-{i}-{n}")).collect();
    json!({
        "key": format!("segment-{i}"), "version": 1, "included": included, "excluded": [], "salt": format!("s{i}"),
        "rules": [{ "id": "r", "clauses": [
            { "contextKind": "user", "attribute": "plan", "op": "in", "values": ["beta"], "negate": false }
        ] }],
        "unbounded": false, "deleted": false
    })
}

/// A context as an application sends it, about 200 bytes.
pub fn context() -> Value {
    json!({
        "kind": "user", "key": "user-4711", "name": "Anna Andersson", "email": "anna@example.com",
        "country": "NO", "plan": "pro", "version": "2.3.1", "groups": ["beta", "staff"], "age": 42
    })
}
