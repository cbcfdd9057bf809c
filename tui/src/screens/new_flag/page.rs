//! The form of a new flag: keys, faults, refusals, and how it is drawn.

use super::fields::{self, Fields, Place, place};
use crate::action::Action;
use crate::cache::rows::EnvironmentRow;
use crate::canvas::Canvas;
use crate::guard::Closed;
use crate::key::{Code, Press};
use crate::request::Problem;
use crate::route::{Form, Route};
use crate::screens::{Do, Event, Mode, Screen};
use crate::text;
use crate::theme::Token;
use crate::widgets::entry::{self, Cell, Entry, Piece};
use crate::world::World;
use shared::flag::FlagKind;
use shared::json::Json;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("new-flag.next", &["tab", "down"], "next field", "To the next field."),
    Action::reads("new-flag.previous", &["backtab", "up"], "previous field", "To the field before."),
    Action::writes("new-flag.create", &["enter"], "create", "Make the flag.")
        .cli("flagstaff flag create KEY"),
    Action::reads("new-flag.add-value", &["ctrl-a"], "add value", "One more value."),
    Action::reads("new-flag.drop-value", &["ctrl-x"], "drop value", "Take the value with the cursor out."),
    Action::reads("new-flag.cancel", &["esc"], "cancel", "Back without a flag."),
];

/// The form of a new flag.
#[derive(Debug)]
pub struct NewFlag {
    pub(super) fields: Fields,
    pub(super) focus: Place,
    faults: Vec<(Place, String)>,
    /// What the daemon said that belongs to no field.
    refused: Option<String>,
    sent: bool,
    /// Whether `esc` was pressed once over what was typed.
    leaving: bool,
}

impl NewFlag {
    /// An empty form.
    #[must_use]
    pub fn new(_world: &World) -> Self {
        Self {
            fields: Fields::default(),
            focus: Place::Key,
            faults: Vec::new(),
            refused: None,
            sent: false,
            leaving: false,
        }
    }

    fn go(&mut self, world: &World, on: bool) {
        let order = self.fields.order(world.cache.environments.len());
        let at = order.iter().position(|place| *place == self.focus).unwrap_or(0);
        let next = if on { (at + 1) % order.len() } else { (at + order.len() - 1) % order.len() };
        self.focus = order.get(next).copied().unwrap_or(Place::Key);
    }

    fn create(&mut self, world: &World) -> Vec<Do> {
        self.refused = None;
        self.faults = self.fields.faults(world);
        if let Some((place, _)) = self.faults.first() {
            self.focus = *place;
            return Vec::new();
        }
        self.sent = true;
        vec![Do::Wish(Box::new(self.fields.wish(world)))]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let leaving = std::mem::take(&mut self.leaving);
        match id {
            "new-flag.next" => self.go(world, true),
            "new-flag.previous" => self.go(world, false),
            "new-flag.create" => return self.create(world),
            "new-flag.add-value" if self.fields.kind != FlagKind::Boolean => {
                self.fields.values.push(Default::default());
                self.focus = Place::Value(self.fields.values.len() - 1);
            }
            "new-flag.drop-value" => {
                let count = self.fields.values.len();
                if let Place::Value(n) = self.focus
                    && n < count
                    && count > 1
                {
                    self.fields.values.remove(n);
                    self.faults.clear();
                    self.focus = Place::Value(n.min(count - 2));
                }
            }
            "new-flag.cancel" | "global.escape" => {
                if leaving || !self.fields.touched() {
                    return vec![Do::Back];
                }
                self.leaving = true;
            }
            _ => {}
        }
        Vec::new()
    }

    fn key(&mut self, world: &World, press: Press) {
        self.leaving = false;
        let focus = self.focus;
        self.faults.retain(|(place, _)| *place != focus);
        let turned = match press.code {
            Code::Right | Code::Char(' ') => Some(true),
            Code::Left => Some(false),
            _ => None,
        };
        match (focus, turned) {
            (Place::Kind, Some(on)) => {
                self.fields.turn(on);
                self.faults.clear();
            }
            (Place::Kind, None) => {
                let kinds = fields::KINDS;
                let begins = |kind: &&FlagKind| press.typed().is_some_and(|c| kind.as_str().starts_with(c));
                if let Some(kind) = kinds.iter().find(begins) {
                    self.fields.kind = *kind;
                }
            }
            (Place::Temporary, Some(_)) => self.fields.temporary = !self.fields.temporary,
            (Place::On(n), Some(_)) => {
                let Some(environment) = world.cache.environments.get(n) else { return };
                if !self.fields.on.remove(&environment.key) {
                    match world.writable(Some(&environment.key)) {
                        Ok(()) => {
                            self.fields.on.insert(environment.key.clone());
                        }
                        Err(closed) => self.faults.push((focus, closed.to_string())),
                    }
                }
            }
            _ => {
                if let Some(field) = self.fields.field(focus) {
                    field.key(press);
                }
            }
        }
    }

    /// What the daemon refused goes to the fields that it means.
    fn refuse(&mut self, problem: &Problem) {
        self.sent = false;
        if problem.kind == "key-taken" {
            self.faults = vec![(Place::Key, problem.detail.clone())];
            self.focus = Place::Key;
            return;
        }
        let errors = problem.body.get("errors").and_then(Json::as_array).unwrap_or_default();
        let mut rest = Vec::new();
        for error in errors {
            let text = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
            match place(&self.fields, text("pointer")) {
                Some(place) => self.faults.push((place, text("detail").to_owned())),
                None => rest.push(text("detail").to_owned()),
            }
        }
        if let Some((place, _)) = self.faults.first() {
            self.focus = *place;
        }
        if errors.is_empty() {
            rest.push(problem.sentence());
        }
        self.refused = Some(rest.join("; ")).filter(|said| !said.is_empty());
    }

    fn fault(&self, place: Place) -> Option<String> {
        self.faults.iter().find(|(at, _)| *at == place).map(|(_, fault)| fault.clone())
    }

    fn entries(&self, world: &World) -> Vec<Entry<'_>> {
        let fields = &self.fields;
        let typed = |label: &str, field, place| {
            Entry::new(label, Piece::Field(field), self.focus == place).wrong(self.fault(place))
        };
        let chosen = |label: String, word: String, more: String, place| Entry {
            label,
            cells: vec![
                Cell { piece: Piece::Choice(word), columns: 14, focus: self.focus == place },
                Cell { piece: Piece::Text(more, Token::Dim), columns: 0, focus: false },
            ],
            fault: self.fault(place),
        };
        let about = match fields.kind {
            FlagKind::Boolean => "true when on, false when off",
            FlagKind::String => "text; on serves the first value, off the last",
            FlagKind::Number => "on serves the first value, off the last",
            FlagKind::Json => "any JSON; on serves the first value, off the last",
        };
        let kind = chosen("Kind".to_owned(), fields.kind.as_str().to_owned(), about.to_owned(), Place::Kind);
        let mut entries =
            vec![typed("Key", &fields.key, Place::Key), typed("Name", &fields.name, Place::Name), kind];
        if fields.kind != FlagKind::Boolean {
            for (n, field) in fields.values.iter().enumerate() {
                entries.push(typed(&format!("  value {n}"), field, Place::Value(n)));
            }
        }
        entries.push(typed("Tags", &fields.tags, Place::Tags));
        entries.push(typed("Owner", &fields.owner, Place::Owner));
        entries.push(typed("For", &fields.description, Place::Description));
        let word = if fields.temporary { "yes" } else { "no" };
        let more = "meant to be removed again one day".to_owned();
        entries.push(chosen("Temporary".to_owned(), word.to_owned(), more, Place::Temporary));
        for (n, environment) in world.cache.environments.iter().enumerate() {
            let on = fields.on.contains(&environment.key);
            let word = if on { "on" } else { "off" };
            let label = if n == 0 { "Begins" } else { "" };
            let said = standing(world, environment, on);
            entries.push(chosen(label.to_owned(), word.to_owned(), said, Place::On(n)));
        }
        entries
    }

    fn hint(&self) -> &'static str {
        match self.focus {
            Place::Key => "letters, digits, '.', '_' and '-'; it never changes",
            Place::Name => "what people call it; the key where it is empty",
            Place::Kind => "left and right, or the first letter",
            Place::Value(_) => "ctrl-a adds a value; empty ones are left out",
            Place::Tags => "words to find it by, separated by commas",
            Place::Owner => "who answers for it, such as team:payments",
            Place::Description => "what it is for",
            Place::Temporary | Place::On(_) => "left, right or space",
        }
    }
}

/// An environment's name, and why it cannot be on there.
fn standing(world: &World, environment: &EnvironmentRow, on: bool) -> String {
    match world.writable(Some(&environment.key)) {
        // The form takes every letter, `!` as well.
        Err(Closed::Locked) if !on => format!("in {}  (locked: press ! before this form)", environment.key),
        Err(closed) if !on => format!("in {}  ({closed})", environment.key),
        _ => format!("in {}", environment.key),
    }
}

impl Screen for NewFlag {
    fn route(&self) -> Route {
        Route::Form(Form::NewFlag)
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    /// That with the strictest rules among those where it will be on.
    fn environment(&self, world: &World) -> Option<Option<String>> {
        let on = world.cache.environments.iter().filter(|e| self.fields.on.contains(&e.key));
        let strict = on.max_by_key(|e| e.protected).map(|e| e.key.clone());
        Some(strict.or_else(|| Some(world.environment.clone()).filter(|e| !e.is_empty())))
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Action(id) => return self.act(world, id),
            Event::Key(press) => self.key(world, *press),
            Event::Paste(text) => {
                let focus = self.focus;
                self.faults.retain(|(place, _)| *place != focus);
                if let Some(field) = self.fields.field(focus) {
                    field.paste(text);
                }
            }
            // A question for confirmation, or a newer plan, is answered in the review.
            Event::Refused(problem)
                if self.sent
                    && !["confirmation-required", "plan-changed"].contains(&problem.kind.as_str()) =>
            {
                self.refuse(problem);
            }
            Event::Written { touches, .. } if self.sent => {
                let key = self.fields.key.text().trim();
                if touches.iter().any(|touch| touch.key == key) {
                    let environment = world.environment.clone();
                    return vec![Do::Replace(Route::Flag { key: key.to_owned(), environment, tab: 0 })];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        canvas.put(1, 0, "New flag", Token::Title);
        if let Some(project) = world.cache.me.get("project").and_then(Json::as_str) {
            canvas.put_right(0, &format!("in {} ", text::fit(project, 24)), Token::Dim);
        }
        entry::view(canvas, 2, height.saturating_sub(2), &self.entries(world), 14);
        let (said, token) = match (&self.refused, self.leaving) {
            (_, true) => ("esc again drops what you typed", Token::Warn),
            (Some(refused), _) => (refused.as_str(), Token::Error),
            (None, _) => (self.hint(), Token::Dim),
        };
        canvas.put_fit(3, height.saturating_sub(1), width.saturating_sub(4), said, token);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        let mut footer = vec!["new-flag.create", "new-flag.next"];
        if self.fields.kind != FlagKind::Boolean {
            footer.extend(["new-flag.add-value", "new-flag.drop-value"]);
        }
        footer.push("new-flag.cancel");
        footer
    }
}
