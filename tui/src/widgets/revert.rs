//! The wishes that take changes back: one revision undone, or a whole old version restored.

use crate::cache::events::Line;
use crate::cache::rows::{number, text, truth};
use crate::effect::Read;
use crate::plan::{Touch, Wish};
use crate::request::{Answer, Method, Request};
use shared::json::Json;

/// Members of a flag that people edit.
const FLAG: [&str; 10] = [
    "name",
    "description",
    "tags",
    "owner",
    "temporary",
    "kind",
    "variations",
    "clientSideAvailability",
    "metadata",
    "valueSchema",
];
/// Members of a segment that people edit.
const SEGMENT: [&str; 4] = ["name", "description", "tags", "document"];

/// Asks what a revision touched; [`wish`] makes the revert of the answer.
#[must_use]
pub fn ask(revision: u64) -> Read {
    Read::get(format!("/api/revisions/{revision}"))
}

/// The wish that undoes a revision, and keeps what came later. `answer` is what [`ask`] got; `project` is the one that
/// the session is in, empty for `default`.
///
/// # Errors
/// Why that revision cannot be undone here.
pub fn wish(answer: &Answer, project: &str) -> Result<Wish, String> {
    let body = &answer.body;
    let revision = number(body.get("revision"));
    if revision == 0 {
        return Err("the daemon's answer is no revision".to_owned());
    }
    let cause = text(body.get("kind")).unwrap_or_default();
    if matches!(cause.as_str(), "access" | "epoch" | "install") {
        return Err(format!("revision {revision} is about {cause}, which is never reverted"));
    }
    let lines = Line::read(body);
    let lines: Vec<&Line> = lines.iter().filter(|line| line.action != "version-raised").collect();
    // Environments of another project are not known here, so what is protected is not known either.
    if let Some(other) = lines.iter().find(|line| foreign(line, project)) {
        return Err(format!("revision {revision} is of the project {}: connect to it", other.project));
    }
    let mut touches: Vec<Touch> = lines.iter().map(|line| touch(line)).collect();
    touches.sort();
    touches.dedup();
    let what = match lines.as_slice() {
        _ if truth(body.get("more")) => {
            // Not all of it was told: it may touch anything.
            touches.clear();
            "many flags".to_owned()
        }
        [] => return Err(format!("revision {revision} touched nothing that you may see")),
        [one] if one.environment.is_empty() => one.key.clone(),
        [one] => format!("{} in {}", one.key, one.environment),
        [first, rest @ ..] if rest.iter().all(|line| line.key == first.key) => first.key.clone(),
        all => format!("{} changes", all.len()),
    };
    let request = Request::new(Method::Post, format!("/api/revisions/{revision}/revert"));
    Ok(Wish::request(format!("revert revision {revision}: {what}"), request, touches)
        .because(format!("revert of {revision}"))
        .with_cli(lines.first().map(|line| cli(line)).unwrap_or_default())
        .reviewed())
}

/// The revert of a line on the command line; empty where there is none.
#[must_use]
pub fn cli(line: &Line) -> String {
    match line.kind.as_str() {
        "flag" | "config" => format!("flagstaff flag revert {} --rev {}", line.key, line.revision),
        _ => String::new(),
    }
}

/// Whether a line is of another project than `project`, the one that the session is in.
#[must_use]
pub fn foreign(line: &Line, project: &str) -> bool {
    let own = if project.is_empty() { "default" } else { project };
    !line.project.is_empty() && line.project != own
}

/// What a line touches: a flag itself is in all environments.
#[must_use]
pub fn touch(line: &Line) -> Touch {
    let environment = Some(line.environment.clone()).filter(|e| !e.is_empty());
    Touch { key: line.key.clone(), environment }
}

/// The wish that makes the row after `line` the row of today, whatever came since.
///
/// # Errors
/// Why there is nothing to restore.
pub fn restore(line: &Line) -> Result<Wish, String> {
    let after = line.after.as_ref().ok_or("nothing stood there after that change")?;
    let members = |names: &[&str]| -> Json {
        names
            .iter()
            .filter_map(|name| after.get(name).map(|value| (*name, value.clone())))
            .map(|(name, value)| -> Json {
                // A replacement, not a merge: what came into an object since has to go.
                [("op", Json::from("add")), ("path", Json::from(format!("/{name}"))), ("value", value)]
                    .into_iter()
                    .collect()
            })
            .collect::<Vec<_>>()
            .into()
    };
    let key = Json::from(line.key.as_str());
    let environment = Json::from(line.environment.as_str());
    let mutation = match line.kind.as_str() {
        "config" => [
            ("op", Json::from("replaceConfig")),
            ("flag", key),
            ("environment", environment),
            ("config", after.get("document").cloned().unwrap_or_else(Json::object)),
        ]
        .into_iter()
        .collect(),
        "flag" => {
            [("op", Json::from("updateFlag")), ("flag", key), ("patch", members(&FLAG))].into_iter().collect()
        }
        "segment" => [
            ("op", Json::from("updateSegment")),
            ("segment", key),
            ("environment", environment),
            ("patch", members(&SEGMENT)),
        ]
        .into_iter()
        .collect(),
        other => return Err(format!("a {other} is not restored; edit it")),
    };
    let place = if line.environment.is_empty() { String::new() } else { format!(" in {}", line.environment) };
    let title = format!("restore {}{place} as it was after revision {}", line.key, line.revision);
    Ok(Wish::mutations(title, vec![mutation], vec![touch(line)])
        .because(format!("restored to {}", line.revision))
        .reviewed())
}

/// The revision that a revert undoes, as its comment says; none where it says nothing, or was no revert.
#[must_use]
pub fn undone(cause: &str, comment: &str) -> Option<u64> {
    let digits = comment.strip_prefix("revert of ").filter(|_| cause == "revert")?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    fn answer(body: &str) -> Answer {
        Answer { status: 200, etag: None, revision: None, stale: false, body: parse(body).unwrap() }
    }

    fn entry(kind: &str, key: &str, environment: &str) -> String {
        format!(
            r#"{{"ordinal":0,"entity":{{"kind":"{kind}","key":"{key}","environment":{environment}}},"action":"updated","before":{{}},"after":{{}}}}"#
        )
    }

    #[test]
    fn a_revert_is_reviewed_and_touches_what_the_revision_touched() {
        let body = format!(
            r#"{{"revision":9,"kind":"change","more":false,"changes":[{},{}]}}"#,
            entry("config", "checkout", "\"staging\""),
            entry("flag", "dark-mode", "null")
        );
        let wish = wish(&answer(&body), "").unwrap();
        assert_eq!(wish.title, "revert revision 9: 2 changes");
        assert_eq!(wish.request.path, "/api/revisions/9/revert");
        assert!(wish.review);
        assert_eq!(wish.comment, "revert of 9");
        let places: Vec<_> =
            wish.touches.iter().map(|t| (t.key.as_str(), t.environment.as_deref())).collect();
        assert_eq!(places, [("checkout", Some("staging")), ("dark-mode", None)]);
    }

    #[test]
    fn a_revision_that_was_not_told_whole_may_touch_anything() {
        let body = format!(
            r#"{{"revision":9,"kind":"import","more":true,"changes":[{}]}}"#,
            entry("flag", "a", "null")
        );
        assert_eq!(wish(&answer(&body), "").unwrap().touches, []);
    }

    #[test]
    fn what_belongs_to_another_project_is_not_reverted_from_here() {
        let body = r#"{"revision":9,"kind":"change","changes":[{"entity":{"kind":"flag","key":"a","project":"shop"},"action":"updated"}]}"#;
        assert_eq!(wish(&answer(body), "").unwrap_err(), "revision 9 is of the project shop: connect to it");
        assert!(wish(&answer(body), "shop").is_ok());
    }

    #[test]
    fn access_is_never_reverted() {
        let said = wish(&answer(r#"{"revision":4,"kind":"access","changes":[]}"#), "").unwrap_err();
        assert_eq!(said, "revision 4 is about access, which is never reverted");
    }

    #[test]
    fn an_old_version_comes_back_whole() {
        let item = r#"{"revision":9,"entity":{"kind":"config","key":"checkout","environment":"staging"},"action":"updated",
            "before":null,"after":{"version":3,"document":{"on":false,"x":1.0}}}"#;
        let line = Line::read(&parse(item).unwrap()).remove(0);
        let wish = restore(&line).unwrap();
        assert_eq!(
            wish.request.body.unwrap().to_text(),
            r#"{"mutations":[{"op":"replaceConfig","flag":"checkout","environment":"staging","config":{"on":false,"x":1.0}}]}"#
        );
        let item = item
            .replace("config", "flag")
            .replace(r#""document":{"on":false,"x":1.0}"#, r#""name":"N","metadata":{"a":1}"#);
        let flag =
            restore(&Line::read(&parse(&item).unwrap()).remove(0)).unwrap().request.body.unwrap().to_text();
        assert!(flag.contains(r#""patch":[{"op":"add","path":"/name","value":"N"},{"op":"add","path":"/metadata","value":{"a":1}}]"#), "{flag}");
    }

    #[test]
    fn a_reverts_comment_names_what_it_undid() {
        assert_eq!(undone("revert", "revert of 4812"), Some(4812));
        assert_eq!(undone("revert", "revert of 4812, p99 too high"), Some(4812));
        assert_eq!(undone("revert", "because"), None);
        assert_eq!(undone("change", "revert of 4812"), None);
    }
}
