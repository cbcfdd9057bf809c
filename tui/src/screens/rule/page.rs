//! The form of a targeting rule: keys, faults, and how it is drawn.

use super::fields::{Fields, Place, served};
use crate::action::Action;
use crate::cache::rows::{FlagRow, text as member};
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::{Code, Press};
use crate::request::encoded;
use crate::route::{Form, Route};
use crate::screens::{Do, Event, Mode, Screen, Told};
use crate::text;
use crate::theme::Token;
use crate::widgets::entry::{self, Cell, Entry, Piece};
use crate::widgets::{shares, words};
use crate::world::World;
use shared::json::Json;
use shared::targeting::Op;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("rule.next", &["tab", "down"], "next field", "To the next field."),
    Action::reads("rule.previous", &["backtab", "up"], "previous field", "To the field before."),
    Action::reads(
        "rule.accept",
        &["enter"],
        "stage",
        "Stage the rule; S on the flag reviews what is staged.",
    ),
    Action::reads("rule.add-clause", &["ctrl-a"], "add clause", "One more clause: all of them must hold."),
    Action::reads("rule.drop-clause", &["ctrl-x"], "drop clause", "Take the clause with the cursor out."),
    Action::reads("rule.cancel", &["esc"], "cancel", "Back without the rule."),
];

pub(super) const SEGMENTS: u32 = 1;

/// The form of one targeting rule.
#[derive(Debug)]
pub struct Rule {
    flag: String,
    environment: String,
    index: Option<usize>,
    rule: Json,
    pub(super) fields: Fields,
    pub(super) focus: Place,
    pub(super) faults: Vec<(Place, String)>,
    /// The segments that there are, once they were read.
    segments: Option<Vec<String>>,
    /// Whether `esc` was pressed once over changes.
    leaving: bool,
}

impl Rule {
    /// The form for a rule of a flag in an environment; a new rule has no index.
    #[must_use]
    pub fn new(flag: String, environment: String, index: Option<usize>, rule: Json, world: &World) -> Self {
        let fields = Fields::read(&rule, world.cache.flags.get(&flag).map(AsRef::as_ref));
        let focus = if index.is_none() { Place::Attribute(0) } else { Place::Description };
        Self {
            flag,
            environment,
            index,
            rule,
            fields,
            focus,
            faults: Vec::new(),
            segments: None,
            leaving: false,
        }
    }

    fn row<'w>(&self, world: &'w World) -> Option<&'w FlagRow> {
        world.cache.flags.get(&self.flag).map(AsRef::as_ref)
    }

    fn go(&mut self, on: bool) {
        let order = self.fields.order();
        let at = order.iter().position(|place| *place == self.focus).unwrap_or(0);
        let count = order.len();
        let next = if on { (at + 1) % count } else { (at + count - 1) % count };
        self.to(order.get(next).copied().unwrap_or(Place::Description));
    }

    pub(super) fn to(&mut self, place: Place) {
        self.focus = place;
        if let (Place::Share(n), Some(shares)) = (place, &mut self.fields.shares) {
            while shares.at > n && shares.go(false) {}
            while shares.at < n && shares.go(true) {}
        }
    }

    fn accept(&mut self, world: &World) -> Vec<Do> {
        let segments = self.segments.as_deref();
        self.faults = self.fields.faults(self.row(world), segments);
        if let Some((place, _)) = self.faults.first() {
            let place = *place;
            self.to(place);
            return Vec::new();
        }
        vec![Do::Answer(Told::Rule { index: self.index, rule: self.fields.build() })]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let leaving = std::mem::take(&mut self.leaving);
        match id {
            "rule.next" => self.go(true),
            "rule.previous" => self.go(false),
            "rule.accept" => return self.accept(world),
            "rule.add-clause" => {
                let place = self.fields.add();
                self.to(place);
            }
            "rule.drop-clause" => {
                let clause = match self.focus {
                    Place::Kind(n)
                    | Place::Attribute(n)
                    | Place::Op(n)
                    | Place::Not(n)
                    | Place::Values(n) => Some(n),
                    _ => None,
                };
                if let Some(n) = clause.filter(|n| *n < self.fields.clauses.len()) {
                    self.fields.clauses.remove(n);
                    self.faults.clear();
                    let place = if n > 0 { Place::Op(n - 1) } else { Place::Description };
                    self.to(place);
                }
            }
            "rule.cancel" | "global.escape" => {
                let began = Fields::read(&self.rule, self.row(world)).build();
                if leaving || self.fields.build() == began {
                    return vec![Do::Back];
                }
                self.leaving = true;
            }
            _ => {}
        }
        Vec::new()
    }

    fn key(&mut self, press: Press) {
        self.leaving = false;
        let focus = self.focus;
        let turned = match press.code {
            Code::Right | Code::Char(' ') => Some(true),
            Code::Left => Some(false),
            _ => None,
        };
        // What was wrong here may be right now; the rest is checked with enter.
        self.faults.retain(|(place, _)| *place != focus);
        match (focus, turned) {
            (Place::Op(n), _) => {
                let Some(clause) = self.fields.clauses.get_mut(n) else { return };
                match (turned, press.typed()) {
                    (Some(on), _) => clause.turn(on),
                    (None, Some(letter)) => clause.jump(letter),
                    _ => {}
                }
            }
            (Place::Not(n), Some(_)) => {
                if let Some(clause) = self.fields.clauses.get_mut(n) {
                    clause.negate = !clause.negate;
                }
            }
            (Place::Serve, Some(on)) => self.fields.turn(on),
            (Place::Share(_), _) => {
                if let Some(shares) = &mut self.fields.shares {
                    shares.key(press);
                }
                self.faults.retain(|(place, _)| *place != Place::Serve);
            }
            _ => {
                if let Some(field) = self.fields.field(focus) {
                    field.key(press);
                }
            }
        }
    }

    fn fault(&self, places: &[Place]) -> Option<String> {
        let found = self.faults.iter().find(|(place, _)| places.contains(place));
        found.map(|(_, fault)| fault.clone())
    }

    fn entries(&self, world: &World, width: u16) -> Vec<Entry<'_>> {
        let here = |place: Place| self.focus == place;
        let fields = &self.fields;
        let row = self.row(world);
        let (kind, attribute, op, not) = if width >= 80 { (14, 24, 17, 9) } else { (10, 15, 12, 9) };
        let about = Entry::new("For", Piece::Field(&fields.description), here(Place::Description));
        let mut entries = vec![about.wrong(self.fault(&[Place::Description]))];
        let names = [("KIND", kind + 1), ("ATTRIBUTE", attribute + 1), ("  OPERATOR", op + 1)];
        let names: String = names.iter().map(|(name, wide)| text::pad(name, usize::from(*wide))).collect();
        entries.push(Entry::told("", format!("{names}  NOT"), Token::Heading));
        for (n, clause) in fields.clauses.iter().enumerate() {
            let mut cells = if clause.op == Op::SegmentMatch {
                vec![Cell {
                    piece: Piece::Text("the whole context".to_owned(), Token::Dim),
                    columns: kind + 1 + attribute,
                    focus: false,
                }]
            } else {
                vec![
                    Cell { piece: Piece::Field(&clause.kind), columns: kind, focus: here(Place::Kind(n)) },
                    Cell {
                        piece: Piece::Field(&clause.attribute),
                        columns: attribute,
                        focus: here(Place::Attribute(n)),
                    },
                ]
            };
            cells.push(Cell {
                piece: Piece::Choice(words::verb(&clause.op).to_owned()),
                columns: op,
                focus: here(Place::Op(n)),
            });
            let not_word = if clause.negate { "not" } else { "-" };
            cells.push(Cell {
                piece: Piece::Choice(not_word.to_owned()),
                columns: not,
                focus: here(Place::Not(n)),
            });
            let label = if n == 0 { "If" } else { "and" };
            let fault = self.fault(&[Place::Kind(n), Place::Attribute(n), Place::Op(n), Place::Not(n)]);
            entries.push(Entry { label: label.to_owned(), cells, fault });
            let label = if clause.op == Op::SegmentMatch { "  segments" } else { "  values" };
            let values = Entry::new(label, Piece::Field(&clause.values), here(Place::Values(n)));
            entries.push(values.wrong(self.fault(&[Place::Values(n)])));
        }
        if fields.clauses.is_empty() {
            entries.push(Entry::told("If", "no clause: everybody matches", Token::Warn));
        }
        let serve = Entry::new("Serve", Piece::Choice(served(fields, row)), here(Place::Serve));
        entries.push(serve.wrong(self.fault(&[Place::Serve])));
        if let Some(shares) = fields.shares.as_ref().filter(|_| fields.divides()) {
            for (n, share) in shares.all().iter().enumerate() {
                let value = row.map_or_else(|| "?".to_owned(), |row| row.value(share.index));
                #[allow(clippy::cast_precision_loss)] // weights are small
                let percent = shares::weight(&share.text).unwrap_or(0) as f64 / 1000.0;
                let label = format!("  {value}");
                entries.push(Entry::new(label, Piece::Share(&share.text, percent), here(Place::Share(n))));
            }
        }
        entries
    }

    /// What helps with the field that has the focus.
    fn hint(&self) -> String {
        match self.focus {
            Place::Description => "what the rule is for; may stay empty".to_owned(),
            Place::Kind(_) => "the kind of context, such as user or device".to_owned(),
            Place::Attribute(_) => {
                "an attribute such as country, or a reference such as /address/city".to_owned()
            }
            Place::Op(_) => "left and right, or the first letter".to_owned(),
            Place::Not(_) => "left, right or space: the clause holds where it does not match".to_owned(),
            Place::Values(n) => match self.fields.clauses.get(n).map(|clause| &clause.op) {
                Some(Op::SegmentMatch) => match &self.segments {
                    Some(keys) if keys.is_empty() => "there is no segment in this environment".to_owned(),
                    Some(keys) => format!("segments here: {}", keys.join(", ")),
                    None => "the keys of segments, separated by commas".to_owned(),
                },
                Some(Op::In) => {
                    "commas between values; 4 is a number, \"4\" is text, as is \"a, b\"".to_owned()
                }
                Some(Op::Before | Op::After) => {
                    "times such as 2026-01-31T09:00:00Z, or milliseconds since 1970".to_owned()
                }
                Some(Op::Matches) => "regular expressions; one with a comma in \"quotes\"".to_owned(),
                _ => "commas between values: any of them is enough".to_owned(),
            },
            Place::Serve => "left and right: a value, or a rollout".to_owned(),
            Place::Share(_) => "percent; left and right by 5".to_owned(),
        }
    }
}

impl Screen for Rule {
    fn route(&self) -> Route {
        Route::Form(Form::Rule {
            flag: self.flag.clone(),
            environment: self.environment.clone(),
            index: self.index,
            rule: self.rule.clone(),
        })
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        Some(Some(self.environment.clone()))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        Some(self.flag.clone())
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                let path = format!("/api/environments/{}/segments?limit=1000", encoded(&self.environment));
                return vec![Do::Ask(SEGMENTS, Read::get(path))];
            }
            Event::Answer { tag: SEGMENTS, outcome: Ok(answer) } => {
                let items = answer.body.get("items").and_then(Json::as_array).unwrap_or_default();
                let live = items.iter().filter(|item| item.get("archived") != Some(&Json::Bool(true)));
                // Of more than one page not all are known: then the daemon checks alone.
                let whole = answer.body.get("nextCursor").is_none_or(Json::is_null);
                self.segments = whole.then(|| live.filter_map(|item| member(item.get("key"))).collect());
            }
            Event::Action(id) => return self.act(world, id),
            Event::Key(press) => self.key(*press),
            Event::Paste(text) => {
                let focus = self.focus;
                if let Some(field) = self.fields.field(focus) {
                    field.paste(text);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let name = self.index.map_or_else(|| "New rule".to_owned(), |n| format!("Rule {}", n + 1));
        let end = canvas.put_right(0, &format!("in {} ", text::fit(&self.environment, 24)), Token::Dim);
        let x = canvas.put(1, 0, &format!("{name} > "), Token::Dim);
        canvas.put_fit(x, 0, end.saturating_sub(x + 1), &self.flag, Token::Title);
        let rule = self.fields.build();
        let served = self.row(world).map_or_else(String::new, |row| words::served(row, &rule));
        let reads =
            text::wrap(&format!("{}  -> {served}", words::rule(&rule)), usize::from(width.saturating_sub(4)));
        let lines = u16::try_from(reads.len()).unwrap_or(1).min(if height >= 18 { 3 } else { 1 });
        let bottom = height.saturating_sub(lines + 2);
        entry::view(canvas, 2, bottom, &self.entries(world, width), 14);
        canvas.rule(bottom, "", "");
        for (n, line) in reads.iter().take(usize::from(lines)).enumerate() {
            let y = bottom + 1 + u16::try_from(n).unwrap_or(0);
            canvas.put_fit(3, y, width.saturating_sub(4), line, Token::Strong);
        }
        let (said, token) = if self.leaving {
            ("esc again drops what you typed".to_owned(), Token::Warn)
        } else {
            (self.hint(), Token::Dim)
        };
        canvas.put_fit(3, height.saturating_sub(1), width.saturating_sub(4), &said, token);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["rule.accept", "rule.next", "rule.add-clause", "rule.drop-clause", "rule.cancel"]
    }
}
