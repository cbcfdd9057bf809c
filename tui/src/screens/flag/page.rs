//! The screen of one flag: what it hears, what it answers, what is seen.

use super::actions::{ACTIONS, TABS};
use super::evals::{Evals, USAGE};
use super::item::{self, Item, Line, Scene, current};
use super::{head, overview, past, rules, values};
use crate::action::Action;
use crate::cache::rows::FlagRow;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::Code;
use crate::request::{Answer, Failure, encoded};
use crate::route::{Document, Form, Route};
use crate::screens::{Do, Event, Mode, Screen, Told, Tone};
use crate::theme::Token;
use crate::widgets::edits;
use crate::widgets::field::Field;
use crate::widgets::lines::Pane;
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::Json;

/// The configuration of the environment that is shown.
pub(super) const CONFIG: u32 = 1;
/// The last changes.
pub(super) const PAST: u32 = 2;
/// How many of them.
const CHANGES: usize = 50;

pub(super) const RULES: usize = 1;
pub(super) const VARIATIONS: usize = 2;
const HISTORY: usize = 4;
pub(super) const JSON: usize = 5;

/// One flag.
#[derive(Debug)]
pub struct Flag {
    pub(super) key: String,
    pub(super) environment: String,
    pub(super) tab: usize,
    pub(super) panes: [Pane; 6],
    /// The environment whose configuration is being read.
    pub(super) asked: Option<String>,
    /// Why the configuration could not be read.
    pub(super) failed: Option<String>,
    pub(super) past: Vec<past::Told>,
    pub(super) past_failed: Option<String>,
    /// A new value, while it is typed, and what is wrong with it.
    pub(super) adding: Option<(Field, String)>,
    /// The rule that the form above changes.
    pub(super) changing: Option<Json>,
    /// Whether what is staged was sent to be reviewed, and is done with once it is applied.
    pub(super) sent: bool,
    /// How often it was evaluated.
    pub(super) evals: Evals,
}

impl Flag {
    /// The screen of a flag in an environment.
    #[must_use]
    pub fn new(key: String, environment: String, tab: usize, _world: &World) -> Self {
        Self {
            key,
            environment,
            tab: tab.min(JSON),
            panes: Default::default(),
            asked: None,
            failed: None,
            past: Vec::new(),
            past_failed: None,
            adding: None,
            changing: None,
            sent: false,
            evals: Evals::default(),
        }
    }

    pub(super) fn row<'w>(&self, world: &'w World) -> Option<&'w FlagRow> {
        world.cache.flags.get(&self.key).map(AsRef::as_ref)
    }

    fn scene<'w>(&'w self, world: &'w World, row: &'w FlagRow, width: u16) -> Scene<'w> {
        let document = current(world, &self.key, &self.environment).map(|(document, _)| document);
        let gutter = if matches!(self.tab, 0 | 3) { item::beside_labels(width) } else { 4 };
        Scene { world, row, environment: &self.environment, document, evals: &self.evals, width, gutter }
    }

    fn lines(&self, scene: &Scene<'_>) -> Vec<Line> {
        let unread = |lines: Vec<Line>| match (&self.failed, scene.document) {
            (_, Some(_)) => lines,
            (Some(why), None) => vec![Line::new(why.clone(), Token::Warn)],
            (None, None) => vec![Line::new("reading ..", Token::Dim)],
        };
        match self.tab {
            RULES => unread(rules::lines(scene, true)),
            VARIATIONS => values::variations(scene),
            3 => values::prerequisites(scene),
            HISTORY => match &self.past_failed {
                Some(why) => vec![Line::new(why.clone(), Token::Warn)],
                None => past::lines(scene, &self.past),
            },
            JSON => unread(scene.document.map(values::json).unwrap_or_default()),
            _ => {
                let mut lines = overview::lines(scene, &self.past);
                if let (Some(why), None) = (&self.failed, scene.document) {
                    lines.push(Line::new(why.clone(), Token::Warn));
                }
                lines
            }
        }
    }

    /// The rows of the pane: without the head, and without the field of a new value.
    fn rows(&self, height: u16) -> u16 {
        height.saturating_sub(head::ROWS + if self.adding.is_some() { 2 } else { 0 })
    }

    fn seen<T>(&self, world: &World, with: impl FnOnce(&Pane, &[Line]) -> T) -> Option<T> {
        let row = self.row(world)?;
        let scene = self.scene(world, row, world.size.0);
        Some(with(self.panes.get(self.tab)?, &self.lines(&scene)))
    }

    pub(super) fn selected(&self, world: &World) -> Option<Item> {
        self.seen(world, |pane, lines| pane.item(lines).cloned()).flatten()
    }

    pub(super) fn turn(&mut self, world: &World, with: impl FnOnce(&mut Pane, &[Line], usize)) {
        let Some(row) = self.row(world) else { return };
        let lines = self.lines(&self.scene(world, row, world.size.0));
        let height = usize::from(self.rows(world.body().1));
        if let Some(pane) = self.panes.get_mut(self.tab) {
            pane.settle(&lines, height);
            with(pane, &lines, height);
        }
    }

    fn ask(&mut self, world: &World, again: bool) -> Vec<Do> {
        let at = (self.key.clone(), self.environment.clone());
        if self.environment.is_empty() || (!again && world.cache.configs.contains_key(&at)) {
            return Vec::new();
        }
        self.asked = Some(self.environment.clone());
        vec![Do::Ask(CONFIG, Read::get(edits::config_path(&self.key, &self.environment)))]
    }

    /// Asks how often it is evaluated, once that is looked at.
    fn ask_usage(&mut self, world: &World) -> Vec<Do> {
        if !matches!(self.tab, 0 | RULES) {
            return Vec::new();
        }
        self.evals.ask(world, &self.key, &self.environment)
    }

    fn ask_past(&self) -> Do {
        let path = format!("/api/flags/{}/audit?limit={CHANGES}", encoded(&self.key));
        Do::Ask(PAST, Read::get(path))
    }

    fn answer(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        match (tag, outcome) {
            (CONFIG, outcome) => {
                let Some(environment) = self.asked.take() else { return Vec::new() };
                match outcome {
                    Ok(answer) => {
                        self.failed = None;
                        return vec![Do::KeepConfig(self.key.clone(), environment, answer.body.clone())];
                    }
                    Err(Failure::Refused(problem)) if problem.status == 404 => {
                        self.failed = Some(format!("there is no configuration in {environment}"));
                    }
                    Err(failure) => self.failed = Some(format!("not read: {failure}")),
                }
            }
            (PAST, Ok(answer)) => {
                self.past = past::read(&answer.body, world);
                self.past_failed = None;
            }
            (tag @ USAGE.., outcome) => {
                let told = self.evals.answered(tag, outcome);
                let keep = |(environment, at)| Do::KeepEvaluated(self.key.clone(), environment, at);
                return told.map(keep).into_iter().collect();
            }
            (PAST, Err(failure)) => self.past_failed = Some(format!("not read: {failure}")),
            _ => {}
        }
        Vec::new()
    }

    /// Shows another environment.
    fn show(&mut self, world: &World, environment: String) -> Vec<Do> {
        self.environment.clone_from(&environment);
        self.failed = None;
        self.adding = None;
        for tab in [0, RULES, JSON] {
            if let Some(pane) = self.panes.get_mut(tab) {
                *pane = Pane::default();
            }
        }
        let mut wanted = vec![Do::Select(environment)];
        wanted.extend(self.ask(world, false));
        if world.settings.lite {
            self.evals.forget();
        }
        wanted.extend(self.ask_usage(world));
        wanted
    }

    fn neighbour(&mut self, world: &World, right: bool) -> Vec<Do> {
        let all = &world.cache.environments;
        let Some(at) = all.iter().position(|e| e.key == self.environment) else { return Vec::new() };
        let other = if right { at.checked_add(1) } else { at.checked_sub(1) };
        match other.and_then(|n| all.get(n)) {
            Some(e) => self.show(world, e.key.clone()),
            None => Vec::new(),
        }
    }

    fn open(&mut self, world: &World) -> Vec<Do> {
        match self.selected(world) {
            Some(Item::Rule(n)) => self.change_rule(world, n),
            Some(Item::Gone(_)) => {
                vec![Do::Toast(Tone::Info, "this rule is staged to go; x puts it back".to_owned())]
            }
            Some(Item::Flag(key)) => {
                vec![Do::Open(Route::Flag { key, environment: self.environment.clone(), tab: 0 })]
            }
            Some(Item::Value(index)) => {
                vec![Do::Open(Route::Editor(Document::Variation { flag: self.key.clone(), index }))]
            }
            Some(Item::Revision(n)) => {
                let line = self.past.get(n).map(|told| told.line.environment.clone());
                vec![self.history(line.filter(|e| !e.is_empty()))]
            }
            None => Vec::new(),
        }
    }

    fn history(&self, environment: Option<String>) -> Do {
        Do::Open(Route::History { kind: "flag", key: self.key.clone(), environment })
    }

    pub(super) fn config(&self) -> Document {
        Document::Config { flag: self.key.clone(), environment: self.environment.clone() }
    }

    fn compare(&self, world: &World) -> Vec<Do> {
        let keys: Vec<&String> = world.cache.environments.iter().map(|e| &e.key).collect();
        let at = keys.iter().position(|key| **key == self.environment).unwrap_or(0);
        let other = keys.get(at + 1).or_else(|| at.checked_sub(1).and_then(|n| keys.get(n)));
        match other {
            Some(other) => vec![Do::Open(Route::Compare {
                left: self.environment.clone(),
                right: (*other).clone(),
                keys: vec![self.key.clone()],
            })],
            None => vec![Do::Toast(Tone::Warn, "there is only one environment".to_owned())],
        }
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        if self.adding.take().is_some() && id == "global.escape" {
            return Vec::new();
        }
        // A write of another kind answers with the same event as the review of what is staged.
        self.sent = false;
        if let Some(n) = TABS.iter().position(|(action, ..)| *action == id) {
            self.tab = n;
            return self.ask_usage(world);
        }
        let (flag, environment) = (self.key.clone(), self.environment.clone());
        match id {
            "flag.toggle" => self.toggle(world),
            "flag.open" => self.open(world),
            "flag.edit" => match self.selected(world) {
                Some(Item::Rule(n)) if self.tab == RULES => self.change_rule(world, n),
                Some(Item::Value(index)) => {
                    vec![Do::Open(Route::Editor(Document::Variation { flag, index }))]
                }
                _ => vec![Do::Open(Route::Editor(self.config()))],
            },
            "flag.editor" => vec![Do::OpenTo(Route::Editor(self.config()), "editor.external")],
            "flag.rollout" => vec![Do::Open(Route::Form(Form::Rollout { flag, environment }))],
            "flag.promote" => {
                vec![Do::Open(Route::Form(Form::Promote { flags: vec![flag], from: environment }))]
            }
            "flag.add" if self.tab == VARIATIONS => {
                self.adding = Some((Field::default(), String::new()));
                Vec::new()
            }
            "flag.add" => self.new_rule(),
            "flag.remove" => self.remove_rule(world),
            "flag.lower" => self.move_rule(world, true),
            "flag.raise" => self.move_rule(world, false),
            "flag.review" => self.review(world),
            "flag.drop" => vec![
                Do::Stage(flag, environment, None),
                Do::Toast(Tone::Info, "the staged changes are forgotten".to_owned()),
            ],
            "flag.history" => vec![self.history(Some(environment))],
            "flag.why" => vec![Do::Open(Route::Why { flag, environment, at: String::new() })],
            "flag.compare" => self.compare(world),
            "flag.archive" => self.archive(true),
            "flag.restore" => self.archive(false),
            "move.left" | "move.environment-back" => self.neighbour(world, false),
            "move.right" | "move.environment" => self.neighbour(world, true),
            "move.pane" => {
                self.tab = (self.tab + 1) % TABS.len();
                self.ask_usage(world)
            }
            "move.pane-back" => {
                self.tab = (self.tab + TABS.len() - 1) % TABS.len();
                self.ask_usage(world)
            }
            "global.escape" => vec![Do::Back],
            _ => {
                self.turn(world, |pane, lines, height| {
                    pane.act(id, lines, height);
                });
                Vec::new()
            }
        }
    }

    fn told(&mut self, world: &World, told: &Told) -> Vec<Do> {
        let Told::Rule { index, rule } = told else { return Vec::new() };
        let changing = self.changing.take();
        self.tab = RULES;
        let wanted = self.take_rule(world, *index, rule.clone(), changing.as_ref());
        if index.is_none() {
            // The new one is the last one.
            self.turn(world, |pane, _, _| pane.at = usize::MAX - 1);
        }
        wanted
    }
}

impl Screen for Flag {
    fn route(&self) -> Route {
        Route::Flag { key: self.key.clone(), environment: self.environment.clone(), tab: self.tab }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        if self.adding.is_some() { Mode::Field } else { Mode::Commands }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                let mut wanted = Vec::from_iter(Do::settle(&mut self.environment, world));
                wanted.extend(self.ask(world, false));
                wanted.push(self.ask_past());
                wanted.extend(self.ask_usage(world));
                wanted
            }
            Event::Returned => {
                self.sent = false;
                if !world.environment.is_empty() && world.environment != self.environment {
                    return self.show(world, world.environment.clone());
                }
                Vec::new()
            }
            Event::Resynced => {
                if self.environment.is_empty() {
                    self.environment.clone_from(&world.environment);
                }
                let mut wanted = self.ask(world, true);
                wanted.push(self.ask_past());
                self.evals.forget();
                wanted.extend(self.ask_usage(world));
                wanted
            }
            Event::Heard(heard) => {
                let mine = |(kind, key, _): &&(String, String, String)| {
                    *key == self.key && (kind == "flag" || kind == "config")
                };
                if heard.touched.iter().any(|touched| mine(&touched)) {
                    let mut wanted = vec![self.ask_past()];
                    wanted.extend(self.ask(world, false));
                    return wanted;
                }
                Vec::new()
            }
            Event::Written { touches, .. } => {
                let mine = |t: &crate::plan::Touch| {
                    t.key == self.key && t.environment.as_deref() == Some(self.environment.as_str())
                };
                if std::mem::take(&mut self.sent) && touches.iter().any(mine) {
                    return vec![Do::Stage(self.key.clone(), self.environment.clone(), None)];
                }
                Vec::new()
            }
            Event::Answer { tag, outcome } => self.answer(world, *tag, outcome),
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => {
                let Some((field, wrong)) = &mut self.adding else { return Vec::new() };
                wrong.clear();
                match press.code {
                    Code::Enter => return self.add_value(world),
                    Code::Esc => self.adding = None,
                    _ => {
                        field.key(*press);
                    }
                }
                Vec::new()
            }
            Event::Paste(text) => {
                if let Some((field, _)) = &mut self.adding {
                    field.paste(text);
                }
                Vec::new()
            }
            Event::Told(told) => self.told(world, told),
            Event::Mouse(_, row, 0) => {
                if let Some(y) = row.checked_sub(head::ROWS) {
                    let y = usize::from(y);
                    self.turn(world, |pane, lines, height| {
                        if y < height {
                            pane.click(lines, y);
                        }
                    });
                }
                Vec::new()
            }
            Event::Mouse(_, _, wheel) => {
                let id = if *wheel > 0 { "move.down" } else { "move.up" };
                self.turn(world, |pane, lines, height| {
                    for _ in 0..wheel.unsigned_abs() {
                        pane.act(id, lines, height);
                    }
                });
                Vec::new()
            }
            Event::Refused(problem) => {
                // Settled by hand, or planned anew, it is still the same change; any other refusal ends it.
                let goes_on = ["conflict", "stale", "plan-changed", "confirmation-required"];
                self.sent &= goes_on.contains(&problem.kind.as_str());
                Vec::new()
            }
            Event::Covered | Event::Edited(..) | Event::EditedText(_) | Event::Evaluated | Event::Tick => {
                Vec::new()
            }
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let Some(row) = self.row(world) else {
            canvas.put(1, 0, "Flags > ", Token::Dim);
            canvas.put(9, 0, &self.key, Token::Title);
            // A flag that was just made is told by the feed in a moment.
            let coming = self.asked.is_some()
                || world.cache.configs.contains_key(&(self.key.clone(), self.environment.clone()));
            let known = world.cache.loaded && !coming;
            let said = if known { "there is no such flag" } else { "reading .." };
            canvas.put(3, 2, said, Token::Dim);
            return;
        };
        let scene = self.scene(world, row, width);
        head::view(&scene, canvas, self.tab, self.asked.is_some() && scene.document.is_some());
        let lines = self.lines(&scene);
        if let Some(pane) = self.panes.get(self.tab) {
            let mut body = canvas.sub(Rect::new(0, head::ROWS, width, self.rows(height)));
            pane.view(&mut body, &lines, scene.gutter);
        }
        if let Some((field, wrong)) = &self.adding {
            let y = height.saturating_sub(2);
            let kind = row.kind.as_str();
            let x = canvas.put(1, y, &format!("New {kind} value "), Token::Strong);
            canvas.put(x, y, "> ", Token::Key);
            field.view(canvas, x + 2, y, width.saturating_sub(x + 3), true);
            let (said, token) = if wrong.is_empty() {
                ("enter adds it in all environments, through a review; esc cancels", Token::Dim)
            } else {
                (wrong.as_str(), Token::Error)
            };
            canvas.put_fit(1, y + 1, width.saturating_sub(2), said, token);
        }
    }

    fn footer(&self, world: &World) -> Vec<&'static str> {
        if self.adding.is_some() {
            return Vec::new();
        }
        let staged = world.staged.contains_key(&(self.key.clone(), self.environment.clone()));
        let mut footer = match self.tab {
            RULES => vec!["flag.add", "flag.open", "flag.remove", "flag.lower", "flag.raise"],
            VARIATIONS => vec!["flag.add", "flag.open"],
            HISTORY => vec!["flag.open", "flag.history"],
            _ => vec!["flag.toggle", "flag.rollout", "flag.why", "flag.add", "flag.edit", "flag.promote"],
        };
        if staged {
            footer.insert(0, "flag.review");
            footer.insert(1, "flag.drop");
        } else {
            footer.extend([
                "flag.toggle",
                "flag.rollout",
                "flag.edit",
                "flag.history",
                "flag.why",
                "flag.compare",
            ]);
        }
        if world.cache.flags.get(&self.key).is_some_and(|flag| flag.archived) {
            footer.insert(0, "flag.restore");
        }
        let mut seen = std::collections::BTreeSet::new();
        footer.retain(|id| seen.insert(*id));
        footer
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        self.can(world, action)
    }

    fn environment(&self, world: &World) -> Option<Option<String>> {
        let own = Some(self.environment.clone()).filter(|e| !e.is_empty());
        Some(own.or_else(|| Some(world.environment.clone()).filter(|e| !e.is_empty())))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        Some(self.key.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let row = self.row(world)?;
        let document = current(world, &self.key, &self.environment).map(|(document, _)| document);
        match what {
            "key" => Some(self.key.clone()),
            "value" => match self.selected(world) {
                Some(Item::Value(n)) => row.variations.get(n).map(|v| v.value.to_text()),
                _ => Some(row.word(&self.environment)),
            },
            "json" => document.map(shared::json::pretty),
            "cli" => Some(format!("flagstaff flag get {} --env {}", self.key, self.environment)),
            "link" => Some(format!("{}{}", world.server, edits::config_path(&self.key, &self.environment))),
            "row" => self.seen(world, |pane, lines| {
                let selected = pane.item(lines)?;
                lines.iter().find(|line| line.item.as_ref() == Some(selected)).map(Line::text)
            })?,
            "report" => {
                let scene = self.scene(world, row, 100);
                let mut report = format!("## {} in {}\n\n", self.key, self.environment);
                for line in overview::lines(&scene, &self.past) {
                    let right = line.right.as_ref().map_or(String::new(), |(text, _)| format!("  {text}"));
                    report.push_str(&format!("    {:<10} {}{right}\n", line.label, line.text()));
                }
                Some(report)
            }
            _ => None,
        }
    }
}
