//! The review: the plan as the daemon made it, the reason, and the text that has to be typed.

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::plan::Plan;
use crate::route::Route;
use crate::text;
use crate::theme::Token;
use crate::widgets::field::Field;
use crate::world::{Pending, World};

/// What can be done in a review.
pub const ACTIONS: &[Action] = &[
    Action::reads("review.next", &["tab"], "next field", "To the next field: reason, text to type."),
    Action::reads("review.previous", &["backtab"], "previous field", "To the field before."),
    Action::writes(
        "review.apply",
        &["enter"],
        "apply",
        "Apply the change; works only when the text matches exactly.",
    ),
    Action::reads("review.down", &["down", "pagedown"], "scroll down", "More of the changes."),
    Action::reads("review.up", &["up", "pageup"], "scroll up", "Back in the changes."),
    Action::reads("review.whole", &["ctrl-o"], "whole values", "Show values whole, or a line each."),
    Action::reads("review.cancel", &["esc"], "cancel", "Back without applying; a draft is kept."),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Reason,
    Text,
}

/// The review of a plan.
#[derive(Debug)]
pub struct Review {
    plan: Plan,
    reason: Field,
    typed: Field,
    focus: Focus,
    top: usize,
    whole: bool,
    note: Option<String>,
}

impl Review {
    /// The review of `plan`.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let reason = Field::new(plan.wish.comment.clone());
        Self {
            plan,
            reason,
            typed: Field::typed_only(),
            focus: Focus::Reason,
            top: 0,
            whole: false,
            note: None,
        }
    }

    /// The lines of the changes: a mark, the text, the token.
    fn lines(&self, width: usize) -> Vec<(String, Token)> {
        let mut lines = Vec::new();
        let short = |json: &Option<shared::json::Json>| {
            json.as_ref().map_or("(absent)".to_owned(), shared::json::Json::to_text)
        };
        for change in &self.plan.changes {
            let place = change.environment.as_ref().map_or(String::new(), |e| format!(" @ {e}"));
            if change.kind == "sdk-credential" && change.action == "created" {
                // The key of the plan is not the one that will be made: it is drawn anew.
                let kind = change.diff.iter().find_map(|(path, _, after)| match path.as_str() {
                    "" => after.as_ref()?.get("kind")?.as_str(),
                    "/kind" => after.as_ref()?.as_str(),
                    _ => None,
                });
                let said = match kind {
                    Some("client-side-id") => {
                        format!("a new client-side id{place}: drawn when applied; it is public")
                    }
                    _ => format!("a new SDK key{place}: drawn when this is applied, and shown once"),
                };
                lines.push((said, Token::Strong));
                continue;
            }
            lines.push((format!("{} {}{place}: {}", change.kind, change.key, change.action), Token::Strong));
            for (path, before, after) in &change.diff {
                if path == "/version" || path == "/flagVersion" {
                    continue;
                }
                let (mark, token) = match (before, after) {
                    (None, _) => ("+", Token::DiffAdd),
                    (_, None) => ("-", Token::DiffDel),
                    _ => ("~", Token::DiffChange),
                };
                let path = path.strip_prefix("/document").unwrap_or(path);
                let path = if path.is_empty() { "/" } else { path };
                if self.whole {
                    lines.push((format!("  {mark} {path}"), token));
                    for (word, value) in [("before", before), ("after ", after)] {
                        let value = value.as_ref().map_or("(absent)".to_owned(), shared::json::pretty);
                        for line in value.lines().flat_map(|line| text::wrap(line, width.saturating_sub(14)))
                        {
                            lines.push((format!("      {word}  {line}"), Token::Plain));
                        }
                    }
                } else {
                    let room = width.saturating_sub(8) / 2;
                    let side = (room / 2).max(8);
                    lines.push((
                        format!(
                            "  {mark} {}  {}  {}",
                            text::pad(path, width.saturating_sub(10 + 2 * side)),
                            text::pad(&short(before), side),
                            text::fit(&short(after), side)
                        ),
                        token,
                    ));
                }
            }
        }
        lines
    }

    fn room(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(if self.plan.confirmation.is_some() { 11 } else { 8 })).max(1)
    }

    fn enabled(&self) -> bool {
        self.plan.confirmation.as_ref().is_none_or(|c| {
            self.typed.text() == c.text && !(c.comment_required && self.reason.text().trim().is_empty())
        })
    }

    fn apply(&mut self) -> Vec<Do> {
        let Some(confirmation) = &self.plan.confirmation else {
            // Nothing has to be typed: enter in the reason applies.
            return vec![self.applied("")];
        };
        if self.focus == Focus::Reason {
            self.focus = Focus::Text;
            return Vec::new();
        }
        if self.typed.text() != confirmation.text {
            self.note = Some(format!("type {} exactly; enter alone does nothing", confirmation.text));
            return Vec::new();
        }
        if confirmation.comment_required && self.reason.text().trim().is_empty() {
            self.focus = Focus::Reason;
            self.note = Some("a reason is required here".to_owned());
            return Vec::new();
        }
        let typed = self.typed.text().to_owned();
        vec![self.applied(&typed)]
    }

    /// What is said while the change is on its way.
    fn on_its_way(&self, world: &World) -> Option<&'static str> {
        let own = |write: &&Pending| write.title == self.plan.wish.title && write.applied.is_none();
        world.pending.values().find(own).map(|write| match write.unknown {
            false => "applying ..",
            true => "asking what became of it ..",
        })
    }

    fn applied(&self, typed: &str) -> Do {
        Do::Apply {
            plan: Box::new(self.plan.clone()),
            typed: typed.to_owned(),
            comment: self.reason.text().to_owned(),
        }
    }
}

impl Screen for Review {
    fn route(&self) -> Route {
        Route::Log
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn is_review(&self) -> bool {
        true
    }

    fn environment(&self, world: &World) -> Option<Option<String>> {
        let of_plan = self.plan.confirmation.as_ref().map(|c| c.environment.clone());
        let touched = self.plan.wish.touches.first().and_then(|t| t.environment.clone());
        Some(of_plan.or(touched).or_else(|| Some(world.environment.clone())))
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        let len = self.lines(usize::from(world.size.0)).len();
        let room = self.room(world.body().1);
        match event {
            Event::Key(press) => {
                self.note = None;
                match self.focus {
                    Focus::Reason => self.reason.key(*press),
                    Focus::Text => self.typed.key(*press),
                };
            }
            Event::Paste(text) => {
                let taken = match self.focus {
                    Focus::Reason => self.reason.paste(text),
                    Focus::Text => self.typed.paste(text),
                };
                if !taken {
                    self.note = Some("a paste does not confirm: type the text".to_owned());
                }
            }
            Event::Action("review.next" | "review.previous") => {
                self.focus = match self.focus {
                    Focus::Reason if self.plan.confirmation.is_some() => Focus::Text,
                    _ => Focus::Reason,
                };
            }
            Event::Action("review.down") => {
                self.top = (self.top + room / 2 + 1).min(len.saturating_sub(room));
            }
            Event::Action("review.up") => self.top = self.top.saturating_sub(room / 2 + 1),
            Event::Action("review.whole") => {
                self.whole = !self.whole;
                self.top = 0;
            }
            // A second press is no second change.
            Event::Action("review.apply") if self.on_its_way(world).is_some() => {}
            Event::Action("review.apply") => return self.apply(),
            Event::Action("review.cancel" | "global.escape") => return vec![Do::Back],
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let columns = usize::from(width);
        let end = canvas.put_right(0, &format!("planned at rev {} ", self.plan.base_revision()), Token::Dim);
        canvas.put_fit(
            1,
            0,
            end.saturating_sub(2),
            &format!("Review: {}", self.plan.wish.title),
            Token::Title,
        );
        let room = self.room(height);
        let lines = self.lines(columns);
        for (y, (line, token)) in (2..).zip(lines.iter().skip(self.top).take(room)) {
            canvas.put_fit(2, y, width.saturating_sub(3), line, *token);
        }
        let bottom = height.saturating_sub(if self.plan.confirmation.is_some() { 8 } else { 5 });
        let more = lines.len().saturating_sub(self.top + room);
        let right = if more > 0 { format!("{more} more lines below") } else { String::new() };
        canvas.rule(
            bottom,
            &match self.plan.changes.len() {
                1 => "1 change".to_owned(),
                n => format!("{n} changes"),
            },
            &right,
        );
        let mut y = bottom + 1;
        for warning in self.plan.warnings.iter().take(1) {
            canvas.put_fit(2, y, width.saturating_sub(3), &format!("! {warning}"), Token::Warn);
        }
        if self.plan.warnings.is_empty() {
            let lasting = self.plan.wish.lasting;
            let after = if lasting { "it cannot be undone" } else { "u undoes it afterwards" };
            let said = match &self.plan.confirmation {
                Some(c) => {
                    format!("changes what {} serves ({}); {after}", c.environment, c.tier)
                }
                None => format!("no confirmation is needed; {after}"),
            };
            canvas.put_fit(2, y, width.saturating_sub(3), &said, Token::Dim);
        }
        y += 1;
        if !self.plan.wish.cli.is_empty() {
            canvas.put_fit(
                2,
                y,
                width.saturating_sub(3),
                &format!("same as  {}", self.plan.wish.cli),
                Token::Dim,
            );
        }
        y += 1;
        let required = self.plan.confirmation.as_ref().is_some_and(|c| c.comment_required);
        let label = if required { "Reason (required)" } else { "Reason (optional)" };
        let x = canvas.put(2, y, label, Token::Plain) + 2;
        canvas.put(x, y, ">", Token::Key);
        self.reason.view(canvas, x + 2, y, width.saturating_sub(x + 3), self.focus == Focus::Reason);
        y += 1;
        let going = self.on_its_way(world);
        if let Some(confirmation) = &self.plan.confirmation {
            let place = world.cache.environment(&confirmation.environment);
            let word = place.map_or_else(|| confirmation.environment.clone(), |e| e.class.to_uppercase());
            let x = canvas.put(
                2,
                y,
                &format!("Type  {}  to apply in {word}", text::shown(&confirmation.text)),
                Token::Strong,
            );
            let _ = x;
            y += 1;
            canvas.put(2, y, ">", Token::Key);
            self.typed.view(canvas, 4, y, width.saturating_sub(6), self.focus == Focus::Text);
            y += 1;
            let (said, token) = match (&self.note, self.enabled()) {
                _ if going.is_some() => (going.unwrap_or_default(), Token::Strong),
                (Some(note), _) => (note.as_str(), Token::Warn),
                (None, true) => ("enter applies", Token::Strong),
                (None, false) => ("enter does nothing until the text matches", Token::Dim),
            };
            canvas.put_fit(2, y, width.saturating_sub(3), said, token);
        } else {
            let said = going.or(self.note.as_deref()).unwrap_or("enter applies, esc goes back");
            canvas.put_fit(2, y, width.saturating_sub(3), said, Token::Strong);
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["review.next", "review.apply", "review.cancel", "review.whole", "review.down"]
    }

    fn available(&self, _world: &World, action: &str) -> Result<(), String> {
        if action == "review.apply" && self.focus == Focus::Text && !self.enabled() {
            return Ok(());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Wish;
    use crate::request::{Method, Request};
    use crate::scenery::{json, text as shown, world};

    #[test]
    fn a_new_key_is_drawn_later_and_only_a_secret_one_is_shown_once() {
        let told = |kind: &str| {
            let wish = Wish::request("make a key", Request::new(Method::Post, "/"), Vec::new());
            let answer = format!(
                r#"{{"base":"1.9","planHash":"h","warnings":[],"confirmation":null,"changes":[{{"kind":"sdk-credential",
                    "key":"k","environment":"production","action":"created",
                    "diff":[{{"path":"","op":"replace","before":null,"after":{{"kind":"{kind}"}}}}]}}]}}"#
            );
            shown(&Review::new(Plan::read(wish, &json(&answer)).unwrap()), &world())
        };
        let server = told("server");
        assert!(server.contains("a new SDK key @ production") && server.contains("shown once"), "{server}");
        let public = told("client-side-id");
        assert!(
            public.contains("a new client-side id @ production: drawn when applied; it is public"),
            "{public}"
        );
    }
}
