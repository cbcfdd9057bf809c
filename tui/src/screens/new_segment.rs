//! A new segment: its key, its name, what it is for.

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::plan::{Touch, Wish};
use crate::route::{Form as FormRoute, Route};
use crate::theme::Token;
use crate::widgets::form::{Form, Row};
use crate::world::World;
use shared::json::Json;
use shared::key::SegmentKey;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "new-segment.next",
        &["tab", "enter"],
        "next field",
        "To the next field; after the last one, review.",
    ),
    Action::reads("new-segment.previous", &["backtab"], "previous field", "To the field before."),
    Action::writes(
        "new-segment.apply",
        &["ctrl-x", "ctrl-s"],
        "make it..",
        "Plan the new segment, and make it.",
    )
    .cli("flagstaff segment create KEY --env ENVIRONMENT"),
    Action::reads("new-segment.cancel", &["esc"], "cancel", "Back without a change."),
];

/// A new segment.
#[derive(Debug)]
pub struct NewSegment {
    environment: String,
    form: Form,
}

impl NewSegment {
    /// Makes the screen.
    #[must_use]
    pub fn new(environment: String) -> Self {
        let form = Form::new(vec![
            Row::text("key", "Key", "What rules name it by; it is never used again for another segment.", ""),
            Row::text("name", "Name", "What people call it; the key where there is none.", ""),
            Row::text("description", "Description", "What it is for.", ""),
            Row::text("tags", "Tags", "Words to find it by, with commas between them.", ""),
        ]);
        Self { environment, form }
    }

    fn apply(&mut self) -> Vec<Do> {
        let key = self.form.get("key").trim().to_owned();
        if let Err(fault) = key.parse::<SegmentKey>() {
            self.form.fault = Some(format!("the key {fault}"));
            self.form.focus_on("key");
            return Vec::new();
        }
        let mut segment = Json::object();
        segment.set("key", Json::from(key.as_str()));
        for name in ["name", "description"] {
            let value = self.form.get(name).trim();
            if !value.is_empty() {
                segment.set(name, Json::from(value));
            }
        }
        let tags: Vec<Json> = self
            .form
            .get("tags")
            .split(',')
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(Json::from)
            .collect();
        if !tags.is_empty() {
            segment.set("tags", Json::Array(tags));
        }
        let mutation: Json = [
            ("op", Json::from("createSegment")),
            ("environment", Json::from(self.environment.as_str())),
            ("segment", segment),
        ]
        .into_iter()
        .collect();
        let touch = Touch { key: key.clone(), environment: Some(self.environment.clone()) };
        let title = format!("make segment {key} in {}", self.environment);
        let cli = format!("flagstaff segment create {key} --env {}", self.environment);
        vec![Do::Wish(Box::new(Wish::mutations(title, vec![mutation], vec![touch]).with_cli(cli)))]
    }
}

impl Screen for NewSegment {
    fn route(&self) -> Route {
        Route::Form(FormRoute::NewSegment { environment: self.environment.clone() })
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

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Key(press) => self.form.key(*press),
            Event::Paste(pasted) => self.form.paste(pasted),
            Event::Action("new-segment.next") if self.form.last() => {
                // Enter is not an action that writes; what it begins is refused like one.
                match world.writable(Some(&self.environment)) {
                    Ok(()) => return self.apply(),
                    Err(closed) => self.form.fault = Some(closed.to_string()),
                }
            }
            Event::Action("new-segment.next") => self.form.go(true),
            Event::Action("new-segment.previous") => self.form.go(false),
            Event::Action("new-segment.apply") => return self.apply(),
            Event::Action("new-segment.cancel" | "global.escape") => return vec![Do::Back],
            Event::Written { touches, .. }
                if touches.iter().any(|touch| touch.key == self.form.get("key").trim()) =>
            {
                return vec![Do::Back];
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, _world: &World, canvas: &mut Canvas<'_>) {
        let title = format!("New segment in {}", self.environment);
        canvas.put_fit(1, 0, canvas.width().saturating_sub(2), &title, Token::Title);
        let y = self.form.view(canvas, 2) + 1;
        canvas.rule(y, "", "");
        let said = "It begins empty: a adds keys to it, e edits its rules.";
        canvas.put_fit(3, y + 1, canvas.width().saturating_sub(4), said, Token::Dim);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["new-segment.next", "new-segment.apply", "new-segment.cancel"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;

    use time::macros::datetime;

    fn world() -> World {
        let now = datetime!(2026-11-22 03:00 UTC);
        crate::scenery::bare(now, (80, 24), Policy::Never)
    }

    #[test]
    fn a_key_that_cannot_be_one_is_said_before_anything_is_asked() {
        let mut form = NewSegment::new("staging".into());
        form.on(&world(), &Event::Paste("no spaces please"));
        assert!(form.on(&world(), &Event::Action("new-segment.apply")).is_empty());
        assert!(form.form.fault.is_some());
    }

    #[test]
    fn what_was_typed_is_what_is_wished_for() {
        let mut form = NewSegment::new("staging".into());
        for (name, value) in [("key", "beta"), ("description", "who asked"), ("tags", "a, b,")] {
            form.form.set(name, value);
        }
        let wanted = form.on(&world(), &Event::Action("new-segment.apply"));
        let [Do::Wish(wish)] = wanted.as_slice() else { panic!("{wanted:?}") };
        assert_eq!(
            wish.request.body.as_ref().unwrap().to_text(),
            r#"{"mutations":[{"op":"createSegment","environment":"staging","segment":{"key":"beta","description":"who asked","tags":["a","b"]}}]}"#
        );
    }
}
