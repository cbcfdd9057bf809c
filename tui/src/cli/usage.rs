//! `flagstaff usage`: how often a flag was evaluated, with what outcome, by which step.

use clap::Args;
use shared::json::Json;

use super::session::Session;
use super::sheet::{Columns, Sheet, text};
use super::trouble::Trouble;
use crate::cache::rows::{FlagRow, number};
use crate::request::{Request, encoded};
use crate::text::count;
use crate::widgets::usage::{self, Place, Placed};

/// What to count.
#[derive(Args, Debug)]
pub struct Usage {
    /// The flag's key
    key: String,
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// From then on: 1h, 24h, 7d, or an RFC 3339 time
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    since: String,
    /// Up to then: 1h ago as 1h, or an RFC 3339 time; without it now
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// Shows it.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(wanted: Usage, session: &Session) -> Result<(), Trouble> {
    let env = session.some_environment(wanted.env.as_deref())?;
    let place = session.path(&format!("/flags/{}", encoded(&wanted.key)));
    let mut request = Request::get(format!("{place}/usage"))
        .with_query("environment", &env)
        .with_query("since", &wanted.since);
    if let Some(until) = &wanted.until {
        request = request.with_query("until", until);
    }
    let answer = session.send(request).await?.body;
    // What the numbers mean stands in the flag; a flag that is gone still has numbers.
    let flag = session.get(place.clone()).await.unwrap_or_default();
    let config = session.get(format!("{place}/config/{}", encoded(&env))).await.unwrap_or_default();
    let rows = told(&answer, &flag, &config);
    let mut sheet = Sheet::list("flagstaff.usage/1", columns(), rows);
    for name in
        ["flag", "environment", "from", "to", "stepSeconds", "total", "lastEvaluated", "series", "truncated"]
    {
        sheet = sheet.with(name, answer.get(name).cloned().unwrap_or_default());
    }
    if session.global.output.is_none() {
        let total = number(answer.get("total"));
        let last = text(answer.get("lastEvaluated"));
        let last = if last.is_empty() { "never evaluated".to_owned() } else { format!("last {last}") };
        eprintln!("{} evaluations of {} in {}; {last}", count(total), wanted.key, env);
    }
    sheet.print(&session.global)
}

fn columns() -> Columns {
    Columns::new()
        .member("value", "value")
        .member("count", "count")
        .member("share", "share")
        .member("step", "step")
        .read("known", |row| {
            match text(row.get("inferred")).as_str() {
                "true" => "inferred",
                "false" => "told",
                _ => "",
            }
            .to_owned()
        })
        .member("version", "version")
        .member("variation", "variation")
        .wide()
        .member("reason", "reason")
        .wide()
        .member("rule", "ruleId")
        .wide()
}

/// The counters, the most first, each with the value it served and the step that it is of.
fn told(answer: &Json, flag: &Json, config: &Json) -> Vec<Json> {
    let row = FlagRow::of_flag(flag);
    let document = config.get("config").cloned().unwrap_or_default();
    let version = config.get("version").and_then(Json::as_i64).unwrap_or_default();
    let counters = answer.get("counters").and_then(Json::as_array).unwrap_or_default();
    let total: u64 = counters.iter().fold(0, |sum, c| number(c.get("count")).saturating_add(sum));
    let mut rows: Vec<Json> = counters.to_vec();
    rows.sort_by_key(|counter| std::cmp::Reverse(number(counter.get("count"))));
    for counter in &mut rows {
        let index = counter.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
        let value = match (index, &row) {
            (None, _) => "the caller's default".to_owned(),
            (Some(index), Some(row)) if index < row.variations.len() => row.value(index),
            (Some(index), Some(_)) => format!("variation {index} (gone)"),
            (Some(index), None) => format!("variation {index}"),
        };
        let (step, inferred) = match usage::place(counter, &document, version) {
            Placed::Told(place) => (said(&place, &document), Json::Bool(false)),
            Placed::Inferred(place) => (said(&place, &document), Json::Bool(true)),
            Placed::Open(places) => {
                let several: Vec<String> = places.iter().map(|place| said(place, &document)).collect();
                (several.join(" or "), Json::Null)
            }
        };
        let tenths =
            number(counter.get("count")).saturating_mul(1000).saturating_add(total / 2) / total.max(1);
        counter.set("value", Json::from(value));
        counter.set("share", Json::from(format!("{}.{}%", tenths / 10, tenths % 10)));
        counter.set("step", Json::from(step));
        counter.set("inferred", inferred);
    }
    rows
}

fn said(place: &Place, document: &Json) -> String {
    match place {
        Place::Off => "off".to_owned(),
        Place::Prerequisite => "prerequisite not met".to_owned(),
        Place::Target(_) => "targets".to_owned(),
        Place::Default => "default".to_owned(),
        Place::Rule(n) => {
            let rule = document.get("rules").and_then(Json::as_array).and_then(|rules| rules.get(*n));
            match rule.and_then(|rule| rule.get("id")).and_then(Json::as_str).filter(|id| !id.is_empty()) {
                Some(id) => format!("rule {} ({id})", n + 1),
                None => format!("rule {}", n + 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn each_counter_says_its_value_its_share_and_its_step_the_most_first() {
        let json = |text: &str| parse(text).unwrap();
        let answer = json(
            r#"{"counters":[{"version":7,"variation":0,"reason":"RULE_MATCH","ruleId":"beta","count":1},
                {"version":7,"variation":1,"reason":null,"count":3},{"version":7,"variation":null,"reason":null,"count":0}]}"#,
        );
        let flag =
            json(r#"{"key":"f","kind":"boolean","variations":[{"value":true},{"value":false,"name":"no"}]}"#);
        let config = json(
            r#"{"version":7,"config":{"on":true,"fallthrough":{"variation":1},"rules":[{"id":"beta","variation":0}]}}"#,
        );
        let rows = told(&answer, &flag, &config);
        let of = |n: usize, name: &str| text(rows[n].get(name));
        assert_eq!(
            (of(0, "value"), of(0, "share"), of(0, "step")),
            ("no".into(), "75.0%".into(), "default".into())
        );
        assert_eq!((of(1, "step"), of(1, "inferred")), ("rule 1 (beta)".into(), "false".into()));
        assert_eq!(of(2, "value"), "the caller's default");
    }

    #[test]
    fn shares_are_rounded_and_a_variation_that_is_gone_says_so() {
        let json = |text: &str| parse(text).unwrap();
        let answer = json(
            r#"{"counters":[{"version":7,"variation":0,"count":46},{"version":6,"variation":7,"count":2}]}"#,
        );
        let flag = json(r#"{"key":"f","kind":"boolean","variations":[{"value":true},{"value":false}]}"#);
        let rows = told(&answer, &flag, &Json::Null);
        let of = |n: usize, name: &str| text(rows[n].get(name));
        assert_eq!((of(0, "share"), of(1, "share")), ("95.8%".into(), "4.2%".into()));
        assert_eq!((of(0, "value"), of(1, "value")), ("true".into(), "variation 7 (gone)".into()));
    }
}
