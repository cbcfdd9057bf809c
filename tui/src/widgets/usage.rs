//! How often a flag was evaluated and by which step: as SDKs told it, or as it must have been.

use super::words;
use crate::cache::rows::{instant, number, text as word};
use crate::text;
use shared::json::Json;
use shared::targeting::Serves;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// The step that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The flag was off.
    Off,
    /// A prerequisite was not met.
    Prerequisite,
    /// A key was targeted, for the variation.
    Target(usize),
    /// A rule, by its place.
    Rule(usize),
    /// The default rule.
    Default,
}

/// How often a step decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// As SDKs told it.
    pub told: u64,
    /// As it can only have been: no other step serves that variation.
    pub inferred: u64,
    /// Evaluations of which SDKs did not say the step, and that may be of this one or of another.
    pub open: u64,
}

impl Count {
    /// `1.2k`, `~1.2k` where some of it is inferred, `?` where it cannot be said; empty for nothing.
    #[must_use]
    pub fn text(self) -> String {
        match (self.told, self.inferred, self.open) {
            (0, 0, 0) => String::new(),
            (0, 0, _) => "?".to_owned(),
            (told, 0, 0) => short(told),
            (told, inferred, 0) => format!("~{}", short(told + inferred)),
            (told, inferred, _) => format!("{}+?", short(told + inferred)),
        }
    }
}

/// A number in a few characters: `999`, `1.2k`, `61k`, `3.4M`.
#[must_use]
pub fn short(n: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let tenths = n / (unit / 10);
        if tenths < 100 {
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        } else {
            format!("{}{name}", n / unit)
        }
    };
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => scaled(1_000, "k"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// The evaluations of a flag in an environment over some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// All of them.
    pub total: u64,
    /// The last one ever; none for never.
    pub last: Option<OffsetDateTime>,
    /// How many in each step of time, oldest first.
    pub series: Vec<u64>,
    /// Of these, those that served the caller's default: the flag was not known, or in error.
    series_defaults: Vec<u64>,
    counters: Vec<Counter>,
}

#[derive(Clone, Debug, PartialEq)]
struct Counter {
    version: i64,
    variation: Option<usize>,
    reason: Option<String>,
    rule: Option<String>,
    count: u64,
}

fn index(json: Option<&Json>) -> Option<usize> {
    json.and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok())
}

impl Counter {
    fn read(json: &Json) -> Self {
        Self {
            version: json.get("version").and_then(Json::as_i64).unwrap_or_default(),
            variation: index(json.get("variation")),
            reason: word(json.get("reason")),
            rule: word(json.get("ruleId")).filter(|id| !id.is_empty()),
            count: number(json.get("count")),
        }
    }
}

impl Usage {
    /// Reads `GET /api/flags/{key}/usage`.
    #[must_use]
    pub fn read(answer: &Json) -> Self {
        let list = |name: &str| answer.get(name).and_then(Json::as_array).unwrap_or_default();
        let counters: Vec<Counter> = list("counters").iter().map(Counter::read).collect();
        let sum = |step: &Json, of: fn(&Json) -> bool| {
            let counts = step.get("counts").and_then(Json::as_array).unwrap_or_default();
            let counts = counts.iter().filter(|one| of(one));
            counts.fold(0_u64, |sum, one| sum.saturating_add(number(one.get("count"))))
        };
        Self {
            total: number(answer.get("total")),
            last: instant(answer.get("lastEvaluated")),
            series: list("series").iter().map(|step| sum(step, |_| true)).collect(),
            series_defaults: list("series")
                .iter()
                .map(|step| sum(step, |one| index(one.get("variation")).is_none()))
                .collect(),
            counters,
        }
    }

    /// The last `steps` of time, oldest first; all of them; those that served the caller's default.
    #[must_use]
    pub fn recent(&self, steps: usize) -> (&[u64], u64, u64) {
        let last = |all: &'_ [u64]| all.len().saturating_sub(steps);
        let sum = |all: &[u64]| all.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        let series = self.series.get(last(&self.series)..).unwrap_or_default();
        let defaults = self.series_defaults.get(last(&self.series_defaults)..).unwrap_or_default();
        (series, sum(series), sum(defaults))
    }

    /// How often each step decided, by a configuration and its version.
    #[must_use]
    pub fn places(&self, document: &Json, version: i64) -> BTreeMap<Place, Count> {
        let mut counts: BTreeMap<Place, Count> = BTreeMap::new();
        for counter in &self.counters {
            match placed(counter, document, version) {
                Placed::Told(place) => counts.entry(place).or_default().told += counter.count,
                Placed::Inferred(place) => counts.entry(place).or_default().inferred += counter.count,
                Placed::Open(places) => {
                    for place in places {
                        counts.entry(place).or_default().open += counter.count;
                    }
                }
            }
        }
        counts
    }
}

/// Which step a counter is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The SDK said so.
    Told(Place),
    /// No other step can have been.
    Inferred(Place),
    /// One of these; none where it cannot be said at all.
    Open(Vec<Place>),
}

/// Which step one counter of an answer is of, by a configuration and its version.
#[must_use]
pub fn place(counter: &Json, document: &Json, version: i64) -> Placed {
    placed(&Counter::read(counter), document, version)
}

fn placed(counter: &Counter, document: &Json, version: i64) -> Placed {
    let rules = document.get("rules").and_then(Json::as_array).unwrap_or_default();
    let by_id = |id: &String| {
        rules.iter().position(|rule| rule.get("id").and_then(Json::as_str) == Some(id)).map(Place::Rule)
    };
    let told = match counter.reason.as_deref() {
        Some("OFF") => Some(Place::Off),
        Some("FALLTHROUGH") => Some(Place::Default),
        Some("PREREQUISITE_FAILED") => Some(Place::Prerequisite),
        Some("TARGET_MATCH") => counter.variation.map(Place::Target),
        Some("RULE_MATCH") => counter.rule.as_ref().and_then(by_id),
        _ => None,
    };
    if let Some(place) = told {
        return Placed::Told(place);
    }
    let (Some(variation), true) = (counter.variation, counter.version == version) else {
        return Placed::Open(Vec::new());
    };
    let mut able = able(document, rules, variation);
    match counter.reason.as_deref() {
        None => {}
        Some("RULE_MATCH") => able.retain(|place| matches!(place, Place::Rule(_))),
        Some(_) => return Placed::Open(Vec::new()),
    }
    match <[Place; 1]>::try_from(able) {
        Ok([only]) => Placed::Inferred(only),
        Err(able) => Placed::Open(able),
    }
}

/// The steps that can serve a variation.
fn able(document: &Json, rules: &[Json], variation: usize) -> Vec<Place> {
    let off = index(document.get("offVariation")) == Some(variation);
    if document.get("on") != Some(&Json::Bool(true)) {
        return if off { vec![Place::Off] } else { Vec::new() };
    }
    let list = |name: &str| document.get(name).and_then(Json::as_array).unwrap_or_default();
    let serves = |serve: &Json| match words::serves(serve) {
        Serves::Nothing => false,
        Serves::Variation(index) => index == variation,
        Serves::Rollout(parts) => parts.iter().any(|(index, weight)| *index == variation && *weight > 0),
    };
    let mut able = Vec::new();
    if off && !list("prerequisites").is_empty() {
        able.push(Place::Prerequisite);
    }
    let targeted = |target: &Json| {
        index(target.get("variation")) == Some(variation)
            && target.get("values").and_then(Json::as_array).is_some_and(|values| !values.is_empty())
    };
    if list("targets").iter().chain(list("contextTargets")).any(targeted) {
        able.push(Place::Target(variation));
    }
    able.extend(rules.iter().enumerate().filter(|(_, rule)| serves(rule)).map(|(n, _)| Place::Rule(n)));
    if document.get("fallthrough").is_some_and(serves) {
        able.push(Place::Default);
    }
    able
}

/// Numbers over time as a line of `columns` characters: higher where there were more, `_` for none.
#[must_use]
pub fn sparkline(series: &[u64], columns: usize, unicode: bool) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];
    let levels = if unicode { BLOCKS } else { PLAIN };
    let per = series.len().div_ceil(columns.max(1)).max(1);
    let sums: Vec<u64> =
        series.chunks(per).map(|part| part.iter().fold(0, |a: u64, b| a.saturating_add(*b))).collect();
    let most = sums.iter().copied().max().unwrap_or(0);
    let level = |sum: u64| {
        // From 0 for the least to 7 for the most.
        let at = usize::try_from(u128::from(sum) * 8 / u128::from(most.max(1))).unwrap_or(0);
        levels.get(at.min(7)).copied().unwrap_or('_')
    };
    sums.into_iter().map(|sum| if sum == 0 { '_' } else { level(sum) }).collect()
}

/// When it was last evaluated, in words: `3m ago`, `never evaluated`.
#[must_use]
pub fn last(at: Option<OffsetDateTime>, now: OffsetDateTime) -> String {
    at.map_or_else(|| "never evaluated".to_owned(), |at| format!("last {} ago", text::age(at, now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::json::parse;

    const DOCUMENT: &str = r#"{"on":true,"offVariation":1,"fallthrough":{"variation":0},
        "prerequisites":[{"key":"x","variation":0}],"targets":[{"variation":2,"values":["a"]}],
        "rules":[{"id":"beta","variation":2,"clauses":[]},
                 {"id":"split","rollout":{"variations":[{"variation":3,"weight":100000},{"variation":0,"weight":0}]}}]}"#;

    fn usage(counters: &str) -> Usage {
        Usage::read(&parse(&format!(r#"{{"total":9,"counters":[{counters}]}}"#)).unwrap())
    }

    fn counted(counters: &str) -> Vec<(Place, String)> {
        let places = usage(counters).places(&parse(DOCUMENT).unwrap(), 7);
        places.into_iter().map(|(place, count)| (place, count.text())).collect()
    }

    #[test]
    fn what_sdks_told_counts_for_the_step_they_named_whatever_the_version() {
        let told = counted(
            r#"{"version":3,"variation":2,"reason":"RULE_MATCH","ruleId":"beta","count":10},
               {"version":7,"variation":0,"reason":"FALLTHROUGH","ruleId":null,"count":1234},
               {"version":7,"variation":2,"reason":"TARGET_MATCH","count":1},
               {"version":7,"variation":1,"reason":"PREREQUISITE_FAILED","count":2}"#,
        );
        let text = |text: &str| text.to_owned();
        assert_eq!(
            told,
            [
                (Place::Prerequisite, text("2")),
                (Place::Target(2), text("1")),
                (Place::Rule(0), text("10")),
                (Place::Default, text("1.2k"))
            ]
        );
    }

    #[test]
    fn what_they_did_not_tell_is_inferred_only_where_one_step_serves_it_and_the_version_is_this_one() {
        let only = counted(r#"{"version":7,"variation":0,"reason":null,"ruleId":null,"count":1234}"#);
        assert_eq!(only, [(Place::Default, "~1.2k".to_owned())]);
        let part = counted(r#"{"version":7,"variation":3,"reason":null,"count":5}"#);
        assert_eq!(part, [(Place::Rule(1), "~5".to_owned())]);
        let two = counted(r#"{"version":7,"variation":2,"reason":null,"count":5}"#);
        assert_eq!(two, [(Place::Target(2), "?".to_owned()), (Place::Rule(0), "?".to_owned())]);
        let rule = counted(r#"{"version":7,"variation":2,"reason":"RULE_MATCH","count":5}"#);
        assert_eq!(rule, [(Place::Rule(0), "~5".to_owned())]);
        assert_eq!(counted(r#"{"version":6,"variation":0,"reason":null,"count":5}"#), []);
        assert_eq!(counted(r#"{"version":7,"variation":9,"reason":null,"count":5}"#), []);
        assert_eq!(counted(r#"{"version":7,"variation":null,"reason":"ERROR","count":5}"#), []);
        let mixed = counted(
            r#"{"version":7,"variation":2,"reason":"RULE_MATCH","ruleId":"beta","count":10},
               {"version":7,"variation":2,"reason":null,"count":5}"#,
        );
        assert_eq!(mixed, [(Place::Target(2), "?".to_owned()), (Place::Rule(0), "10+?".to_owned())]);
    }

    #[test]
    fn a_flag_that_is_off_has_one_step() {
        let off = parse(r#"{"on":false,"offVariation":1,"fallthrough":{"variation":1}}"#).unwrap();
        let usage = usage(r#"{"version":7,"variation":1,"reason":null,"count":5}"#);
        let places: Vec<_> = usage.places(&off, 7).into_iter().collect();
        assert_eq!(places, [(Place::Off, Count { told: 0, inferred: 5, open: 0 })]);
    }

    #[test]
    fn numbers_and_lines_are_short() {
        let said: Vec<String> =
            [0, 999, 1_234, 61_204, 999_999, 3_450_000, 7_000_000_000].map(short).to_vec();
        assert_eq!(said, ["0", "999", "1.2k", "61k", "999k", "3.4M", "7.0G"]);
        assert_eq!(sparkline(&[0, 1, 4, 8], 24, false), "_:+@");
        assert_eq!(sparkline(&[0, 1, 4, 8], 24, true), "_▂▅█");
        assert_eq!(sparkline(&[0, 0, 4, 4], 2, false), "_@");
        assert_eq!(sparkline(&[], 24, false), "");
    }

    #[test]
    fn the_line_of_a_day_is_its_last_24_hours_a_column_each_with_their_sum() {
        let steps: Vec<String> =
            (0..25).map(|n| format!(r#"{{"counts":[{{"variation":0,"count":{n}}}]}}"#)).collect();
        let answer = format!(
            r#"{{"total":300,"series":[{{"counts":[{{"variation":null,"count":5}}]}},{}]}}"#,
            steps.join(",")
        );
        let usage = Usage::read(&parse(&answer).unwrap());
        let (series, total, defaults) = usage.recent(24);
        assert_eq!((series.len(), total, defaults), (24, 300, 0), "what is older does not count");
        assert_eq!(sparkline(series, 24, false).chars().count(), 24);
    }

    #[test]
    fn an_answer_is_read_and_never_is_a_word() {
        let answer = parse(
            r#"{"total":3,"lastEvaluated":null,"counters":[{"variation":null,"count":2}],
                "series":[{"counts":[]},{"counts":[{"variation":0,"count":1},{"variation":null,"count":2}]}]}"#,
        );
        let usage = Usage::read(&answer.unwrap());
        assert_eq!((usage.total, &usage.series), (3, &vec![0, 3]));
        assert_eq!(usage.recent(9), (&[0, 3][..], 3, 2));
        assert_eq!(last(usage.last, OffsetDateTime::UNIX_EPOCH), "never evaluated");
    }

    proptest! {
        #[test]
        fn a_line_is_never_wider_than_it_may_be(
            series in prop::collection::vec(any::<u64>(), 0..200), columns in 1_usize..60, unicode: bool
        ) {
            prop_assert!(sparkline(&series, columns, unicode).chars().count() <= columns);
        }
    }
}
