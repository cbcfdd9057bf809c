//! How flags and segments differ between two environments, as the daemon compares them.

use crate::cache::rows::{FlagRow, number, percent, text as word};
use crate::plan::diff;
use crate::theme::Token;
use crate::world::World;
use shared::json::Json;
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A flag's configuration.
    Flag,
    /// A segment.
    Segment,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The same on both sides.
    Same,
    /// Different.
    Differs,
    /// The right side lacks it.
    OnlyLeft,
    /// The left side lacks it.
    OnlyRight,
}

/// One path that differs: what stands on the left, and on the right.
#[derive(Clone, Debug, PartialEq)]
pub struct PathChange {
    /// A JSON pointer into the document; empty for all of it.
    pub path: String,
    /// On the left; none where it is missing.
    pub left: Option<Json>,
    /// On the right; none where it is missing.
    pub right: Option<Json>,
}

impl PathChange {
    /// `+` where only the right has it, `-` where only the left has it, `~` else; and the look of it.
    #[must_use]
    pub fn mark(&self) -> (&'static str, Token) {
        match (&self.left, &self.right) {
            (None, Some(_)) => ("+", Token::DiffAdd),
            (Some(_), None) => ("-", Token::DiffDel),
            _ => ("~", Token::DiffChange),
        }
    }
}

/// A flag or segment on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// What it is.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// How it stands.
    pub standing: Standing,
    /// On or off on the left and on the right; none of a segment, and where it is missing.
    pub on: (Option<bool>, Option<bool>),
    /// The revision that last changed it on the left, and on the right; 0 where it is missing.
    pub revisions: (u64, u64),
    /// What leads from the left to the right.
    pub paths: Vec<PathChange>,
}

impl Pair {
    fn read(kind: Kind, json: &Json) -> Option<Self> {
        let side = |name: &str| json.get(name).filter(|side| **side != Json::Null);
        let on = |name: &str| side(name).and_then(|side| side.get("enabled")).and_then(Json::as_bool);
        let revision = |name: &str| number(side(name).and_then(|side| side.get("revision")));
        Some(Self {
            kind,
            key: word(json.get("key"))?,
            standing: match json.get("standing").and_then(Json::as_str)? {
                "same" => Standing::Same,
                "only-left" => Standing::OnlyLeft,
                "only-right" => Standing::OnlyRight,
                _ => Standing::Differs,
            },
            on: (on("left"), on("right")),
            revisions: (revision("left"), revision("right")),
            paths: diff(json.get("diff"))
                .into_iter()
                .map(|(path, left, right)| PathChange { path, left, right })
                .collect(),
        })
    }

    /// Reads all pairs of an answer: the flags by key, then the segments.
    #[must_use]
    pub fn read_all(answer: &Json) -> Vec<Self> {
        let items = |name: &str| answer.get(name).and_then(Json::as_array).unwrap_or_default();
        let flags = items("flags").iter().filter_map(|json| Self::read(Kind::Flag, json));
        let segments = items("segments").iter().filter_map(|json| Self::read(Kind::Segment, json));
        flags.chain(segments).collect()
    }

    /// The paths that are not passed over.
    pub fn counted<'p>(&'p self, ignored: &'p BTreeSet<String>) -> impl Iterator<Item = &'p PathChange> {
        self.paths.iter().filter(move |change| !passes_over(ignored, &change.path))
    }

    /// Whether it differs in a path that is not passed over, or is missing on a side.
    #[must_use]
    pub fn differs(&self, ignored: &BTreeSet<String>) -> bool {
        match self.standing {
            Standing::Same => false,
            Standing::Differs => self.counted(ignored).next().is_some(),
            Standing::OnlyLeft | Standing::OnlyRight => true,
        }
    }

    /// What differs, in a few words, and what stands on the left and on the right.
    #[must_use]
    pub fn words(&self, world: &World, ignored: &BTreeSet<String>, names: (&str, &str)) -> [String; 3] {
        let state = |on: Option<bool>| match on {
            Some(true) => "on".to_owned(),
            Some(false) => "off".to_owned(),
            None => "there".to_owned(),
        };
        let none = || "(none)".to_owned();
        match self.standing {
            Standing::Same => ["same".to_owned(), state(self.on.0), state(self.on.1)],
            Standing::OnlyLeft => [format!("missing in {}", names.1), state(self.on.0), none()],
            Standing::OnlyRight => [format!("missing in {}", names.0), none(), state(self.on.1)],
            Standing::Differs => {
                let mut counted = self.counted(ignored);
                let Some(first) = counted.next() else {
                    return ["only what is ignored".to_owned(), state(self.on.0), state(self.on.1)];
                };
                let more = counted.count();
                let name = called(&first.path);
                let what = if more > 0 { format!("{name} +{more}") } else { name.to_owned() };
                let [ours, theirs] = self.told(world, first);
                [what, ours, theirs]
            }
        }
    }

    /// What stands at a path on the left, and on the right, in a few characters.
    #[must_use]
    pub fn told(&self, world: &World, change: &PathChange) -> [String; 2] {
        let row = world.cache.flags.get(&self.key).filter(|_| self.kind == Kind::Flag);
        [&change.left, &change.right].map(|side| told(&change.path, side.as_ref(), row.map(AsRef::as_ref)))
    }

    /// When it last changed on either side, and by whom, where the cache knows that.
    #[must_use]
    pub fn changed(&self, world: &World, left: &str, right: &str) -> Option<(OffsetDateTime, String)> {
        let environment = if self.revisions.0 > self.revisions.1 { left } else { right };
        match self.kind {
            Kind::Flag => {
                let cell = world.cache.flags.get(&self.key)?.cells.get(environment)?;
                Some((cell.updated_at?, cell.updated_by.clone()))
            }
            Kind::Segment => {
                let row = world.cache.segments.get(&(environment.to_owned(), self.key.clone()))?;
                let at = crate::cache::rows::instant(row.get("updatedAt"))?;
                Some((at, word(row.get("updatedBy")).unwrap_or_default()))
            }
        }
    }
}

/// Whether a path, or one above it, is passed over.
#[must_use]
pub fn passes_over(ignored: &BTreeSet<String>, path: &str) -> bool {
    ignored.iter().any(|above| {
        path.strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// What a path is called: its own words where there are some.
#[must_use]
pub fn called(path: &str) -> &str {
    match path {
        "/on" => "state",
        "/fallthrough" | "/fallthrough/variation" => "default variation",
        "/offVariation" => "off variation",
        "/rules" => "rules",
        "/targets" => "targets",
        "/prerequisites" => "prerequisites",
        "/included" => "included keys",
        "/excluded" => "excluded keys",
        "" => "everything",
        other if other.starts_with("/fallthrough/rollout") => "default rollout",
        other => other,
    }
}

/// A value in a few characters.
fn told(path: &str, value: Option<&Json>, row: Option<&FlagRow>) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    match (name, value) {
        (_, None) => "(none)".to_owned(),
        ("on", Some(Json::Bool(on))) => if *on { "on" } else { "off" }.to_owned(),
        ("weight", Some(weight)) => weight.as_i64().map_or_else(|| weight.to_text(), percent),
        ("variation" | "offVariation", Some(index)) => {
            let of = index.as_i64().and_then(|n| usize::try_from(n).ok());
            match (of, row) {
                (Some(n), Some(row)) => row.value(n),
                _ => index.to_text(),
            }
        }
        (_, Some(Json::String(text))) => text.clone(),
        (_, Some(Json::Array(items))) if path.matches('/').count() == 1 => {
            let name = if items.len() == 1 { name.strip_suffix('s').unwrap_or(name) } else { name };
            format!("{} {name}", items.len())
        }
        (_, Some(other)) => other.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        use crate::guard::Policy;
        let now = time::macros::datetime!(2026-11-22 03:00 UTC);
        let mut world = crate::scenery::bare(now, (80, 24), Policy::Never);
        let flags =
            r#"{"items":[{"key":"a","kind":"string","variations":[{"value":"slow"},{"value":"fast"}]}]}"#;
        world.cache.flags_page(&shared::json::parse(flags).unwrap(), true);
        world
    }

    #[test]
    fn variations_are_told_by_their_values_and_weights_as_shares() {
        let json = |text: &str| Some(shared::json::parse(text).unwrap());
        let pair = pairs().remove(0);
        let change = |path: &str, left: &str, right: &str| PathChange {
            path: path.to_owned(),
            left: json(left),
            right: json(right),
        };
        assert_eq!(pair.told(&world(), &change("/fallthrough/variation", "0", "1")), ["slow", "fast"]);
        let weight = change("/fallthrough/rollout/variations/0/weight", "50000", "12500");
        assert_eq!(pair.told(&world(), &weight), ["50%", "12.5%"]);
        assert_eq!(called(&weight.path), "default rollout");
    }

    fn pairs() -> Vec<Pair> {
        Pair::read_all(
            &shared::json::parse(
                r#"{"flags":[
            {"key":"a","standing":"differs","left":{"enabled":true,"revision":9},"right":{"enabled":false,"revision":3},
             "diff":[{"path":"/on","op":"replace","before":true,"after":false},
                     {"path":"/rules","op":"add","after":[{"id":"x"}]}]},
            {"key":"b","standing":"only-left","left":{"enabled":true,"revision":4},"right":null,"diff":[]},
            {"key":"c","standing":"same","left":{"enabled":true,"revision":4},"right":{"enabled":true,"revision":4},"diff":[]}],
            "segments":[{"key":"s","standing":"differs","left":{"revision":2},"right":{"revision":3},
             "diff":[{"path":"/included","op":"replace","before":["u"],"after":["u","v"]}]}]}"#,
            )
            .unwrap(),
        )
    }

    #[test]
    fn what_differs_is_said_in_words_with_both_sides() {
        let none = BTreeSet::new();
        let said: Vec<[String; 3]> =
            pairs().iter().map(|pair| pair.words(&world(), &none, ("staging", "production"))).collect();
        let expected = [
            ["state +1", "on", "off"],
            ["missing in production", "on", "(none)"],
            ["same", "on", "on"],
            ["included keys", "1 included", "2 included"],
        ];
        assert_eq!(said, expected.map(|words| words.map(str::to_owned)));
    }

    #[test]
    fn a_path_that_is_ignored_is_passed_over_with_all_below_it_and_nothing_beside_it() {
        let ignored: BTreeSet<String> = ["/on".to_owned()].into();
        assert!(passes_over(&ignored, "/on"));
        assert!(passes_over(&ignored, "/on/x"));
        assert!(!passes_over(&ignored, "/once"));
        let all = pairs();
        assert_eq!(all[0].words(&world(), &ignored, ("l", "r"))[0], "rules");
        let both: BTreeSet<String> = ["/on".to_owned(), "/rules".to_owned()].into();
        assert!(all[0].differs(&ignored) && !all[0].differs(&both));
        assert!(all[1].differs(&both), "a flag that is missing is missing whatever is ignored");
    }
}
