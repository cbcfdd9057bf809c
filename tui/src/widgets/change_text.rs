//! The single phrases that say a change: a rollout, rules, targets, a value, any member.

use crate::cache::rows::{percent, text};
use crate::text::{count, fit};
use shared::json::{Change, Json, Op, Pointer, diff, digest};
use std::collections::{BTreeMap, BTreeSet};

/// What a variation is called, by its index; none where that is not known.
pub type Names<'a> = &'a dyn Fn(usize) -> Option<String>;

/// A key of a context kind.
pub type Member = (String, String);

/// The columns of a value inside a phrase.
const VALUE: usize = 18;
/// So many rules are named; more are counted.
const NAMED: usize = 2;

/// The elements of an array; none where it is no array.
#[must_use]
pub fn elements(json: Option<&Json>) -> &[Json] {
    json.and_then(Json::as_array).unwrap_or_default()
}

/// `1 rule`, `3 rules`.
#[must_use]
pub fn some(n: usize, what: &str) -> String {
    format!("{} {what}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// The variation at `index`, by its name.
#[must_use]
pub fn value(index: usize, name: Names<'_>) -> String {
    name(index).map_or_else(|| format!("variation {index}"), |named| fit(&named, VALUE))
}

/// A value in a few characters.
#[must_use]
pub fn brief(json: &Json) -> String {
    fit(&json.to_text(), VALUE)
}

/// A string member in quotes.
#[must_use]
pub fn quoted(json: Option<&Json>) -> String {
    json.map_or_else(|| "none".to_owned(), |json| fit(&json.to_text(), 2 * VALUE))
}

enum Served {
    Nothing,
    One(String),
    Share(String),
    Shares(String),
}

fn read_served(serve: Option<&Json>, name: Names<'_>) -> Served {
    let whole = |json: Option<&Json>| json.and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
    let Some(serve) = serve else { return Served::Nothing };
    if let Some(index) = whole(serve.get("variation")) {
        return Served::One(value(index, name));
    }
    let parts: Vec<(usize, i64)> = elements(serve.get("rollout").and_then(|r| r.get("variations")))
        .iter()
        .filter_map(|p| Some((whole(p.get("variation"))?, p.get("weight").and_then(Json::as_i64)?)))
        .collect();
    match parts.as_slice() {
        [] => Served::Nothing,
        [_] | [_, _] => {
            // As the list of flags does it: the share of `true`, else of the first part.
            let truth = parts.iter().find(|(index, _)| name(*index).as_deref() == Some("true"));
            let weight = truth.or(parts.first()).map_or(0, |(_, weight)| *weight);
            Served::Share(percent(weight).trim_end_matches('%').to_owned())
        }
        all => {
            let shares: Vec<String> =
                all.iter().map(|(_, w)| percent(*w).trim_end_matches('%').to_owned()).collect();
            Served::Shares(shares.join("/"))
        }
    }
}

impl Served {
    fn word(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::One(value) => value.clone(),
            Self::Share(share) | Self::Shares(share) => format!("{share}%"),
        }
    }
}

/// What a default or a rule serves: a value, or the share of a rollout.
#[must_use]
pub fn served(serve: Option<&Json>, name: Names<'_>) -> String {
    read_served(serve, name).word()
}

/// `rollout 10 -> 25`, `true -> false`; none when the same is served.
#[must_use]
pub fn serve_changed(before: Option<&Json>, after: Option<&Json>, name: Names<'_>) -> Option<String> {
    let of_serve = |json: Option<&Json>| {
        let part = |member: &str| json.and_then(|j| j.get(member)).map_or(0, digest);
        (part("variation"), part("rollout"))
    };
    if of_serve(before) == of_serve(after) {
        return None;
    }
    Some(match (read_served(before, name), read_served(after, name)) {
        (Served::Share(old), Served::Share(new)) | (Served::Shares(old), Served::Shares(new))
            if old != new =>
        {
            format!("rollout {old} -> {new}")
        }
        (old, new) => match (old.word(), new.word()) {
            (old, new) if old == new => "rollout divides otherwise".to_owned(),
            (old, new) => format!("{old} -> {new}"),
        },
    })
}

/// What a rule is called: its description, its id, or its place.
fn label(rule: &Json, at: usize) -> String {
    let told = ["description", "id"].iter().find_map(|m| text(rule.get(m)).filter(|t| !t.is_empty()));
    told.map_or_else(|| format!("{}", at + 1), |t| fit(&t, VALUE))
}

/// Rules added, removed, changed, reordered.
pub fn rules(before: Option<&Json>, after: Option<&Json>, name: Names<'_>, out: &mut Vec<String>) {
    let (old, new) = (elements(before), elements(after));
    let identity = |rule: &Json, at: usize| {
        text(rule.get("id")).filter(|id| !id.is_empty()).unwrap_or_else(|| format!("\0{at}"))
    };
    let ids =
        |list: &[Json]| -> Vec<String> { list.iter().enumerate().map(|(n, r)| identity(r, n)).collect() };
    let (old_ids, new_ids) = (ids(old), ids(new));
    let added: Vec<String> = new
        .iter()
        .enumerate()
        .filter(|(n, r)| !old_ids.contains(&identity(r, *n)))
        .map(|(n, r)| label(r, n))
        .collect();
    let gone: Vec<String> = old
        .iter()
        .enumerate()
        .filter(|(n, r)| !new_ids.contains(&identity(r, *n)))
        .map(|(n, r)| label(r, n))
        .collect();
    named(&added, "added", out);
    named(&gone, "removed", out);
    let mut changed = Vec::new();
    for (n, rule) in new.iter().enumerate() {
        let id = identity(rule, n);
        let was = old_ids.iter().position(|other| *other == id).and_then(|at| old.get(at));
        if let Some(was) = was.filter(|was| *was != rule) {
            changed.push(format!("rule {} {}", label(rule, n), rule_changed(was, rule, name)));
        }
    }
    if changed.len() > NAMED {
        out.push(format!("{} rules changed", changed.len()));
    } else {
        out.extend(changed);
    }
    let kept = |ids: &[String], others: &[String]| -> Vec<String> {
        ids.iter().filter(|id| others.contains(id)).cloned().collect()
    };
    if kept(&old_ids, &new_ids) != kept(&new_ids, &old_ids) {
        out.push("rules reordered".to_owned());
    }
}

fn named(labels: &[String], what: &str, out: &mut Vec<String>) {
    if labels.len() > NAMED {
        out.push(format!("{} {what}", some(labels.len(), "rule")));
    } else {
        out.extend(labels.iter().map(|label| format!("rule {label} {what}")));
    }
}

fn rule_changed(before: &Json, after: &Json, name: Names<'_>) -> String {
    if let Some(said) = serve_changed(Some(before), Some(after), name) {
        return said;
    }
    let (old, new) = (elements(before.get("clauses")), elements(after.get("clauses")));
    if old != new && old.len() == new.len() {
        let without = |clause: &Json| {
            let mut clause = clause.clone();
            clause.remove("values");
            clause
        };
        let same = old.iter().zip(new).all(|(o, n)| without(o) == without(n));
        let values = |clauses: &[Json]| -> BTreeSet<String> {
            let of = |(n, clause): (usize, &Json)| -> Vec<String> {
                elements(clause.get("values")).iter().map(|v| format!("{n} {}", v.to_text())).collect()
            };
            clauses.iter().enumerate().flat_map(of).collect()
        };
        let (was, is) = (values(old), values(new));
        let (more, less) = (is.difference(&was).count(), was.difference(&is).count());
        match (same, more, less) {
            (true, 1.., 0) => return format!("+{}", some(more, "value")),
            (true, 0, 1..) => return format!("-{}", some(less, "value")),
            (true, 1.., 1..) => return format!("+{more} -{}", some(less, "value")),
            _ => {}
        }
    }
    if old == new { "changed".to_owned() } else { "clauses changed".to_owned() }
}

/// Individual targets: added, removed, moved to another variation.
pub fn targets(before: &Json, after: &Json, name: Names<'_>, out: &mut Vec<String>) {
    let read = |document: &Json| -> BTreeMap<Member, usize> {
        let mut found = BTreeMap::new();
        for list in ["targets", "contextTargets"] {
            for target in elements(document.get(list)) {
                let kind = text(target.get("contextKind")).unwrap_or_else(|| "user".to_owned());
                let index =
                    target.get("variation").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok());
                for key in elements(target.get("values")).iter().filter_map(Json::as_str) {
                    found.insert((kind.clone(), key.to_owned()), index.unwrap_or_default());
                }
            }
        }
        found
    };
    let (old, new) = (read(before), read(after));
    let added: Vec<_> = new.iter().filter(|(member, _)| !old.contains_key(*member)).collect();
    let gone: Vec<_> = old.keys().filter(|member| !new.contains_key(*member)).collect();
    let moved =
        new.iter().filter(|(member, index)| old.get(*member).is_some_and(|was| was != *index)).count();
    match added.as_slice() {
        [] => {}
        [((_, key), index)] => out.push(format!("target {} -> {}", fit(key, VALUE), value(**index, name))),
        more => out.push(format!("+{}", some(more.len(), "target"))),
    }
    match gone.as_slice() {
        [] => {}
        [(_, key)] => out.push(format!("target {} removed", fit(key, VALUE))),
        less => out.push(format!("-{}", some(less.len(), "target"))),
    }
    if moved > 0 {
        out.push(format!("{} moved", some(moved, "target")));
    }
}

/// The keys that a segment's document includes, and those that it excludes, with their context kinds.
#[must_use]
pub fn members_of(document: &Json) -> (BTreeSet<Member>, BTreeSet<Member>) {
    let read = |plain: &str, contexts: &str| -> BTreeSet<Member> {
        let of = |kind: &str, list: Option<&Json>| -> Vec<Member> {
            elements(list).iter().filter_map(|v| Some((kind.to_owned(), v.as_str()?.to_owned()))).collect()
        };
        let mut found: BTreeSet<Member> = of("user", document.get(plain)).into_iter().collect();
        for list in elements(document.get(contexts)) {
            let kind = text(list.get("contextKind")).unwrap_or_else(|| "user".to_owned());
            found.extend(of(&kind, list.get("values")));
        }
        found
    };
    (read("included", "includedContexts"), read("excluded", "excludedContexts"))
}

/// `+312 ids, -1 id`; `what` is the word for one, and for many.
pub fn sets(before: &BTreeSet<Member>, after: &BTreeSet<Member>, what: (&str, &str), out: &mut Vec<String>) {
    let word = |n: usize| if n == 1 { what.0 } else { what.1 };
    let more = after.difference(before).count();
    let less = before.difference(after).count();
    if more > 0 {
        out.push(format!("+{} {}", count(more as u64), word(more)));
    }
    if less > 0 {
        out.push(format!("-{} {}", count(less as u64), word(less)));
    }
}

/// A flag's variations: how many came and went, and what changed inside of the others.
pub fn variations(before: Option<&Json>, after: Option<&Json>, out: &mut Vec<String>) {
    let (old, new) = (elements(before), elements(after));
    let changed: Vec<_> = old.iter().zip(new).enumerate().filter(|(_, (o, n))| o != n).collect();
    for (at, (was, is)) in &changed {
        let one = changed.len() == 1;
        let prefix = if one { String::new() } else { format!("#{at} ") };
        match (was.get("value"), is.get("value")) {
            (old, new) if old == new => out.push(format!("{prefix}name {}", quoted(is.get("name")))),
            (Some(old), Some(new)) if container(old) && container(new) => {
                let inside: Vec<String> = diff(old, new).iter().map(change).collect();
                out.extend(inside.into_iter().map(|said| format!("{prefix}{said}")));
            }
            (old, new) => {
                let word = |v: Option<&Json>| v.map_or_else(|| "none".to_owned(), brief);
                out.push(format!("{prefix}value {} -> {}", word(old), word(new)));
            }
        }
    }
    match new.len().checked_sub(old.len()) {
        Some(0) => {}
        Some(more) => out.push(format!("{} added", some(more, "variation"))),
        None => out.push(format!("{} removed", some(old.len() - new.len(), "variation"))),
    }
}

fn container(json: &Json) -> bool {
    json.as_array().is_some() || json.as_object().is_some()
}

/// Whatever else differs between two objects, but for the members in `skip`.
pub fn members(before: &Json, after: &Json, skip: &[&str], out: &mut Vec<String>) {
    let rest = |json: &Json| -> Json {
        let kept =
            json.as_object().unwrap_or_default().iter().filter(|(name, _)| !skip.contains(&name.as_str()));
        Json::Object(kept.cloned().collect())
    };
    out.extend(diff(&rest(before), &rest(after)).iter().map(change));
}

/// One difference of a document in words: `maxAttempts 3 -> 2`, `retryOn +"5xx"`.
#[must_use]
pub fn change(change: &Change) -> String {
    let tokens: Vec<String> = Pointer::parse(&change.path)
        .map(|p| p.tokens().map(std::borrow::Cow::into_owned).collect())
        .unwrap_or_default();
    let place = |token: &String| !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    let element = tokens.last().is_some_and(place);
    let named = tokens.iter().rev().find(|token| !place(token)).map_or("value", String::as_str);
    let named = fit(named, 24);
    let before = change.before.as_ref();
    let after = change.after.as_ref();
    match (change.op, before, after) {
        (Op::Reorder, ..) => format!("{named} reordered"),
        (Op::Add, _, Some(after)) if element && !container(after) => format!("{named} +{}", brief(after)),
        (Op::Add, ..) => format!("{named} added"),
        (Op::Remove, Some(before), _) if element && !container(before) => {
            format!("{named} -{}", brief(before))
        }
        (Op::Remove, ..) => format!("{named} removed"),
        (Op::Replace, Some(old), Some(new)) if !container(old) && !container(new) => {
            let (old, new) = (brief(old), brief(new));
            // Long texts that differ after what is shown say nothing.
            if old == new { format!("{named} changed") } else { format!("{named} {old} -> {new}") }
        }
        _ => format!("{named} changed"),
    }
}
