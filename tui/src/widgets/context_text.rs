//! A context as it is typed in one line (a key, pairs, or JSON), and as it is told in one line.

use shared::context::{Context, DEFAULT_KIND, kind_problem};
use shared::json::{Json, parse};

/// What is said where nothing was typed.
pub const HINT: &str = "a key: anna   pairs: anna plan=pro device:os=ios   or JSON";

type Parts = Vec<(String, Json)>;

/// Reads a context: `anna`, `device:d-7`, `anna plan=pro age=42`, `key=anna device:key=d-7`, or JSON.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn read(line: &str) -> Result<Json, String> {
    let line = line.trim();
    if line.is_empty() {
        return Err(format!("type {HINT}"));
    }
    let context =
        if line.starts_with('{') { parse(line).map_err(|error| error.to_string())? } else { pairs(line)? };
    checked(context)
}

/// The context with these pairs in place of its own; a name without a value takes the attribute away.
///
/// # Errors
/// What is wrong with the line, or with the context that it makes.
pub fn vary(context: &Json, line: &str) -> Result<Json, String> {
    if line.trim().is_empty() {
        return Err("type what is different: plan=pro, or plan= for no plan".to_owned());
    }
    let mut parts = parts(context);
    let first = parts.first().map_or(DEFAULT_KIND.to_owned(), |(kind, _)| kind.clone());
    // A name without a kind means the user, where there is one.
    let kind = if parts.iter().any(|(kind, _)| kind == DEFAULT_KIND) { DEFAULT_KIND } else { &first };
    for (name, value) in words(line)? {
        match (name, value) {
            (None, key) => place(&mut parts, kind, "key", Json::from(key.as_str())),
            (Some(name), value) => {
                let (of, attribute) = of_kind(&name, kind);
                place(&mut parts, of, attribute, valued(attribute, &value));
            }
        }
    }
    checked(joined(parts))
}

fn checked(context: Json) -> Result<Json, String> {
    match Context::parse(&context) {
        Ok(_) => Ok(context),
        Err(faults) => Err(faults.first().map_or_else(
            || "this is no context".to_owned(),
            |fault| format!("{} {}", fault.pointer, fault.detail).trim().to_owned(),
        )),
    }
}

/// A context in one line that [`read`] reads as the same.
#[must_use]
pub fn told(context: &Json) -> String {
    let parts = parts(context);
    let many = parts.len() > 1;
    let mut line = Vec::new();
    for (kind, members) in &parts {
        let before = if many || kind != DEFAULT_KIND { format!("{kind}:") } else { String::new() };
        let key = members.get("key").and_then(Json::as_str).unwrap_or_default();
        let text = bare(&Json::from(key), true);
        // A key that a reader would take for a pair, or for a kind, is named as the key.
        if many || key.contains('=') || text != key || before.is_empty() && key.contains(':') {
            line.push(format!("{before}key={text}"));
        } else {
            line.push(format!("{before}{key}"));
        }
        for (name, value) in members.as_object().unwrap_or_default() {
            if name != "key" && name != "kind" {
                line.push(format!("{before}{name}={}", bare(value, false)));
            }
        }
    }
    let line = line.join(" ");
    match read(&line) {
        Ok(same) if same.same_value(context) => line,
        _ => context.to_text(),
    }
}

/// The key of a context, with its kinds where it is not a plain user.
#[must_use]
pub fn key(context: &Json) -> String {
    Context::parse(context).map_or_else(|_| "?".to_owned(), |context| context.canonical_key())
}

fn bare(value: &Json, key: bool) -> String {
    match value {
        Json::String(text)
            if !text.is_empty()
                && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"{}[]".contains(c))
                && (key || parse(text).is_err()) =>
        {
            text.clone()
        }
        other => other.to_text(),
    }
}

/// The parts of a context by kind, each without its `kind`.
fn parts(context: &Json) -> Vec<(String, Json)> {
    let kind = context.get("kind").and_then(Json::as_str).unwrap_or(DEFAULT_KIND);
    let members = context.as_object().unwrap_or_default();
    if kind == "multi" {
        return members.iter().filter(|(name, _)| name != "kind").cloned().collect();
    }
    let own: Json =
        members.iter().filter(|(name, _)| name != "kind").cloned().collect::<Parts>().into_iter().collect();
    vec![(kind.to_owned(), own)]
}

fn joined(mut parts: Vec<(String, Json)>) -> Json {
    if parts.len() > 1 {
        let multi = ("kind".to_owned(), Json::from("multi"));
        return Json::Object(std::iter::once(multi).chain(parts).collect());
    }
    let (kind, members) = parts.pop().unwrap_or_else(|| (DEFAULT_KIND.to_owned(), Json::object()));
    let mut all = vec![("kind".to_owned(), Json::from(kind.as_str()))];
    all.extend(members.as_object().unwrap_or_default().iter().cloned());
    Json::Object(all)
}

fn place(parts: &mut Vec<(String, Json)>, kind: &str, name: &str, value: Json) {
    let at = parts.iter().position(|(known, _)| known == kind).unwrap_or_else(|| {
        parts.push((kind.to_owned(), Json::object()));
        parts.len() - 1
    });
    let Some((_, members)) = parts.get_mut(at) else { return };
    let mut path: Vec<&str> = match name.strip_prefix('/') {
        Some(path) => path.split('/').collect(),
        None => vec![name],
    };
    let last = path.pop().unwrap_or(name);
    let mut here = members;
    for step in path {
        if here.get(step).and_then(Json::as_object).is_none() {
            here.set(step, Json::object());
        }
        match here.get_mut(step) {
            Some(inner) => here = inner,
            None => return,
        }
    }
    if value.is_null() {
        here.remove(last);
    } else {
        here.set(last, value);
    }
}

fn valued(attribute: &str, text: &str) -> Json {
    if text.is_empty() {
        return Json::Null;
    }
    match parse(text) {
        Ok(json @ Json::String(_)) => json,
        Ok(json) if attribute != "key" => json,
        _ => Json::from(text),
    }
}

/// `device:os` is `os` of the device; a colon after what can be no kind is part of the name.
fn of_kind<'t>(name: &'t str, kind: &'t str) -> (&'t str, &'t str) {
    match name.split_once(':') {
        Some((of, attribute)) if kind_problem(of).is_none() && !attribute.is_empty() => (of, attribute),
        _ => (kind, name),
    }
}

fn pairs(line: &str) -> Result<Json, String> {
    let mut parts: Vec<(String, Json)> = Vec::new();
    let mut kind = DEFAULT_KIND.to_owned();
    for (n, (name, value)) in words(line)?.into_iter().enumerate() {
        match name {
            // A bare word is a key; it can only be the first.
            None if n == 0 => {
                let (of, key) = of_kind(&value, DEFAULT_KIND);
                of.clone_into(&mut kind);
                place(&mut parts, of, "key", Json::from(key));
            }
            None => return Err(format!("{value} is no pair: write name=value")),
            Some(name) if name == "kind" => kind = value,
            Some(name) => {
                let (of, attribute) = of_kind(&name, &kind);
                place(&mut parts, of, attribute, valued(attribute, &value));
            }
        }
    }
    match parts.iter().find(|(_, members)| members.get("key").is_none()) {
        Some((of, _)) if of == DEFAULT_KIND => Err("who is it? Begin with a key: anna plan=pro".to_owned()),
        Some((of, _)) => Err(format!("which {of} is it? Add {of}:key=...")),
        None => Ok(joined(parts)),
    }
}

/// The words of a line, parted by spaces outside of quotes: name and value, or a value alone.
fn words(line: &str) -> Result<Vec<(Option<String>, String)>, String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        if c.is_whitespace() && !quoted {
            words.push(String::new());
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && quoted && !escaped;
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    let part = |word: String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((Some(name.to_owned()), value.to_owned())),
        Some(_) => Err(format!("{word} has no name before =")),
        None => Ok((None, word)),
    };
    words.into_iter().filter(|word| !word.is_empty()).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(line: &str) -> String {
        read(line).map_or_else(|fault| format!("! {fault}"), |json| json.to_text())
    }

    #[test]
    fn a_key_pairs_and_json_are_contexts() {
        for (line, expected) in [
            ("anna", r#"{"kind":"user","key":"anna"}"#),
            ("device:d-7", r#"{"kind":"device","key":"d-7"}"#),
            ("42 age=42 zip=\"042\"", r#"{"kind":"user","key":"42","age":42,"zip":"042"}"#),
            ("anna plan=pro beta=true", r#"{"kind":"user","key":"anna","plan":"pro","beta":true}"#),
            ("name=\"Anna B\" key=anna", r#"{"kind":"user","name":"Anna B","key":"anna"}"#),
            ("kind=org key=acme size=9", r#"{"kind":"org","key":"acme","size":9}"#),
            ("anna /app/version=\"4.2\"", r#"{"kind":"user","key":"anna","app":{"version":"4.2"}}"#),
            (
                "anna device:key=d device:os=ios",
                r#"{"kind":"multi","user":{"key":"anna"},"device":{"key":"d","os":"ios"}}"#,
            ),
            (r#" {"kind":"user","key":"x"} "#, r#"{"kind":"user","key":"x"}"#),
        ] {
            assert_eq!(text(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_context_says_what_is_missing() {
        for (line, said) in [
            ("", "type a key"),
            ("plan=pro", "who is it"),
            ("anna device:os=ios", "which device is it"),
            ("anna bert", "bert is no pair"),
            ("anna plan=\"pro", "not closed"),
            ("anna =pro", "no name"),
            ("{", "!"),
            (r#"{"kind":"user"}"#, "/key"),
        ] {
            assert!(text(line).contains(said), "{line}: {}", text(line));
        }
    }

    #[test]
    fn a_variation_changes_adds_and_takes_away() {
        let context = read("anna plan=pro country=DE").unwrap();
        assert_eq!(told(&vary(&context, "country=US").unwrap()), "anna plan=pro country=US");
        assert_eq!(told(&vary(&context, "plan= age=3").unwrap()), "anna country=DE age=3");
        assert_eq!(told(&vary(&context, "bert").unwrap()), "bert plan=pro country=DE");
        assert!(vary(&context, "device:os=ios").is_err(), "a device without a key");
        let device = read("device:d os=ios").unwrap();
        assert_eq!(told(&vary(&device, "os=linux").unwrap()), "device:d device:os=linux");
        assert!(vary(&context, " ").is_err());
    }

    proptest! {
        #[test]
        fn what_is_told_reads_back_as_the_same_context(
            key in "\\PC{1,12}", name in "[a-z/:= ~]{1,6}", value in "\\PC{0,8}", number in any::<i32>()
        ) {
            let mut context: Json =
                [("kind", Json::from("user")), ("key", Json::from(key.as_str()))].into_iter().collect();
            context.set(&name, Json::from(value.as_str()));
            context.set("n", Json::from(i64::from(number)));
            prop_assume!(Context::parse(&context).is_ok());
            prop_assert!(read(&told(&context)).unwrap().same_value(&context), "{}", told(&context));
        }
    }
}
