//! The share of each variation in the default rule.

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::key::Code;
use crate::plan::Touch;
use crate::route::{Form, Route};
use crate::text;
use crate::theme::Token;
use crate::widgets::edits::{self, Seen};
use crate::widgets::entry::{self, Entry, Piece};
use crate::widgets::shares::{Shares, weight};
use crate::widgets::words;
use crate::world::World;
use shared::json::Json;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("rollout.next", &["down", "tab"], "next", "To the next variation."),
    Action::reads("rollout.previous", &["up", "backtab"], "previous", "To the variation before."),
    Action::writes("rollout.apply", &["enter"], "apply..", "Serve these shares by default.")
        .cli("flagstaff flag rollout KEY PERCENT --env ENVIRONMENT"),
    Action::reads("rollout.even", &["ctrl-e"], "even", "The same share for all variations."),
    Action::reads("rollout.rest", &["ctrl-t"], "rest", "What is missing to a hundred, for this variation."),
    Action::reads("rollout.cancel", &["esc"], "cancel", "Back without a change."),
];

const CONFIG: u32 = 1;

/// The form of a rollout.
#[derive(Debug)]
pub struct Rollout {
    flag: String,
    environment: String,
    seen: Option<Seen>,
    shares: Option<Shares>,
    fault: Option<String>,
    sent: bool,
}

impl Rollout {
    /// The form for the default rule of a flag in an environment.
    #[must_use]
    pub fn new(flag: String, environment: String, world: &World) -> Self {
        let mut form = Self { flag, environment, seen: None, shares: None, fault: None, sent: false };
        if let Some(seen) = Seen::cached(world, &form.flag, &form.environment) {
            form.begin(world, seen);
        }
        form
    }

    fn begin(&mut self, world: &World, seen: Seen) {
        let Some(row) = world.cache.flags.get(&self.flag) else {
            self.fault = Some("there is no such flag".to_owned());
            return;
        };
        match Shares::read(row, serve(&seen.document)) {
            Ok(shares) => self.shares = Some(shares),
            Err(why) => self.fault = Some(why),
        }
        self.seen = Some(seen);
    }

    fn apply(&mut self, world: &World) -> Vec<Do> {
        let (Some(seen), Some(shares)) = (&self.seen, &self.shares) else { return Vec::new() };
        if let Some(fault) = shares.fault() {
            self.fault = Some(fault);
            return Vec::new();
        }
        let (flag, environment) = (&self.flag, &self.environment);
        let mut ours = seen.document.clone();
        ours.set("fallthrough", shares.serve(serve(&seen.document)));
        if ours.same_value(&seen.document) {
            return vec![Do::Back];
        }
        let row = world.cache.flags.get(flag);
        let said = row.map_or_else(String::new, |row| words::served(row, serve(&ours)));
        let title = format!("roll {flag} out in {environment}: {said}");
        let percents: Vec<&str> = shares.all().iter().map(|share| share.text.as_str()).collect();
        let boolean = row.is_some_and(|row| row.kind == shared::flag::FlagKind::Boolean);
        let percents = match shares.all().get(shares.at) {
            Some(_) if boolean && percents.len() == 2 => {
                let truth = row.and_then(|r| r.variations.iter().position(|v| v.value == Json::Bool(true)));
                let share = shares.all().iter().find(|share| Some(share.index) == truth);
                share.map_or_else(String::new, |share| share.text.clone())
            }
            _ => percents.join(","),
        };
        let cli = format!("flagstaff flag rollout {flag} {percents} --env {environment}");
        let wish = edits::replace(world, flag, environment, seen, &ours, title, cli);
        self.sent = true;
        vec![Do::Wish(Box::new(wish))]
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let wants_apply = id == "rollout.apply";
        if !wants_apply {
            self.fault = self.fault.take().filter(|_| self.shares.is_none());
        }
        match (id, &mut self.shares) {
            ("rollout.cancel" | "global.escape", _) => return vec![Do::Back],
            ("rollout.apply", _) => return self.apply(world),
            ("rollout.next", Some(shares)) => {
                shares.go(true);
            }
            ("rollout.previous", Some(shares)) => {
                shares.go(false);
            }
            ("rollout.even", Some(shares)) => shares.even(),
            ("rollout.rest", Some(shares)) => shares.rest(),
            _ => {}
        }
        Vec::new()
    }

    fn mine(&self, touches: &[Touch]) -> bool {
        touches
            .iter()
            .any(|t| t.key == self.flag && t.environment.as_deref() == Some(self.environment.as_str()))
    }

    /// What should be known before it is applied.
    fn notes(&self, world: &World) -> Vec<(String, Token)> {
        let mut notes = Vec::new();
        let Some(seen) = &self.seen else { return notes };
        let document = &seen.document;
        let cell = world.cache.flags.get(&self.flag).and_then(|row| row.cells.get(&self.environment));
        if document.get("on") != Some(&Json::Bool(true)) {
            notes.push((
                "The flag is off here: nobody is served this until it is on.".to_owned(),
                Token::Warn,
            ));
        }
        if let Some(cell) = cell.filter(|cell| cell.revision > seen.revision) {
            let by = crate::widgets::matrix::short_name(&cell.updated_by);
            let said = format!("Changed since by {by} (rev {}): it is merged when you apply.", cell.revision);
            notes.push((said, Token::Warn));
        }
        let count = |name: &str| document.get(name).and_then(Json::as_array).map_or(0, <[Json]>::len);
        let before = count("rules") + count("targets") + count("contextTargets");
        if before > 0 {
            notes
                .push(("Targets and rules decide first; this is for everybody else.".to_owned(), Token::Dim));
        }
        if world.staged.contains_key(&(self.flag.clone(), self.environment.clone())) {
            notes.push(("Staged rules stay staged; this is a change of its own.".to_owned(), Token::Dim));
        }
        let whole = |s: &Shares| s.all().iter().any(|share| weight(&share.text) == Some(100_000));
        if let Some(rollout) =
            serve(document).get("rollout").filter(|_| self.shares.as_ref().is_some_and(whole))
        {
            let divided = words::divided(rollout);
            if divided != "user by key" {
                notes.push((format!("All of it for one: how it divides ({divided}) goes."), Token::Warn));
            }
        }
        notes
    }
}

/// The default rule of a document.
fn serve(document: &Json) -> &Json {
    document.get("fallthrough").unwrap_or(&Json::Null)
}

impl Screen for Rollout {
    fn route(&self) -> Route {
        Route::Form(Form::Rollout { flag: self.flag.clone(), environment: self.environment.clone() })
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
            Event::Opened if self.seen.is_none() => {
                vec![Do::Ask(CONFIG, Read::get(edits::config_path(&self.flag, &self.environment)))]
            }
            Event::Answer { tag: CONFIG, outcome } => match outcome {
                Ok(answer) => {
                    if let Some(seen) = Seen::read(&answer.body) {
                        self.begin(world, seen);
                    }
                    vec![Do::KeepConfig(self.flag.clone(), self.environment.clone(), answer.body.clone())]
                }
                Err(failure) => {
                    self.fault = Some(failure.to_string());
                    Vec::new()
                }
            },
            Event::Action(id) => self.act(world, id),
            Event::Key(press) => {
                if let Some(shares) = &mut self.shares {
                    // A percent sign after the number is no mistake.
                    if shares.key(*press) || press.code == Code::Char('%') {
                        self.fault = None;
                    }
                }
                Vec::new()
            }
            Event::Written { touches, .. } if self.sent && self.mine(touches) => vec![Do::Back],
            Event::Refused(problem) if self.sent => {
                self.fault = Some(problem.sentence());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let width = canvas.width();
        let end = canvas.put_right(0, &format!("in {} ", text::fit(&self.environment, 24)), Token::Dim);
        let x = canvas.put(1, 0, "Rollout > ", Token::Dim);
        canvas.put_fit(x, 0, end.saturating_sub(x + 1), &self.flag, Token::Title);
        let (Some(seen), Some(shares)) = (&self.seen, &self.shares) else {
            let (said, token) = match &self.fault {
                Some(fault) => (fault.as_str(), Token::Error),
                None => ("reading ..", Token::Dim),
            };
            canvas.put_fit(3, 2, width.saturating_sub(4), said, token);
            return;
        };
        let row = world.cache.flags.get(&self.flag);
        let now = row.map_or_else(String::new, |row| words::served(row, serve(&seen.document)));
        canvas.put_fit(3, 2, width.saturating_sub(4), &format!("by default now  {now}"), Token::Dim);
        let empty = Json::Null;
        let rollout = serve(&seen.document).get("rollout").unwrap_or(&empty);
        let divides = format!("divides         {}", words::divided(rollout));
        canvas.put_fit(3, 3, width.saturating_sub(4), &divides, Token::Dim);
        let gutter = (width / 3).clamp(16, 30);
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for (n, share) in shares.all().iter().enumerate() {
            let value = row.map_or_else(|| "?".to_owned(), |row| row.value(share.index));
            #[allow(clippy::cast_precision_loss)] // weights are small
            let percent = weight(&share.text).unwrap_or(0) as f64 / 1000.0;
            let here = n == shares.at;
            entries.push(Entry::new(value, Piece::Share(&share.text, percent), here));
        }
        let sum = shares.sum().map_or_else(|| "?".to_owned(), crate::cache::rows::percent);
        let token = if shares.fault().is_none() { Token::Dim } else { Token::Warn };
        let mut total = Entry::told("sum", text::pad_left(&sum, 8), token);
        total.fault = self.fault.clone().or_else(|| shares.fault());
        entries.push(total);
        let notes = self.notes(world);
        let below = u16::try_from(notes.len() + 1).unwrap_or(1);
        let bottom = canvas.height().saturating_sub(below);
        entry::view(canvas, 5, bottom.max(6), &entries, gutter);
        let mut y = bottom;
        for (note, token) in notes {
            canvas.put_fit(3, y, width.saturating_sub(4), &note, token);
            y += 1;
        }
        canvas.put_fit(3, y, width.saturating_sub(4), "type percent, left and right by 5", Token::Dim);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["rollout.apply", "rollout.next", "rollout.even", "rollout.rest", "rollout.cancel"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenery::{CHECKOUT, act, body, config, drawn, json, keys, press, tell, text, wish, world};

    fn form(flag: &str) -> (Rollout, World) {
        let mut world = world();
        let mut form = Rollout::new(flag.to_owned(), "staging".to_owned(), &world);
        tell(&mut form, &mut world, &Event::Opened);
        (form, world)
    }

    #[test]
    fn fifty_and_enter_is_the_whole_change() {
        let (mut form, mut world) = form("checkout");
        keys(&mut form, &mut world, "50");
        let wanted = act(&mut form, &mut world, "rollout.apply");
        let wish = wish(&wanted);
        assert_eq!(wish.cli, "flagstaff flag rollout checkout 50 --env staging");
        assert_eq!(wish.title, "roll checkout out in staging: 50% true, 50% false");
        assert_eq!(wish.base_revision, Some(9));
        let expected = CHECKOUT.replace("25000", "50000").replace("75000", "50000");
        assert_eq!(wish.edit.as_ref().unwrap().ours, json(&expected));
        assert!(body(wish).contains(r#""op":"replaceConfig","flag":"checkout","environment":"staging""#));
        let touches = wish.touches.clone();
        let written = Event::Written { touches: &touches, revision: 10 };
        assert_eq!(tell(&mut form, &mut world, &written), [Do::Back]);
    }

    #[test]
    fn the_form_shows_shares_bars_and_the_sum() {
        let (form, world) = form("checkout");
        let expected = "
 Rollout > checkout                                                  in staging

   by default now  25% true, 75% false
   divides         user by key

 > true                        25%  ##########..............................
   false                       75%  ##############################..........
   sum                        100%





   Targets and rules decide first; this is for everybody else.
   type percent, left and right by 5";
        assert_eq!(format!("\n{}", drawn(&form, &world, 80, 15).join("\n")), expected);
    }

    #[test]
    fn shares_that_are_not_a_hundred_are_not_sent() {
        let (mut form, mut world) = form("provider");
        keys(&mut form, &mut world, "60");
        press(&mut form, &mut world, Code::Down);
        assert!(act(&mut form, &mut world, "rollout.apply").is_empty());
        assert!(text(&form, &world).contains("^ 40% are missing to 100%"), "{}", text(&form, &world));
        act(&mut form, &mut world, "rollout.next");
        act(&mut form, &mut world, "rollout.rest");
        let wanted = act(&mut form, &mut world, "rollout.apply");
        assert_eq!(wish(&wanted).cli, "flagstaff flag rollout provider 60,40,0 --env staging");
    }

    #[test]
    fn nothing_changed_is_nothing_wished() {
        let (mut form, mut world) = form("checkout");
        assert_eq!(act(&mut form, &mut world, "rollout.apply"), [Do::Back]);
    }

    #[test]
    fn a_configuration_that_is_not_here_is_read_first() {
        let mut world = world();
        world.cache.configs.clear();
        let mut form = Rollout::new("checkout".to_owned(), "staging".to_owned(), &world);
        let wanted = tell(&mut form, &mut world, &Event::Opened);
        assert!(matches!(&wanted[..], [Do::Ask(CONFIG, _)]));
        assert!(text(&form, &world).contains("reading .."));
        let row = config(&CHECKOUT.replacen("true", "false", 1), 9).to_text();
        let outcome = crate::scenery::answer(&row);
        tell(&mut form, &mut world, &Event::Answer { tag: CONFIG, outcome: &outcome });
        assert!(text(&form, &world).contains("The flag is off here"));
    }

    #[test]
    fn a_change_by_somebody_else_and_a_refusal_are_told() {
        let (mut form, mut world) = form("checkout");
        let message = json(
            r#"{"type":"revision","revision":11,"at":"2026-11-22T03:11:50Z","actor":"user:bob","changes":[{"entity":{"kind":"config","key":"checkout","environment":"staging"},"action":"turned-off","after":{"version":4,"document":{"on":true}}}]}"#,
        );
        world.cache.hear(&message);
        assert!(text(&form, &world).contains("Changed since by bob (rev 11)"));
        keys(&mut form, &mut world, "5");
        act(&mut form, &mut world, "rollout.apply");
        let problem = crate::scenery::refusal(422, "invalid", r#"{"detail":"no such variation"}"#);
        tell(&mut form, &mut world, &Event::Refused(&problem));
        assert!(text(&form, &world).contains("^ no such variation"));
    }
}
