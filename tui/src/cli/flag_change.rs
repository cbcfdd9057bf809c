//! The changes of `flagstaff flag`.

use clap::Args;
use shared::json::Json;

use super::ask::{json, json_file};
use super::flag_shown::{config_columns, flag_columns};
use super::plan::{Change, Writing, make};
use super::session::{Session, shapeless};
use super::sheet::{Columns, at};
use super::trouble::Trouble;
use crate::request::{Method, Request, encoded};

/// What to make.
#[derive(Args, Debug)]
pub struct Create {
    /// The flag's key; it never changes
    key: String,
    /// What its values are
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = ["boolean", "string", "number", "json"])]
    kind: Option<String>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// A tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A value it can have, as JSON; may be repeated
    #[arg(long = "variation", value_name = "JSON")]
    variations: Vec<String>,
    /// The whole flag as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// What to set.
#[derive(Args, Debug)]
pub struct Set {
    /// The flag's key
    key: String,
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// The whole targeting document as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "paths", conflicts_with = "paths")]
    file: Option<String>,
    /// One place of it: /fallthrough/variation=1; `/path=` without a value removes it; may be repeated
    #[arg(long = "path", value_name = "POINTER=JSON")]
    paths: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

/// What to turn.
#[derive(Args, Debug)]
pub struct Switch {
    /// The flag's key
    key: String,
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// What to roll out.
#[derive(Args, Debug)]
pub struct Rollout {
    /// The flag's key
    key: String,
    /// How many percent get the variation: 0 to 100, up to three decimals
    percent: String,
    /// The environment
    #[arg(short = 'e', long, value_name = "KEY")]
    env: Option<String>,
    /// The index of the variation; of a boolean flag, `true` without being named
    #[arg(long, value_name = "INDEX")]
    variation: Option<usize>,
    /// The index of what everybody else gets
    #[arg(long = "else", value_name = "INDEX")]
    otherwise: Option<usize>,
    #[command(flatten)]
    writing: Writing,
}

/// What to promote.
#[derive(Args, Debug)]
pub struct Promote {
    /// The flags' keys
    #[arg(required_unless_present = "all")]
    keys: Vec<String>,
    /// Every flag
    #[arg(long, conflicts_with = "keys")]
    all: bool,
    /// Where the configurations come from
    #[arg(long, value_name = "KEY")]
    from: String,
    /// Where they go
    #[arg(long, value_name = "KEY")]
    to: String,
    /// Only the targeting, or only whether it is on
    #[arg(long, value_name = "PART", value_parser = ["targeting", "on"])]
    only: Option<String>,
    /// Copy segments that the target lacks
    #[arg(long)]
    segments: bool,
    #[command(flatten)]
    writing: Writing,
}

/// What to archive, or to bring back.
#[derive(Args, Debug)]
pub struct Archive {
    /// The flag's key
    key: String,
    #[command(flatten)]
    writing: Writing,
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    members.into_iter().collect()
}

/// `flag create`.
///
/// # Errors
/// Whatever went wrong.
pub async fn create(create: Create, session: &Session) -> Result<(), Trouble> {
    let mut body = match &create.file {
        Some(file) => json_file(file)?,
        None => Json::object(),
    };
    if body.as_object().is_none() {
        return Err(Trouble::usage("a flag is a JSON object"));
    }
    body.set("key", Json::from(create.key.as_str()));
    let texts = [("type", &create.kind), ("name", &create.name), ("description", &create.description)];
    for (name, value) in texts {
        if let Some(value) = value {
            body.set(name, Json::from(value.as_str()));
        }
    }
    if !create.tags.is_empty() {
        body.set("tags", create.tags.iter().map(|tag| Json::from(tag.as_str())).collect::<Vec<_>>().into());
    }
    if !create.variations.is_empty() {
        let read = |text: &String| Ok(object([("value", json(text, "--variation")?)]));
        body.set(
            "variations",
            create.variations.iter().map(read).collect::<Result<Vec<_>, Trouble>>()?.into(),
        );
    } else if create.kind.is_none() && create.file.is_none() {
        body.set("type", Json::from("boolean"));
    }
    let request = Request::new(Method::Post, session.path("/flags")).with_body(body);
    let sheet = ("flagstaff.flag/1", flag_columns());
    make(session, Change { request, about: None, sheet, writing: &create.writing }).await.map(drop)
}

/// `flag set`.
///
/// # Errors
/// Whatever went wrong.
pub async fn set(set: Set, session: &Session) -> Result<(), Trouble> {
    let env = session.environment_to_write(set.env.as_deref()).await?;
    let path = session.path(&format!("/flags/{}/config/{}", encoded(&set.key), encoded(&env)));
    let request = match &set.file {
        Some(file) => {
            let document = json_file(file)?;
            Request::new(Method::Put, path.clone()).with_body(object([("config", document)]))
        }
        None => {
            let operations = set.paths.iter().map(|path| operation(path)).collect::<Result<Vec<_>, _>>()?;
            let mut request = Request::new(Method::Patch, path.clone()).with_body(operations.into());
            request.content_type = Some("application/json-patch+json");
            request
        }
    };
    let sheet = ("flagstaff.config/1", config_columns());
    make(session, Change { request, about: Some(path), sheet, writing: &set.writing }).await.map(drop)
}

/// `/a/b=JSON` as an operation of RFC 6902.
fn operation(text: &str) -> Result<Json, Trouble> {
    let wrong = || Trouble::usage(format!("--path {text:?}: write /a/b=JSON, or /a/b= to remove it"));
    let (pointer, value) = text.split_once('=').ok_or_else(wrong)?;
    if !pointer.starts_with('/') {
        return Err(wrong());
    }
    if value.is_empty() {
        return Ok(object([("op", "remove".into()), ("path", pointer.into())]));
    }
    let value = json(value, &format!("--path {pointer}"))
        .map_err(|trouble| trouble.hint("a text is JSON with its quotes: --path '/name=\"text\"'"))?;
    Ok(object([("op", "add".into()), ("path", pointer.into()), ("value", value)]))
}

/// `flag on`, `off` and `toggle`.
///
/// # Errors
/// Whatever went wrong.
pub async fn switch(switch: Switch, on: Option<bool>, session: &Session) -> Result<(), Trouble> {
    let env = session.environment_to_write(switch.env.as_deref()).await?;
    let flag = session.path(&format!("/flags/{}", encoded(&switch.key)));
    let about = Some(format!("{flag}/config/{}", encoded(&env)));
    let mut body = object([("environment", env.as_str().into())]);
    if let Some(on) = on {
        body.set("enabled", Json::Bool(on));
    }
    let request = Request::new(Method::Post, format!("{flag}/toggle")).with_body(body);
    let sheet = ("flagstaff.config/1", config_columns());
    make(session, Change { request, about, sheet, writing: &switch.writing }).await.map(drop)
}

/// `flag rollout`.
///
/// # Errors
/// Whatever went wrong.
pub async fn rollout(rollout: Rollout, session: &Session) -> Result<(), Trouble> {
    let weight = weight(&rollout.percent)?;
    let env = session.environment_to_write(rollout.env.as_deref()).await?;
    let path = session.path(&format!("/flags/{}", encoded(&rollout.key)));
    let config = format!("{path}/config/{}", encoded(&env));
    let (flag, config_now) = tokio::try_join!(session.get(path), session.send(Request::get(config.clone())))?;
    let (yes, no) = sides(&flag, rollout.variation, rollout.otherwise)?;
    let fallthrough = match weight {
        0 => object([("variation", no.into())]),
        100_000 => object([("variation", yes.into())]),
        weight => {
            let share =
                |index: usize, weight: u64| object([("variation", index.into()), ("weight", weight.into())]);
            // Who is in stays in: what people are counted by, and the seed, are kept.
            let mut kept =
                at(&config_now.body, "config.fallthrough.rollout").cloned().unwrap_or_else(Json::object);
            kept.set("variations", vec![share(yes, weight), share(no, 100_000 - weight)].into());
            object([("rollout", kept)])
        }
    };
    let patch = object([("op", "add".into()), ("path", "/fallthrough".into()), ("value", fallthrough)]);
    let mut request = Request::new(Method::Patch, config.clone()).with_body(vec![patch].into());
    request.content_type = Some("application/json-patch+json");
    // The plan rests on the document that was read.
    request.if_match = config_now.etag.filter(|_| rollout.writing.if_rev.is_none());
    let sheet = ("flagstaff.config/1", config_columns());
    make(session, Change { request, about: Some(config), sheet, writing: &rollout.writing }).await.map(drop)
}

/// Percent as thousandths of them.
fn weight(text: &str) -> Result<u64, Trouble> {
    let wrong = || Trouble::usage(format!("{text:?} is no percentage: 0 to 100, with up to three decimals"));
    let bare = text.strip_suffix('%').unwrap_or(text);
    let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 3 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    Some(whole * 1000 + part).filter(|weight| *weight <= 100_000).ok_or_else(wrong)
}

/// The variation that is rolled out, and the other one.
fn sides(flag: &Json, yes: Option<usize>, no: Option<usize>) -> Result<(usize, usize), Trouble> {
    let variations =
        flag.get("variations").and_then(Json::as_array).ok_or_else(|| shapeless("the flag's variations"))?;
    let place =
        |wanted: bool| variations.iter().position(|v| v.get("value").unwrap_or(v).as_bool() == Some(wanted));
    let count = variations.len();
    let yes = yes.or_else(|| place(true)).ok_or_else(|| {
        Trouble::usage("which variation? the flag is not boolean").hint("--variation INDEX --else INDEX")
    })?;
    let other = || (count == 2).then(|| 1_usize.saturating_sub(yes));
    let no = no
        .or_else(|| place(false).filter(|no| *no != yes))
        .or_else(other)
        .ok_or_else(|| Trouble::usage("and which variation for everybody else?").hint("--else INDEX"))?;
    for index in [yes, no] {
        if index >= count {
            return Err(Trouble::usage(format!(
                "there is no variation {index}: the flag has {count}, from 0"
            )));
        }
    }
    if yes == no {
        return Err(Trouble::usage("--variation and --else are the same"));
    }
    Ok((yes, no))
}

/// `flag promote`.
///
/// # Errors
/// Whatever went wrong.
pub async fn promote(promote: Promote, session: &Session) -> Result<(), Trouble> {
    let flags = if promote.all {
        Json::from("all")
    } else {
        promote.keys.iter().map(|key| Json::from(key.as_str())).collect::<Vec<_>>().into()
    };
    let mut body = object([
        ("from", promote.from.as_str().into()),
        ("to", promote.to.as_str().into()),
        ("flags", flags),
    ]);
    if let Some(part) = &promote.only {
        body.set("include", vec![Json::from(part.as_str())].into());
    }
    if promote.segments {
        body.set("segments", Json::Bool(true));
    }
    let request = Request::new(Method::Post, session.path("/environments/promote")).with_body(body);
    make(session, Change { request, about: None, sheet: done(), writing: &promote.writing }).await.map(drop)
}

/// The answer of a change of several things.
#[must_use]
pub fn done() -> (&'static str, Columns) {
    ("flagstaff.change/1", Columns::new().member("revision", "revision").member("changed", "changed"))
}

/// `flag archive`.
///
/// # Errors
/// Whatever went wrong.
pub async fn archive(archive: Archive, session: &Session) -> Result<(), Trouble> {
    let path = session.path(&format!("/flags/{}", encoded(&archive.key)));
    let request = Request::new(Method::Delete, path.clone());
    let sheet = ("flagstaff.flag/1", flag_columns());
    make(session, Change { request, about: Some(path), sheet, writing: &archive.writing }).await.map(drop)
}

/// `flag restore`.
///
/// # Errors
/// Whatever went wrong.
pub async fn restore(archive: Archive, session: &Session) -> Result<(), Trouble> {
    let path = session.path(&format!("/flags/{}", encoded(&archive.key)));
    let request = Request::new(Method::Post, format!("{path}/restore"));
    let sheet = ("flagstaff.flag/1", flag_columns());
    make(session, Change { request, about: Some(path), sheet, writing: &archive.writing }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    #[test]
    fn percentages_are_read_to_the_thousandth() {
        for (text, expected) in [("0", 0), ("25", 25_000), ("12.5%", 12_500), ("0.001", 1), ("100", 100_000)]
        {
            assert_eq!(weight(text).unwrap(), expected, "{text}");
        }
        for text in ["", "-1", "100.001", "1e1", "12.3456", "x", "1000", ".5"] {
            assert!(weight(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_boolean_flag_knows_its_sides_and_others_must_be_told() {
        let boolean = parse(r#"{"variations":[{"value":false},{"value":true}]}"#).unwrap();
        assert_eq!(sides(&boolean, None, None), Ok((1, 0)));
        let texts = parse(r#"{"variations":[{"value":"a"},{"value":"b"},{"value":"c"}]}"#).unwrap();
        assert!(sides(&texts, None, None).is_err());
        assert!(sides(&texts, Some(2), None).is_err());
        assert_eq!(sides(&texts, Some(2), Some(0)), Ok((2, 0)));
        assert!(sides(&texts, Some(3), Some(0)).is_err());
    }

    #[test]
    fn a_path_without_a_value_removes_and_with_one_it_sets() {
        assert_eq!(operation("/a=1").unwrap().to_text(), r#"{"op":"add","path":"/a","value":1}"#);
        assert_eq!(operation("/a=").unwrap().to_text(), r#"{"op":"remove","path":"/a"}"#);
        assert!(operation("a=1").is_err() && operation("/a").is_err() && operation("/a=x").is_err());
    }
}
