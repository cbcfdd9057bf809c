//! The fields of a targeting rule, filled from a rule and made into one again.

use crate::cache::rows::FlagRow;
use crate::widgets::field::Field;
use crate::widgets::shares::Shares;
use crate::widgets::words;
use shared::flag::FlagKind;
use shared::json::Json;
use shared::targeting::{Op, Serves, check_flag};

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the rule is for.
    Description,
    /// The kind of context a clause looks at.
    Kind(usize),
    /// The attribute a clause looks at.
    Attribute(usize),
    /// How a clause compares.
    Op(usize),
    /// Whether the result of a clause is turned round.
    Not(usize),
    /// What a clause compares with.
    Values(usize),
    /// What is served.
    Serve,
    /// The share of a variation.
    Share(usize),
}

/// A clause as it is typed.
#[derive(Clone, Debug)]
pub struct Clause {
    /// The kind; empty for the old form, in which the attribute is a literal name of a user.
    pub kind: Field,
    /// The attribute.
    pub attribute: Field,
    /// The operator.
    pub op: Op,
    /// Whether it is turned round.
    pub negate: bool,
    /// The values, separated by commas.
    pub values: Field,
    /// As it was, with members that are not shown.
    before: Json,
}

impl Clause {
    fn new() -> Self {
        Self {
            kind: Field::new("user"),
            attribute: Field::default(),
            op: Op::In,
            negate: false,
            values: Field::default(),
            before: Json::object(),
        }
    }

    fn read(clause: &Json) -> Self {
        let text = |name: &str| clause.get(name).and_then(Json::as_str).unwrap_or_default();
        let op = Op::parse(text("op"));
        let values = clause.get("values").and_then(Json::as_array).unwrap_or_default();
        let values: Vec<String> = values.iter().map(|value| words::value(&op, value)).collect();
        Self {
            kind: Field::new(text("contextKind")),
            attribute: Field::new(text("attribute")),
            negate: clause.get("negate") == Some(&Json::Bool(true)),
            values: Field::new(values.join(", ")),
            op,
            before: clause.clone(),
        }
    }

    fn build(&self) -> Json {
        let mut clause = self.before.clone();
        let segment = self.op == Op::SegmentMatch;
        match self.kind.text().trim() {
            "" => {
                clause.remove("contextKind");
            }
            // A segment is asked about the whole context.
            _ if segment && self.before.get("contextKind").is_none() => {}
            kind => clause.set("contextKind", Json::from(kind)),
        }
        let attribute = if segment { "" } else { self.attribute.text().trim() };
        clause.set("attribute", Json::from(attribute));
        clause.set("op", Json::from(self.op.as_str()));
        clause.set("values", Json::Array(words::read_values(&self.op, self.values.text())));
        clause.set("negate", Json::Bool(self.negate));
        clause
    }

    /// To the next operator, or back.
    pub fn turn(&mut self, on: bool) {
        let all = Op::NAMES;
        let at = all.iter().position(|name| *name == self.op.as_str()).unwrap_or(0);
        let next = if on { (at + 1) % all.len() } else { (at + all.len() - 1) % all.len() };
        self.op = Op::parse(all.get(next).copied().unwrap_or("in"));
    }

    /// To the next operator whose name, or whose words, begin with a letter.
    pub fn jump(&mut self, letter: char) {
        let begins = |op: &Op| {
            let letter = letter.to_ascii_lowercase();
            op.as_str().starts_with(letter) || words::verb(op).starts_with(letter)
        };
        for _ in 0..Op::NAMES.len() {
            self.turn(true);
            if begins(&self.op) {
                return;
            }
        }
    }
}

/// A rule as it is typed.
#[derive(Clone, Debug)]
pub struct Fields {
    /// What it is for.
    pub description: Field,
    /// All of them must hold.
    pub clauses: Vec<Clause>,
    /// The variations that can be served.
    pub variations: Vec<usize>,
    /// Which of them; their number for a rollout.
    pub serve: usize,
    /// The shares of a rollout.
    pub shares: Option<Shares>,
    rule: Json,
}

impl Fields {
    /// The fields of a rule; a new one has an empty clause.
    #[must_use]
    pub fn read(rule: &Json, row: Option<&FlagRow>) -> Self {
        let clauses = rule.get("clauses").and_then(Json::as_array);
        let served = words::serves(rule);
        let all = row.map(|row| row.variations.as_slice()).unwrap_or_default();
        let variations: Vec<usize> =
            all.iter().enumerate().filter(|(_, v)| !v.placeholder).map(|(n, _)| n).collect();
        let position = |index: usize| variations.iter().position(|n| *n == index);
        let truth = all.iter().position(|v| v.value == Json::Bool(true));
        let serve = match &served {
            Serves::Variation(index) => position(*index).unwrap_or(0),
            Serves::Rollout(_) => variations.len(),
            Serves::Nothing => truth.and_then(position).unwrap_or(0),
        };
        Self {
            description: Field::new(rule.get("description").and_then(Json::as_str).unwrap_or_default()),
            clauses: clauses.map_or_else(|| vec![Clause::new()], |c| c.iter().map(Clause::read).collect()),
            shares: row.and_then(|row| Shares::read(row, rule).ok()),
            variations,
            serve,
            rule: rule.clone(),
        }
    }

    /// Whether a rollout is served.
    #[must_use]
    pub fn divides(&self) -> bool {
        self.serve >= self.variations.len()
    }

    /// To the next thing that can be served, or back.
    pub fn turn(&mut self, on: bool) {
        let count = self.variations.len() + usize::from(self.shares.is_some());
        if count > 0 {
            self.serve = if on { (self.serve + 1) % count } else { (self.serve + count - 1) % count };
        }
    }

    /// The fields in the order in which one goes through them.
    #[must_use]
    pub fn order(&self) -> Vec<Place> {
        let mut order = vec![Place::Description];
        for (n, clause) in self.clauses.iter().enumerate() {
            if clause.op != Op::SegmentMatch {
                order.extend([Place::Kind(n), Place::Attribute(n)]);
            }
            order.extend([Place::Op(n), Place::Not(n), Place::Values(n)]);
        }
        order.push(Place::Serve);
        if self.divides() {
            let shares = self.shares.as_ref().map_or(0, |shares| shares.all().len());
            order.extend((0..shares).map(Place::Share));
        }
        order
    }

    /// Adds an empty clause; answers where to type first.
    pub fn add(&mut self) -> Place {
        self.clauses.push(Clause::new());
        Place::Attribute(self.clauses.len() - 1)
    }

    /// The text field at a place.
    pub fn field(&mut self, place: Place) -> Option<&mut Field> {
        match place {
            Place::Description => Some(&mut self.description),
            Place::Kind(n) => self.clauses.get_mut(n).map(|clause| &mut clause.kind),
            Place::Attribute(n) => self.clauses.get_mut(n).map(|clause| &mut clause.attribute),
            Place::Values(n) => self.clauses.get_mut(n).map(|clause| &mut clause.values),
            _ => None,
        }
    }

    /// The rule.
    #[must_use]
    pub fn build(&self) -> Json {
        let mut rule = self.rule.clone();
        if rule.as_object().is_none() {
            rule = Json::object();
        }
        match self.description.text().trim() {
            "" => {
                rule.remove("description");
            }
            text => rule.set("description", Json::from(text)),
        }
        rule.set("clauses", Json::Array(self.clauses.iter().map(Clause::build).collect()));
        match (&self.shares, self.variations.get(self.serve)) {
            (_, Some(index)) => {
                rule.remove("rollout");
                rule.set("variation", Json::from(*index));
            }
            (Some(shares), None) => rule = shares.serve(&rule),
            (None, None) => {}
        }
        rule
    }

    /// What is wrong, and where: what the daemon would refuse, and what could never match.
    #[must_use]
    pub fn faults(&self, row: Option<&FlagRow>, segments: Option<&[String]>) -> Vec<(Place, String)> {
        let mut faults = Vec::new();
        for (n, clause) in self.clauses.iter().enumerate() {
            let values = words::read_values(&clause.op, clause.values.text());
            if values.is_empty() {
                faults.push((Place::Values(n), "give at least one value".to_owned()));
            }
            if let (Op::SegmentMatch, Some(known)) = (&clause.op, segments) {
                for key in values.iter().filter_map(Json::as_str) {
                    if !known.iter().any(|segment| segment == key) {
                        faults.push((Place::Values(n), format!("there is no segment {key} here")));
                    }
                }
            }
        }
        if self.divides() {
            let why = match &self.shares {
                Some(shares) => shares.fault(),
                None => Some("this rollout can only be changed as JSON".to_owned()),
            };
            faults.extend(why.map(|why| (Place::Serve, why)));
        }
        let Some(row) = row else { return faults };
        let first = self.variations.first().copied().unwrap_or(0);
        let fallthrough: Json = [("variation", Json::from(first))].into_iter().collect();
        let document: Json = [
            ("on", Json::Bool(true)),
            ("fallthrough", fallthrough),
            ("rules", Json::Array(vec![self.build()])),
        ]
        .into_iter()
        .collect();
        let selectable = |index: usize| row.variations.get(index).is_some_and(|v| !v.placeholder);
        for fault in check_flag(&document, row.variations.len(), &selectable) {
            let place = place(&fault.pointer);
            if !faults.iter().any(|(known, _)| *known == place) {
                faults.push((place, fault.detail));
            }
        }
        faults
    }
}

/// The field that a pointer into the document means.
fn place(pointer: &str) -> Place {
    let mut parts = pointer.trim_start_matches("/rules/0").trim_start_matches('/').split('/');
    match (parts.next(), parts.next().and_then(|n| n.parse().ok()), parts.next()) {
        (Some("clauses"), Some(n), Some("contextKind")) => Place::Kind(n),
        (Some("clauses"), Some(n), Some("attribute")) => Place::Attribute(n),
        (Some("clauses"), Some(n), Some("op")) => Place::Op(n),
        (Some("clauses"), Some(n), _) => Place::Values(n),
        (Some("description"), ..) => Place::Description,
        _ => Place::Serve,
    }
}

/// The name of what is served.
#[must_use]
pub fn served(fields: &Fields, row: Option<&FlagRow>) -> String {
    match (fields.variations.get(fields.serve), row) {
        (Some(index), Some(row)) if row.kind == FlagKind::Boolean => row.value(*index),
        (Some(index), Some(row)) => format!("{index}: {}", row.value(*index)),
        (Some(index), None) => index.to_string(),
        (None, _) => "a rollout".to_owned(),
    }
}
