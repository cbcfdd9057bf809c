//! How flags and their configurations are shown in lines and cells.

use shared::json::{Json, pretty};

use super::sheet::{Columns, at, text};

/// How a flag stands in an environment: `on`, `off`, `25%`, or `-` where it is not there.
#[must_use]
pub fn state(flag: &Json, place: Option<&Json>) -> String {
    let Some(place) = place else { return "-".to_owned() };
    if place.get("enabled").and_then(Json::as_bool) != Some(true) {
        return "off".to_owned();
    }
    let shares = at(place, "fallthrough.rollout.variations").and_then(Json::as_array);
    let Some(shares) = shares else { return "on".to_owned() };
    // Of a boolean, the share of `true`; of others, the largest one.
    let variations = flag.get("variations").and_then(Json::as_array).unwrap_or_default();
    let is_true = |index: usize| {
        variations.get(index).is_some_and(|v| v.get("value").unwrap_or(v).as_bool() == Some(true))
    };
    let weight = |share: &Json| share.get("weight").and_then(Json::as_f64).unwrap_or(0.0);
    let index =
        |share: &Json| share.get("variation").and_then(Json::as_i64).and_then(|i| usize::try_from(i).ok());
    let yes: Vec<f64> = shares.iter().filter(|share| index(share).is_some_and(is_true)).map(weight).collect();
    let share = if yes.is_empty() { shares.iter().map(weight).fold(0.0, f64::max) } else { yes.iter().sum() };
    format!("{}%", share / 1000.0)
}

/// The lines of one flag.
#[must_use]
pub fn flag_columns() -> Columns {
    Columns::new()
        .member("key", "key")
        .member("name", "name")
        .member("description", "description")
        .member("type", "kind")
        .member("tags", "tags")
        .read("archived", |flag| if text(flag.get("archived")) == "true" { "yes" } else { "no" }.to_owned())
        .read("environments", |flag| {
            let all = flag.get("environments").and_then(Json::as_object).unwrap_or_default();
            let told = all.iter().map(|(key, place)| format!("{key} {}", state(flag, Some(place))));
            told.collect::<Vec<_>>().join(", ")
        })
        .member("revision", "revision")
        .member("updated", "updatedAt")
        .member("by", "updatedBy")
        .read("variations", |flag| flag.get("variations").map(pretty).unwrap_or_default())
}

/// The lines of one configuration.
#[must_use]
pub fn config_columns() -> Columns {
    Columns::new()
        .member("key", "flagKey")
        .member("environment", "environment")
        .read("state", |config| if text(config.get("enabled")) == "true" { "on" } else { "off" }.to_owned())
        .member("version", "version")
        .member("revision", "revision")
        .member("updated", "updatedAt")
        .member("by", "updatedBy")
        .read("config", |config| config.get("config").map(pretty).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn a_cell_says_on_off_or_the_share_of_true() {
        let flag = parse(r#"{"variations":[{"value":true},{"value":false}]}"#).unwrap();
        for (place, said) in [
            (r#"{"enabled":false,"fallthrough":{"variation":0}}"#, "off"),
            (r#"{"enabled":true,"fallthrough":{"variation":0}}"#, "on"),
            (
                r#"{"enabled":true,"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":12500},{"variation":1,"weight":87500}]}}}"#,
                "12.5%",
            ),
        ] {
            assert_eq!(state(&flag, Some(&parse(place).unwrap())), said);
        }
        assert_eq!(state(&flag, None), "-");
    }
}
