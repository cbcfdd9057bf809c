//! Finds out what an export looks like.

use shared::fault::Fault;
use shared::import::Format;
use shared::json::Json;

/// The format by the export's shape.
///
/// # Errors
/// It looks like none; the fault lists them.
pub fn format(export: &Json) -> Result<Format, Vec<Fault>> {
    let none = |what: String| Err(vec![Fault::new("", format!("{what}; known are {}", Format::NAMES))]);
    let Some(members) = export.as_object() else {
        return none(format!("the export is {} and not an object", article(export.type_name())));
    };
    if members.is_empty() {
        return none("the export is empty".to_owned());
    }
    if members.iter().all(|(_, entry)| is_entry(entry)) {
        return Ok(Format::LaunchdarklyClient);
    }
    if export.get("$flagsState").is_some() {
        return none(
            "this is the bootstrap form of allFlagsState(), which lacks the values of variations".to_owned(),
        );
    }
    let list = |name: &str| export.get(name).is_some_and(is_list);
    let object = |name: &str| export.get(name).is_some_and(|v| v.as_object().is_some() && !is_list(v));
    if list("items") || list("flags") || list("environments") || object("project") {
        return Ok(Format::LaunchdarklyRest);
    }
    if object("environments") && export.get("key").is_some() && export.get("variations").is_some() {
        return Ok(Format::LaunchdarklyRest);
    }
    let data = export.get("data").filter(|d| d.get("flags").is_some());
    if object("flags") || object("env") || data.is_some() || object("segments") {
        return Ok(Format::LaunchdarklyServer);
    }
    // A client payload with a few broken entries is one all the same: the report names them.
    let good = members.iter().filter(|(_, entry)| is_entry(entry)).count();
    if good * 2 > members.len() {
        return Ok(Format::LaunchdarklyClient);
    }
    none("the export's shape is not known".to_owned())
}

fn article(name: &str) -> String {
    match name {
        "null" => "null".to_owned(),
        "array" => "an array".to_owned(),
        _ => format!("a {name}"),
    }
}

/// A list of the REST API: an array, or an object with `items`.
fn is_list(json: &Json) -> bool {
    json.as_array().is_some() || json.get("items").is_some_and(|items| items.as_array().is_some())
}

/// An entry of a client payload.
fn is_entry(json: &Json) -> bool {
    json.get("value").is_some() && (json.get("variation").is_some() || json.get("version").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    fn found(text: &str) -> Result<Format, Vec<Fault>> {
        format(&parse(text).unwrap())
    }

    #[test]
    fn each_shape_is_known() {
        let client = Ok(Format::LaunchdarklyClient);
        assert_eq!(found(r#"{"flags":{"value":1,"variation":0},"items":{"value":[],"version":2}}"#), client);
        assert_eq!(found(r#"{"a":{"value":1,"version":1},"b":3,"c":{"value":1,"version":1}}"#), client);
        let server = Ok(Format::LaunchdarklyServer);
        assert_eq!(found(r#"{"flags":{},"segments":{}}"#), server);
        assert_eq!(found(r#"{"path":"/","data":{"flags":{},"segments":{}}}"#), server);
        assert_eq!(found(r#"{"env":{"envID":"x"},"dataId":"1"}"#), server);
        let rest = Ok(Format::LaunchdarklyRest);
        assert_eq!(found(r#"{"items":[{"key":"a"}],"totalCount":1}"#), rest);
        assert_eq!(found(r#"{"flags":{"items":[]},"segments":{"staging":[]}}"#), rest);
        assert_eq!(found(r#"{"key":"a","variations":[],"environments":{}}"#), rest);
    }

    #[test]
    fn what_is_none_of_them_is_told_which_there_are() {
        for text in ["3", "null", "[]", "{}", r#"{"a":1}"#, r#"{"a":true,"$flagsState":{},"$valid":true}"#] {
            let faults = found(text).unwrap_err();
            for name in ["launchdarkly-client", "launchdarkly-server", "launchdarkly-rest"] {
                assert!(faults[0].detail.contains(name), "{text}: {}", faults[0].detail);
            }
        }
    }
}
