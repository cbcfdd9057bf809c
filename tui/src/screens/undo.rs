//! My last changes, to undo one of them.

use super::{Do, Event, Screen, Tone};
use crate::action::Action;
use crate::cache::events::Line;
use crate::cache::rows::text;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::request::{Answer, Failure, encoded};
use crate::route::Route;
use crate::text::{age, fit};
use crate::theme::Token;
use crate::widgets::change_words::{of_line, sentence};
use crate::widgets::list::List;
use crate::widgets::revert;
use crate::world::World;
use shared::json::Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::writes(
        "undo.revert",
        &["enter"],
        "undo..",
        "Undo the selected change, through a review; what came later stays.",
    ),
    Action::reads("undo.history", &["t"], "history", "The history of what was changed."),
];

/// My changes of the last day.
const MINE: u32 = 1;
/// What the revision to be reverted touched.
const REVERT: u32 = 2;
/// How far back is looked.
const BACK: Duration = Duration::hours(24);
/// How many lines are asked for.
const LIMIT: usize = 300;

/// One change of mine.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    revision: u64,
    at: Option<OffsetDateTime>,
    what: String,
    place: String,
    /// Whether it was made in this session.
    here: bool,
    /// Why it cannot be undone: it was already, or it never can be.
    barred: Option<String>,
    /// What it changed first, for the way to its history.
    target: Option<(String, String, Option<String>)>,
}

/// My last changes, to undo one of them.
#[derive(Debug, Default)]
pub struct Undo {
    list: List,
    entries: Vec<Entry>,
    mine: Vec<Arc<Line>>,
    asking: bool,
    failed: Option<String>,
}

impl Undo {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn ask(&mut self, world: &World) -> Vec<Do> {
        let Some(me) = text(world.cache.me.get("principal")) else { return Vec::new() };
        let from = (world.now - BACK).format(&Rfc3339).unwrap_or_default();
        self.asking = true;
        let path = format!("/api/audit?actor={}&from={}&limit={LIMIT}", encoded(&me), encoded(&from));
        vec![Do::Ask(MINE, Read::get(path))]
    }

    /// Makes the entries of what is known; the selected revision stays selected.
    fn gather(&mut self, world: &World) {
        let selected = self.entries.get(self.list.at).map(|entry| entry.revision);
        let me = text(world.cache.me.get("principal")).unwrap_or_default();
        let since = world.now - BACK;
        let known = world.cache.events.iter().chain(&self.mine);
        let mut revisions: BTreeMap<u64, BTreeMap<u64, &Line>> = BTreeMap::new();
        let mut undone: BTreeMap<u64, u64> = BTreeMap::new();
        for line in known {
            if let Some(what) = revert::undone(&line.cause, &line.comment) {
                undone.insert(what, line.revision);
            }
            if line.action != "version-raised" && !revert::foreign(line, &world.cache.project) {
                revisions.entry(line.revision).or_default().insert(line.ordinal, line);
            }
        }
        // A reason may have been typed over the comment that a revert begins with.
        for done in &world.done {
            let number = done.title.strip_prefix("revert revision ").and_then(|rest| rest.split(':').next());
            if let Some(what) = number.and_then(|n| n.parse().ok()) {
                undone.insert(what, done.revision);
            }
        }
        let here: BTreeSet<u64> = world.done.iter().map(|done| done.revision).collect();
        let entry = |revision: u64, title: Option<&str>, at: Option<OffsetDateTime>| {
            let lines: Vec<&Line> =
                revisions.get(&revision).map(|l| l.values().copied().collect()).unwrap_or_default();
            let first = lines.first();
            let barred = match (undone.get(&revision), first.map(|line| line.cause.as_str())) {
                (Some(by), _) => Some(format!("reverted by rev {by}")),
                (None, Some(cause @ ("access" | "epoch" | "install"))) => {
                    Some(format!("{cause} is never reverted"))
                }
                _ => None,
            };
            Entry {
                revision,
                at: first.and_then(|line| line.at).or(at),
                what: title.map_or_else(|| what(world, &lines), str::to_owned),
                place: place(&lines),
                here: title.is_some(),
                barred,
                target: first.map(|line| {
                    let environment = Some(line.environment.clone()).filter(|e| !e.is_empty());
                    (line.kind.clone(), line.key.clone(), environment)
                }),
            }
        };
        let session =
            world.done.iter().rev().map(|done| entry(done.revision, Some(&done.title), Some(done.at)));
        let before = revisions
            .iter()
            .rev()
            .filter(|(revision, lines)| {
                let mine =
                    lines.values().all(|line| line.actor == me && line.at.is_some_and(|at| at >= since));
                mine && !here.contains(*revision)
            })
            .map(|(revision, _)| entry(*revision, None, None));
        self.entries = session.chain(before).collect();
        if let Some(at) =
            selected.and_then(|revision| self.entries.iter().position(|e| e.revision == revision))
        {
            self.list.at = at;
        }
        self.list.settle(self.entries.len(), rows(world.body().1));
    }

    fn answer(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        match (tag, outcome) {
            (REVERT, Ok(answer)) => match revert::wish(answer, &world.cache.project) {
                Ok(wish) => return vec![Do::Wish(Box::new(wish))],
                Err(why) => return vec![Do::Toast(Tone::Warn, why)],
            },
            (REVERT, Err(failure)) => return vec![Do::Toast(Tone::Error, format!("not undone: {failure}"))],
            (_, Ok(answer)) => {
                self.asking = false;
                self.failed = None;
                let items = answer.body.get("items").and_then(Json::as_array).unwrap_or_default();
                self.mine = items.iter().flat_map(Line::read).map(Arc::new).collect();
                self.gather(world);
            }
            (_, Err(failure)) => {
                self.asking = false;
                self.failed = Some(failure.to_string());
            }
        }
        Vec::new()
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let entry = self.entries.get(self.list.at);
        match (id, entry) {
            ("undo.revert", Some(entry)) => match &entry.barred {
                Some(why) => vec![Do::Toast(Tone::Warn, format!("rev {}: {why}", entry.revision))],
                None => vec![Do::Ask(REVERT, revert::ask(entry.revision))],
            },
            ("undo.history", Some(entry)) => match &entry.target {
                Some((kind, key, environment)) if matches!(kind.as_str(), "flag" | "config" | "segment") => {
                    let kind = if kind == "segment" { "segment" } else { "flag" };
                    let (key, environment) = (key.clone(), environment.clone());
                    vec![Do::Open(Route::History { kind, key, environment })]
                }
                _ => vec![Do::Toast(Tone::Warn, "what it changed has no history of its own".to_owned())],
            },
            ("global.escape", _) => vec![Do::Back],
            _ => {
                self.list.act(id, self.entries.len(), rows(world.body().1));
                Vec::new()
            }
        }
    }

    fn empty(&self, world: &World) -> String {
        match (&self.failed, self.asking) {
            (Some(why), _) => format!("the history was not read: {why}"),
            (None, true) => "reading my changes of the last 24 h ..".to_owned(),
            _ if world.cache.me.get("principal").is_none() => "who I am is not known yet".to_owned(),
            _ => "I changed nothing in this session, nor in the last 24 h; g a shows what others did"
                .to_owned(),
        }
    }
}

/// The rows of the list in a body of that height: the title, two headings and the last line are others.
fn rows(height: u16) -> usize {
    usize::from(height.saturating_sub(5)).max(1)
}

fn what(world: &World, lines: &[&Line]) -> String {
    let Some(first) = lines.first() else { return String::new() };
    let lead = match first.cause.as_str() {
        "" | "change" => String::new(),
        "revert" if !first.comment.is_empty() => format!("{}, ", first.comment),
        cause => format!("{cause}, "),
    };
    let others = if lines.len() > 1 { format!(" and {} more", lines.len() - 1) } else { String::new() };
    format!("{lead}{}: {}{others}", first.key, sentence(&of_line(first, world), 60))
}

/// `staging`, `all`, or how many.
fn place(lines: &[&Line]) -> String {
    let all: BTreeSet<&str> = lines
        .iter()
        .map(|line| if line.environment.is_empty() { "all" } else { line.environment.as_str() })
        .collect();
    match all.len() {
        0 => "-".to_owned(),
        _ if all.contains("all") => "all".to_owned(),
        1 => all.into_iter().collect(),
        n => format!("{n} envs"),
    }
}

impl Screen for Undo {
    fn route(&self) -> Route {
        Route::Undo
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced => {
                self.gather(world);
                self.ask(world)
            }
            Event::Heard(_) | Event::Written { .. } | Event::Returned => {
                self.gather(world);
                Vec::new()
            }
            Event::Answer { tag, outcome } => self.answer(world, *tag, outcome),
            Event::Action(id) => self.act(world, id),
            Event::Mouse(_, _, wheel) if *wheel != 0 => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                (0..wheel.unsigned_abs()).flat_map(|_| self.act(world, id)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let mut right = match self.entries.len() {
            1 => "1 change".to_owned(),
            many => format!("{many} changes"),
        };
        if self.asking {
            right = format!("reading ..  {right}");
        }
        let end = canvas.put_right(0, &format!("{right} "), Token::Dim);
        let x = canvas.put(1, 0, "Undo", Token::Title) + 2;
        let me = text(world.cache.me.get("principal")).unwrap_or_default();
        canvas.put_fit(
            x,
            0,
            end.saturating_sub(x + 1),
            &format!("changes by {me}, newest first"),
            Token::Plain,
        );
        if self.entries.is_empty() {
            canvas.put_fit(3, 2, width.saturating_sub(4), &self.empty(world), Token::Dim);
            return;
        }
        let mut list = self.list.clone();
        list.settle(self.entries.len(), rows(height));
        let mut y = 1;
        let mut section = None;
        let window = list.window(self.entries.len(), rows(height));
        for (n, entry) in self.entries.iter().enumerate().take(window.end).skip(window.start) {
            if section != Some(entry.here) {
                section = Some(entry.here);
                canvas.rule(y, if entry.here { "this session" } else { "the last 24 h" }, "");
                y += 1;
            }
            let selected = n == list.at;
            canvas.put(1, y, if selected { ">" } else { " " }, Token::Selected);
            if selected {
                canvas.cursor(1, y);
            }
            let token = if selected { Token::Selected } else { Token::Plain };
            let x = canvas.put(3, y, &entry.revision.to_string(), token).max(9) + 1;
            let ago = entry.at.map_or_else(String::new, |at| format!("{} ago", age(at, world.now)));
            canvas.put_fit(x, y, 9, &ago, Token::Dim);
            canvas.put_fit(x + 10, y, 10, &entry.place, Token::Plain);
            let mut end = width;
            if let Some(why) = &entry.barred {
                end = canvas.put_right(y, &format!("{} ", fit(why, usize::from(width / 3))), Token::Warn);
            }
            let token = if entry.barred.is_some() { Token::Dim } else { Token::Plain };
            canvas.put_fit(x + 21, y, end.saturating_sub(x + 22), &entry.what, token);
            y += 1;
        }
        let said = match self.entries.get(list.at) {
            Some(Entry { barred: Some(why), revision, .. }) => format!("rev {revision}: {why}"),
            Some(entry) => format!("enter reviews what undoes rev {}; what came later stays", entry.revision),
            None => String::new(),
        };
        canvas.put_fit(1, height.saturating_sub(1), width.saturating_sub(2), &said, Token::Strong);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["undo.revert", "undo.history", "global.escape"]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        if action.starts_with("undo.") && self.entries.is_empty() {
            return Err("there is nothing to undo".to_owned());
        }
        Ok(())
    }

    /// None: what an undo touches is known only when it is asked for.
    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn flag(&self, _world: &World) -> Option<String> {
        let (kind, key, _) = self.entries.get(self.list.at)?.target.as_ref()?;
        matches!(kind.as_str(), "flag" | "config").then(|| key.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let entry = self.entries.get(self.list.at)?;
        match what {
            "row" | "value" => {
                let said = format!("rev {}  {}  {}", entry.revision, entry.place, entry.what);
                Some(crate::text::shown(&said).into_owned())
            }
            "link" => Some(format!("{}/api/revisions/{}", world.server, entry.revision)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::theme::{Depth, Theme};
    use crate::world::{Done, Link};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use shared::json::parse;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:10 UTC);

    fn world() -> World {
        let mut world = crate::scenery::bare(NOW, (80, 24), Policy::Protected);
        world.link = Link::Live;
        world.cache.identity(parse(r#"{"principal":"user:alice"}"#).unwrap());
        world
    }

    fn item(revision: u64, minutes: i64, actor: &str, cause: &str, comment: &str, on: bool) -> String {
        let at = (NOW - Duration::minutes(minutes)).format(&Rfc3339).unwrap();
        format!(
            r#"{{"revision":{revision},"at":"{at}","kind":"{cause}","actor":"{actor}","comment":"{comment}","ordinal":0,
            "entity":{{"kind":"config","key":"checkout","environment":"staging","project":"default"}},"action":"updated",
            "before":{{"document":{{"on":{}}}}},"after":{{"document":{{"on":{on}}}}}}}"#,
            !on
        )
    }

    fn answered(world: &World, items: &[String]) -> Undo {
        let mut screen = Undo::new();
        let wants = screen.on(world, &Event::Opened);
        let path = "/api/audit?actor=user%3Aalice&from=2026-11-21T14%3A10%3A00Z&limit=300";
        assert_eq!(wants, [Do::Ask(MINE, Read::get(path))]);
        let body = parse(&format!(r#"{{"items":[{}],"nextCursor":null}}"#, items.join(","))).unwrap();
        let outcome = Ok(Answer { status: 200, etag: None, revision: None, stale: false, body });
        screen.on(world, &Event::Answer { tag: MINE, outcome: &outcome });
        screen
    }

    fn drawn(world: &World, screen: &Undo) -> Vec<String> {
        let theme = Theme::builtin("default", Depth::Mono).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, world.size.0, world.size.1 - 2));
        let area = *buffer.area();
        screen.view(world, &mut Canvas::new(&mut buffer, &theme, area));
        let row = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| row(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn this_session_comes_first_then_my_last_day_and_what_was_undone_says_so() {
        let mut world = world();
        world.done.push(Done { revision: 20, title: "turn checkout off in staging".to_owned(), at: NOW });
        let screen = answered(
            &world,
            &[
                item(20, 2, "user:alice", "change", "", false),
                item(15, 60, "user:alice", "revert", "revert of 14", true),
                item(14, 61, "user:alice", "change", "", false),
            ],
        );
        let seen = drawn(&world, &screen);
        assert_eq!(
            seen[0],
            " Undo  changes by user:alice, newest first                            3 changes"
        );
        assert!(seen[1].starts_with("-- this session ---"), "{}", seen[1]);
        assert_eq!(seen[2], " > 20     2m ago    staging    turn checkout off in staging");
        assert!(seen[3].starts_with("-- the last 24 h ---"), "{}", seen[3]);
        assert_eq!(seen[4], "   15     1h ago    staging    revert of 14, checkout: off -> on");
        assert_eq!(
            seen[5],
            "   14     1h ago    staging    checkout: on -> off           reverted by rev 15"
        );
        assert_eq!(seen[21], " enter reviews what undoes rev 20; what came later stays");
    }

    #[test]
    fn enter_asks_what_it_touches_and_what_was_undone_is_not_undone_again() {
        let world = world();
        let mut screen = answered(
            &world,
            &[
                item(15, 60, "user:alice", "revert", "revert of 14", true),
                item(14, 61, "user:alice", "change", "", false),
            ],
        );
        assert_eq!(screen.on(&world, &Event::Action("undo.revert")), [Do::Ask(REVERT, revert::ask(15))]);
        screen.on(&world, &Event::Action("move.down"));
        let wants = screen.on(&world, &Event::Action("undo.revert"));
        assert_eq!(wants, [Do::Toast(Tone::Warn, "rev 14: reverted by rev 15".to_owned())]);
    }

    #[test]
    fn changes_by_others_are_not_mine_and_a_new_one_keeps_the_selection() {
        let mut world = world();
        let mut screen = answered(&world, &[item(14, 61, "user:alice", "change", "", false)]);
        for (revision, actor) in [(21, "user:bob"), (22, "user:alice")] {
            let mut message = parse(&item(revision, 0, actor, "change", "", true)).unwrap();
            message.set("type", Json::from("revision"));
            let heard = world.cache.hear(&message);
            screen.on(&world, &Event::Heard(&heard));
        }
        let revisions: Vec<u64> = screen.entries.iter().map(|entry| entry.revision).collect();
        assert_eq!(revisions, [22, 14]);
        assert!(drawn(&world, &screen)[3].starts_with(" > 14"));
    }

    #[test]
    fn hostile_text_is_escaped_and_nothing_says_so() {
        let mut world = world();
        assert!(drawn(&world, &answered(&world, &[]))[2].contains("I changed nothing"));
        let title = "restore \u{1b}[2J\u{202e}x".to_owned();
        world.done.push(Done { revision: 20, title, at: NOW });
        let screen = answered(&world, &[]);
        let all = drawn(&world, &screen).join("") + &screen.copy(&world, "row").unwrap();
        assert!(all.contains("\\u{202e}"), "{all}");
        assert!(!all.chars().any(|c| c.is_control() || c == '\u{202e}'), "{all}");
    }
}
