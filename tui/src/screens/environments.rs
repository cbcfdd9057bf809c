//! The environments, a line each: their class and protection, my role, their keys and clients.

#[cfg(test)]
mod tests;

use super::{Do, Event, Mode, Screen, Tone};
use crate::action::Action;
use crate::cache::rows::{EnvironmentRow, instant, text as word};
use crate::canvas::Canvas;
use crate::effect::{Effect, Read};
use crate::request::{Answer, Failure, encoded};
use crate::route::Route;
use crate::secret::Secret;
use crate::text;
use crate::theme::Token;
use crate::widgets::environment_form::EnvironmentForm;
use crate::widgets::fleet;
use crate::widgets::list::List;
use crate::widgets::matrix::short_name;
use crate::world::World;
use shared::json::Json;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// What can be done with environments.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "environments.use",
        &["enter", "space"],
        "work here",
        "Make the environment the current one.",
    ),
    Action::reads(
        "environments.compare",
        &["d"],
        "compare",
        "Compare the marked environment with the selected one; without a mark, with the next one.",
    ),
    Action::reads(
        "environments.mark",
        &["m"],
        "mark",
        "Mark the environment to compare it, or take the mark away.",
    ),
    Action::reads("environments.segments", &["s"], "segments", "The segments of the environment."),
    Action::reads(
        "environments.credentials",
        &["c"],
        "SDK keys",
        "The keys that applications connect with: make, rotate, revoke.",
    )
    .cli("flagstaff env credentials list ENVIRONMENT"),
    Action::wide(
        "environments.add",
        &["a"],
        "add..",
        "Make a new environment; its secret SDK keys are shown once.",
    )
    .cli("flagstaff api POST /api/environments"),
    Action::wide(
        "environments.edit",
        &["e"],
        "edit..",
        "Edit name, class, color, order, protection, reasons and the least role.",
    )
    .cli("flagstaff api PATCH /api/environments/KEY"),
];

/// What can be done in the form of an environment.
pub const FORM: &[Action] = &[
    Action::reads("environment.next", &["tab", "enter"], "next field", "To the next field."),
    Action::reads("environment.previous", &["backtab"], "previous field", "To the field before."),
    Action::wide("environment.apply", &["ctrl-x", "ctrl-s"], "review..", "Plan the change, and review it."),
    Action::reads("environment.cancel", &["esc"], "cancel", "Close the form without a change."),
];

const STATUS: u32 = 1;
/// The first tag for the SDK keys of an environment, by its place.
const KEYS: u32 = 10;
/// How often the clients are asked for.
const EVERY: Duration = Duration::from_secs(5);
/// How many rows at the bottom tell of the selected environment.
const BELOW: u16 = 5;

/// New keys, each with its name.
type Keys = Vec<(String, Secret<String>)>;

/// The environments, a line each.
#[derive(Debug, Default)]
pub struct Environments {
    list: List,
    selected: Option<String>,
    marked: Option<String>,
    form: Option<EnvironmentForm>,
    status: Json,
    asked_at: Option<OffsetDateTime>,
    /// How many SDK keys an environment has; none where they may not be seen.
    keys: BTreeMap<String, Option<usize>>,
    asked_keys: Vec<String>,
    /// The keys of an environment that was just made, shown until they are closed.
    made: Option<(String, Keys)>,
}

impl Environments {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn row<'w>(&self, world: &'w World) -> Option<&'w EnvironmentRow> {
        world.cache.environments.get(self.list.at)
    }

    fn read(&mut self, world: &World) -> Vec<Do> {
        let keys = world.cache.environments.iter().map(|e| e.key.clone());
        self.asked_keys = keys.collect();
        let mut wanted = self.ask_status(world);
        for (tag, key) in (KEYS..).zip(&self.asked_keys) {
            wanted.push(Do::Ask(tag, Read::get(format!("/api/environments/{}/credentials", encoded(key)))));
        }
        self.settle(world);
        wanted
    }

    fn ask_status(&mut self, world: &World) -> Vec<Do> {
        self.asked_at = Some(world.now);
        vec![Do::Ask(STATUS, Read::get("/api/status"))]
    }

    /// Keeps the selection on the environment that it was on.
    fn settle(&mut self, world: &World) {
        let all = &world.cache.environments;
        let wanted = self.selected.get_or_insert_with(|| world.environment.clone());
        // One that was just made may not have been heard of yet: it stays wanted.
        if let Some(at) = all.iter().position(|e| e.key == *wanted) {
            self.list.at = at;
        }
        self.list.at = self.list.at.min(all.len().saturating_sub(1));
    }

    fn answered(&mut self, tag: u32, outcome: &Result<Answer, Failure>) {
        match (tag, outcome) {
            (STATUS, Ok(answer)) => self.status = answer.body.clone(),
            (STATUS, Err(_)) => {}
            (tag, outcome) => {
                let at = usize::try_from(tag.saturating_sub(KEYS)).unwrap_or(usize::MAX);
                let Some(key) = self.asked_keys.get(at).cloned() else { return };
                let count = outcome.as_ref().ok().map(|answer| {
                    ["serverKeys", "mobileKeys", "clientSideIds"]
                        .iter()
                        .map(|name| answer.body.get(name).and_then(Json::as_array).map_or(0, <[Json]>::len))
                        .sum()
                });
                self.keys.insert(key, count);
            }
        }
    }

    fn compare(&self, world: &World) -> Vec<Do> {
        let Some(row) = self.row(world) else { return Vec::new() };
        let all = &world.cache.environments;
        let other = match &self.marked {
            Some(marked) if *marked != row.key => Some((marked.clone(), row.key.clone())),
            _ => {
                let after = all.get(self.list.at + 1).map(|next| (row.key.clone(), next.key.clone()));
                let before = || {
                    let at = self.list.at.checked_sub(1)?;
                    all.get(at).map(|before| (before.key.clone(), row.key.clone()))
                };
                after.or_else(before)
            }
        };
        match other {
            Some((left, right)) => vec![Do::Open(Route::Compare { left, right, keys: Vec::new() })],
            None => vec![Do::Toast(Tone::Warn, "there is only one environment".to_owned())],
        }
    }

    fn apply(&mut self) -> Vec<Do> {
        let wish = self.form.as_mut().and_then(EnvironmentForm::wish);
        wish.map(|wish| Do::Wish(Box::new(wish))).into_iter().collect()
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let row = self.row(world);
        match id {
            "environments.use" => {
                let key = row.map(|row| row.key.clone());
                key.into_iter()
                    .flat_map(|key| {
                        let said = format!("working in {key}");
                        [Do::Select(key), Do::Toast(Tone::Info, said)]
                    })
                    .collect()
            }
            "environments.compare" => self.compare(world),
            "environments.mark" => {
                let key = row.map(|row| row.key.clone());
                self.marked = if self.marked == key { None } else { key };
                Vec::new()
            }
            "environments.segments" => {
                let open = |row: &EnvironmentRow| Route::Segments { environment: row.key.clone(), key: None };
                row.map(|row| Do::Open(open(row))).into_iter().collect()
            }
            "environments.credentials" => {
                let open = |row: &EnvironmentRow| Route::Credentials { environment: row.key.clone() };
                row.map(|row| Do::Open(open(row))).into_iter().collect()
            }
            "environments.add" => {
                self.form = Some(EnvironmentForm::new(None));
                Vec::new()
            }
            "environments.edit" => {
                self.form = row.map(|row| EnvironmentForm::new(Some(row)));
                Vec::new()
            }
            "environment.next" => {
                if let Some(form) = &mut self.form {
                    form.form.go(true);
                }
                Vec::new()
            }
            "environment.previous" => {
                if let Some(form) = &mut self.form {
                    form.form.go(false);
                }
                Vec::new()
            }
            "environment.apply" => self.apply(),
            "environment.cancel" => {
                self.form = None;
                Vec::new()
            }
            "global.escape" => {
                if self.form.take().is_none() && self.made.take().is_none() && self.marked.take().is_none() {
                    return vec![Do::Back];
                }
                Vec::new()
            }
            _ => {
                let rows = seen(world.body().1);
                if self.list.act(id, world.cache.environments.len(), rows) {
                    self.selected = self.row(world).map(|row| row.key.clone());
                }
                Vec::new()
            }
        }
    }

    /// Takes the keys of a new environment, and listens to it.
    fn written(&mut self, world: &World, key: &str) -> Vec<Do> {
        let made = self.form.take().is_some_and(|form| form.key.is_none());
        if !made {
            return Vec::new();
        }
        self.selected = Some(key.to_owned());
        self.settle(world);
        if let Some(keys) = world.once.as_ref().and_then(|once| once.get().as_object()) {
            let keys =
                keys.iter().filter_map(|(name, key)| Some((name.clone(), Secret::new(word(Some(key))?))));
            self.made = Some((key.to_owned(), keys.collect()));
        }
        let mut topics: Vec<String> =
            world.cache.environments.iter().map(|e| format!("environment:{}", e.key)).collect();
        let new = format!("environment:{key}");
        if !topics.contains(&new) {
            topics.push(new);
        }
        topics.push("audit".to_owned());
        vec![Do::Effect(Effect::Subscribe { topics, since: world.cache.position.clone() })]
    }

    fn view_rows(&self, world: &World, canvas: &mut Canvas<'_>, rows: usize) {
        let width = canvas.width();
        let wide = width >= 76;
        let roomy = width >= 96;
        let fixed = 11 + 9 + if wide { 12 + 8 + 5 } else { 0 } + if roomy { 10 } else { 0 };
        let key = width.saturating_sub(3 + fixed + 11).clamp(10, 40);
        let mut x = 3 + key;
        let mut places = vec![(3, "KEY")];
        let mut place = |columns: u16, name: &'static str, shown: bool| {
            let at = x;
            if shown {
                places.push((at, name));
                x += columns;
            }
            at
        };
        let class = place(12, "CLASS", wide);
        let protected = place(11, "PROTECTED", true);
        let reason = place(10, "REASON", roomy);
        let role = place(8, "MY ROLE", wide);
        let keys = place(5, "KEYS", wide);
        let clients = place(9, "CLIENTS", true);
        let changed = place(11, "CHANGED", true);
        for (x, name) in places {
            canvas.put(x, 1, name, Token::Heading);
        }
        let mut list = self.list.clone();
        list.settle(world.cache.environments.len(), rows);
        let window = list.window(world.cache.environments.len(), rows);
        for (n, row) in world.cache.environments.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            let at = n == list.at;
            canvas.put(1, y, if at { ">" } else { " " }, Token::Strong);
            if self.marked.as_ref() == Some(&row.key) {
                canvas.put(2, y, "*", Token::Mark);
            }
            let here = row.key == world.environment;
            let name = if here { format!("{} (here)", row.key) } else { row.key.clone() };
            canvas.put_fit(3, y, key - 1, &name, if at { Token::Selected } else { Token::Plain });
            if at && self.form.is_none() {
                canvas.cursor(3, y);
            }
            if wide {
                canvas.put_fit(class, y, 11, &row.class, Token::Plain);
            }
            let (said, token) =
                if row.protected { ("protected", Token::Strong) } else { ("open", Token::Dim) };
            canvas.put(protected, y, said, token);
            if roomy {
                canvas.put(reason, y, if row.comment_required { "required" } else { "optional" }, Token::Dim);
            }
            if wide {
                let mine = if row.role.is_empty() { "-" } else { &row.role };
                canvas.put_fit(role, y, 7, mine, if row.may_write { Token::Plain } else { Token::Dim });
                let count = self
                    .keys
                    .get(&row.key)
                    .map_or("..".to_owned(), |count| count.map_or_else(|| "-".to_owned(), |n| n.to_string()));
                canvas.put_fit(keys, y, 4, &count, Token::Plain);
            }
            let project = word(row.row.get("project")).unwrap_or_else(|| "default".to_owned());
            let counts = fleet::of_environment(&self.status, &project, &row.key);
            let said = counts.map_or_else(|| "..".to_owned(), |counts| counts.short());
            let late = counts.is_some_and(|counts| counts.behind > 0);
            canvas.put_fit(clients, y, 8, &said, if late { Token::Warn } else { Token::Plain });
            if let Some((at, by)) = changed_in(world, row) {
                let said = format!("{} {}", text::age(at, world.now), short_name(&by));
                canvas.put_fit(changed, y, width.saturating_sub(changed + 1), &said, Token::Dim);
            }
        }
    }

    fn view_details(&self, world: &World, canvas: &mut Canvas<'_>, top: u16) {
        let width = canvas.width();
        let room = width.saturating_sub(4);
        if let Some((key, keys)) = &self.made {
            canvas.rule(
                top,
                &format!("keys of {key}: the secret ones are shown only now"),
                "y v copies, esc closes",
            );
            for (y, (name, key)) in (top + 1..).zip(keys) {
                canvas.put_fit(3, y, room, &format!("{:<14} {}", label(name), key.get()), Token::Strong);
            }
            return;
        }
        let Some(row) = self.row(world) else { return };
        canvas.rule(top, &row.key, "");
        let of = |name: &str| word(row.row.get(name)).filter(|text| !text.is_empty());
        let live = world.cache.flags.values().filter(|flag| !flag.archived);
        let (mut on, mut off, mut partial) = (0_u64, 0_u64, 0_u64);
        for cell in live.filter_map(|flag| flag.cells.get(&row.key)) {
            match (cell.summary.on, cell.summary.default.is_partial()) {
                (false, _) => off += 1,
                (true, true) => partial += 1,
                (true, false) => on += 1,
            }
        }
        let color = of("color").map_or_else(|| "none".to_owned(), |color| format!("#{color}"));
        let role = of("minimumRole").unwrap_or_else(|| "any that writes".to_owned());
        let by = of("updatedBy").unwrap_or_default();
        let at = instant(row.row.get("updatedAt")).map_or_else(String::new, |at| {
            format!("settings changed {} ago by {by}", text::age(at, world.now))
        });
        let reason = if row.comment_required { "required" } else { "optional" };
        let lines = [
            format!(
                "{}   color {color}   order {}   reason {reason}   minimum role {role}",
                row.name, row.order
            ),
            format!("flags   {on} on, {partial} in part, {off} off"),
            at,
        ];
        for (y, said) in (top + 1..).zip(&lines) {
            canvas.put_fit(3, y, room, said, Token::Plain);
        }
    }
}

/// When anything that an environment serves was last changed, and by whom.
fn changed_in(world: &World, row: &EnvironmentRow) -> Option<(OffsetDateTime, String)> {
    let own =
        instant(row.row.get("updatedAt")).map(|at| (at, word(row.row.get("updatedBy")).unwrap_or_default()));
    let cells = world.cache.flags.values().filter_map(|flag| flag.cells.get(&row.key));
    cells
        .filter_map(|cell| cell.updated_at.map(|at| (at, cell.updated_by.clone())))
        .chain(own)
        .max_by_key(|(at, _)| *at)
}

fn label(name: &str) -> &str {
    match name {
        "serverKey" => "server key",
        "mobileKey" => "mobile key",
        "clientSideId" => "client-side id",
        other => other,
    }
}

/// How many environments are seen in a body of that height.
fn seen(height: u16) -> usize {
    usize::from(height.saturating_sub(BELOW + 2)).max(1)
}

impl Screen for Environments {
    fn route(&self) -> Route {
        Route::Environments
    }

    fn actions(&self) -> &'static [Action] {
        if self.form.is_some() { FORM } else { ACTIONS }
    }

    fn mode(&self) -> Mode {
        if self.form.is_some() { Mode::Text } else { Mode::Commands }
    }

    fn environment(&self, world: &World) -> Option<Option<String>> {
        // The banner shows the environment that would be changed.
        self.row(world).map(|row| Some(row.key.clone()))
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened | Event::Resynced | Event::Returned => self.read(world),
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => {
                if let Some(form) = &mut self.form {
                    form.form.key(*press);
                }
                Vec::new()
            }
            Event::Paste(pasted) => {
                if let Some(form) = &mut self.form {
                    form.form.paste(pasted);
                }
                Vec::new()
            }
            Event::Answer { tag, outcome } => {
                self.answered(*tag, outcome);
                Vec::new()
            }
            Event::Heard(heard) => {
                if heard.touched.iter().any(|(kind, ..)| kind == "environment" || kind == "sdk-credential") {
                    return self.read(world);
                }
                Vec::new()
            }
            Event::Written { touches, .. } => {
                let key = touches.first().map(|touch| touch.key.clone()).unwrap_or_default();
                self.written(world, &key)
            }
            Event::Tick => match self.asked_at {
                Some(at) if world.now - at < EVERY || !world.live() => Vec::new(),
                _ => self.ask_status(world),
            },
            Event::Mouse(_, row, 0) if self.form.is_none() && self.made.is_none() => {
                let rows = seen(world.body().1);
                if self.list.click(row.checked_sub(2), world.cache.environments.len(), rows) {
                    self.selected = self.row(world).map(|row| row.key.clone());
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let count = world.cache.environments.len();
        canvas.put(1, 0, "Environments", Token::Title);
        canvas.put_right(0, &format!("{count} "), Token::Dim);
        let height = canvas.height();
        if let Some(form) = &self.form {
            let title = form.key.as_ref().map_or("New environment".to_owned(), |key| format!("Edit {key}"));
            canvas.rule(1, &title, "");
            form.form.view(canvas, 2);
            return;
        }
        let top = height.saturating_sub(BELOW);
        self.view_rows(world, canvas, seen(height));
        if count == 0 {
            canvas.put(3, 3, "reading the environments ..", Token::Dim);
        }
        self.view_details(world, canvas, top);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        if self.form.is_some() {
            return vec![
                "environment.apply",
                "environment.next",
                "environment.previous",
                "environment.cancel",
            ];
        }
        vec![
            "environments.use",
            "environments.mark",
            "environments.compare",
            "environments.segments",
            "environments.credentials",
            "environments.add",
            "environments.edit",
        ]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        let free = action == "environments.add" || !action.starts_with("environments.");
        if free || self.row(world).is_some() { Ok(()) } else { Err("there is no environment".to_owned()) }
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        if let (Some((_, keys)), "value") = (&self.made, what) {
            let lines = keys.iter().map(|(name, key)| format!("{} {}", label(name), key.get()));
            return Some(lines.collect::<Vec<_>>().join("\n"));
        }
        let row = self.row(world)?;
        match what {
            "key" => Some(row.key.clone()),
            "json" => Some(shared::json::pretty(&row.row)),
            "row" => Some(format!(
                "{}  {}  {}",
                row.key,
                row.class,
                if row.protected { "protected" } else { "open" }
            )),
            "cli" => Some(format!("flagstaff env show {}", row.key)),
            "link" => Some(format!("{}/api/environments/{}", world.server, encoded(&row.key))),
            _ => None,
        }
    }

    fn ticks(&self, _world: &World) -> Option<Duration> {
        Some(EVERY)
    }
}
