//! The flags that every client is asked for, and by hand what each is for whom and why.

use serde_json::{Value, json};

use super::Side;
use super::driver::{Client, Words};

/// Somebody whom flags are evaluated for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Context {
    /// Named by a target; in bucket 0.098 of seed 61.
    Anna,
    /// In the segment by a list; in bucket 0.145 of seed 61.
    Ben,
    /// Two kinds at once, in the segment by a rule; in bucket 0.924 of seed 61.
    Cleo,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anna, Self::Ben, Self::Cleo];

    /// Those of one kind, and no objects among their attributes.
    pub const PLAIN: [Self; 2] = [Self::Anna, Self::Ben];

    /// As a client takes it. The keys are those whose buckets LaunchDarkly's own tests of every SDK name.
    pub fn json(self) -> Value {
        match self {
            Self::Anna => {
                json!({"kind": "user", "key": "userKeyA", "country": "DE", "email": "anna@else.test"})
            }
            Self::Ben => json!({"kind": "user", "key": "userKeyB", "country": "FR", "name": "Bén 🦀"}),
            Self::Cleo => json!({
                "kind": "multi",
                "user": {"key": "userKeyC", "country": "AT", "email": "cleo@acme.test"},
                "org": {"key": "acme", "plan": {"seats": 12}},
            }),
        }
    }
}

/// A flag of the table.
pub struct Flag {
    /// Its key.
    pub key: &'static str,
    /// What the caller would take for it.
    pub default: fn() -> Value,
    /// How it is made; nothing for one that there is not.
    made: fn() -> Option<(Value, Value)>,
    /// Value (null: the caller's), index and reason for each context.
    outcomes: fn() -> [Value; 3],
}

impl Flag {
    /// Whether there is one.
    pub fn is_made(&self) -> bool {
        (self.made)().is_some()
    }

    /// Whether clients of a side are shown it.
    pub fn seen_by(&self, side: Side) -> bool {
        side == Side::Server || self.key != "servers-only"
    }

    /// Value, index and reason for a context, as a client says it.
    pub fn told(&self, context: Context, client: &Client) -> (Value, Value, Value) {
        let (value, variation, reason) = self.outcome(context, client.side);
        let config = (self.made)().map(|(_, config)| config).unwrap_or_default();
        match client.words {
            Words::LaunchDarkly => (value, variation, reason),
            Words::OpenFeature if client.wants_values && variation.is_null() && reason["kind"] == "OFF" => {
                (value, variation, json!("GENERAL"))
            }
            Words::OpenFeature => (value, variation, in_openfeature(&reason, &config)),
            // What is served while a toggle is off is no variant of it.
            Words::Unleash if variation == config["offVariation"] && !value.is_boolean() => {
                ((self.default)(), variation, reason)
            }
            Words::Unleash => (value, variation, reason),
        }
    }

    /// Value, index and reason for a context.
    pub fn outcome(&self, context: Context, side: Side) -> (Value, Value, Value) {
        let place = Context::ALL.iter().position(|c| *c == context).expect("one of all");
        let found = if self.seen_by(side) { (self.outcomes)()[place].clone() } else { unknown() };
        let value = if found[1].is_null() { (self.default)() } else { found[0].clone() };
        (value, found[1].clone(), found[2].clone())
    }
}

/// A reason in OpenFeature's words; an error is its code.
fn in_openfeature(reason: &Value, config: &Value) -> Value {
    let some = |name: &str| config[name].as_array().is_some_and(|list| !list.is_empty());
    json!(match reason["kind"].as_str() {
        Some("ERROR") => return reason["errorKind"].clone(),
        Some("OFF") => "DISABLED",
        Some("TARGET_MATCH" | "RULE_MATCH") => "TARGETING_MATCH",
        Some("PREREQUISITE_FAILED") => "DEFAULT",
        _ if config["fallthrough"].get("rollout").is_some() => "SPLIT",
        _ if some("rules") || some("targets") || some("prerequisites") => "DEFAULT",
        _ => "STATIC",
    })
}

fn unknown() -> Value {
    json!([null, null, {"kind": "ERROR", "errorKind": "FLAG_NOT_FOUND"}])
}

fn all(outcome: Value) -> [Value; 3] {
    [outcome.clone(), outcome.clone(), outcome]
}

fn off() -> Value {
    json!({"kind": "OFF"})
}

fn fallthrough() -> Value {
    json!({"kind": "FALLTHROUGH"})
}

fn boolean() -> Value {
    json!([{"value": true}, {"value": false}])
}

fn ruled(index: u32, id: &str) -> Value {
    json!({"kind": "RULE_MATCH", "ruleIndex": index, "ruleId": id})
}

fn clause(kind: &str, attribute: &str, op: &str, values: &Value) -> Value {
    json!({"contextKind": kind, "attribute": attribute, "op": op, "values": values})
}

/// A tenth to the first variation, the rest to the second.
fn rollout(kind: &str, untracked: bool) -> Value {
    let mut rollout = json!({"kind": kind, "contextKind": "user", "seed": 61, "variations": [
        {"variation": 0, "weight": 10_000}, {"variation": 1, "weight": 50_000}, {"variation": 1, "weight": 40_000}]});
    if untracked {
        rollout["variations"][2]["untracked"] = json!(true);
    }
    json!({"rollout": rollout})
}

/// Every flag, and one that there is not.
pub const FLAGS: &[Flag] = &[
    Flag {
        key: "plain",
        default: || json!(false),
        made: || Some((boolean(), json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}}))),
        outcomes: || all(json!([true, 0, fallthrough()])),
    },
    Flag {
        key: "turned-off",
        default: || json!(true),
        made: || Some((boolean(), json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}}))),
        outcomes: || all(json!([false, 1, off()])),
    },
    Flag {
        key: "off-without-a-value",
        default: || json!("the caller's"),
        made: || {
            let variations = json!([{"value": "a"}, {"value": "b"}]);
            Some((variations, json!({"on": false, "offVariation": null, "fallthrough": {"variation": 0}})))
        },
        outcomes: || all(json!([null, null, off()])),
    },
    Flag {
        key: "words",
        default: || json!("none"),
        made: || {
            let variations = json!([{"value": "red"}, {"value": "grün 🌲"}, {"value": ""}]);
            Some((variations, json!({"on": true, "offVariation": 0, "fallthrough": {"variation": 1}})))
        },
        outcomes: || all(json!(["grün 🌲", 1, fallthrough()])),
    },
    Flag {
        key: "number",
        default: || json!(0),
        made: || {
            let variations = json!([{"value": 1.0}, {"value": 2.5}, {"value": -1e21}]);
            let targets =
                json!([{"values": ["userKeyA"], "variation": 2}, {"values": ["userKeyB"], "variation": 1}]);
            let fallthrough = json!({"variation": 0});
            Some((
                variations,
                json!({"on": true, "offVariation": 0, "targets": targets, "fallthrough": fallthrough}),
            ))
        },
        outcomes: || {
            [
                json!([-1e21, 2, {"kind": "TARGET_MATCH"}]),
                json!([2.5, 1, {"kind": "TARGET_MATCH"}]),
                json!([1.0, 0, fallthrough()]),
            ]
        },
    },
    Flag {
        key: "document",
        default: || json!({}),
        made: || {
            let variations = json!([{"value": {"z": [1, 2.0, null, {"ü": "é"}], "a": {}}}, {"value": []}]);
            Some((variations, json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}})))
        },
        outcomes: || all(json!([{"z": [1, 2.0, null, {"ü": "é"}], "a": {}}, 0, fallthrough()])),
    },
    Flag {
        key: "by-segment",
        default: || json!(false),
        made: || {
            let clauses = json!([clause("user", "", "segmentMatch", &json!(["testers"]))]);
            let rules = json!([{"id": "for-testers", "variation": 0, "clauses": clauses}]);
            let fallthrough = json!({"variation": 1});
            Some((
                boolean(),
                json!({"on": true, "offVariation": 1, "rules": rules, "fallthrough": fallthrough}),
            ))
        },
        outcomes: || {
            [
                json!([false, 1, fallthrough()]),
                json!([true, 0, ruled(0, "for-testers")]),
                json!([true, 0, ruled(0, "for-testers")]),
            ]
        },
    },
    Flag {
        key: "by-attribute",
        default: || json!("none"),
        made: || {
            let variations = json!([{"value": "big"}, {"value": "german"}, {"value": "other"}]);
            let rules = json!([
                {"id": "big", "variation": 0, "clauses": [clause("org", "/plan/seats", "greaterThan", &json!([10]))]},
                {"id": "german", "variation": 1, "clauses": [clause("user", "country", "in", &json!(["DE", "AT"]))]},
            ]);
            let fallthrough = json!({"variation": 2});
            Some((
                variations,
                json!({"on": true, "offVariation": 2, "rules": rules, "fallthrough": fallthrough}),
            ))
        },
        outcomes: || {
            [
                json!(["german", 1, ruled(1, "german")]),
                json!(["other", 2, fallthrough()]),
                json!(["big", 0, ruled(0, "big")]),
            ]
        },
    },
    Flag {
        key: "rolled-out",
        default: || json!("none"),
        made: || {
            let variations = json!([{"value": "few"}, {"value": "many"}]);
            Some((
                variations,
                json!({"on": true, "offVariation": 1, "fallthrough": rollout("rollout", false)}),
            ))
        },
        outcomes: || {
            [
                json!(["few", 0, fallthrough()]),
                json!(["many", 1, fallthrough()]),
                json!(["many", 1, fallthrough()]),
            ]
        },
    },
    Flag {
        key: "experiment",
        default: || json!("none"),
        made: || {
            let variations = json!([{"value": "few"}, {"value": "many"}]);
            Some((
                variations,
                json!({"on": true, "offVariation": 1, "fallthrough": rollout("experiment", true)}),
            ))
        },
        outcomes: || {
            let inside = json!({"kind": "FALLTHROUGH", "inExperiment": true});
            [json!(["few", 0, inside]), json!(["many", 1, inside]), json!(["many", 1, fallthrough()])]
        },
    },
    Flag {
        key: "has-its-prerequisite",
        default: || json!(false),
        made: || Some((boolean(), needing(1))),
        outcomes: || all(json!([true, 0, fallthrough()])),
    },
    Flag {
        key: "lacks-its-prerequisite",
        default: || json!(true),
        made: || Some((boolean(), needing(0))),
        outcomes: || all(json!([false, 1, {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": "words"}])),
    },
    Flag {
        key: "servers-only",
        default: || json!(false),
        made: || Some((boolean(), json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}}))),
        outcomes: || all(json!([true, 0, fallthrough()])),
    },
    Flag {
        key: "there-is-none",
        default: || json!("the caller's"),
        made: || None,
        outcomes: || all(unknown()),
    },
];

fn needing(variation: u32) -> Value {
    let prerequisites = json!([{"key": "words", "variation": variation}]);
    json!({"on": true, "offVariation": 1, "prerequisites": prerequisites, "fallthrough": {"variation": 0}})
}

/// Every request that makes the segment and the flags, the ones beside the table too: path and body.
pub fn writes() -> Vec<(String, Value)> {
    let rule = json!({"clauses": [clause("user", "email", "endsWith", &json!(["@acme.test"]))]});
    let document = json!({"included": ["userKeyB"], "rules": [rule]});
    let segment = json!({"key": "testers", "name": "Testers", "document": document});
    let mut writes = vec![("/api/environments/staging/segments".to_owned(), segment)];
    let flag = |key: &str, kind: &str, variations: &Value, shown: bool| {
        let availability = json!({"usingEnvironmentId": shown, "usingMobileKey": shown});
        let body = json!({"key": key, "type": kind, "variations": variations, "enabled": true,
            "clientSideAvailability": availability});
        ("/api/flags".to_owned(), body)
    };
    for made in FLAGS {
        let Some((variations, config)) = (made.made)() else { continue };
        let kind = match (made.default)() {
            Value::Bool(_) => "boolean",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            _ => "json",
        };
        writes.push(flag(made.key, kind, &variations, made.key != "servers-only"));
        writes.push((format!("/api/flags/{}/config/staging", made.key), json!({"config": config})));
    }
    for key in ["changing", "counted", "meanwhile", "tracked"] {
        writes.push(flag(key, "boolean", &boolean(), true));
    }
    let config = json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}, "trackEvents": true});
    writes.push(("/api/flags/tracked/config/staging".to_owned(), json!({"config": config})));
    writes
}
