//! Rules, those staged beside those that are served: as lines, and changed.

use super::item::{Item, Line, Scene, current};
use crate::screens::{Do, Tone};
use crate::theme::Token;
use crate::widgets::edits::Seen;
use crate::widgets::usage::Place;
use crate::widgets::words;
use crate::world::{Staged, World};
use shared::json::Json;

/// How a staged rule differs from what is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not at all.
    Same,
    /// It is new.
    New,
    /// It says something else.
    Changed,
    /// It stands at another place.
    Moved,
    /// It goes.
    Gone,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::Same => ' ',
            Self::New => '+',
            Self::Changed | Self::Moved => '~',
            Self::Gone => '-',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::New => "new",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Gone => "removed",
        }
    }
}

/// The rules of a document.
#[must_use]
pub fn of(document: &Json) -> &[Json] {
    document.get("rules").and_then(Json::as_array).unwrap_or_default()
}

fn id(rule: &Json) -> Option<&str> {
    rule.get("id").or_else(|| rule.get("_id")).and_then(Json::as_str).filter(|id| !id.is_empty())
}

fn place(rules: &[Json], rule: &Json) -> Option<usize> {
    match id(rule) {
        Some(wanted) => rules.iter().position(|other| id(other) == Some(wanted)),
        None => rules.iter().position(|other| id(other).is_none() && other.same_value(rule)),
    }
}

/// The rules as they are staged, with those that go where they were.
#[must_use]
pub fn compared<'d>(base: &'d [Json], now: &'d [Json]) -> Vec<(&'d Json, Item, Mark)> {
    let kept: Vec<usize> =
        (0..base.len()).filter(|n| base.get(*n).is_some_and(|rule| place(now, rule).is_some())).collect();
    let mut shown = Vec::new();
    let mut next_gone = 0;
    let mut rank = 0;
    let gone_before = |from: &mut usize, to: usize, shown: &mut Vec<(&'d Json, Item, Mark)>| {
        for n in *from..to {
            if let Some(rule) = base.get(n).filter(|_| !kept.contains(&n)) {
                shown.push((rule, Item::Gone(n), Mark::Gone));
            }
        }
        *from = (*from).max(to);
    };
    for (n, rule) in now.iter().enumerate() {
        let Some(was) = place(base, rule) else {
            shown.push((rule, Item::Rule(n), Mark::New));
            continue;
        };
        gone_before(&mut next_gone, was, &mut shown);
        let same = base.get(was).is_some_and(|old| old.same_value(rule));
        let mark = match (same, kept.get(rank) == Some(&was)) {
            (false, _) => Mark::Changed,
            (true, false) => Mark::Moved,
            (true, true) => Mark::Same,
        };
        rank += 1;
        shown.push((rule, Item::Rule(n), mark));
    }
    gone_before(&mut next_gone, base.len(), &mut shown);
    shown
}

/// The rules as lines: in one line each, or with a clause a line.
#[must_use]
pub fn lines(scene: &Scene<'_>, whole: bool) -> Vec<Line> {
    let Some(document) = scene.document else { return Vec::new() };
    let at = (scene.row.key.clone(), scene.environment.to_owned());
    let base = scene.world.staged.get(&at).map_or(document, |staged| &staged.base);
    let mut lines = Vec::new();
    for (rule, item, mark) in compared(of(base), of(document)) {
        let number = match &item {
            Item::Rule(n) => format!("{:>2}  ", n + 1),
            _ => "    ".to_owned(),
        };
        let served = format!("-> {}", words::served(scene.row, rule));
        let served = match &item {
            Item::Rule(n) => scene.counted(served, &Place::Rule(*n)),
            _ => served,
        };
        let right = Some((served, Token::Strong));
        let token = if mark == Mark::Gone { Token::DiffDel } else { Token::Plain };
        let described = rule.get("description").and_then(Json::as_str).unwrap_or_default();
        let heading = if whole {
            let name = if described.is_empty() { id(rule).unwrap_or("no description") } else { described };
            name.to_owned()
        } else {
            words::rule(rule)
        };
        let heading = match mark.word() {
            "" => heading,
            word => format!("({word}) {heading}"),
        };
        let mut block = scene.broken(&number, &heading, token, right);
        if let Some(first) = block.first_mut() {
            first.item = Some(item);
            first.mark = mark.sign();
        }
        lines.extend(block);
        if whole {
            for (n, clause) in words::clauses(rule).iter().enumerate() {
                let before = if n == 0 { "    if   " } else { "    and  " };
                let token = if mark == Mark::Gone { Token::DiffDel } else { Token::Plain };
                lines.extend(scene.broken(before, clause, token, None));
            }
            if rule.get("rollout").is_some() {
                let divided = words::divided(rule.get("rollout").unwrap_or(&Json::Null));
                lines.push(Line::new(format!("    divides {divided}"), Token::Dim));
            }
            if rule.get("trackEvents") == Some(&Json::Bool(true)) {
                lines.push(Line::new("    each match is sent as an event", Token::Dim));
            }
        }
    }
    if lines.is_empty() {
        lines.push(Line::new("none: everybody gets the default", Token::Dim));
    }
    lines
}

/// Stages a change of the rules, and says what it was; nothing when `change` makes none.
pub fn stage(
    world: &World,
    flag: &str,
    environment: &str,
    change: impl FnOnce(&mut Vec<Json>, &[Json]) -> Option<String>,
) -> Vec<Do> {
    let Some((document, seen)) = current(world, flag, environment) else {
        return vec![Do::Toast(Tone::Warn, "the configuration is not read yet".to_owned())];
    };
    let mut rules = of(document).to_vec();
    let base = of(&seen.document).to_vec();
    let Some(edit) = change(&mut rules, &base) else { return Vec::new() };
    let (flag, environment) = (flag.to_owned(), environment.to_owned());
    // Back where it began: nothing is staged any more.
    if rules == base {
        return vec![Do::Stage(flag, environment, None)];
    }
    let mut document = document.clone();
    document.set("rules", Json::Array(rules));
    let at = (flag.clone(), environment.clone());
    let mut edits = world.staged.get(&at).map(|staged| staged.edits.clone()).unwrap_or_default();
    edits.push(edit);
    let Seen { document: base, revision } = seen;
    vec![Do::Stage(flag, environment, Some(Staged { document, base, base_revision: revision, edits }))]
}

/// A rule that an answer of the form brings: with an id of its own, so that it can be told from others.
#[must_use]
pub fn named(rules: &[Json], mut rule: Json, salt: u64) -> Json {
    if id(&rule).is_some() {
        return rule;
    }
    let mut digest = shared::json::digest(&rule).wrapping_add(salt);
    loop {
        let name = format!("rule-{:08x}", digest >> 32);
        if !rules.iter().any(|other| id(other) == Some(&name)) {
            rule.set("id", Json::from(name));
            return rule;
        }
        digest = digest.wrapping_add(1 << 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::json::parse;

    fn rules(ids: &str) -> Vec<Json> {
        let rule = |id: char| {
            let changed = u8::from(id.is_uppercase());
            let id = id.to_ascii_lowercase();
            parse(&format!(r#"{{"id":"{id}","variation":{changed},"clauses":[]}}"#)).unwrap()
        };
        ids.chars().map(rule).collect()
    }

    fn marks(base: &str, now: &str) -> String {
        let (base, now) = (rules(base), rules(now));
        let shown = compared(&base, &now);
        shown.iter().map(|(rule, _, mark)| format!("{}{} ", mark.sign(), id(rule).unwrap())).collect()
    }

    #[test]
    fn staged_rules_are_marked_and_those_that_go_stay_where_they_were() {
        assert_eq!(marks("abc", "abc"), " a  b  c ");
        assert_eq!(marks("abc", "acx"), " a -b  c +x ");
        assert_eq!(marks("abc", "aBc"), " a ~b  c ");
        assert_eq!(marks("abc", "bac"), "~b ~a  c ");
        assert_eq!(marks("abc", ""), "-a -b -c ");
        assert_eq!(marks("", "a"), "+a ");
    }

    #[test]
    fn a_new_rule_gets_a_name_that_no_other_has() {
        let rule = parse(r#"{"clauses":[],"variation":0}"#).unwrap();
        let first = named(&[], rule.clone(), 1);
        let second = named(std::slice::from_ref(&first), rule, 1);
        assert_ne!(id(&first), id(&second));
        assert!(id(&first).unwrap().starts_with("rule-"));
        assert_eq!(named(&[], rules("a").remove(0), 1), rules("a").remove(0));
    }
}
