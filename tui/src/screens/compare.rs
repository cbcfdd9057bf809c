//! Two environments side by side: what differs and since when, and promoting from one to the other.

mod view;

#[cfg(test)]
mod tests;

use super::{Do, Event, Mode, Screen, Tone, Window};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::{Code, Press};
use crate::plan::{Touch, Wish};
use crate::request::{Answer, Failure, Method, Request, encoded};
use crate::route::Route;
use crate::widgets::drift::{Kind, Pair, Standing};
use crate::widgets::field::Field;
use crate::widgets::list::List;
use crate::world::World;
use shared::json::Json;
use std::collections::BTreeSet;

/// What can be done with a comparison.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "compare.open",
        &["enter"],
        "diff",
        "Every path that differs, with both sides; there I ignores the selected path.",
    ),
    Action::reads("compare.left", &["<"], "left side", "Another environment on the left."),
    Action::reads("compare.right", &[">"], "right side", "Another environment on the right."),
    Action::reads("compare.swap", &["s"], "swap", "Exchange the sides."),
    Action::reads(
        "compare.mark",
        &["m"],
        "mark",
        "Mark the flag, or take the mark away; marked flags are promoted together.",
    ),
    Action::reads(
        "compare.mark-all",
        &["M"],
        "mark all",
        "Mark all flags that are shown and differ, or take all marks away.",
    ),
    Action::wide(
        "compare.promote",
        &["p"],
        "promote..",
        "Take the marked flags from the left to the right, as one change set.",
    )
    .cli("flagstaff flag promote KEY.. --from LEFT --to RIGHT"),
    // Its target is the left side; `available` looks at that one's protection.
    Action::reads(
        "compare.reverse",
        &["P"],
        "reverse..",
        "Take the marked flags from the right to the left, as one change set.",
    )
    .cli("flagstaff flag promote KEY.. --from RIGHT --to LEFT"),
    Action::reads(
        "compare.ignore",
        &["I"],
        "ignore path",
        "Pass over the path that is named, in every comparison of this session; esc takes it back.",
    ),
    Action::reads("compare.all", &["o"], "same too", "Show what is the same as well, or hide it."),
    Action::reads("compare.filter", &["/"], "filter", "Show only keys with these letters."),
    Action::reads("compare.history", &["t"], "history", "The history on the right side."),
];

const PAGE: u32 = 1;

/// Two environments side by side.
#[derive(Debug)]
pub struct Compare {
    left: String,
    right: String,
    selected: Option<String>,
    pairs: Vec<Pair>,
    shown: Vec<Pair>,
    list: List,
    marked: BTreeSet<String>,
    all: bool,
    filter: Field,
    typing: bool,
    /// The diff of the selected one, path by path.
    diff: Option<List>,
    loading: bool,
    fault: Option<String>,
}

impl Compare {
    /// Two environments, with these flags selected: one of them, or marks on several.
    #[must_use]
    pub fn new(left: String, right: String, keys: Vec<String>) -> Self {
        let marked = if keys.len() > 1 { keys.iter().cloned().collect() } else { BTreeSet::new() };
        Self {
            left,
            right,
            selected: keys.into_iter().next(),
            pairs: Vec::new(),
            shown: Vec::new(),
            list: List::default(),
            marked,
            all: false,
            filter: Field::default(),
            typing: false,
            diff: None,
            loading: false,
            fault: None,
        }
    }

    fn read(&mut self, cursor: Option<&str>) -> Vec<Do> {
        self.loading = true;
        let mut path = format!(
            "/api/environments/compare?left={}&right={}&limit=1000",
            encoded(&self.left),
            encoded(&self.right)
        );
        if let Some(cursor) = cursor {
            path.push_str(&format!("&cursor={}", encoded(cursor)));
        }
        vec![Do::Ask(PAGE, Read::get(path))]
    }

    fn answered(&mut self, world: &World, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Failure::Cancelled) => return Vec::new(),
            Err(failure) => {
                self.loading = false;
                self.fault = Some(failure.to_string());
                return Vec::new();
            }
        };
        let of = |name: &str| answer.body.get(name).and_then(Json::as_str);
        if of("left") != Some(&self.left) || of("right") != Some(&self.right) {
            return Vec::new();
        }
        self.fault = None;
        // The segments stand on the first page only.
        let first = answer.body.get("segments").and_then(Json::as_array).is_some_and(|s| !s.is_empty())
            || !self.paging(answer);
        if first {
            self.pairs.clear();
        }
        self.pairs.extend(Pair::read_all(&answer.body));
        self.pairs.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
        self.arrange(&world.ignored);
        match of("nextCursor") {
            Some(cursor) => self.read(Some(cursor)),
            None => {
                self.loading = false;
                Vec::new()
            }
        }
    }

    /// Whether an answer goes on where those before it ended: its first flag comes after all that are there.
    fn paging(&self, answer: &Answer) -> bool {
        let first = answer.body.get("flags").and_then(Json::as_array).and_then(<[Json]>::first);
        let first = first.and_then(|flag| flag.get("key")).and_then(Json::as_str).unwrap_or_default();
        let last = self.pairs.iter().rfind(|pair| pair.kind == Kind::Flag);
        last.is_some_and(|last| first > last.key.as_str())
    }

    fn arrange(&mut self, ignored: &BTreeSet<String>) {
        let words = self.filter.text().trim().to_owned();
        self.shown = self
            .pairs
            .iter()
            .filter(|pair| self.all || pair.differs(ignored))
            .filter(|pair| words.split_whitespace().all(|w| shared::query::fuzzy(w, &pair.key).is_some()))
            .cloned()
            .collect();
        let at = self.selected.as_ref().and_then(|key| self.shown.iter().position(|pair| pair.key == *key));
        self.list.at = at.unwrap_or_else(|| self.list.at.min(self.shown.len().saturating_sub(1)));
        if !self.loading || at.is_some() {
            self.note();
        }
    }

    fn note(&mut self) {
        if let Some(pair) = self.shown.get(self.list.at) {
            self.selected = Some(pair.key.clone());
        }
    }

    fn pair(&self) -> Option<&Pair> {
        self.shown.get(self.list.at)
    }

    /// How many flags and segments differ, and of how many.
    fn counts(&self, world: &World) -> (usize, usize) {
        (self.pairs.iter().filter(|pair| pair.differs(&world.ignored)).count(), self.pairs.len())
    }

    fn rows(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(2 + self.pane(height))).max(1)
    }

    /// How many rows the paths at the bottom take.
    fn pane(&self, height: u16) -> u16 {
        match height {
            0..14 => 4,
            14..30 => 7,
            _ => 12,
        }
    }

    /// The flags to promote from one side: the marked ones, or the selected one, that exist there.
    fn chosen(&self, from_left: bool) -> Vec<String> {
        let there = |pair: &&Pair| {
            let missing = if from_left { Standing::OnlyRight } else { Standing::OnlyLeft };
            pair.kind == Kind::Flag && pair.standing != missing && pair.standing != Standing::Same
        };
        if self.marked.is_empty() {
            return self.pair().filter(there).map(|pair| pair.key.clone()).into_iter().collect();
        }
        self.pairs
            .iter()
            .filter(there)
            .filter(|pair| self.marked.contains(&pair.key))
            .map(|pair| pair.key.clone())
            .collect()
    }

    fn promote(&self, from_left: bool) -> Vec<Do> {
        let (from, to) = if from_left { (&self.left, &self.right) } else { (&self.right, &self.left) };
        let flags = self.chosen(from_left);
        let what = match flags.as_slice() {
            [] => {
                return vec![Do::Toast(Tone::Warn, format!("nothing here can be taken from {from} to {to}"))];
            }
            [one] => one.clone(),
            many => format!("{} flags", many.len()),
        };
        let keys = flags.iter().map(|key| Json::from(key.as_str())).collect();
        let body: Json = [
            ("from", Json::from(from.as_str())),
            ("to", Json::from(to.as_str())),
            ("flags", Json::Array(keys)),
            ("segments", Json::Bool(true)),
        ]
        .into_iter()
        .collect();
        let request = Request::new(Method::Post, "/api/environments/promote").with_body(body);
        let touches =
            flags.iter().map(|key| Touch { key: key.clone(), environment: Some(to.clone()) }).collect();
        let cli = format!("flagstaff flag promote {} --from {from} --to {to}", flags.join(" "));
        let title = format!("promote {what} from {from} to {to}");
        vec![Do::Wish(Box::new(Wish::request(title, request, touches).with_cli(cli).reviewed()))]
    }

    /// Another environment on one side: the next one that the other side does not show.
    fn choose(&mut self, world: &World, left: bool) -> Vec<Do> {
        let all: Vec<&String> = world.cache.environments.iter().map(|e| &e.key).collect();
        let (mine, other) = if left { (&self.left, &self.right) } else { (&self.right, &self.left) };
        let at = all.iter().position(|key| *key == mine).unwrap_or(0);
        let next = (1..=all.len()).filter_map(|n| all.get((at + n) % all.len().max(1)));
        let next = next.copied().find(|key| *key != other && *key != mine).cloned();
        let Some(next) = next else {
            return vec![Do::Toast(Tone::Warn, "there is no other environment to choose".to_owned())];
        };
        if left {
            self.left = next;
        } else {
            self.right = next;
        }
        self.afresh()
    }

    fn afresh(&mut self) -> Vec<Do> {
        self.pairs.clear();
        self.shown.clear();
        self.diff = None;
        self.read(None)
    }

    fn ignore(&mut self, world: &World) -> Vec<Do> {
        let Some(pair) = self.pair() else { return Vec::new() };
        let at = self.diff.as_ref().map_or(0, |list| list.at);
        let Some(change) = pair.counted(&world.ignored).nth(at) else {
            return vec![Do::Toast(Tone::Warn, "no path differs here".to_owned())];
        };
        let mut ignored = world.ignored.clone();
        let path = change.path.clone();
        ignored.insert(path.clone());
        self.arrange(&ignored);
        let said = format!("{path} is ignored; esc in the list takes it back");
        vec![Do::Ignore(ignored), Do::Toast(Tone::Info, said)]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let key = self.pair().map(|pair| pair.key.clone());
        match id {
            "compare.open" | "global.zoom" => {
                self.diff = if self.diff.is_some() { None } else { key.map(|_| List::default()) };
            }
            "compare.left" => return self.choose(world, true),
            "compare.right" => return self.choose(world, false),
            "compare.swap" => {
                std::mem::swap(&mut self.left, &mut self.right);
                return self.afresh();
            }
            "compare.mark" => {
                if let Some(key) = key {
                    if self.pair().is_some_and(|pair| pair.kind == Kind::Segment) {
                        let said = "segments are not promoted by themselves; those a flag needs go with it";
                        return vec![Do::Toast(Tone::Warn, said.to_owned())];
                    }
                    if !self.marked.remove(&key) {
                        self.marked.insert(key);
                    }
                    self.list.act("move.down", self.shown.len(), self.rows(world.body().1));
                    self.note();
                }
            }
            "compare.mark-all" => {
                let flags = self.shown.iter().filter(|pair| pair.kind == Kind::Flag);
                let all: BTreeSet<String> =
                    flags.filter(|pair| pair.differs(&world.ignored)).map(|pair| pair.key.clone()).collect();
                self.marked = if self.marked == all { BTreeSet::new() } else { all };
            }
            "compare.promote" => return self.promote(true),
            "compare.reverse" => return self.promote(false),
            "compare.ignore" => return self.ignore(world),
            "compare.all" => {
                self.all = !self.all;
                self.arrange(&world.ignored);
            }
            "compare.filter" => self.typing = true,
            "compare.history" => {
                let kind = self.pair().map_or("flag", |pair| match pair.kind {
                    Kind::Flag => "flag",
                    Kind::Segment => "segment",
                });
                let environment = Some(self.right.clone());
                return key
                    .map(|key| Do::Open(Route::History { kind, key, environment }))
                    .into_iter()
                    .collect();
            }
            "global.escape" => return self.escape(world),
            _ => {
                let height = world.body().1;
                if let Some(list) = &mut self.diff {
                    let len = self.shown.get(self.list.at).map_or(0, |p| p.counted(&world.ignored).count());
                    list.act(id, len, usize::from(height.saturating_sub(3)).max(1) / 3 + 1);
                } else {
                    let rows = self.rows(height);
                    if self.list.act(id, self.shown.len(), rows) {
                        self.note();
                    }
                }
            }
        }
        Vec::new()
    }

    fn escape(&mut self, world: &World) -> Vec<Do> {
        if self.diff.take().is_some() {
        } else if !self.marked.is_empty() {
            self.marked.clear();
        } else if !self.filter.text().is_empty() {
            self.filter.set("");
            self.arrange(&world.ignored);
        } else if !world.ignored.is_empty() {
            self.arrange(&BTreeSet::new());
            return vec![
                Do::Ignore(BTreeSet::new()),
                Do::Toast(Tone::Info, "no path is ignored any more".to_owned()),
            ];
        } else {
            return vec![Do::Back];
        }
        Vec::new()
    }

    fn typed(&mut self, world: &World, press: Press) {
        match press.code {
            Code::Enter | Code::Down => self.typing = false,
            Code::Esc => {
                self.typing = false;
                self.filter.set("");
                self.arrange(&world.ignored);
            }
            _ => {
                self.filter.key(press);
                self.arrange(&world.ignored);
            }
        }
    }
}

impl Screen for Compare {
    fn route(&self) -> Route {
        let keys = self.selected.clone().into_iter().collect();
        Route::Compare { left: self.left.clone(), right: self.right.clone(), keys }
    }

    fn actions(&self) -> &'static [Action] {
        // While the filter is typed letters are letters.
        if self.typing { &[] } else { ACTIONS }
    }

    fn mode(&self) -> Mode {
        if self.typing { Mode::Text } else { Mode::Commands }
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(Some(self.right.clone()))
    }

    fn window(&self, world: &World) -> Option<Window> {
        if self.diff.is_some() {
            return None;
        }
        let rows = self.rows(world.body().1);
        let mut list = self.list.clone();
        list.settle(self.shown.len(), rows);
        Some(Window { top: 2, rows: u16::try_from(rows).ok()?, first: list.top })
    }

    fn flag(&self, _world: &World) -> Option<String> {
        self.pair().filter(|pair| pair.kind == Kind::Flag).map(|pair| pair.key.clone())
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced | Event::Returned => return self.read(None),
            Event::Action("global.escape") if self.typing => self.typing = false,
            Event::Action(id) => {
                let wanted = self.act(world, id);
                return wanted;
            }
            Event::Key(press) => self.typed(world, *press),
            Event::Paste(pasted) if self.typing => {
                self.filter.paste(pasted);
                self.arrange(&world.ignored);
            }
            Event::Answer { outcome, .. } => return self.answered(world, outcome),
            Event::Heard(heard) => {
                let mine = |(kind, _, environment): &(String, String, String)| {
                    (kind == "config" || kind == "segment")
                        && (*environment == self.left || *environment == self.right)
                };
                if heard.touched.iter().any(mine) {
                    return self.read(None);
                }
            }
            Event::Written { touches, .. } => {
                for touch in *touches {
                    self.marked.remove(&touch.key);
                }
                return self.read(None);
            }
            Event::Mouse(_, row, 0) if self.diff.is_none() => {
                let rows = self.rows(world.body().1);
                if self.list.click(row.checked_sub(2), self.shown.len(), rows) {
                    self.note();
                }
            }
            Event::Mouse(_, _, wheel) if *wheel != 0 => {
                return self.act(world, if *wheel > 0 { "move.down" } else { "move.up" });
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.draw(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.typing {
            return Vec::new();
        }
        vec![
            "compare.mark",
            "compare.promote",
            "compare.reverse",
            "compare.ignore",
            "compare.open",
            "compare.filter",
            "compare.left",
            "compare.right",
        ]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        match action {
            "compare.reverse" => {
                world.writable(Some(&self.left)).map_err(|closed| closed.to_string())?;
                self.promotable(false)
            }
            "compare.promote" => self.promotable(true),
            "compare.open" | "compare.mark" | "compare.ignore" | "compare.history"
                if self.pair().is_none() =>
            {
                Err("nothing is selected".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let pair = self.pair()?;
        let words = |pair: &Pair| pair.words(world, &world.ignored, (&self.left, &self.right));
        match what {
            "key" => Some(pair.key.clone()),
            "row" | "value" => Some(format!("{}  {}", pair.key, words(pair).join("  "))),
            "cli" => Some(format!("flagstaff env diff {} {}", self.left, self.right)),
            "table" => {
                let head = format!("key\twhat differs\t{}\t{}", self.left, self.right);
                let rows = self.shown.iter().map(|pair| format!("{}\t{}", pair.key, words(pair).join("\t")));
                Some([head].into_iter().chain(rows).collect::<Vec<_>>().join("\n"))
            }
            _ => None,
        }
    }
}

impl Compare {
    fn promotable(&self, from_left: bool) -> Result<(), String> {
        if !self.chosen(from_left).is_empty() {
            return Ok(());
        }
        let from = if from_left { &self.left } else { &self.right };
        Err(match self.pair() {
            Some(pair) if pair.kind == Kind::Segment && self.marked.is_empty() => {
                "a segment is not promoted by itself; those a flag needs go with it".to_owned()
            }
            Some(pair) if pair.standing == Standing::Same && self.marked.is_empty() => {
                "it is the same".to_owned()
            }
            Some(_) => format!("it is missing in {from}"),
            None => "nothing is selected".to_owned(),
        })
    }
}
