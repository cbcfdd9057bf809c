//! A conflict: two edits of one document, path by path (GROUND: `view` adds to it).

#[cfg(test)]
mod tests;
mod view;

use super::{Do, Event, Screen, Tone};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::edit::document::{self, Opened};
use crate::edit::three::{From, Row, Three};
use crate::effect::{Draft, Read};
use crate::plan::{Edit, Touch};
use crate::request::{Answer, Failure};
use crate::route::{Document, Route};
use crate::widgets::list::List;
use crate::world::World;
use shared::json::{Json, Side, pretty};
use time::OffsetDateTime;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("conflict.ours", &["o"], "ours", "Take what you wrote at this path."),
    Action::reads("conflict.theirs", &["t"], "theirs", "Take what the other one saved at this path."),
    Action::reads("conflict.base", &["b"], "base", "Leave this path as it was before both."),
    Action::reads("conflict.edit", &["e"], "edit merged", "Edit the merged document as text."),
    Action::reads("conflict.next", &["n"], "next choice", "The next path that needs a choice."),
    Action::reads("conflict.previous", &["N"], "previous choice", "The path before that needs a choice."),
    Action::reads(
        "conflict.open",
        &["enter"],
        "whole values",
        "Show the values of the path whole, or short.",
    ),
    Action::writes(
        "conflict.save",
        &["ctrl-x", "ctrl-s"],
        "save..",
        "Review the merged document and save it on top of theirs.",
    ),
    Action::wide(
        "conflict.discard",
        &["D"],
        "discard mine",
        "Throw your draft away and keep what is saved; asks for the key once more.",
    ),
];

/// How long a second press of a key is the answer to a question.
const AGAIN: time::Duration = time::Duration::seconds(4);
const DOCUMENT: u32 = 1;

#[derive(Debug)]
enum Stage {
    Loading,
    Failed(String),
    Ready(Box<Three>, Box<Opened>),
}

/// A conflict: what was edited here and what somebody else saved, path by path.
#[derive(Debug)]
pub struct Conflict {
    document: Document,
    base: Json,
    ours: Json,
    text: String,
    base_revision: u64,
    stage: Stage,
    list: List,
    /// The first line of the merged text, when it is scrolled by hand.
    top: Option<usize>,
    /// Whether moving scrolls the merged text.
    merged: bool,
    whole: bool,
    discard_at: Option<OffsetDateTime>,
}

impl Conflict {
    /// Makes the screen.
    #[must_use]
    pub fn new(document: Document, base: Json, ours: Json, text: String, base_revision: u64) -> Self {
        Self {
            document,
            base,
            ours,
            text,
            base_revision,
            stage: Stage::Loading,
            list: List::default(),
            top: None,
            merged: false,
            whole: false,
            discard_at: None,
        }
    }

    fn read(&self) -> Vec<Do> {
        vec![Do::Ask(DOCUMENT, Read::get(document::path(&self.document)))]
    }

    fn rows(&self) -> &[Row] {
        match &self.stage {
            Stage::Ready(three, _) => three.rows(),
            _ => &[],
        }
    }

    fn opened(&mut self, world: &World) -> Vec<Do> {
        let mut wanted = self.read();
        if !world.drafts.contains_key(&self.document) {
            wanted.push(Do::Draft(Box::new(Draft {
                document: self.document.clone(),
                text: self.text.clone(),
                base: pretty(&self.base),
                base_revision: self.base_revision,
                saved_at: world.now,
            })));
        }
        wanted
    }

    fn answered(&mut self, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        let found = match outcome {
            Ok(answer) => document::opened(&self.document, answer),
            Err(failure) => {
                if !matches!(self.stage, Stage::Ready(..)) {
                    self.stage = Stage::Failed(failure.to_string());
                }
                return Vec::new();
            }
        };
        let Some(theirs) = found else {
            self.stage = Stage::Failed("the answer holds no such document".to_owned());
            return Vec::new();
        };
        match &mut self.stage {
            Stage::Ready(three, old) => {
                if theirs.value != old.value {
                    three.again(theirs.value.clone());
                }
                **old = theirs;
            }
            stage => {
                let three = Three::new(self.base.clone(), self.ours.clone(), theirs.value.clone());
                *stage = Stage::Ready(Box::new(three), Box::new(theirs));
            }
        }
        self.list.settle(self.rows().len(), 1);
        Vec::new()
    }

    fn decide(&mut self, side: Side) -> Vec<Do> {
        let at = self.list.at;
        let Stage::Ready(three, _) = &mut self.stage else { return Vec::new() };
        let Some(row) = three.rows().get(at).cloned() else { return Vec::new() };
        if !row.collides {
            let said = format!("{} was merged: only one side changed it; e edits the result", row.path);
            return vec![Do::Toast(Tone::Info, said)];
        }
        three.decide(&row.path, Some(side));
        self.top = None;
        // A decision about a list can take others away.
        self.list.at = self.list.at.min(self.rows().len().saturating_sub(1));
        self.go(true);
        Vec::new()
    }

    /// To the next path that needs a choice, when there is one.
    fn go(&mut self, ahead: bool) -> bool {
        let open: Vec<usize> = self
            .rows()
            .iter()
            .enumerate()
            .filter(|(_, row)| row.from == From::Open)
            .map(|(n, _)| n)
            .collect();
        let at = self.list.at;
        let next = if ahead {
            open.iter().find(|n| **n > at).or(open.first())
        } else {
            open.iter().rev().find(|n| **n < at).or(open.last())
        };
        self.top = None;
        match next {
            Some(next) => {
                self.list.at = *next;
                true
            }
            None => false,
        }
    }

    fn save(&mut self) -> Vec<Do> {
        let Stage::Ready(three, theirs) = &self.stage else { return Vec::new() };
        let open = three.open();
        if open > 0 {
            self.go(true);
            let paths = if open == 1 { "1 path needs" } else { &format!("{open} paths need") };
            return vec![Do::Toast(Tone::Warn, format!("not yet: {paths} a choice: o, t or b"))];
        }
        let merged = three.merged().clone();
        if merged == theirs.value {
            let said = "nothing is left of your change: what is saved stands".to_owned();
            return vec![Do::Toast(Tone::Info, said), Do::DropDraft(self.document.clone()), Do::Back];
        }
        let wish = document::wish(Edit {
            document: self.document.clone(),
            base: theirs.value.clone(),
            text: pretty(&merged),
            ours: merged,
            base_revision: theirs.revision,
        });
        vec![Do::Wish(Box::new(wish))]
    }

    /// The merged text becomes the draft, on top of theirs, and the editor opens it.
    fn edit(&self, world: &World) -> Vec<Do> {
        let Stage::Ready(three, theirs) = &self.stage else { return Vec::new() };
        let draft = Draft {
            document: self.document.clone(),
            text: pretty(three.merged()),
            base: pretty(&theirs.value),
            base_revision: theirs.revision,
            saved_at: world.now,
        };
        vec![Do::Draft(Box::new(draft)), Do::Replace(Route::Editor(self.document.clone()))]
    }

    fn discard(&mut self, world: &World) -> Vec<Do> {
        if self.discard_at.is_none_or(|at| world.now - at >= AGAIN) {
            self.discard_at = Some(world.now);
            return vec![Do::Toast(Tone::Warn, "throws your draft away; D again does it".to_owned())];
        }
        vec![Do::DropDraft(self.document.clone()), Do::Back]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        if id != "conflict.discard" {
            self.discard_at = None;
        }
        match id {
            "conflict.ours" => return self.decide(Side::Ours),
            "conflict.theirs" => return self.decide(Side::Theirs),
            "conflict.base" => return self.decide(Side::Base),
            "conflict.edit" => return self.edit(world),
            "conflict.save" => return self.save(),
            "conflict.discard" => return self.discard(world),
            "conflict.next" | "conflict.previous" => {
                if !self.go(id == "conflict.next") {
                    let said = "no choice is open: ctrl-x saves".to_owned();
                    return vec![Do::Toast(Tone::Info, said)];
                }
            }
            "conflict.open" => self.whole = !self.whole,
            "move.pane" | "move.pane-back" => self.merged = !self.merged,
            "global.escape" => return vec![Do::Back],
            _ if self.merged => self.scroll(world, id),
            _ => {
                self.top = None;
                self.list.act(id, self.rows().len(), self.table_rows(world));
            }
        }
        Vec::new()
    }

    fn scroll(&mut self, world: &World, id: &str) {
        let Stage::Ready(three, _) = &self.stage else { return };
        let len = pretty(three.merged()).matches('\n').count() + 1;
        let room = self.merged_rows(world);
        let mut list = List { at: self.top.unwrap_or(0), top: 0 };
        list.act(id, len.saturating_sub(room).saturating_add(1), room);
        self.top = Some(list.at);
    }

    fn touched(&self, touches: &[Touch]) -> bool {
        touches.iter().any(|t| {
            t.key == self.document.key()
                && (t.environment.is_none() || t.environment.as_deref() == self.document.environment())
        })
    }
}

impl Screen for Conflict {
    fn route(&self) -> Route {
        Route::Conflict {
            document: self.document.clone(),
            base: self.base.clone(),
            ours: self.ours.clone(),
            text: self.text.clone(),
            base_revision: self.base_revision,
        }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(self.document.environment().map(str::to_owned))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        self.document.flag().map(str::to_owned)
    }

    fn copy(&self, _world: &World, what: &str) -> Option<String> {
        match (&self.stage, what) {
            (Stage::Ready(three, _), "json") => Some(pretty(three.merged())),
            (Stage::Ready(three, _), "value") => {
                three.rows().get(self.list.at).and_then(Row::result).map(Json::to_text)
            }
            (_, "key") => Some(self.document.key().to_owned()),
            _ => None,
        }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => self.opened(world),
            Event::Answer { outcome, .. } => self.answered(outcome),
            Event::Action(id) => self.act(world, id),
            Event::Resynced => self.read(),
            Event::Heard(heard) => {
                let key = self.document.key();
                let place = self.document.environment().unwrap_or_default();
                let mine = heard.touched.iter().any(|(_, k, e)| k == key && e == place);
                if mine { self.read() } else { Vec::new() }
            }
            Event::Written { touches, .. } if self.touched(touches) => vec![Do::Back],
            Event::Mouse(_, _, wheel) if *wheel != 0 => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                (0..wheel.unsigned_abs()).flat_map(|_| self.act(world, id)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        self.draw(world, canvas);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec![
            "conflict.ours",
            "conflict.theirs",
            "conflict.base",
            "conflict.edit",
            "conflict.next",
            "conflict.save",
            "conflict.discard",
        ]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        let waits = action.starts_with("conflict.") && action != "conflict.discard";
        match &self.stage {
            Stage::Ready(..) => Ok(()),
            _ if waits => Err("what the other one saved is not there yet".to_owned()),
            _ => Ok(()),
        }
    }
}
