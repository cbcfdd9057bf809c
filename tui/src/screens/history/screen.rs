//! What the history does with keys, answers and events.

use super::state::{self, Focus, OLDER, Parts, REVERT, State};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::request::{Answer, Failure};
use crate::route::Route;
use crate::screens::{Do, Event, Screen, Tone};
use crate::text::shown;
use crate::widgets::list::moved;
use crate::widgets::{change_words, revert};
use crate::world::World;
use std::sync::Arc;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "history.open",
        &["enter"],
        "full diff",
        "The diff of the selected revision over the whole screen.",
    ),
    Action::writes(
        "history.revert",
        &["R"],
        "revert this..",
        "Undo only this revision on top of what stands today, and keep what came later; reviewed first.",
    )
    .cli("flagstaff flag revert KEY --rev REVISION"),
    Action::wide(
        "history.restore",
        &["C"],
        "restore to here..",
        "Bring the whole version after this revision back, whatever came later; reviewed first.",
    ),
    Action::reads(
        "history.compare",
        &["v"],
        "compare",
        "Compare with this revision instead of the one before; again ends it.",
    ),
    Action::reads(
        "history.style",
        &["d"],
        "diff style",
        "The diff as paths, as text, side by side where there is room.",
    ),
    Action::reads(
        "history.why",
        &["w"],
        "why then",
        "Why a context got what it got after this revision, step by step.",
    ),
    Action::reads(
        "history.everywhere",
        &["e"],
        "all environments",
        "The history in all environments, or in one again.",
    ),
];

/// The history of a flag or segment, with the diff of each revision.
#[derive(Debug)]
pub struct History {
    state: State,
    /// The environment that it was opened with.
    opened_with: Option<String>,
}

impl History {
    /// Makes the screen.
    #[must_use]
    pub fn new(kind: &'static str, key: String, environment: Option<String>) -> Self {
        Self { opened_with: environment.clone(), state: State::new(kind, key, environment) }
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let state = &mut self.state;
        match id {
            "history.open" => {
                state.whole = !state.whole && state.line().is_some();
                state.top = 0;
            }
            "history.revert" => {
                if let Some(line) = state.line() {
                    return vec![Do::Ask(REVERT, revert::ask(line.revision))];
                }
            }
            "history.restore" => {
                return match state.restore() {
                    Ok(wish) => vec![Do::Wish(Box::new(wish))],
                    Err(why) => vec![Do::Toast(Tone::Warn, why)],
                };
            }
            "history.compare" => {
                let selected = state.line().cloned();
                let same = |a: &Arc<crate::cache::events::Line>| {
                    selected.as_ref().is_some_and(|b| state::place(a) == state::place(b))
                };
                state.with = if state.with.as_ref().is_some_and(same) { None } else { selected };
                state.top = 0;
            }
            "history.style" => {
                state.style = state.style.next(if state.whole { world.size.0 } else { 0 });
                state.top = 0;
            }
            "history.why" => {
                let Some(line) = state.line().filter(|_| state.kind == "flag") else {
                    return vec![Do::Toast(Tone::Info, "only flags are served".to_owned())];
                };
                let own = Some(line.environment.clone()).filter(|e| !e.is_empty());
                let environment =
                    own.or_else(|| state.environment.clone()).unwrap_or_else(|| world.environment.clone());
                let at = line.revision.to_string();
                return vec![Do::Open(Route::Why { flag: state.key.clone(), environment, at })];
            }
            "history.everywhere" => {
                let environment = match state.environment {
                    Some(_) => None,
                    None => self.opened_with.clone().or_else(|| Some(world.environment.clone())),
                };
                if state.kind == "segment" {
                    return vec![Do::Toast(Tone::Info, "a segment belongs to one environment".to_owned())];
                }
                let style = state.style;
                *state = State::new(state.kind, state.key.clone(), environment);
                state.style = style;
                return state.further();
            }
            "move.pane" | "move.pane-back" => {
                state.focus = if state.focus == Focus::List { Focus::Diff } else { Focus::List };
            }
            "global.escape" => return self.escape(),
            _ => return self.walk(world, id),
        }
        Vec::new()
    }

    fn escape(&mut self) -> Vec<Do> {
        let state = &mut self.state;
        if state.whole {
            state.whole = false;
            state.top = 0;
        } else if state.focus == Focus::Diff {
            state.focus = Focus::List;
        } else if state.with.take().is_none() {
            return vec![Do::Back];
        }
        Vec::new()
    }

    fn walk(&mut self, world: &World, id: &str) -> Vec<Do> {
        let state = &mut self.state;
        let (columns, height) = State::size(world);
        if state.whole || state.focus == Focus::Diff {
            let (columns, room) = if state.whole {
                (columns.saturating_sub(2), height.saturating_sub(2))
            } else {
                Parts::of(columns, height).room()
            };
            if state.whole && matches!(id, "move.left" | "move.right") {
                let id = if id == "move.left" { "move.up" } else { "move.down" };
                state.list.act(id, state.lines.len(), State::rows(world));
                state.top = 0;
                return Vec::new();
            }
            let len = state.diff(columns).len();
            let room = usize::from(room).max(1);
            let most = len.saturating_sub(room);
            let top = state.top.min(most);
            state.top = moved(id, top, most, room).unwrap_or(top);
            return Vec::new();
        }
        let before = state.list.at;
        state.list.act(id, state.lines.len(), State::rows(world));
        if state.list.at != before {
            state.top = 0;
        }
        let last = state.list.at + 1 >= state.lines.len();
        if last && matches!(id, "move.down" | "move.last" | "move.half-down" | "move.page-down") {
            return state.further();
        }
        Vec::new()
    }

    fn answer(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        match (tag, outcome) {
            (REVERT, Ok(answer)) => match revert::wish(answer, &world.cache.project) {
                Ok(wish) => vec![Do::Wish(Box::new(wish))],
                Err(why) => vec![Do::Toast(Tone::Warn, why)],
            },
            (REVERT, Err(failure)) => vec![Do::Toast(Tone::Error, format!("not reverted: {failure}"))],
            (_, Ok(answer)) => {
                self.state.failed = None;
                self.state.page(world, tag, &answer.body)
            }
            (_, Err(failure)) => {
                if tag == OLDER {
                    self.state.asking = false;
                }
                self.state.failed = Some(failure.to_string());
                Vec::new()
            }
        }
    }
}

impl Screen for History {
    fn route(&self) -> Route {
        let state = &self.state;
        Route::History { kind: state.kind, key: state.key.clone(), environment: state.environment.clone() }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => self.state.further(),
            Event::Action(id) => self.act(world, id),
            Event::Answer { tag, outcome } => self.answer(world, *tag, outcome),
            Event::Heard(_) => {
                self.state.hear(world);
                Vec::new()
            }
            Event::Resynced => {
                self.state.asking = false;
                if self.state.lines.is_empty() {
                    return self.state.further();
                }
                vec![self.state.newest()]
            }
            Event::Mouse(column, y, 0) if !self.state.whole => {
                let (columns, height) = State::size(world);
                let list = Parts::of(columns, height).list;
                if (list.y..list.bottom()).contains(y) && *column < list.width {
                    let n = self.state.list.top + usize::from(y - list.y);
                    if n < self.state.lines.len() {
                        self.state.list.at = n;
                        self.state.top = 0;
                    }
                }
                Vec::new()
            }
            Event::Mouse(_, _, wheel) => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                (0..wheel.unsigned_abs()).flat_map(|_| self.walk(world, id)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.state.view(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.state.whole {
            return vec![
                "move.left",
                "move.right",
                "history.why",
                "history.style",
                "history.revert",
                "history.restore",
                "global.escape",
            ];
        }
        vec![
            "history.open",
            "history.revert",
            "history.restore",
            "history.compare",
            "history.style",
            "move.pane",
            "history.everywhere",
        ]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        if action.starts_with("history.") && action != "history.everywhere" && self.state.line().is_none() {
            return Err("no revision is selected".to_owned());
        }
        Ok(())
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        self.state.environment.clone().map(Some)
    }

    fn flag(&self, _world: &World) -> Option<String> {
        (self.state.kind == "flag").then(|| self.state.key.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let line = self.state.line()?;
        let said = |line: &crate::cache::events::Line| change_words::of_line(line, world).join(", ");
        let at = |line: &crate::cache::events::Line| {
            line.at.map_or_else(String::new, |at| {
                format!("{} {:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
            })
        };
        let row = |line: &crate::cache::events::Line, between: &str| {
            let cells =
                [line.revision.to_string(), at(line), line.actor.clone(), said(line), line.comment.clone()];
            cells.iter().map(|cell| shown(cell).into_owned()).collect::<Vec<_>>().join(between)
        };
        match what {
            "row" => Some(row(line, "  ")),
            "key" => Some(self.state.key.clone()),
            "value" => Some(said(line)),
            "json" => {
                let after = line.after.as_ref()?;
                Some(shared::json::pretty(&crate::widgets::diff::body(&line.kind, after)))
            }
            "cli" => Some(revert::cli(line)).filter(|cli| !cli.is_empty()),
            "link" => Some(format!("{}/api/revisions/{}", world.server, line.revision)),
            "report" => {
                let lines = self.state.lines.iter().rev();
                let rows: Vec<String> = lines.map(|line| format!("- {}", row(line, "; "))).collect();
                Some(format!("## History of {}\n{}\n", shown(&self.state.key), rows.join("\n")))
            }
            "table" => {
                let rows = self.state.lines.iter().map(|line| row(line, "\t"));
                Some(
                    ["revision\ttime\tactor\tchange\tcomment".to_owned()]
                        .into_iter()
                        .chain(rows)
                        .collect::<Vec<_>>()
                        .join("\n"),
                )
            }
            _ => None,
        }
    }
}
