//! The flags that evaluation is measured with: one of each shape, and an environment of many.

use shared::json::{Json, parse};

/// A flag to evaluate, and for whom.
pub struct Case {
    pub name: &'static str,
    pub flag: &'static str,
    pub context: String,
    /// The most that our time may be of the time of LaunchDarkly's engine.
    pub goal: f64,
}

/// The documents of an environment.
#[derive(Default)]
pub struct Documents {
    pub flags: Vec<Json>,
    pub segments: Vec<Json>,
}

impl Documents {
    fn flag(&mut self, key: &str, salt: &str, rest: &str) {
        let mut document = json(
            r#"{"version":3,"on":true,"prerequisites":[],"targets":[],"contextTargets":[],"rules":[],
                "fallthrough":{"variation":0},"offVariation":1,"variations":[true,false],"clientSide":false,
                "clientSideAvailability":{"usingEnvironmentId":true,"usingMobileKey":true},
                "trackEvents":false,"trackEventsFallthrough":false,"debugEventsUntilDate":null,
                "deleted":false}"#,
        );
        document.set("key", key.into());
        document.set("salt", salt.into());
        for (name, value) in json(rest).as_object().unwrap() {
            document.set(name, value.clone());
        }
        self.flags.push(document);
    }

    fn segment(&mut self, key: &str, included: &[String], rules: &str) {
        let mut document = json(
            r#"{"version":1,"included":[],"excluded":[],"includedContexts":[],"excludedContexts":[],
                "salt":"c8a1","deleted":false,"unbounded":false}"#,
        );
        document.set("key", key.into());
        document
            .set("included", included.iter().map(|key| Json::from(key.as_str())).collect::<Vec<_>>().into());
        document.set("rules", json(rules));
        self.segments.push(document);
    }
}

fn json(text: &str) -> Json {
    parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}-{i:05}")).collect()
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",")
}

fn rollout(shares: &[u32]) -> String {
    let parts: Vec<String> = shares
        .iter()
        .enumerate()
        .map(|(variation, share)| format!(r#"{{"variation":{variation},"weight":{share}}}"#))
        .collect();
    format!(r#"{{"rollout":{{"variations":[{}]}}}}"#, parts.join(","))
}

/// Who is asked for, with the attributes that rules look at.
pub fn person(key: &str) -> String {
    format!(
        r#"{{"kind":"user","key":"{key}","name":"Anna","email":"{key}@example.com","country":"de","plan":"pro",
            "appVersion":"2.14.3","age":34,"beta":true,"groups":["staff","dogfood"]}}"#
    )
}

/// A flag of each shape.
pub fn shapes() -> (Documents, Vec<Case>) {
    let mut all = Documents::default();
    all.flag("off", "a1", r#"{"on":false}"#);
    all.flag("fallthrough", "a2", "{}");
    all.flag(
        "rollout",
        "5d1f0a3c9b7e4d2f8a6b",
        &format!(r#"{{"fallthrough":{}}}"#, rollout(&[50_000, 50_000])),
    );
    all.flag(
        "semver",
        "a4",
        r#"{"rules":[{"id":"r","trackEvents":false,"clauses":[{"contextKind":"user","attribute":"appVersion",
            "op":"semVerGreaterThan","values":["2.9.1"],"negate":false}],"variation":1}]}"#,
    );
    let rules: Vec<String> = (0..5)
        .map(|i| {
            let wanted = if i == 4 { "member" } else { "other" };
            format!(
                r#"{{"id":"rule-{i}","trackEvents":false,"clauses":[
                    {{"contextKind":"user","attribute":"country","op":"in","values":["at","ch","de"],"negate":false}},
                    {{"contextKind":"user","attribute":"age","op":"greaterThan","values":[18],"negate":false}},
                    {{"attribute":"","op":"segmentMatch","values":["{wanted}-{i}"],"negate":false}}],
                    {}}}"#,
                rollout(&[30_000, 70_000]).trim_start_matches('{').trim_end_matches('}').to_owned() + "}"
            )
        })
        .collect();
    all.flag("rules5x3", "9c2e7b1d4f6a8035", &format!(r#"{{"rules":[{}]}}"#, rules.join(",")));
    for i in 0..4 {
        all.segment(&format!("other-{i}"), &keys("other", 100), "[]");
    }
    all.segment("member-4", &keys("person", 100), "[]");
    let target = |variation, prefix: &str| {
        format!(r#"{{"variation":{variation},"values":[{}]}}"#, quoted(&keys(prefix, 500)))
    };
    let targets = format!(r#"{{"targets":[{},{}]}}"#, target(0, "early"), target(1, "person"));
    all.flag("targets1000", "a6", &targets);
    all.flag("prereq3", "a7", r#"{"prerequisites":[{"key":"prereq2","variation":0}]}"#);
    all.flag("prereq2", "a7", r#"{"prerequisites":[{"key":"prereq1","variation":0}]}"#);
    all.flag("prereq1", "a7", r#"{"prerequisites":[{"key":"fallthrough","variation":0}]}"#);
    all.flag(
        "regex",
        "a8",
        r#"{"rules":[{"id":"r","trackEvents":false,"clauses":[{"contextKind":"user","attribute":"email","op":"matches",
            "values":["^person-[0-9]+@(example|acme)\\.(com|org)$"],"negate":false}],"variation":1}]}"#,
    );
    all.flag(
        "segment10k",
        "a9",
        r#"{"rules":[{"id":"r","trackEvents":false,"clauses":[{"attribute":"","op":"segmentMatch","values":["large"],
            "negate":false}],"variation":1}]}"#,
    );
    all.segment("large", &keys("person", 10_000), "[]");
    let case = |name, flag, key: &str, goal| Case { name, flag, context: person(key), goal };
    let known = "person-00042";
    let cases = vec![
        case("off", "off", known, 1.0),
        case("fallthrough", "fallthrough", known, 1.0),
        case("rollout", "rollout", known, 0.7),
        case("semver", "semver", known, 1.0),
        case("rules5x3", "rules5x3", known, 0.1),
        case("targets1000 hit", "targets1000", known, 0.1),
        case("targets1000 miss", "targets1000", "stranger", 0.1),
        case("prereq3", "prereq3", known, 0.3),
        case("regex", "regex", known, 0.02),
        case("segment10k", "segment10k", known, 0.002),
        case("segment10k miss", "segment10k", "stranger", 0.002),
    ];
    (all, cases)
}

/// An environment of `count` flags as they are usually found, always the same for the same seed: of ten,
/// four are plain, three a rollout, two have rules before a rollout, one asks for a segment.
pub fn environment(count: usize, seed: u64) -> Documents {
    let mut dice = Dice(seed);
    let mut all = Documents::default();
    for i in 0..count {
        let key = format!("{}-{}-{i:05}", dice.word(), dice.word());
        let salt = format!("{:016x}{:016x}", dice.next(), dice.next());
        match i % 10 {
            0..=3 => all.flag(&key, &salt, &format!(r#"{{"on":{}}}"#, i % 2 == 0)),
            4..=6 => {
                let half = format!(r#"{{"fallthrough":{}}}"#, rollout(&[50_000, 50_000]));
                all.flag(&key, &salt, &half);
            }
            7..=8 => {
                let listed: Vec<String> =
                    (0..10).map(|_| format!("person-{:05}", dice.next() % 100_000)).collect();
                let rest = format!(
                    r#"{{"rules":[{{"id":"{:08x}","trackEvents":false,"clauses":[
                        {{"contextKind":"user","attribute":"country","op":"in","values":["{}","{}"],"negate":false}},
                        {{"contextKind":"user","attribute":"plan","op":"in","values":["pro","team"],"negate":false}}],
                        "variation":0}},
                        {{"id":"{:08x}","trackEvents":false,"clauses":[
                        {{"contextKind":"user","attribute":"key","op":"in","values":[{}],"negate":false}}],
                        "variation":0}}],"fallthrough":{}}}"#,
                    dice.next() as u32,
                    ["de", "fr", "us", "jp"][(dice.next() % 4) as usize],
                    ["at", "ch", "it", "es"][(dice.next() % 4) as usize],
                    dice.next() as u32,
                    quoted(&listed),
                    rollout(&[30_000, 70_000]),
                );
                all.flag(&key, &salt, &rest);
            }
            _ => {
                let segment = format!("segment-{i:05}");
                let listed: Vec<String> =
                    (0..100).map(|_| format!("person-{:05}", dice.next() % 100_000)).collect();
                all.segment(
                    &segment,
                    &listed,
                    r#"[{"id":"s","clauses":[{"contextKind":"user","attribute":"email","op":"endsWith",
                        "values":["@flagstaff.test"],"negate":false}]}]"#,
                );
                let rest = format!(
                    r#"{{"variations":["a","b","c"],"rules":[{{"id":"{:08x}","trackEvents":false,"clauses":[{{"attribute":"",
                        "op":"segmentMatch","values":["{segment}"],"negate":false}}],"variation":0}}],
                        "fallthrough":{}}}"#,
                    dice.next() as u32,
                    rollout(&[60_000, 20_000, 20_000]),
                );
                all.flag(&key, &salt, &rest);
            }
        }
    }
    all
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn word(&mut self) -> &'static str {
        const WORDS: [&str; 8] =
            ["checkout", "search", "banner", "export", "invoice", "login", "pricing", "mobile"];
        WORDS[(self.next() % 8) as usize]
    }
}
