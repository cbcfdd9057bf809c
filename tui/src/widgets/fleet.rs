//! How many clients hear changes and how far they are, as `GET /api/status` tells it.

use crate::cache::rows::number;
use crate::text;
use shared::json::Json;

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

#[cfg(test)]
mod tests {
    use super::*;

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
