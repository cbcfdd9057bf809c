//! How many clients hear changes and how far they are, as `GET /api/status` tells it.

use crate::cache::rows::{number, text as word};
use crate::text;
use shared::json::Json;
use std::collections::BTreeMap;

/// How many clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub connected: u64,
    /// Those that say what they applied.
    pub acknowledging: u64,
    /// Those of them that applied everything.
    pub current: u64,
    /// Those of them that did not yet.
    pub behind: u64,
}

impl Counts {
    /// Reads one object of numbers.
    #[must_use]
    pub fn read(json: &Json) -> Self {
        let of = |name: &str| number(json.get(name));
        Self {
            connected: of("connected"),
            acknowledging: of("acknowledging"),
            current: of("current"),
            behind: of("behind"),
        }
    }

    /// `412/415`: on head, of those that say what they applied; `3` where none says it; `-` for none.
    #[must_use]
    pub fn short(&self) -> String {
        match (self.acknowledging, self.connected) {
            (0, 0) => "-".to_owned(),
            (0, all) => text::count(all),
            (told, _) => format!("{}/{}", text::count(self.current), text::count(told)),
        }
    }
}

/// Those that hear an environment, each with its key: `default/staging` is `staging` of the project `default`.
#[must_use]
pub fn by_environment(status: &Json) -> Vec<(String, Counts)> {
    status
        .get("clients")
        .and_then(|clients| clients.get("byEnvironment"))
        .and_then(Json::as_object)
        .unwrap_or_default()
        .iter()
        .map(|(place, counts)| (place.clone(), Counts::read(counts)))
        .collect()
}

/// Those that hear one environment; none while the daemon did not say.
#[must_use]
pub fn of_environment(status: &Json, project: &str, environment: &str) -> Option<Counts> {
    status.get("clients")?;
    let place = format!("{project}/{environment}");
    let found = by_environment(status).into_iter().find(|(name, _)| *name == place);
    Some(found.map(|(_, counts)| counts).unwrap_or_default())
}

/// The connected SDKs of one kind: what they speak, what they are, their version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sort {
    /// What they speak: `launchdarkly`, `ofrep`, ...
    pub protocol: String,
    /// What they are, such as `NodeJSClient`.
    pub name: String,
    /// Their version; empty where they do not say.
    pub version: String,
}

/// The clients of a list by what they are: how many, and how many of them did not apply the head yet.
#[must_use]
pub fn by_sort(list: &[Json]) -> BTreeMap<Sort, Counts> {
    let mut sorts: BTreeMap<Sort, Counts> = BTreeMap::new();
    for client in list {
        let of = |name: &str| word(client.get(name)).filter(|text| !text.is_empty());
        let agent = of("userAgent");
        let (name, version) = named(of("name").as_deref(), agent.as_deref());
        let protocol = of("protocol").unwrap_or_else(|| "-".to_owned());
        let counts = sorts.entry(Sort { protocol, name, version }).or_default();
        counts.connected += 1;
        if let Some(current) = client.get("current").and_then(Json::as_bool) {
            counts.acknowledging += 1;
            counts.current += u64::from(current);
            counts.behind += u64::from(!current);
        }
    }
    sorts
}

/// What a client calls itself, else what its program is called; empty where it says neither.
#[must_use]
pub fn name(client: &Json) -> String {
    let of = |name: &str| word(client.get(name)).filter(|text| !text.is_empty());
    let program = of("userAgent").map(|agent| named(None, Some(&agent)).0);
    of("name").or(program).unwrap_or_default()
}

/// A protocol in a word or two: LaunchDarkly's two are told apart.
#[must_use]
pub fn protocol(name: &str) -> &str {
    match name {
        "launchdarkly" => "LD server",
        "launchdarkly-client" => "LD client",
        other => other,
    }
}

/// `NodeJSClient` and `7.0.2` of a user agent `NodeJSClient/7.0.2 (extra)`; a name goes before it.
fn named(name: Option<&str>, agent: Option<&str>) -> (String, String) {
    let first = agent.and_then(|agent| agent.split_whitespace().next()).unwrap_or_default();
    let (product, version) = first.split_once('/').unwrap_or((first, ""));
    let said = name.unwrap_or(product);
    match said.split_once('/') {
        Some((name, version)) => (name.to_owned(), version.to_owned()),
        None if said.is_empty() => ("not named".to_owned(), String::new()),
        None => (said.to_owned(), version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_grouped_by_what_they_speak_and_are() {
        let list = shared::json::parse(
            r#"[{"protocol":"launchdarkly","name":"NodeJSClient","userAgent":"NodeJSClient/7.0.2","current":true},
                {"protocol":"launchdarkly","name":"NodeJSClient","userAgent":"NodeJSClient/7.0.2 (x)","current":false},
                {"protocol":"ofrep","userAgent":"openfeature/1.2","current":null},{"protocol":"websocket","name":"cli"}, 3]"#,
        )
        .unwrap();
        let sorts = by_sort(list.as_array().unwrap());
        let told: Vec<String> = sorts
            .iter()
            .map(|(sort, counts)| {
                format!(
                    "{} {} {} {}/{}",
                    sort.protocol, sort.name, sort.version, counts.behind, counts.connected
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "- not named  0/1",
                "launchdarkly NodeJSClient 7.0.2 1/2",
                "ofrep openfeature 1.2 0/1",
                "websocket cli  0/1"
            ]
        );
    }

    #[test]
    fn clients_are_told_as_those_on_head_of_those_that_say_so() {
        let status = shared::json::parse(
            r#"{"clients":{"byEnvironment":{"default/staging":
            {"connected":9,"acknowledging":8,"current":7,"behind":1}}}}"#,
        )
        .unwrap();
        assert_eq!(of_environment(&status, "default", "staging").unwrap().short(), "7/8");
        assert_eq!(of_environment(&status, "default", "production").unwrap().short(), "-");
        assert_eq!(of_environment(&Json::Null, "default", "staging"), None);
        assert_eq!(Counts { connected: 3, ..Counts::default() }.short(), "3");
    }
}
