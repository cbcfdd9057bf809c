//! `flagstaff segment`: groups of contexts, and who is in them.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use shared::context::Context;
use shared::eval::{PreparedFlag, PreparedSegment, Store, evaluate, prepare_flag, prepare_segment};
use shared::json::{Json, parse, pretty};
use shared::targeting::compose_segment;

use super::ask::{json, json_file};
use super::plan::{Change, Writing, make};
use super::session::{Session, shapeless};
use super::sheet::{Columns, Sheet, at, text};
use super::trouble::{Exit, Trouble};
use crate::request::{Method, Request, encoded};

/// Segments: groups that flags are targeted at
#[derive(Subcommand, Debug)]
pub enum Segment {
    /// List segments with their sizes
    Ls {
        #[command(flatten)]
        place: Place,
        /// Key or name contains
        #[arg(short = 'q', long, value_name = "TEXT")]
        query: Option<String>,
        /// Archived ones instead of live ones
        #[arg(long)]
        archived: bool,
    },
    /// Show a segment
    Get {
        /// The segment's key
        key: String,
        #[command(flatten)]
        place: Place,
    },
    /// Make a segment
    Create(Create),
    /// Add keys to those that are in it
    AddIds(Ids),
    /// Take keys out of those that are in it
    RmIds(Ids),
    /// Add the keys of a file, separated by lines, commas or spaces
    Import {
        /// The segment's key
        key: String,
        /// The file; `-` is standard input
        #[arg(long, value_name = "FILE")]
        file: String,
        /// The kind of the contexts
        #[arg(long, value_name = "KIND", default_value = "user")]
        kind: String,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        writing: Writing,
    },
    /// Whether a context is in it; ends with 1 where it is not
    Contains(Contains),
}

/// Where.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
}

/// What to make.
#[derive(Args, Debug)]
pub struct Create {
    /// The segment's key; it never changes
    key: String,
    #[command(flatten)]
    place: Place,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Its document as JSON: included, excluded, rules; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Whom to add or to take out.
#[derive(Args, Debug)]
pub struct Ids {
    /// The segment's key
    key: String,
    /// Keys of contexts
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// A file with one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// The kind of the contexts
    #[arg(long, value_name = "KIND", default_value = "user")]
    kind: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    writing: Writing,
}

/// Whom to look for.
#[derive(Args, Debug)]
pub struct Contains {
    /// The segment's key
    key: String,
    /// The key of a user
    #[arg(required_unless_present = "context")]
    id: Option<String>,
    /// A whole context as JSON, for rules about its attributes; @FILE or @- reads it
    #[arg(long, value_name = "JSON", conflicts_with = "id")]
    context: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Runs one.
///
/// # Errors
/// Whatever went wrong.
pub async fn run(command: Segment, session: &Session) -> Result<(), Trouble> {
    match command {
        Segment::Ls { place, query, archived } => {
            let env = session.some_environment(place.env.as_deref())?;
            let mut request =
                Request::get(session.path(&format!("/environments/{}/segments", encoded(&env))));
            if let Some(query) = &query {
                request = request.with_query("q", query);
            }
            if archived {
                request = request.with_query("archived", "true");
            }
            let items = session.all(request, None).await?;
            Sheet::list("flagstaff.segments/1", list_columns(), items).print(&session.global)
        }
        Segment::Get { key, place } => {
            let env = session.some_environment(place.env.as_deref())?;
            let view = session.get(path(session, &env, &key)).await?;
            Sheet::one("flagstaff.segment/1", columns(), view).print(&session.global)
        }
        Segment::Create(wanted) => create(wanted, session).await,
        Segment::AddIds(ids) => members(ids, true, session).await,
        Segment::Import { key, file, kind, place, writing } => {
            let text = super::ask::file(&file)?;
            let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
            let ids = words.map(ToOwned::to_owned).collect();
            members(Ids { key, ids, file: None, kind, place, writing }, true, session).await
        }
        Segment::RmIds(ids) => members(ids, false, session).await,
        Segment::Contains(wanted) => contains(wanted, session).await,
    }
}

fn path(session: &Session, env: &str, key: &str) -> String {
    session.path(&format!("/environments/{}/segments/{}", encoded(env), encoded(key)))
}

fn list_columns() -> Columns {
    Columns::new()
        .member("key", "key")
        .member("included", "included")
        .member("excluded", "excluded")
        .member("rules", "rules")
        .member("tags", "tags")
        .member("name", "name")
        .wide()
        .member("updated", "updatedAt")
        .wide()
        .member("by", "updatedBy")
        .wide()
}

fn columns() -> Columns {
    Columns::new()
        .member("key", "key")
        .member("environment", "environment")
        .member("name", "name")
        .member("description", "description")
        .member("tags", "tags")
        .member("version", "version")
        .member("revision", "revision")
        .read("document", |segment| segment.get("document").map(pretty).unwrap_or_default())
}

async fn create(wanted: Create, session: &Session) -> Result<(), Trouble> {
    let env = session.environment_to_write(wanted.place.env.as_deref()).await?;
    let mut body: Json = [("key", Json::from(wanted.key.as_str()))].into_iter().collect();
    for (name, value) in [("name", &wanted.name), ("description", &wanted.description)] {
        if let Some(value) = value {
            body.set(name, Json::from(value.as_str()));
        }
    }
    if let Some(file) = &wanted.file {
        body.set("document", json_file(file)?);
    }
    let path = session.path(&format!("/environments/{}/segments", encoded(&env)));
    let request = Request::new(Method::Post, path).with_body(body);
    let sheet = ("flagstaff.segment/1", columns());
    make(session, Change { request, about: None, sheet, writing: &wanted.writing }).await.map(drop)
}

async fn members(ids: Ids, add: bool, session: &Session) -> Result<(), Trouble> {
    let env = session.environment_to_write(ids.place.env.as_deref()).await?;
    let mut keys = ids.ids.clone();
    if let Some(file) = &ids.file {
        let text = super::ask::file(file)?;
        keys.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned));
    }
    if keys.is_empty() {
        return Err(Trouble::usage("no keys were given").hint("name them, or --file FILE with one a line"));
    }
    let path = path(session, &env, &ids.key);
    let now = session.send(Request::get(path.clone())).await?;
    let document = now.body.get("document").cloned().ok_or_else(|| shapeless("the segment's document"))?;
    let patch = membership(&document, &ids.kind, &keys, add);
    let body: Json = [("document", patch)].into_iter().collect();
    let mut request = Request::new(Method::Patch, path.clone()).with_body(body);
    request.content_type = Some("application/merge-patch+json");
    // The lists were made from what was read: somebody faster must not be overwritten.
    request.if_match = now.etag;
    let sheet = ("flagstaff.segment/1", columns());
    make(session, Change { request, about: Some(path), sheet, writing: &ids.writing }).await.map(drop)
}

/// The lists of a segment with keys added or taken out, as a merge patch of its document.
fn membership(document: &Json, kind: &str, keys: &[String], add: bool) -> Json {
    let changed = |list: Option<&Json>| -> Json {
        let mut list: Vec<Json> = list.and_then(Json::as_array).unwrap_or_default().to_vec();
        let named: std::collections::HashSet<&str> = keys.iter().map(String::as_str).collect();
        if add {
            let there: std::collections::HashSet<String> =
                list.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect();
            let mut seen = there;
            list.extend(
                keys.iter().filter(|key| seen.insert((*key).clone())).map(|key| Json::from(key.as_str())),
            );
        } else {
            list.retain(|key| !key.as_str().is_some_and(|key| named.contains(key)));
        }
        Json::Array(list)
    };
    if kind == "user" {
        return [("included", changed(document.get("included")))].into_iter().collect();
    }
    let mut contexts: Vec<Json> =
        document.get("includedContexts").and_then(Json::as_array).unwrap_or_default().to_vec();
    let mut found = false;
    for context in &mut contexts {
        if context.get("contextKind").and_then(Json::as_str) == Some(kind) {
            let values = changed(context.get("values"));
            context.set("values", values);
            found = true;
        }
    }
    if !found && add {
        let values = changed(None);
        contexts.push([("contextKind", Json::from(kind)), ("values", values)].into_iter().collect());
    }
    [("includedContexts", Json::Array(contexts))].into_iter().collect()
}

/// The segments that were read.
#[derive(Default)]
struct Known(HashMap<String, PreparedSegment>);

impl Store for Known {
    fn flag(&self, _: &str) -> Option<&PreparedFlag> {
        None
    }

    fn segment(&self, key: &str) -> Option<&PreparedSegment> {
        self.0.get(key)
    }
}

async fn contains(wanted: Contains, session: &Session) -> Result<(), Trouble> {
    let env = session.some_environment(wanted.place.env.as_deref())?;
    let context = match (&wanted.context, &wanted.id) {
        (Some(text), _) => match text.strip_prefix('@') {
            Some(file) => json_file(file)?,
            None => json(text, "--context")?,
        },
        (None, Some(id)) => {
            [("kind", Json::from("user")), ("key", Json::from(id.as_str()))].into_iter().collect()
        }
        (None, None) => return Err(Trouble::usage("whom?")),
    };
    let context = Context::parse(&context).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(|f| format!("{} {}", f.pointer, f.detail)).collect();
        Trouble::usage(format!("the context: {}", told.join("; ")))
    })?;
    let known = with_those_it_names(session, &env, &wanted.key).await?;
    let contained = is_in(&known, &wanted.key, &context)?;
    let answer: Json = [
        ("segment", Json::from(wanted.key.as_str())),
        ("environment", Json::from(env.as_str())),
        ("contains", Json::Bool(contained)),
    ]
    .into_iter()
    .collect();
    let columns = Columns::new()
        .member("segment", "segment")
        .member("environment", "environment")
        .read("contains", |a| if text(a.get("contains")) == "true" { "yes" } else { "no" }.to_owned());
    Sheet::one("flagstaff.membership/1", columns, answer).print(&session.global)?;
    if contained { Ok(()) } else { Err(Trouble::no()) }
}

/// The segment, and those that its rules name.
async fn with_those_it_names(session: &Session, env: &str, key: &str) -> Result<Known, Trouble> {
    let mut known = Known::default();
    let mut wanted = vec![key.to_owned()];
    while let Some(next) = wanted.pop() {
        if known.0.contains_key(&next) {
            continue;
        }
        let view = match session.get(path(session, env, &next)).await {
            // A segment that does not exist contains nobody.
            Err(trouble) if trouble.exit == Exit::NotFound && next != key => continue,
            other => other?,
        };
        let document = view.get("document").cloned().unwrap_or_else(Json::object);
        let salt = text(view.get("salt"));
        let version = view.get("version").and_then(Json::as_i64).unwrap_or(1);
        let composed = compose_segment(&next, version, &salt, &document);
        for rule in composed.get("rules").and_then(Json::as_array).unwrap_or_default() {
            for clause in rule.get("clauses").and_then(Json::as_array).unwrap_or_default() {
                if clause.get("op").and_then(Json::as_str) == Some("segmentMatch") {
                    let named = at(clause, "values").and_then(Json::as_array).unwrap_or_default();
                    wanted.extend(named.iter().filter_map(Json::as_str).map(ToOwned::to_owned));
                }
            }
        }
        let prepared = prepare_segment(&composed).map_err(|_| shapeless("a readable segment"))?;
        known.0.insert(next, prepared);
    }
    Ok(known)
}

/// Asks the same code that serves flags: a flag whose one rule is the segment.
fn is_in(known: &Known, key: &str, context: &Context) -> Result<bool, Trouble> {
    let flag = parse(
        r#"{"key":"f","version":1,"salt":"","on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":1},
            "rules":[{"id":"r","variation":0,"clauses":[{"op":"segmentMatch","attribute":"","values":[],"negate":false}]}]}"#,
    );
    let mut flag = flag.map_err(|_| shapeless("sense"))?;
    let values = flag
        .get_mut("rules")
        .and_then(|rules| if let Json::Array(rules) = rules { rules.first_mut() } else { None })
        .and_then(|rule| rule.get_mut("clauses"))
        .and_then(|clauses| if let Json::Array(clauses) = clauses { clauses.first_mut() } else { None });
    if let Some(clause) = values {
        clause.set("values", vec![Json::from(key)].into());
    }
    let prepared = prepare_flag(&flag).map_err(|_| shapeless("sense"))?;
    Ok(evaluate(known, &prepared, context).variation_index == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_added_once_and_taken_out_of_the_list_of_their_kind() {
        let document =
            parse(r#"{"included":["a","b"],"includedContexts":[{"contextKind":"org","values":["x"]}]}"#)
                .unwrap();
        let keys = ["b".to_owned(), "c".to_owned(), "c".to_owned()];
        assert_eq!(membership(&document, "user", &keys, true).to_text(), r#"{"included":["a","b","c"]}"#);
        assert_eq!(membership(&document, "user", &keys, false).to_text(), r#"{"included":["a"]}"#);
        assert_eq!(
            membership(&document, "org", &["y".to_owned()], true).to_text(),
            r#"{"includedContexts":[{"contextKind":"org","values":["x","y"]}]}"#
        );
    }

    #[test]
    fn membership_is_decided_by_the_code_that_serves_flags() {
        let mut known = Known::default();
        let document = parse(
            r#"{"included":["alice"],"excluded":["bob"],"rules":[{"clauses":[{"attribute":"email","op":"endsWith","values":["@acme"],"negate":false}]}]}"#,
        )
        .unwrap();
        known.0.insert("s".to_owned(), prepare_segment(&compose_segment("s", 1, "salt", &document)).unwrap());
        let ask = |json: &str| is_in(&known, "s", &Context::parse(&parse(json).unwrap()).unwrap()).unwrap();
        assert!(ask(r#"{"kind":"user","key":"alice"}"#));
        assert!(ask(r#"{"kind":"user","key":"carol","email":"carol@acme"}"#));
        assert!(!ask(r#"{"kind":"user","key":"bob","email":"bob@acme"}"#));
        assert!(!ask(r#"{"kind":"user","key":"dave"}"#));
    }
}
