//! Reads the paths that a Rust file names, without its comments, strings and unit tests.

use std::collections::{BTreeMap, BTreeSet};

/// The file without comments, strings, characters and `#[cfg(test)]` modules.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes: Vec<char> = text.chars().collect();
    let mut i = 0;
    while i < bytes.len() {
        let (c, next) = (bytes[i], bytes.get(i + 1).copied());
        if c == '/' && next == Some('/') {
            while i < bytes.len() && bytes[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && next == Some('*') {
            while i < bytes.len() && !(bytes[i] == '*' && bytes.get(i + 1) == Some(&'/')) {
                i += 1;
            }
            i += 2;
        } else if c == 'r' && raw_string(&bytes, i) {
            let hashes = bytes[i + 1..].iter().take_while(|c| **c == '#').count();
            i += hashes + 2;
            while i < bytes.len()
                && !(bytes[i] == '"' && (1..=hashes).all(|h| bytes.get(i + h) == Some(&'#')))
            {
                i += 1;
            }
            i += hashes + 1;
            out.push(' ');
        } else if c == '"' {
            i += 1;
            while i < bytes.len() && bytes[i] != '"' {
                i += if bytes[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
            out.push(' ');
        } else if c == '\'' && next == Some('\\') {
            i += 3;
            while i < bytes.len() && bytes[i] != '\'' {
                i += 1;
            }
            i += 1;
        } else if c == '\'' && bytes.get(i + 2) == Some(&'\'') {
            i += 3;
        } else {
            out.push(c);
            i += 1;
        }
    }
    without_tests(out)
}

fn raw_string(bytes: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|b| bytes.get(b));
    if before.is_some_and(|c| c.is_alphanumeric() && *c != 'b' || *c == '_') {
        return false;
    }
    let hashes = bytes[at + 1..].iter().take_while(|c| **c == '#').count();
    bytes.get(at + 1 + hashes) == Some(&'"')
}

fn without_tests(mut code: String) -> String {
    while let Some(start) = code.find("#[cfg(test)]") {
        let Some(open) = code[start..].find(['{', ';']).map(|o| start + o) else { break };
        if code.as_bytes()[open] == b';' {
            code.replace_range(start..=open, "");
            continue;
        }
        let mut depth = 0;
        let end = code[open..].char_indices().find_map(|(i, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(open + i)
        });
        code.replace_range(start..=end.unwrap_or(code.len() - 1), "");
    }
    code
}

/// Every path that begins with one of `roots`, with what stands in braces spelled out.
pub fn paths(code: &str, roots: &BTreeSet<String>) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let begins = i == 0 || tokens[i - 1] != "::" || i < 2 || !is_word(&tokens[i - 2]);
        // `pub(in crate::live)` says who may look, not who is looked at.
        let visibility = i >= 2 && tokens[i - 1] == "in" && tokens[i - 2] == "(";
        if roots.contains(&tokens[i]) && begins && !visibility && tokens.get(i + 1).is_some_and(|t| t == "::")
        {
            i = path(&tokens, i, &mut Vec::new(), &mut found);
        } else {
            i += 1;
        }
    }
    found
}

/// The modules that a file declares without a body.
pub fn children(code: &str) -> BTreeSet<String> {
    let tokens = tokens(code);
    tokens.windows(3).filter(|w| w[0] == "mod" && w[2] == ";").map(|w| w[1].clone()).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = chars.next_if(|n| n.is_alphanumeric() || *n == '_') {
                word.push(next);
            }
            tokens.push(word);
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens
}

/// Reads the path that begins at `i`; answers where it ends.
fn path(tokens: &[String], mut i: usize, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = before.len();
    loop {
        match tokens.get(i).map(String::as_str) {
            Some("{") => {
                i += 1;
                while tokens.get(i).is_some_and(|t| t != "}") {
                    let start = i;
                    i = path(tokens, i, before, found);
                    if tokens.get(i).is_some_and(|t| t == ",") || i == start {
                        i += 1;
                    }
                }
                i += 1;
                break;
            }
            Some(word) if is_word(word) || word == "*" => {
                before.push(word.to_owned());
                i += 1;
            }
            _ => break,
        }
        if tokens.get(i).is_some_and(|t| t == "as") {
            i += 2;
        }
        if tokens.get(i).is_none_or(|t| t != "::") {
            found.push(before.clone());
            break;
        }
        i += 1;
    }
    before.truncate(depth);
    i
}

/// The module that a file is: `service/edits/mod.rs` is `service::edits`; `lib.rs` is the crate.
pub fn module(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// What a file names within its own crate, as paths from the crate's root.
pub fn inward(file: &str, text: &str) -> Vec<Vec<String>> {
    let code = code(text);
    let here = module(file);
    let children = children(&code);
    let mut roots: BTreeSet<String> = ["crate", "super", "self"].map(str::to_owned).into();
    roots.extend(children.iter().cloned());
    let mut named = Vec::new();
    for path in paths(&code, &roots) {
        let mut rest = path.as_slice();
        let mut at = here.clone();
        match rest.first().map(String::as_str) {
            Some("crate") => (at, rest) = (Vec::new(), &rest[1..]),
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|s| s == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => {}
        }
        at.extend_from_slice(rest);
        named.push(at);
    }
    named
}

/// Which file of a crate a path leads to: the longest module in it.
pub fn lands<'f>(path: &[String], files: &'f BTreeMap<Vec<String>, String>) -> Option<&'f str> {
    (1..=path.len()).rev().find_map(|n| files.get(&path[..n])).map(String::as_str)
}

#[test]
fn paths_are_found_with_braces_spelled_out() {
    let roots: BTreeSet<String> = ["crate".to_owned()].into();
    let text = r##"use crate::{a::{B, self}, c::D as E}; pub(in crate::no) fn g() {} // use crate::no;
        fn f() -> &'static str { let x = 'a'; crate::g::h(); r#"crate::no"#; "crate::no \" crate::no" }
        #[cfg(test)] mod tests { use crate::no::No; fn f() { {} } } use crate::last;"##;
    let found: Vec<String> = paths(&code(text), &roots).iter().map(|p| p.join("::")).collect();
    assert_eq!(found, ["crate::a::B", "crate::a::self", "crate::c::D", "crate::g::h", "crate::last"]);
}

#[test]
fn a_file_names_its_parents_and_its_children() {
    let named = inward("service/edits/mod.rs", "mod flags;\nuse super::draft::Draft;\nfn f() { flags::x() }");
    let named: Vec<String> = named.iter().map(|p| p.join("::")).collect();
    assert_eq!(named, ["service::draft::Draft", "service::edits::flags::x"]);
}
