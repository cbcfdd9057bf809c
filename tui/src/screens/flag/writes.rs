//! What one flag's screen changes: on or off, archive, values, and the rules that are staged.

use super::item::{Item, current};
use super::page::{Flag, RULES, VARIATIONS};
use super::rules;
use crate::plan::{Touch, Wish};
use crate::route::{Form, Route};
use crate::screens::Do;
use crate::widgets::edits;
use crate::world::World;
use shared::flag::FlagKind;
use shared::json::Json;

impl Flag {
    pub(super) fn toggle(&self, world: &World) -> Vec<Do> {
        let (key, environment) = (&self.key, &self.environment);
        let Some(row) = self.row(world) else { return Vec::new() };
        let on = !row.cells.get(environment).is_some_and(|cell| cell.summary.on);
        let word = if on { "on" } else { "off" };
        let mutation = [
            ("op", Json::from("setOn")),
            ("flag", Json::from(key.as_str())),
            ("environment", Json::from(environment.as_str())),
            ("enabled", Json::Bool(on)),
        ];
        let touch = Touch { key: key.clone(), environment: Some(environment.clone()) };
        let title = format!("turn {key} {word} in {environment}");
        let cli = format!("flagstaff flag {word} {key} --env {environment}");
        let mutation = mutation.into_iter().collect();
        vec![Do::Wish(Box::new(Wish::mutations(title, vec![mutation], vec![touch]).with_cli(cli)))]
    }

    pub(super) fn archive(&self, archive: bool) -> Vec<Do> {
        let (op, word) = if archive { ("archiveFlag", "archive") } else { ("restoreFlag", "restore") };
        let mutation = [("op", Json::from(op)), ("flag", Json::from(self.key.as_str()))];
        let touch = Touch { key: self.key.clone(), environment: None };
        let wish = Wish::mutations(
            format!("{word} {}", self.key),
            vec![mutation.into_iter().collect()],
            vec![touch],
        )
        .with_cli(format!("flagstaff flag {word} {}", self.key))
        .reviewed();
        vec![Do::Wish(Box::new(wish))]
    }

    /// The typed value becomes a variation, in all environments.
    pub(super) fn add_value(&mut self, world: &World) -> Vec<Do> {
        let Some(kind) = self.row(world).map(|row| row.kind) else { return Vec::new() };
        let Some((field, wrong)) = &mut self.adding else { return Vec::new() };
        let value = match crate::widgets::typed::value(kind, field.text()) {
            Ok(value) => value,
            Err(why) => {
                *wrong = why;
                return Vec::new();
            }
        };
        let variation: Json = [("value", value.clone())].into_iter().collect();
        let operation: Json =
            [("op", Json::from("add")), ("path", Json::from("/variations/-")), ("value", variation)]
                .into_iter()
                .collect();
        let mutation: Json = [
            ("op", Json::from("updateFlag")),
            ("flag", Json::from(self.key.as_str())),
            ("patch", Json::Array(vec![operation])),
        ]
        .into_iter()
        .collect();
        let title = format!("add the value {} to {}", crate::text::fit(&value.to_text(), 40), self.key);
        let touch = Touch { key: self.key.clone(), environment: None };
        let wish = Wish::mutations(title, vec![mutation], vec![touch]).reviewed();
        self.adding = None;
        vec![Do::Wish(Box::new(wish))]
    }

    pub(super) fn new_rule(&mut self) -> Vec<Do> {
        self.changing = None;
        vec![Do::Open(Route::Form(Form::Rule {
            flag: self.key.clone(),
            environment: self.environment.clone(),
            index: None,
            rule: Json::object(),
        }))]
    }

    pub(super) fn change_rule(&mut self, world: &World, index: usize) -> Vec<Do> {
        let found = current(world, &self.key, &self.environment);
        let Some(rule) = found.and_then(|(document, _)| rules::of(document).get(index).cloned()) else {
            return Vec::new();
        };
        self.changing = Some(rule.clone());
        vec![Do::Open(Route::Form(Form::Rule {
            flag: self.key.clone(),
            environment: self.environment.clone(),
            index: Some(index),
            rule,
        }))]
    }

    /// Stages the answer of the rule form. `was` is the rule that it began from: its place may be another by now.
    pub(super) fn take_rule(
        &self,
        world: &World,
        index: Option<usize>,
        rule: Json,
        was: Option<&Json>,
    ) -> Vec<Do> {
        let salt = world.now.unix_timestamp_nanos().unsigned_abs();
        let salt = u64::try_from(salt & u128::from(u64::MAX)).unwrap_or(0);
        rules::stage(world, &self.key, &self.environment, |rules, _| {
            let at = was.and_then(|was| rules.iter().position(|rule| rule == was)).or(index);
            match at.and_then(|at| rules.get_mut(at)) {
                Some(old) if *old == rule => None,
                Some(old) => {
                    *old = rule;
                    Some(format!("change rule {}", at.unwrap_or(0) + 1))
                }
                None => {
                    let rule = rules::named(rules, rule, salt);
                    rules.push(rule);
                    Some(format!("add rule {}", rules.len()))
                }
            }
        })
    }

    pub(super) fn remove_rule(&self, world: &World) -> Vec<Do> {
        let item = self.selected(world);
        rules::stage(world, &self.key, &self.environment, |rules, base| match item {
            Some(Item::Rule(n)) if n < rules.len() => {
                rules.remove(n);
                Some(format!("remove rule {}", n + 1))
            }
            Some(Item::Gone(n)) => {
                let rule = base.get(n)?.clone();
                rules.insert(n.min(rules.len()), rule);
                Some(format!("put rule {} back", n + 1))
            }
            _ => None,
        })
    }

    pub(super) fn move_rule(&mut self, world: &World, down: bool) -> Vec<Do> {
        let Some(Item::Rule(from)) = self.selected(world) else { return Vec::new() };
        let Some(to) = (if down { from.checked_add(1) } else { from.checked_sub(1) }) else {
            return Vec::new();
        };
        let mut moved = false;
        let wanted = rules::stage(world, &self.key, &self.environment, |rules, _| {
            if to >= rules.len() || from >= rules.len() {
                return None;
            }
            rules.swap(from, to);
            moved = true;
            Some(format!("move rule {} to {}", from + 1, to + 1))
        });
        if moved {
            self.turn(world, |pane, lines, height| {
                pane.act(if down { "move.down" } else { "move.up" }, lines, height);
            });
        }
        wanted
    }

    /// What is staged, to be planned and reviewed.
    pub(super) fn review(&mut self, world: &World) -> Vec<Do> {
        let (key, environment) = (&self.key, &self.environment);
        let Some(staged) = world.staged.get(&(key.clone(), environment.clone())) else { return Vec::new() };
        let seen = edits::Seen { document: staged.base.clone(), revision: staged.base_revision };
        let count = staged.edits.len();
        let title = match staged.edits.as_slice() {
            [one] => format!("{one} of {key} in {environment}"),
            _ => format!("{count} rule changes of {key} in {environment}"),
        };
        let cli = format!("flagstaff flag set {key} --env {environment} --file - --if-rev {}", seen.revision);
        let wish = edits::replace(world, key, environment, &seen, &staged.document, title, cli).reviewed();
        self.sent = true;
        vec![Do::Wish(Box::new(wish))]
    }

    pub(super) fn can(&self, world: &World, action: &str) -> Result<(), String> {
        let Some(row) = self.row(world) else {
            return if action.starts_with("flag.") {
                Err("there is no such flag".to_owned())
            } else {
                Ok(())
            };
        };
        let says = |no: bool, why: &str| if no { Err(why.to_owned()) } else { Ok(()) };
        let staged = world.staged.contains_key(&(self.key.clone(), self.environment.clone()));
        match action {
            "flag.review" | "flag.drop" => says(!staged, "nothing is staged in this environment"),
            "flag.archive" => says(row.archived, "the flag is archived already"),
            "flag.restore" => says(!row.archived, "the flag is not archived"),
            "flag.toggle" | "flag.rollout" | "flag.promote" => {
                says(row.archived, "the flag is archived: U restores it")
            }
            "flag.add" if self.tab == VARIATIONS => {
                says(row.kind == FlagKind::Boolean, "a boolean flag has its two values already")
            }
            "flag.add" => {
                let read = current(world, &self.key, &self.environment).is_some();
                says(!read, "the configuration is not read yet")
            }
            "flag.lower" | "flag.raise" | "flag.remove" => {
                let rule = match self.selected(world) {
                    Some(Item::Rule(_)) => true,
                    Some(Item::Gone(_)) => action == "flag.remove",
                    _ => false,
                };
                says(!rule || self.tab > RULES, "select a rule first: 2 shows them")
            }
            _ => Ok(()),
        }
    }
}
