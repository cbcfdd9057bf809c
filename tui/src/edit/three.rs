//! Three versions of a document: what both sides changed, what collides, and what becomes of it.

use shared::json::{self, Change, Conflict, Json, Op, Pointer, Side, diff};
use std::collections::BTreeMap;

/// Where a path's result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Only we changed it, or it was decided for us.
    Ours,
    /// Only they changed it, or it was decided for them.
    Theirs,
    /// Both made the same change.
    Both,
    /// It was decided that it stays as it was.
    Base,
    /// Both changed it, each in its own way, and nothing was decided yet.
    Open,
}

impl From {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ours => "yours",
            Self::Theirs => "theirs",
            Self::Both => "both",
            Self::Base => "base",
            Self::Open => "choose",
        }
    }

    /// The mark beside a line of the result.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Ours => "y",
            Self::Theirs => "t",
            Self::Both => "=",
            Self::Base => "b",
            Self::Open => "?",
        }
    }
}

/// A path that at least one side changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The path; into theirs where it collides.
    pub path: String,
    /// What stood there at first.
    pub base: Option<Json>,
    /// What we want there.
    pub ours: Option<Json>,
    /// What stands there now.
    pub theirs: Option<Json>,
    /// Whether both sides changed it, each in its own way.
    pub collides: bool,
    /// Where its result comes from.
    pub from: From,
}

impl Row {
    /// What becomes of it; none when it is absent, or open.
    #[must_use]
    pub fn result(&self) -> Option<&Json> {
        match self.from {
            From::Ours | From::Both => self.ours.as_ref(),
            From::Theirs => self.theirs.as_ref(),
            From::Base => self.base.as_ref(),
            From::Open => None,
        }
    }
}

/// Three versions, and what was decided where two of them collide.
#[derive(Clone, Debug, PartialEq)]
pub struct Three {
    base: Json,
    ours: Json,
    theirs: Json,
    decided: BTreeMap<String, Side>,
    rows: Vec<Row>,
    merged: Json,
}

impl Three {
    /// The three versions, with nothing decided.
    #[must_use]
    pub fn new(base: Json, ours: Json, theirs: Json) -> Self {
        let mut three =
            Self { base, ours, theirs, decided: BTreeMap::new(), rows: Vec::new(), merged: Json::Null };
        three.compute();
        three
    }

    /// Decides about a path, or takes the decision back.
    pub fn decide(&mut self, path: &str, side: Option<Side>) {
        match side {
            Some(side) => self.decided.insert(path.to_owned(), side),
            None => self.decided.remove(path),
        };
        self.compute();
    }

    /// Others have changed it again: what was decided stays decided where both sides say the same as before.
    pub fn again(&mut self, theirs: Json) {
        let before = std::mem::take(&mut self.rows);
        self.theirs = theirs;
        self.compute();
        let same = |path: &str| {
            let find = |rows: &[Row]| rows.iter().find(|r| r.collides && r.path == path).cloned();
            match (find(&before), find(&self.rows)) {
                (Some(old), Some(new)) => old.theirs == new.theirs && old.ours == new.ours,
                _ => false,
            }
        };
        let decided = self.decided.clone().into_iter().filter(|(path, _)| same(path)).collect();
        self.decided = decided;
        self.compute();
    }

    /// What everything was made from.
    #[must_use]
    pub fn base(&self) -> &Json {
        &self.base
    }

    /// What stands there now.
    #[must_use]
    pub fn theirs(&self) -> &Json {
        &self.theirs
    }

    /// The paths that changed, those that collide first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The result; where nothing is decided yet, theirs stands.
    #[must_use]
    pub fn merged(&self) -> &Json {
        &self.merged
    }

    /// How many paths still need a decision.
    #[must_use]
    pub fn open(&self) -> usize {
        self.rows.iter().filter(|row| row.from == From::Open).count()
    }

    /// How many paths were merged without one.
    #[must_use]
    pub fn easy(&self) -> usize {
        self.rows.iter().filter(|row| !row.collides).count()
    }

    fn compute(&mut self) {
        let mut clashes: Vec<Conflict> = Vec::new();
        let decided = &self.decided;
        self.merged = json::settle(&self.base, &self.ours, &self.theirs, |conflict| {
            clashes.push(conflict.clone());
            decided.get(&conflict.pointer).copied().unwrap_or(Side::Theirs)
        });
        let mut rows: Vec<Row> = clashes
            .into_iter()
            .map(|clash| Row {
                from: match decided.get(&clash.pointer) {
                    None => From::Open,
                    Some(Side::Ours) => From::Ours,
                    Some(Side::Theirs) => From::Theirs,
                    Some(Side::Base) => From::Base,
                },
                path: clash.pointer,
                base: clash.base,
                ours: clash.ours,
                theirs: clash.theirs,
                collides: true,
            })
            .collect();
        let collides: Vec<String> = rows.iter().map(|row| row.path.clone()).collect();
        let inside = |path: &str| {
            let path = Pointer::parse(path).unwrap_or_default();
            collides
                .iter()
                .filter_map(|c| Pointer::parse(c).ok())
                .any(|c| c.contains(&path) || path.contains(&c))
        };
        let ours = folded(diff(&self.base, &self.ours));
        let theirs = folded(diff(&self.base, &self.theirs));
        for change in ours.iter().filter(|change| !inside(&change.path)) {
            let both = theirs.iter().any(|other| other == change);
            rows.push(row(change, if both { From::Both } else { From::Ours }));
        }
        for change in theirs.iter().filter(|change| !inside(&change.path) && !ours.contains(change)) {
            rows.push(row(change, From::Theirs));
        }
        self.rows = rows;
    }

    /// Of each line of the result's laid out text: where it comes from, when a side changed it.
    #[must_use]
    pub fn marks(&self, text: &str) -> BTreeMap<usize, From> {
        let mut marks = BTreeMap::new();
        let mut mark = |path: &str, from: From| {
            let Ok(pointer) = Pointer::parse(path) else { return };
            let Some(range) = json::locate(text, &pointer) else { return };
            let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count();
            for n in line(range.start)..=line(range.end) {
                marks.insert(n, from);
            }
        };
        let kept =
            |changes: Vec<Change>| changes.into_iter().filter(|c| matches!(c.op, Op::Add | Op::Replace));
        for change in kept(diff(&self.ours, &self.merged)) {
            mark(&change.path, From::Theirs);
        }
        for change in kept(diff(&self.theirs, &self.merged)) {
            mark(&change.path, From::Ours);
        }
        for row in self.rows.iter().filter(|row| row.collides && row.from != From::Ours) {
            mark(&row.path, row.from);
        }
        marks
    }
}

/// One element of a list that went and another that came in its place are one change.
fn folded(changes: Vec<Change>) -> Vec<Change> {
    let mut out: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        let gone = out.iter_mut().find(|old| old.op == Op::Remove && old.path == change.path);
        match gone.filter(|_| change.op == Op::Add) {
            Some(gone) => {
                gone.op = Op::Replace;
                gone.after = change.after;
            }
            None => out.push(change),
        }
    }
    out
}

fn row(change: &Change, from: From) -> Row {
    let (before, after) = (change.before.clone(), change.after.clone());
    let (ours, theirs) = match from {
        From::Ours => (after, before.clone()),
        From::Theirs => (before.clone(), after),
        _ => (after.clone(), after),
    };
    Row { path: change.path.clone(), base: before, ours, theirs, collides: false, from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::json::{parse, pretty};

    fn three(base: &str, ours: &str, theirs: &str) -> Three {
        Three::new(parse(base).unwrap(), parse(ours).unwrap(), parse(theirs).unwrap())
    }

    const BASE: &str = r#"{"on":true,"max":3,"back":{"jitter":false},"retry":["timeout","5xx"]}"#;
    const OURS: &str = r#"{"on":true,"max":5,"back":{"jitter":true},"retry":["timeout","5xx"],"us":0.10}"#;
    const THEIRS: &str = r#"{"on":true,"max":2,"back":{"jitter":false},"retry":["timeout","502"]}"#;

    #[test]
    fn only_what_both_changed_asks() {
        let mut three = three(BASE, OURS, THEIRS);
        let said: Vec<String> =
            three.rows().iter().map(|r| format!("{} {} {}", r.path, r.from.word(), r.collides)).collect();
        assert_eq!(
            said,
            ["/max choose true", "/back/jitter yours false", "/us yours false", "/retry/1 theirs false"]
        );
        assert_eq!((three.open(), three.easy()), (1, 3));
        three.decide("/max", Some(Side::Ours));
        assert_eq!(three.open(), 0);
        assert_eq!(
            three.merged().to_text(),
            r#"{"on":true,"max":5,"back":{"jitter":true},"retry":["timeout","502"],"us":0.10}"#
        );
        three.decide("/max", Some(Side::Base));
        assert_eq!(three.merged().get("max"), Some(&Json::from(3_i64)));
        three.decide("/max", None);
        assert_eq!(three.open(), 1);
    }

    #[test]
    fn each_line_of_the_result_says_whose_it_is() {
        let three = three(BASE, OURS, THEIRS);
        let text = pretty(three.merged());
        let marks = three.marks(&text);
        let said: Vec<String> = text
            .lines()
            .enumerate()
            .filter_map(|(n, line)| marks.get(&n).map(|from| format!("{} {}", from.mark(), line.trim())))
            .collect();
        assert_eq!(
            said,
            ["? \"max\": 2,", "y \"jitter\": true", "t \"retry\": [\"timeout\", \"502\"],", "y \"us\": 0.10"]
        );
    }

    #[test]
    fn a_decision_falls_when_others_change_the_same_place_again() {
        let mut three = three(BASE, OURS, THEIRS);
        three.decide("/max", Some(Side::Ours));
        three.again(parse(&THEIRS.replace("502", "503")).unwrap());
        assert_eq!(three.open(), 0);
        three.again(parse(&THEIRS.replace("\"max\":2", "\"max\":1")).unwrap());
        assert_eq!(three.open(), 1);
    }

    fn document() -> impl Strategy<Value = Json> {
        let leaf =
            prop_oneof![Just(Json::Null), (0_i64..3).prop_map(Json::from), "[ab]".prop_map(Json::from)];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Json>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn with_every_choice_made_nothing_is_open(
            base in document(), ours in document(), theirs in document(), side in 0_usize..3
        ) {
            let side = [Side::Base, Side::Ours, Side::Theirs][side];
            let mut three = Three::new(base, ours, theirs);
            // A decision about an array can show or hide others inside of it.
            for _ in 0..50 {
                let Some(path) = three.rows().iter().find(|r| r.from == From::Open).map(|r| r.path.clone()) else { break };
                three.decide(&path, Some(side));
            }
            prop_assert_eq!(three.open(), 0);
            let text = pretty(three.merged());
            let _ = three.marks(&text);
        }
    }
}
