//! The fields of a new flag, what is wrong with them, and the change that they make.

use crate::plan::{Touch, Wish};
use crate::widgets::field::Field;
use crate::widgets::typed;
use crate::world::World;
use shared::flag::FlagKind;
use shared::json::Json;
use shared::key::FlagKey;
use std::collections::BTreeSet;

/// The kinds in the order in which they are chosen.
pub const KINDS: [FlagKind; 4] = [FlagKind::Boolean, FlagKind::String, FlagKind::Number, FlagKind::Json];

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The key.
    Key,
    /// What people call it.
    Name,
    /// What its values are.
    Kind,
    /// One value.
    Value(usize),
    /// Words to find it by.
    Tags,
    /// Who answers for it.
    Owner,
    /// What it is for.
    Description,
    /// Whether it is meant to go again.
    Temporary,
    /// Whether it is on in an environment.
    On(usize),
}

/// A flag as it is typed.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The key.
    pub key: Field,
    /// What people call it; the key where it is empty.
    pub name: Field,
    /// What its values are.
    pub kind: FlagKind,
    /// Its values, of a kind that is not boolean; empty ones are left out.
    pub values: Vec<Field>,
    /// Words to find it by, separated by commas.
    pub tags: Field,
    /// Who answers for it.
    pub owner: Field,
    /// What it is for.
    pub description: Field,
    /// Whether it is meant to go again.
    pub temporary: bool,
    /// The environments in which it is on from the beginning.
    pub on: BTreeSet<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            key: Field::default(),
            name: Field::default(),
            kind: FlagKind::Boolean,
            values: vec![Field::default(), Field::default()],
            tags: Field::default(),
            owner: Field::default(),
            description: Field::default(),
            temporary: true,
            on: BTreeSet::new(),
        }
    }
}

impl Fields {
    /// Whether anything was typed or chosen.
    #[must_use]
    pub fn touched(&self) -> bool {
        let texts = [&self.key, &self.name, &self.tags, &self.owner, &self.description];
        texts.into_iter().chain(&self.values).any(|field| !field.text().is_empty()) || !self.on.is_empty()
    }

    /// The text field at a place.
    pub fn field(&mut self, place: Place) -> Option<&mut Field> {
        match place {
            Place::Key => Some(&mut self.key),
            Place::Name => Some(&mut self.name),
            Place::Value(n) => self.values.get_mut(n),
            Place::Tags => Some(&mut self.tags),
            Place::Owner => Some(&mut self.owner),
            Place::Description => Some(&mut self.description),
            Place::Kind | Place::Temporary | Place::On(_) => None,
        }
    }

    /// The fields in the order in which one goes through them.
    #[must_use]
    pub fn order(&self, environments: usize) -> Vec<Place> {
        let mut order = vec![Place::Key, Place::Name, Place::Kind];
        if self.kind != FlagKind::Boolean {
            order.extend((0..self.values.len()).map(Place::Value));
        }
        order.extend([Place::Tags, Place::Owner, Place::Description, Place::Temporary]);
        order.extend((0..environments).map(Place::On));
        order
    }

    /// To the next kind, or back.
    pub fn turn(&mut self, on: bool) {
        let at = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let count = KINDS.len();
        let next = if on { (at + 1) % count } else { (at + count - 1) % count };
        self.kind = KINDS.get(next).copied().unwrap_or(FlagKind::Boolean);
    }

    /// The values, with the field that each stands in.
    fn read(&self) -> Vec<(usize, Result<Json, String>)> {
        if self.kind == FlagKind::Boolean {
            return vec![(0, Ok(Json::Bool(true))), (1, Ok(Json::Bool(false)))];
        }
        let typed = self.values.iter().enumerate().filter(|(_, field)| !field.text().is_empty());
        typed.map(|(n, field)| (n, typed::value(self.kind, field.text()))).collect()
    }

    /// What is wrong, and where.
    #[must_use]
    pub fn faults(&self, world: &World) -> Vec<(Place, String)> {
        let mut faults = Vec::new();
        let key = self.key.text().trim();
        match FlagKey::new(key) {
            Err(error) => faults.push((Place::Key, error.to_string())),
            Ok(_) if world.cache.flags.contains_key(key) => {
                faults.push((Place::Key, "this key is taken; a key is never used again".to_owned()));
            }
            Ok(_) => {}
        }
        let values = self.read();
        for (n, value) in &values {
            if let Err(why) = value {
                faults.push((Place::Value(*n), why.clone()));
            }
        }
        for (at, (n, value)) in values.iter().enumerate() {
            let same = |(_, other): &&(usize, Result<Json, String>)| match (other, value) {
                (Ok(a), Ok(b)) => a.same_value(b),
                _ => false,
            };
            if values.iter().take(at).any(|other| same(&other)) {
                faults.push((Place::Value(*n), "this value stands above already".to_owned()));
            }
        }
        if values.is_empty() && !self.on.is_empty() {
            faults.push((Place::Value(0), "what is on needs a value to serve".to_owned()));
        }
        faults
    }

    /// The change.
    #[must_use]
    pub fn wish(&self, world: &World) -> Wish {
        let key = self.key.text().trim();
        let mut flag: Json =
            [("key", Json::from(key)), ("kind", Json::from(self.kind.as_str()))].into_iter().collect();
        for (name, field) in
            [("name", &self.name), ("description", &self.description), ("owner", &self.owner)]
        {
            let text = field.text().trim();
            if !text.is_empty() {
                flag.set(name, Json::from(text));
            }
        }
        if self.kind != FlagKind::Boolean {
            let values = self.read().into_iter().filter_map(|(_, value)| value.ok());
            let variations: Vec<Json> =
                values.map(|value| [("value", value)].into_iter().collect()).collect();
            if !variations.is_empty() {
                flag.set("variations", Json::Array(variations));
            }
        }
        let tags = self.tags.text().split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let tags: Vec<Json> = tags.map(Json::from).collect();
        if !tags.is_empty() {
            flag.set("tags", Json::Array(tags));
        }
        flag.set("temporary", Json::Bool(self.temporary));
        let mut mutations: Vec<Json> =
            vec![[("op", Json::from("createFlag")), ("flag", flag)].into_iter().collect()];
        for environment in &self.on {
            let on = [
                ("op", Json::from("setOn")),
                ("flag", Json::from(key)),
                ("environment", Json::from(environment.as_str())),
                ("enabled", Json::Bool(true)),
            ];
            mutations.push(on.into_iter().collect());
        }
        // Off it serves nobody: no environment but those where it is on has to be open for writes.
        let place = |environment: &str| Touch {
            key: key.to_owned(),
            environment: Some(environment.to_owned()).filter(|e| !e.is_empty()),
        };
        let mut touches: Vec<Touch> = self.on.iter().map(|e| place(e)).collect();
        if touches.is_empty() {
            touches.push(place(&world.environment));
        }
        let on: Vec<&str> = self.on.iter().map(String::as_str).collect();
        let mut title = format!("create {key}");
        let mut cli = format!("flagstaff flag create {key} --kind {}", self.kind.as_str());
        if !on.is_empty() {
            title.push_str(&format!(", on in {}", on.join(", ")));
            cli.push_str(&format!(" --on {}", on.join(",")));
        }
        Wish::mutations(title, mutations, touches).with_cli(cli)
    }
}

/// The field that a pointer of a refusal means; none where it means no field. `fields` says which values were sent.
#[must_use]
pub fn place(fields: &Fields, pointer: &str) -> Option<Place> {
    let mut parts = pointer.trim_start_matches('/').split('/').skip(2);
    if parts.next() != Some("flag") {
        return None;
    }
    Some(match parts.next()? {
        "key" => Place::Key,
        "name" => Place::Name,
        "kind" | "type" => Place::Kind,
        "tags" => Place::Tags,
        "owner" => Place::Owner,
        "description" => Place::Description,
        "temporary" => Place::Temporary,
        "variations" => {
            let nth: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            Place::Value(fields.read().get(nth).map_or(0, |(n, _)| *n))
        }
        _ => return None,
    })
}
