//! Environments out of a seed: flags, segments and contexts that fit together.

use crate::dice::Dice;

/// The documents of one environment, and contexts to evaluate its flags for, all as JSON.
pub struct Generated {
    pub flags: Vec<(String, String)>,
    pub segments: Vec<(String, String)>,
    pub contexts: Vec<String>,
}

const FLAGS: usize = 8;
const SEGMENTS: usize = 5;
const CONTEXTS: usize = 24;

const USERS: [&str; 10] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u/9~"];
const ORGS: [&str; 4] = ["o0", "o1", "o2", "o:3"];
const DEVICES: [&str; 3] = ["d0", "d1", "d2"];
const NAMES: [&str; 4] = ["Ann", "Bob", "Zoë", ""];
const MAILS: [&str; 4] = ["ann@example.com", "bob@example.org", "ANN@EXAMPLE.COM", "zoë@пример.рф"];
const NUMBERS: [&str; 12] =
    ["0", "1", "1.0", "-2.5", "33333", "33333.0", "1e3", "99.5", "-0.0", "9007199254740991", "18", "1e-7"];
const VERSIONS: [&str; 12] = [
    "1.2.3",
    "1.2",
    "1",
    "2-rc",
    "2.0.0-rc.1",
    "2.0.0-rc.11",
    "2.0.0+build",
    "v1.2.3",
    "1.2.3.4",
    "01.2",
    "",
    "10.0.0",
];
const DATES: [&str; 11] = [
    "1577836800000",
    "1577836800000.9",
    "\"2020-01-01T00:00:00Z\"",
    "\"2020-01-01T00:00:00.000001Z\"",
    "\"2020-01-01T01:00:00+01:00\"",
    "\"2019-12-31T23:59:59.999-00:00\"",
    "\"2020-01-01\"",
    "\"1577836800000\"",
    "0",
    "-1",
    "\"2026-11-07T03:12:00.5+05:45\"",
];
const PATTERNS: [&str; 7] = ["^ann", "example\\\\.(com|org)$", "(", "(?i)ANN", "", "[0-9]+", "u[0-4]$"];
const LEAVES: [&str; 12] = [
    "null",
    "true",
    "false",
    "1",
    "1.0",
    "\"1\"",
    "\"true\"",
    "\"\"",
    "[1,\"a\"]",
    "{\"b\":[1.0,{\"c\":null}]}",
    "[]",
    "\"u1\"",
];

impl Generated {
    pub fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        // Most environments could be stored; the others show what cannot.
        let odd = dice.one_in(5);
        let flags = (0..FLAGS).map(|i| (format!("f{i}"), flag(dice, i, odd))).collect();
        let segments = (0..SEGMENTS).map(|i| (format!("s{i}"), segment(dice, i, odd))).collect();
        let contexts = (0..CONTEXTS).map(|_| context(dice)).collect();
        Self { flags, segments, contexts }
    }
}

fn key_of(dice: &mut Dice, kind: &str) -> &'static str {
    match kind {
        "org" => dice.pick(&ORGS),
        "device" => dice.pick(&DEVICES),
        _ => dice.pick(&USERS),
    }
}

fn keys(dice: &mut Dice, kind: &str) -> String {
    let count = 1 + dice.below(4);
    dice.list(count, |dice| format!("{:?}", key_of(dice, kind)))
}

fn index(dice: &mut Dice, odd: bool) -> i64 {
    if odd && dice.one_in(12) {
        return [-1, 4, 99][dice.below(3)];
    }
    [0, 1, 2, 3][dice.below(4)]
}

fn flag(dice: &mut Dice, number: usize, odd: bool) -> String {
    let variations = match dice.below(4) {
        0 => "true,false,true,false",
        1 => "\"a\",\"b\",\"c\",\"\"",
        2 => "1,1.0,-2.50,1e3",
        _ => "{\"a\":[1.0,null]},null,[],\"x\"",
    };
    let prerequisites = if dice.one_in(3) { dice.below(3) } else { 0 };
    let prerequisites = dice.list(prerequisites, |dice| {
        // To later flags, so that nothing goes round, unless it may.
        let other = if odd && dice.one_in(3) { dice.below(FLAGS) } else { number + 1 + dice.below(3) };
        let variation = dice.below(3);
        format!(r#"{{"key":"f{other}","variation":{variation}}}"#)
    });
    let with_contexts = dice.one_in(3);
    let mut held = [false; 4];
    let count = dice.below(3);
    let targets = dice.list(count, |dice| {
        let mut variation = index(dice, odd);
        if odd && with_contexts {
            variation = i64::from(dice.one_in(3));
        } else if with_contexts {
            // One entry a variation, as a store would have it.
            while usize::try_from(variation).is_ok_and(|v| std::mem::replace(&mut held[v], true)) {
                variation = (variation + 1) % 4;
            }
        }
        format!(r#"{{"variation":{variation},"values":[{}]}}"#, keys(dice, "user"))
    });
    let count = if with_contexts { 1 + dice.below(3) } else { 0 };
    let context_targets = dice.list(count, |dice| {
        let kind = dice.pick(&["user", "org", "device", "user"]);
        let values =
            if kind == "user" && !(odd && dice.one_in(3)) { String::new() } else { keys(dice, kind) };
        format!(r#"{{"contextKind":"{kind}","variation":{},"values":[{values}]}}"#, index(dice, odd))
    });
    let count = dice.below(4);
    let mut place = 0;
    let rules = dice.list(count, |dice| {
        place += 1;
        let id = if dice.one_in(5) { String::new() } else { format!("rule{place}") };
        let clauses = clauses(dice, SEGMENTS, odd);
        let serve = serve(dice, odd);
        let track = dice.one_in(4);
        format!(r#"{{"id":"{id}","clauses":[{clauses}],{serve},"trackEvents":{track}}}"#)
    });
    let off = if dice.one_in(5) { "null".to_owned() } else { index(dice, odd).to_string() };
    format!(
        r#"{{"key":"f{number}","version":{},"on":{},"salt":"salt{}","variations":[{variations}],
        "prerequisites":[{prerequisites}],"targets":[{targets}],"contextTargets":[{context_targets}],"rules":[{rules}],
        "fallthrough":{{{}}},"offVariation":{off},"trackEvents":false,"trackEventsFallthrough":{},
        "clientSideAvailability":{{"usingEnvironmentId":true,"usingMobileKey":true}},"deleted":false}}"#,
        1 + dice.below(100),
        !dice.one_in(6),
        dice.below(3),
        serve(dice, odd),
        dice.one_in(4),
    )
}

fn serve(dice: &mut Dice, odd: bool) -> String {
    if odd && dice.one_in(25) {
        return dice
            .pick(&[r#""rollout":null"#, r#""rollout":{"variations":[]}"#, r#""variation":null"#])
            .to_owned();
    }
    if dice.one_in(2) {
        return format!(r#""variation":{}"#, index(dice, odd));
    }
    let count = 1 + dice.below(4);
    let mut rest = 100_000;
    let nothing = odd && dice.one_in(6);
    let mut place = 0;
    let parts = dice.list(count, |dice| {
        place += 1;
        let weight = match (place == count, odd && dice.one_in(4)) {
            _ if nothing => 0,
            (_, true) => [0, 1, 50_000, 100_000][dice.below(4)],
            (true, _) => rest,
            _ => [0, rest / 2, rest, dice.below(rest + 1)][dice.below(4)],
        };
        rest = rest.saturating_sub(weight);
        let untracked = if dice.one_in(4) { r#","untracked":true"# } else { "" };
        format!(r#"{{"variation":{},"weight":{weight}{untracked}}}"#, index(dice, odd))
    });
    let kind = dice.pick(&["", r#""kind":"rollout","#, r#""kind":"experiment","#]);
    let seed = match dice.below(6) {
        0 => r#""seed":61,"#,
        1 => r#""seed":-9007199254740991,"#,
        2 if odd => r#""seed":0,"#,
        _ => "",
    };
    let by = divided_by(dice, "contextKind", odd);
    format!(r#""rollout":{{{kind}{seed}{by}"variations":[{parts}]}}"#)
}

fn divided_by(dice: &mut Dice, kind_name: &str, odd: bool) -> String {
    let kind = dice.pick(&["", "", "user", "user", "org", "device"]);
    let mut out = String::new();
    if !kind.is_empty() {
        out.push_str(&format!(r#""{kind_name}":"{kind}","#));
    }
    if dice.one_in(3) {
        let by = match dice.below(if odd { 9 } else { 7 }) {
            0 => "key",
            1 => "age",
            2 => "name",
            3 if !kind.is_empty() => "/address/city",
            4 => "tags",
            5 => "gone",
            6 => "score",
            7 => "/address//city",
            8 => "/",
            _ => "email",
        };
        out.push_str(&format!(r#""bucketBy":"{by}","#));
    }
    out
}

fn clauses(dice: &mut Dice, segments: usize, odd: bool) -> String {
    let count = if dice.one_in(8) { 0 } else { 1 + dice.below(2) };
    dice.list(count, |dice| clause(dice, segments, odd))
}

fn clause(dice: &mut Dice, segments: usize, odd: bool) -> String {
    let negate = match dice.below(4) {
        0 => r#","negate":true"#,
        1 => r#","negate":false"#,
        _ => "",
    };
    if dice.one_in(5) {
        let count = dice.below(3);
        let values = dice.list(count, |dice| match dice.below(8) {
            0 => "\"gone\"".to_owned(),
            1 => "7".to_owned(),
            _ if segments == 0 => "\"gone\"".to_owned(),
            _ => format!("\"s{}\"", SEGMENTS - 1 - dice.below(segments)),
        });
        return format!(r#"{{"attribute":"","op":"segmentMatch","values":[{values}]{negate}}}"#);
    }
    let (op, attributes, values): (&str, &[&str], fn(&mut Dice) -> String) = match dice.below(8) {
        0 | 1 => (
            "in",
            &["key", "name", "email", "age", "beta", "tags", "address", "kind", "anonymous", "any", "gone"],
            any_value,
        ),
        2 => (
            dice.pick(&["startsWith", "endsWith", "contains"]),
            &["key", "name", "email", "tags", "kind"],
            |dice| format!("{:?}", dice.pick(&["u", "o", "ann", "com", "1", "", "é", "ë", "рф", "A"])),
        ),
        3 => ("matches", &["email", "name", "key", "tags"], |dice| format!("\"{}\"", dice.pick(&PATTERNS))),
        4 => (
            dice.pick(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]),
            &["age", "score", "tags", "any"],
            |dice| if dice.one_in(8) { "\"1\"".to_owned() } else { dice.pick(&NUMBERS).to_owned() },
        ),
        5 => {
            (dice.pick(&["before", "after"]), &["born", "score", "any"], |dice| dice.pick(&DATES).to_owned())
        }
        6 => (
            dice.pick(&["semVerEqual", "semVerLessThan", "semVerGreaterThan"]),
            &["version", "any"],
            |dice| format!("{:?}", dice.pick(&VERSIONS)),
        ),
        _ => (dice.pick(&["in", "sounds-like"]), &["key", "a/b", "city", "zip"], any_value),
    };
    let mut attribute = dice.pick(attributes);
    let kind = dice.pick(&["", "user", "user", "org", "device"]);
    if !kind.is_empty() {
        attribute = match (attribute, dice.below(3)) {
            ("age", 0) => "/age",
            ("city", _) => "/address/city",
            ("zip", _) => "/address/more/zip~0code",
            ("a/b", 0 | 1) => "/a~1b",
            (other, _) => other,
        };
    }
    if odd && dice.one_in(20) {
        attribute = dice.pick(&["", "/", "//", "/a//b", "/a~2", "/a/", "/kind", "/kind", "/kind"]);
    }
    let kind = if kind.is_empty() { String::new() } else { format!(r#""contextKind":"{kind}","#) };
    let count = dice.below(4);
    let values = dice.list(count, values);
    format!(r#"{{{kind}"attribute":"{attribute}","op":"{op}","values":[{values}]{negate}}}"#)
}

fn any_value(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => dice.pick(&NUMBERS).to_owned(),
        1 => format!("{:?}", dice.pick(&MAILS)),
        2 => format!("{:?}", dice.pick(&NAMES)),
        3 => format!("{:?}", dice.pick(&["user", "org", "device", "Oslo"])),
        4 => format!("{:?}", dice.pick(&USERS)),
        _ => dice.pick(&LEAVES).to_owned(),
    }
}

fn segment(dice: &mut Dice, number: usize, odd: bool) -> String {
    let lists = |dice: &mut Dice| {
        if dice.one_in(2) { keys(dice, "user") } else { String::new() }
    };
    let (included, excluded) = (lists(dice), lists(dice));
    let of_kinds = |dice: &mut Dice| {
        let count = if dice.one_in(3) { 1 + dice.below(2) } else { 0 };
        dice.list(count, |dice| {
            let kind = if odd && dice.one_in(3) { "user" } else { dice.pick(&["org", "device"]) };
            format!(r#"{{"contextKind":"{kind}","values":[{}]}}"#, keys(dice, kind))
        })
    };
    let (included_contexts, excluded_contexts) = (of_kinds(dice), of_kinds(dice));
    // Into later segments only, unless it may go round.
    let below = if odd && dice.one_in(3) { SEGMENTS } else { SEGMENTS - 1 - number };
    let count = dice.below(3);
    let rules = dice.list(count, |dice| {
        let clauses = clauses(dice, below, odd);
        let by = divided_by(dice, "rolloutContextKind", odd);
        let weight = match dice.below(5) {
            0 => r#""weight":0,"#.to_owned(),
            1 => r#""weight":100000,"#.to_owned(),
            2 => format!(r#""weight":{},"#, dice.below(100_001)),
            3 => r#""weight":null,"#.to_owned(),
            _ => String::new(),
        };
        format!(r#"{{"id":"r",{by}{weight}"clauses":[{clauses}]}}"#)
    });
    let salt = dice.below(3);
    format!(
        r#"{{"key":"s{number}","version":1,"salt":"salt{salt}","included":[{included}],"excluded":[{excluded}],
        "includedContexts":[{included_contexts}],"excludedContexts":[{excluded_contexts}],"rules":[{rules}],"deleted":false}}"#
    )
}

/// What one individual says about itself, beside kind and key.
fn attributes(dice: &mut Dice, old: bool) -> String {
    let mut out = Vec::new();
    let mut say = |dice: &mut Dice, one_in: usize, name: &str, value: &dyn Fn(&mut Dice) -> String| {
        if dice.one_in(one_in) {
            out.push(format!(r#""{name}":{}"#, value(dice)));
        }
    };
    say(dice, 2, "age", &|dice| dice.pick(&NUMBERS).to_owned());
    say(dice, 3, "beta", &|dice| dice.pick(&["true", "false", "1", "\"true\""]).to_owned());
    say(dice, 3, "version", &|dice| format!("{:?}", dice.pick(&VERSIONS)));
    say(dice, 3, "born", &|dice| dice.pick(&DATES).to_owned());
    say(dice, 4, "score", &|dice| dice.pick(&NUMBERS).to_owned());
    say(dice, 3, "tags", &|dice| {
        let count = dice.below(4);
        format!("[{}]", dice.list(count, any_value))
    });
    say(dice, 3, "address", &|dice| match dice.below(3) {
        0 => "\"Oslo\"".to_owned(),
        1 => r#"{"city":"Oslo","more":{"zip~code":"1"}}"#.to_owned(),
        _ => format!(r#"{{"city":{}}}"#, any_value(dice)),
    });
    say(dice, 5, "a/b", &any_value);
    say(dice, 4, "any", &any_value);
    if !old {
        say(dice, 3, "email", &|dice| format!("{:?}", dice.pick(&MAILS)));
    }
    out.join(",")
}

fn individual(dice: &mut Dice, kind: &str) -> String {
    let mut out = format!(r#""key":{:?}"#, key_of(dice, kind));
    if dice.one_in(3) {
        out.push_str(&format!(r#","name":{:?}"#, dice.pick(&NAMES)));
    }
    if dice.one_in(4) {
        out.push_str(dice.pick(&[r#","anonymous":true"#, r#","anonymous":false"#]));
    }
    if dice.one_in(6) {
        out.push_str(r#","_meta":{"privateAttributes":["email","/address/city"]}"#);
    }
    let attributes = attributes(dice, false);
    if !attributes.is_empty() {
        out.push(',');
        out.push_str(&attributes);
    }
    out
}

fn context(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 | 1 => {
            let custom = attributes(dice, true);
            let custom = if custom.is_empty() { String::new() } else { format!(r#","custom":{{{custom}}}"#) };
            let rest =
                dice.pick(&["", r#","anonymous":null"#, r#","anonymous":true"#, r#","secondary":"s""#]);
            let mail = if dice.one_in(2) {
                format!(r#","email":{:?}"#, dice.pick(&MAILS))
            } else {
                format!(r#","name":{:?},"privateAttributeNames":["name"]"#, dice.pick(&NAMES))
            };
            format!(r#"{{"key":{:?}{mail}{rest}{custom}}}"#, dice.pick(&USERS))
        }
        2..=4 => format!(r#"{{"kind":"user",{}}}"#, individual(dice, "user")),
        5 => {
            let kind = dice.pick(&["org", "device"]);
            format!(r#"{{"kind":"{kind}",{}}}"#, individual(dice, kind))
        }
        _ => {
            let kinds = dice.pick(&["user org", "user device", "org user device", "device org", "user"]);
            let members: Vec<String> =
                kinds.split(' ').map(|kind| format!(r#""{kind}":{{{}}}"#, individual(dice, kind))).collect();
            format!(r#"{{"kind":"multi",{}}}"#, members.join(","))
        }
    }
}

/// The names that generated clauses can refer to, for whoever wants to ask for them all.
pub fn references() -> Vec<&'static str> {
    vec![
        "key",
        "kind",
        "name",
        "anonymous",
        "age",
        "tags",
        "address",
        "/address/city",
        "/address/more/zip~0code",
        "/a~1b",
        "a/b",
        "/kind",
        "_meta",
        "/_meta/privateAttributes",
        "/tags/0",
        "",
        "/",
        "//",
        "/a~2",
        "/a/",
        "email",
        "gone",
    ]
}
