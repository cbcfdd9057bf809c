//! The screen of the question why: what it hears, what is seen.

use super::actions::{ACTIONS, TABS};
use super::moment;
use super::state::{ELSEWHERE, RECENT, STEPS, Seen, Typing, WHAT_IF, Why};
use super::tabs::Item;
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Effect;
use crate::key::{Code, Press};
use crate::message::Edited;
use crate::route::Route;
use crate::screens::{Do, Event, Mode, Screen, Tone};
use crate::text;
use crate::theme::Token;
use crate::widgets::context_text;
use crate::widgets::field::Field;
use crate::widgets::lines::{Line, Pane};
use crate::widgets::trace::Step;
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::Json;

/// The rows above the tabs' lines.
const HEAD: u16 = 4;

impl Why {
    fn rows(&self, height: u16) -> u16 {
        height.saturating_sub(HEAD + if self.typing.is_some() { 2 } else { 0 })
    }

    pub(super) fn selected(&self, world: &World) -> Option<Item> {
        self.panes.get(self.tab)?.item(&self.lines(world, world.size.0)).cloned()
    }

    fn turn(&mut self, world: &World, with: impl FnOnce(&mut Pane, &[Line<Item>], usize)) {
        let lines = self.lines(world, world.size.0);
        let height = usize::from(self.rows(world.body().1));
        if let Some(pane) = self.panes.get_mut(self.tab) {
            pane.settle(&lines, height);
            with(pane, &lines, height);
        }
    }

    fn type_in(&mut self, what: Typing) {
        let text = match what {
            Typing::Context => self.context.as_ref().map(context_text::told).unwrap_or_default(),
            Typing::At => self.at.clone().unwrap_or_default(),
            Typing::Vary => String::new(),
            Typing::Find => self.find.clone(),
        };
        if what == Typing::Vary {
            self.tab = WHAT_IF;
        }
        self.typing = Some((what, Field::new(text), String::new()));
    }

    /// Takes what was typed, or says what is wrong with it.
    fn typed(&mut self, world: &World) -> Vec<Do> {
        let Some((what, field, _)) = self.typing.take() else { return Vec::new() };
        let text = field.text().to_owned();
        let done = match what {
            Typing::Context => context_text::read(&text).map(|context| self.take(world, context)),
            Typing::At => moment::read(&text, world.now).map(|at| {
                self.at = at;
                self.told = None;
                self.past = None;
                self.ask(world)
            }),
            Typing::Vary => self.vary(&text),
            Typing::Find => {
                text.trim().clone_into(&mut self.find);
                self.tab = RECENT;
                Ok(self.ask_seen())
            }
        };
        done.unwrap_or_else(|fault| {
            self.typing = Some((what, field, fault));
            Vec::new()
        })
    }

    /// Asks about another context.
    pub(super) fn take(&mut self, world: &World, context: Json) -> Vec<Do> {
        for varied in &mut self.varied {
            if let Ok(changed) = context_text::vary(&context, &varied.typed) {
                varied.context = changed;
            }
        }
        self.context = Some(context.clone());
        self.told = None;
        self.tab = STEPS;
        let mut wanted = vec![Do::Remember(context)];
        wanted.extend(self.ask(world));
        wanted
    }

    fn open(&mut self, world: &World) -> Vec<Do> {
        match self.selected(world) {
            Some(Item::Step(Step::Prerequisite(path))) => {
                if !self.turned.remove(&path) {
                    self.turned.insert(path);
                }
                Vec::new()
            }
            Some(Item::Step(Step::Rule(_))) => self.open_flag(1),
            Some(Item::Because) => self.open_history(),
            Some(Item::Environment(key)) => self.show(world, key),
            Some(Item::Otherwise(n)) => {
                self.imagined = Some(n);
                self.tab = STEPS;
                Vec::new()
            }
            Some(Item::AsItIs) => {
                self.imagined = None;
                self.tab = STEPS;
                Vec::new()
            }
            Some(Item::Varied(n)) => match self.varied.get(n).map(|varied| varied.context.clone()) {
                Some(context) => self.take(world, context),
                None => Vec::new(),
            },
            Some(Item::Context(context)) => self.take(world, context),
            None => Vec::new(),
        }
    }

    fn open_flag(&self, tab: usize) -> Vec<Do> {
        let (key, environment) = (self.flag.clone(), self.environment.clone());
        vec![Do::Open(Route::Flag { key, environment, tab })]
    }

    fn open_history(&self) -> Vec<Do> {
        let environment = Some(self.environment.clone());
        vec![Do::Open(Route::History { kind: "flag", key: self.flag.clone(), environment })]
    }

    /// Asks the same in another environment.
    fn show(&mut self, world: &World, environment: String) -> Vec<Do> {
        self.environment.clone_from(&environment);
        self.told = None;
        self.past = None;
        self.seen = Seen::NotAsked;
        if self.tab == ELSEWHERE {
            self.tab = STEPS;
        }
        let mut wanted = vec![Do::Select(environment)];
        wanted.extend(self.ask(world));
        if self.tab == RECENT {
            wanted.extend(self.ask_seen());
        }
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

    /// Turns to a tab, and asks what it needs.
    fn turn_to(&mut self, world: &World, tab: usize) -> Vec<Do> {
        self.tab = tab;
        match tab {
            ELSEWHERE if self.elsewhere.is_empty() => self.ask_elsewhere(world),
            WHAT_IF => self.ask_what_if(world),
            RECENT if matches!(self.seen, Seen::NotAsked) => self.ask_seen(),
            _ => Vec::new(),
        }
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        if let Some(tab) = TABS.iter().position(|(action, ..)| *action == id) {
            return self.turn_to(world, tab);
        }
        match id {
            "why.context" => self.type_in(Typing::Context),
            "why.at" => self.type_in(Typing::At),
            "why.what-if" => {
                if self.context.is_some() {
                    let wanted = self.turn_to(world, WHAT_IF);
                    self.type_in(Typing::Vary);
                    return wanted;
                }
                self.type_in(Typing::Context);
            }
            "why.find" => self.type_in(Typing::Find),
            "why.editor" => {
                let user = || [("kind", Json::from("user")), ("key", Json::from(""))].into_iter().collect();
                let text = shared::json::pretty(&self.context.clone().unwrap_or_else(user));
                return vec![Do::Effect(Effect::EditText { name: "context".to_owned(), text })];
            }
            "why.open" => return self.open(world),
            "why.remove" => {
                if let Some(Item::Varied(n)) = self.selected(world) {
                    self.varied.remove(n);
                }
            }
            "why.flag" => return self.open_flag(0),
            "why.history" => return self.open_history(),
            "move.left" | "move.environment-back" => return self.neighbour(world, false),
            "move.right" | "move.environment" => return self.neighbour(world, true),
            "move.pane" => return self.turn_to(world, (self.tab + 1) % TABS.len()),
            "move.pane-back" => return self.turn_to(world, (self.tab + TABS.len() - 1) % TABS.len()),
            "global.escape" => {
                if self.imagined.take().is_none() {
                    return vec![Do::Back];
                }
            }
            _ => self.turn(world, |pane, lines, height| {
                pane.act(id, lines, height);
            }),
        }
        Vec::new()
    }

    fn key(&mut self, world: &World, press: Press) -> Vec<Do> {
        let Some((_, field, fault)) = &mut self.typing else { return Vec::new() };
        fault.clear();
        match press.code {
            Code::Enter => return self.typed(world),
            Code::Esc => self.typing = None,
            _ => {
                field.key(press);
            }
        }
        Vec::new()
    }

    fn edited(&mut self, world: &World, edited: &Edited) -> Vec<Do> {
        match edited {
            Edited::Unchanged => Vec::new(),
            Edited::Failed(why) => vec![Do::Toast(Tone::Error, why.clone())],
            Edited::Text(text) => match context_text::read(text) {
                Ok(context) => self.take(world, context),
                Err(fault) => vec![Do::Toast(Tone::Error, format!("no context: {fault}"))],
            },
        }
    }

    fn view_head(&self, world: &World, canvas: &mut Canvas<'_>) {
        let width = canvas.width();
        let when = self.at.as_deref().map_or_else(|| "now".to_owned(), moment::told);
        let end = canvas.put_right(0, &format!("{} at {when} ", self.environment), Token::Dim);
        let x = canvas.put(1, 0, "Why > ", Token::Dim);
        canvas.put_fit(x, 0, end.saturating_sub(x + 1), &self.flag, Token::Title);
        let x = canvas.put(1, 1, "context  ", Token::Dim);
        let room = width.saturating_sub(x + 1);
        match &self.context {
            Some(context) => canvas.put_fit(x, 1, room, &context_text::told(context), Token::Strong),
            None => {
                let said = match &self.typing {
                    None => "none yet: c types one, 4 lists those that were seen",
                    Some((Typing::Context, ..)) => {
                        "none yet: type one below; esc, then 4, lists those that were seen"
                    }
                    Some(_) => "none yet",
                };
                canvas.put_fit(x, 1, room, said, Token::Dim)
            }
        };
        let mut x = 1;
        for (n, (_, name, short)) in TABS.iter().enumerate() {
            let name = if width >= 80 { name } else { short };
            let here = n == self.tab;
            let said = format!("{} {name}", n + 1);
            let said = if here { format!("[{said}]") } else { format!(" {said} ") };
            x = canvas.put(x, 2, &said, if here { Token::Selected } else { Token::Plain });
        }
        let imagined = self.imagined.and_then(|n| self.otherwise.get(n));
        let label = match imagined {
            Some(otherwise) if self.tab == STEPS => format!("what if {}", otherwise.title),
            _ => String::new(),
        };
        let note = if self.asking && world.live() { "asking .." } else { "" };
        canvas.rule(3, &label, note);
    }
}

impl Screen for Why {
    fn route(&self) -> Route {
        Route::Why {
            flag: self.flag.clone(),
            environment: self.environment.clone(),
            at: self.at.clone().unwrap_or_default(),
        }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        if self.typing.is_some() { Mode::Field } else { Mode::Commands }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                let mut wanted = Vec::from_iter(Do::settle(&mut self.environment, world));
                if self.context.is_none() {
                    self.type_in(Typing::Context);
                }
                wanted.extend(self.ask(world));
                wanted
            }
            Event::Returned if !world.environment.is_empty() && world.environment != self.environment => {
                self.show(world, world.environment.clone())
            }
            Event::Resynced => self.ask(world),
            Event::Heard(heard) if self.concerned(heard) => self.ask(world),
            Event::Answer { tag, outcome } => self.answered(world, *tag, outcome),
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => self.key(world, *press),
            Event::Paste(text) => {
                if let Some((_, field, fault)) = &mut self.typing {
                    fault.clear();
                    field.paste(&text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                Vec::new()
            }
            Event::EditedText(edited) => self.edited(world, edited),
            Event::Mouse(_, row, 0) => {
                if let Some(y) = row.checked_sub(HEAD) {
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
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        self.view_head(world, canvas);
        let lines = self.lines(world, width);
        if let Some(pane) = self.panes.get(self.tab) {
            let mut body = canvas.sub(Rect::new(0, HEAD, width, self.rows(height)));
            pane.view(&mut body, &lines, self.gutter(width));
        }
        let Some((what, field, fault)) = &self.typing else { return };
        let (label, hint) = match what {
            Typing::Context => ("Context ", context_text::HINT),
            Typing::At => ("At ", moment::HINT),
            Typing::Vary => ("What if ", "plan=pro changes the context, plan= takes the attribute away"),
            Typing::Find => ("Find ", "a part of the key"),
        };
        let y = height.saturating_sub(2);
        let x = canvas.put(1, y, label, Token::Strong);
        let x = canvas.put(x, y, "> ", Token::Key);
        field.view(canvas, x, y, width.saturating_sub(x + 1), true);
        let (said, token) =
            if fault.is_empty() { (hint, Token::Dim) } else { (fault.as_str(), Token::Error) };
        canvas.put_fit(1, y + 1, width.saturating_sub(2), said, token);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.typing.is_some() {
            return Vec::new();
        }
        let mut footer = vec!["why.context", "why.what-if", "why.at", "why.open"];
        match self.tab {
            WHAT_IF => footer.push("why.remove"),
            RECENT => footer.insert(0, "why.find"),
            _ => {}
        }
        footer.extend(["why.editor", "why.flag", "why.history"]);
        footer
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        match action {
            "why.remove" => match self.selected(world) {
                Some(Item::Varied(_)) => Ok(()),
                _ => Err("no variation of the context is selected".to_owned()),
            },
            "why.open" => match self.selected(world) {
                Some(_) => Ok(()),
                None => Err("nothing is selected".to_owned()),
            },
            _ => Ok(()),
        }
    }

    fn environment(&self, world: &World) -> Option<Option<String>> {
        let own = Some(self.environment.clone()).filter(|e| !e.is_empty());
        Some(own.or_else(|| Some(world.environment.clone()).filter(|e| !e.is_empty())))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        Some(self.flag.clone())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let verdict = self.verdict();
        match what {
            "key" => self.context.as_ref().map(context_text::key),
            "value" => verdict.and_then(|verdict| verdict.value.as_ref()).map(Json::to_text),
            "json" => {
                verdict.and_then(|v| v.steps.as_ref()).map(|s| shared::json::pretty(&Json::from_serialize(s)))
            }
            "cli" => self.context.as_ref().map(|context| self.cli(context)),
            "row" => {
                let lines = self.lines(world, world.size.0);
                let item = self.panes.get(self.tab)?.item(&lines)?.clone();
                lines.iter().find(|line| line.item.as_ref() == Some(&item)).map(Line::text)
            }
            "report" => {
                let context = self.context.as_ref().map(context_text::told).unwrap_or_default();
                let when = self.at.as_deref().map_or_else(|| "now".to_owned(), moment::told);
                let mut report = format!("## Why {} in {} at {when}\n\n", self.flag, self.environment);
                report.push_str(&format!("    {:<10} {}\n", "CONTEXT", text::shown(&context)));
                for line in self.lines(world, 100) {
                    let right = line.right.as_ref().map_or(String::new(), |(said, _)| format!("  [{said}]"));
                    let said = format!("    {:<10} {}{right}", line.label, line.text());
                    report.push_str(&format!("{}\n", text::shown(&said)));
                }
                Some(report)
            }
            _ => None,
        }
    }
}
