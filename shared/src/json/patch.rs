//! JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902), bounded.

use std::borrow::Cow;
use std::collections::HashMap;

use super::parse::MAX_DEPTH;
use super::pointer::{Pointer, array_index};
use super::value::Json;
use crate::fault::Fault;

/// The most operations one JSON Patch may have.
pub const MAX_OPERATIONS: usize = 1_000;
/// The most bytes of compact text a document may have at any moment while a JSON Patch is applied.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most that all operations together may copy, compare and shift, in bytes or elements.
const MAX_WORK: usize = 128 * 1024 * 1024;

/// Applies a JSON Merge Patch: members of `null` go, objects are merged, everything else replaces.
/// Members that stay keep their place; new ones come at the end.
pub fn merge_patch(target: &Json, patch: &Json) -> Json {
    let Json::Object(changes) = patch else { return patch.clone() };
    let members = target.as_object().unwrap_or_default();
    let known: HashMap<&str, &Json> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let changed: HashMap<&str, &Json> = changes.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let mut merged = Vec::with_capacity(members.len());
    for (name, value) in members {
        match changed.get(name.as_str()) {
            None => merged.push((name.clone(), value.clone())),
            Some(Json::Null) => {}
            Some(change) => merged.push((name.clone(), merge_patch(value, change))),
        }
    }
    for (name, change) in changes {
        if !change.is_null() && !known.contains_key(name.as_str()) {
            merged.push((name.clone(), merge_patch(&Json::Null, change)));
        }
    }
    Json::Object(merged)
}

/// Applies a JSON Patch: all of its operations or none. Numbers are compared by value (`test` of `1`
/// finds `1.0`), but written as their author wrote them.
///
/// # Errors
/// The first operation that cannot be applied, with a pointer into the patch. Also a patch of more than
/// [`MAX_OPERATIONS`], and an operation that makes the document larger than [`MAX_BYTES`] or deeper than
/// [`MAX_DEPTH`].
pub fn json_patch(target: &Json, patch: &Json) -> Result<Json, Fault> {
    let Some(operations) = patch.as_array() else {
        return Err(Fault::new(
            "",
            format!("a JSON Patch is an array of operations, not {}", patch.type_name()),
        ));
    };
    if operations.len() > MAX_OPERATIONS {
        let count = operations.len();
        return Err(Fault::new("", format!("has {count} operations; at most {MAX_OPERATIONS} are allowed")));
    }
    let mut patcher = Patcher { size: measure(target).bytes, work: 0, document: target.clone() };
    for (index, operation) in operations.iter().enumerate() {
        patcher.apply(operation).map_err(|fault| fault.under(&format!("/{index}")))?;
    }
    Ok(patcher.document)
}

struct Patcher {
    document: Json,
    size: usize,
    work: usize,
}

impl Patcher {
    fn apply(&mut self, operation: &Json) -> Result<(), Fault> {
        if operation.as_object().is_none() {
            return Err(Fault::new("", format!("an operation is an object, not {}", operation.type_name())));
        }
        let name = text(operation, "op")?;
        match name {
            "add" => {
                let path = self.reach(operation, "path")?;
                self.add(&path, value(operation)?.clone())
            }
            "remove" => {
                let path = self.reach(operation, "path")?;
                self.remove(&path, "path").map(drop)
            }
            "replace" => {
                let path = self.reach(operation, "path")?;
                self.replace(&path, value(operation)?.clone())
            }
            "move" => {
                let (from, path) = (self.reach(operation, "from")?, self.reach(operation, "path")?);
                self.shift(&from, &path)
            }
            "copy" => {
                let (from, path) = (self.reach(operation, "from")?, self.reach(operation, "path")?);
                let copied = self.find(&from, "from")?.clone();
                self.add(&path, copied)
            }
            "test" => {
                let path = self.reach(operation, "path")?;
                self.test(&path, value(operation)?)
            }
            other => Err(Fault::new(
                "/op",
                format!(
                    "{} is no operation; there are add, remove, replace, move, copy and test",
                    quoted(other)
                ),
            )),
        }
    }

    fn test(&mut self, path: &Pointer, expected: &Json) -> Result<(), Fault> {
        self.labour(measure(expected).bytes)?;
        let found = self.find(path, "path")?;
        if found.same_value(expected) {
            return Ok(());
        }
        let stands = brief(found);
        Err(Fault::new(
            "/value",
            format!("is not what stands at {}: that is {stands}", quoted(path.as_str())),
        ))
    }

    fn shift(&mut self, from: &Pointer, path: &Pointer) -> Result<(), Fault> {
        if from == path {
            return self.find(from, "from").map(drop);
        }
        if from.contains(path) {
            return Err(Fault::new(
                "/path",
                "lies inside what is moved, and nothing can be moved into itself",
            ));
        }
        let moved = self.remove(from, "from")?;
        self.add(path, moved)
    }

    fn add(&mut self, path: &Pointer, value: Json) -> Result<(), Fault> {
        let tokens: Vec<Cow<'_, str>> = path.tokens().collect();
        let measured = measure(&value);
        fits(tokens.len(), &measured)?;
        let Some((last, way)) = tokens.split_last() else { return self.replace(path, value) };
        self.labour(measured.bytes)?;
        let parent = match resolve_mut(&mut self.document, way) {
            Ok(parent) => parent,
            Err(reached) => return Err(absent("path", &tokens, reached)),
        };
        let mut shifted = 0;
        let mut grown = measured.bytes;
        match parent {
            Json::Object(members) => {
                shifted = members.len();
                match members.iter_mut().find(|(name, _)| name == last) {
                    Some((_, slot)) => {
                        self.size = self.size.saturating_sub(measure(slot).bytes);
                        *slot = value;
                    }
                    None => {
                        grown += string_bytes(last) + 1 + usize::from(!members.is_empty());
                        members.push((last.to_string(), value));
                    }
                }
            }
            Json::Array(items) => {
                let at = if last == "-" { Some(items.len()) } else { array_index(last) };
                let Some(at) = at.filter(|&at| at <= items.len()) else {
                    let length = items.len();
                    return Err(Fault::new(
                        "/path",
                        format!(
                            "{} is no place in an array of {length}: use 0 to {length}, or -",
                            quoted(last)
                        ),
                    ));
                };
                shifted += items.len() - at;
                grown += usize::from(!items.is_empty());
                items.insert(at, value);
            }
            other => {
                let kind = other.type_name();
                return Err(Fault::new(
                    "/path",
                    format!(
                        "nothing can be added at {}: its parent is of type {kind}",
                        quoted(path.as_str())
                    ),
                ));
            }
        }
        self.size += grown;
        self.labour(shifted)?;
        self.bounded()
    }

    fn replace(&mut self, path: &Pointer, value: Json) -> Result<(), Fault> {
        let tokens: Vec<Cow<'_, str>> = path.tokens().collect();
        let measured = measure(&value);
        fits(tokens.len(), &measured)?;
        let slot = match resolve_mut(&mut self.document, &tokens) {
            Ok(slot) => slot,
            Err(reached) => return Err(absent("path", &tokens, reached)),
        };
        let was = measure(slot).bytes;
        *slot = value;
        self.size = self.size.saturating_sub(was) + measured.bytes;
        self.labour(was + measured.bytes)?;
        self.bounded()
    }

    fn remove(&mut self, path: &Pointer, member: &str) -> Result<Json, Fault> {
        let tokens: Vec<Cow<'_, str>> = path.tokens().collect();
        let Some((last, way)) = tokens.split_last() else {
            return Err(Fault::new(
                format!("/{member}"),
                "the whole document cannot be removed, only replaced",
            ));
        };
        let parent = match resolve_mut(&mut self.document, way) {
            Ok(parent) => parent,
            Err(reached) => return Err(absent(member, &tokens, reached)),
        };
        let (removed, freed, shifted) = match parent {
            Json::Object(members) => match members.iter().position(|(name, _)| name == last) {
                Some(at) => {
                    let shifted = members.len();
                    let name = string_bytes(last) + 1 + usize::from(members.len() > 1);
                    (members.remove(at).1, name, shifted)
                }
                None => return Err(absent(member, &tokens, way.len())),
            },
            Json::Array(items) => match array_index(last).filter(|&at| at < items.len()) {
                Some(at) => {
                    let shifted = items.len() - at;
                    let comma = usize::from(items.len() > 1);
                    (items.remove(at), comma, shifted)
                }
                None => return Err(absent(member, &tokens, way.len())),
            },
            _ => return Err(absent(member, &tokens, way.len())),
        };
        let bytes = measure(&removed).bytes;
        self.size = self.size.saturating_sub(bytes + freed);
        self.labour(bytes + shifted)?;
        Ok(removed)
    }

    fn find(&self, path: &Pointer, member: &str) -> Result<&Json, Fault> {
        let tokens: Vec<Cow<'_, str>> = path.tokens().collect();
        resolve(&self.document, &tokens).map_err(|reached| absent(member, &tokens, reached))
    }

    /// The pointer in a member of an operation. Searching for it is work, done twice at most.
    fn reach(&mut self, operation: &Json, member: &str) -> Result<Pointer, Fault> {
        let pointer = place(operation, member)?;
        let mut value = &self.document;
        let mut searched = 0;
        for token in pointer.tokens() {
            searched += value.as_object().map_or(1, <[_]>::len);
            let next = match value {
                Json::Object(_) => value.get(&token),
                Json::Array(items) => array_index(&token).and_then(|at| items.get(at)),
                _ => None,
            };
            let Some(next) = next else { break };
            value = next;
        }
        self.labour(searched)?;
        Ok(pointer)
    }

    fn bounded(&self) -> Result<(), Fault> {
        if self.size > MAX_BYTES {
            let limit = MAX_BYTES / 1024 / 1024;
            return Err(Fault::new("", format!("makes the document larger than {limit} MiB")));
        }
        Ok(())
    }

    fn labour(&mut self, amount: usize) -> Result<(), Fault> {
        self.work = self.work.saturating_add(amount);
        if self.work > MAX_WORK {
            return Err(Fault::new(
                "",
                "is one too many: so much work is not done for one patch; send parts",
            ));
        }
        Ok(())
    }
}

/// The value at the steps, or how many of them exist.
fn resolve<'a>(document: &'a Json, tokens: &[Cow<'_, str>]) -> Result<&'a Json, usize> {
    tokens.iter().enumerate().try_fold(document, |value, (depth, token)| {
        match value {
            Json::Object(_) => value.get(token),
            Json::Array(items) => array_index(token).and_then(|at| items.get(at)),
            _ => None,
        }
        .ok_or(depth)
    })
}

fn resolve_mut<'a>(document: &'a mut Json, tokens: &[Cow<'_, str>]) -> Result<&'a mut Json, usize> {
    tokens.iter().enumerate().try_fold(document, |value, (depth, token)| {
        match value {
            Json::Object(_) => value.get_mut(token),
            Json::Array(items) => array_index(token).and_then(|at| items.get_mut(at)),
            _ => None,
        }
        .ok_or(depth)
    })
}

/// Nothing stands where the pointer in this member of the operation leads: `reached` steps exist.
fn absent(member: &str, tokens: &[Cow<'_, str>], reached: usize) -> Fault {
    let mut missing = Pointer::root();
    for token in tokens.iter().take(reached + 1) {
        missing.push(token);
    }
    Fault::new(
        format!("/{member}"),
        format!("nothing stands at {} in the document", quoted(missing.as_str())),
    )
}

fn fits(depth: usize, value: &Measure) -> Result<(), Fault> {
    if depth.saturating_add(value.depth) > MAX_DEPTH {
        return Err(Fault::new("", format!("makes the document deeper than {MAX_DEPTH} levels")));
    }
    Ok(())
}

fn value(operation: &Json) -> Result<&Json, Fault> {
    operation.get("value").ok_or_else(|| Fault::new("/value", "is missing; null is a value, absence is not"))
}

fn text<'a>(operation: &'a Json, member: &str) -> Result<&'a str, Fault> {
    match operation.get(member) {
        Some(Json::String(text)) => Ok(text),
        Some(other) => {
            Err(Fault::new(format!("/{member}"), format!("must be a string, not {}", other.type_name())))
        }
        None => Err(Fault::new(format!("/{member}"), "is missing")),
    }
}

fn place(operation: &Json, member: &str) -> Result<Pointer, Fault> {
    Pointer::parse(text(operation, member)?)
        .map_err(|error| Fault::new(format!("/{member}"), format!("is no JSON pointer: {error}")))
}

/// The compact text of a value without making it: its bytes, and how deep it is.
struct Measure {
    bytes: usize,
    depth: usize,
}

fn measure(value: &Json) -> Measure {
    let (sum, depth) = match value {
        Json::Null | Json::Bool(true) => return Measure { bytes: 4, depth: 0 },
        Json::Bool(false) => return Measure { bytes: 5, depth: 0 },
        Json::Number(text) => return Measure { bytes: text.len(), depth: 0 },
        Json::String(text) => return Measure { bytes: string_bytes(text), depth: 0 },
        Json::Array(items) => items
            .iter()
            .map(measure)
            .fold((items.len(), 0), |(sum, depth), item| (sum + item.bytes, depth.max(item.depth))),
        Json::Object(members) => members.iter().fold((members.len(), 0), |(sum, depth), (name, value)| {
            let inner = measure(value);
            (sum + string_bytes(name) + 1 + inner.bytes, depth.max(inner.depth))
        }),
    };
    // Two brackets, and a comma less than there are items.
    Measure { bytes: if sum == 0 { 2 } else { sum + 1 }, depth: depth + 1 }
}

fn string_bytes(text: &str) -> usize {
    text.bytes().fold(2, |sum, byte| {
        sum + match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
            0..0x20 => 6,
            _ => 1,
        }
    })
}

/// A text in quotes, short enough for a sentence.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

fn brief(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("an array of {}", items.len()),
        Json::Object(members) => format!("an object of {} members", members.len()),
        Json::String(text) => quoted(text),
        Json::Number(text) => text.chars().take(80).collect(),
        scalar => scalar.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_measure_is_the_length_of_the_text() {
        for text in ["[]", "{}", "[1]", "[1,[]]", r#"{"a\n\"\u0001é":[true,false,null,-1.50],"b":{"c":{}}}"#]
        {
            let value = parse(text).unwrap();
            assert_eq!(measure(&value).bytes, value.to_text().len(), "{text}");
        }
        assert_eq!(measure(&parse(r#"[[],{"a":[1]}]"#).unwrap()).depth, 3);
    }

    #[test]
    fn the_size_is_followed_through_every_operation() {
        let target = parse(r#"{"a":[1],"b":{},"c":"x"}"#).unwrap();
        let patch = parse(
            r#"[{"op":"add","path":"/a/0","value":"é"},{"op":"remove","path":"/a/1"},{"op":"remove","path":"/a/0"},
            {"op":"add","path":"/b/q","value":{}},{"op":"copy","from":"/b","path":"/a/-"},{"op":"add","path":"/c","value":1},
            {"op":"move","from":"/b/q","path":"/z"},{"op":"remove","path":"/c"},{"op":"replace","path":"/z","value":[1,2]}]"#,
        )
        .unwrap();
        let mut patcher = Patcher { size: measure(&target).bytes, work: 0, document: target };
        for operation in patch.as_array().unwrap() {
            patcher.apply(operation).unwrap();
            assert_eq!(patcher.size, patcher.document.to_text().len(), "{}", operation.to_text());
        }
        assert_eq!(patcher.document.to_text(), r#"{"a":[{"q":{}}],"b":{},"z":[1,2]}"#);
    }
}
