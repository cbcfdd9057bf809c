//! A profile: where a daemon is, and how it is opened.

use super::{Do, Event, Mode, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Effect;
use crate::route::{Form as FormRoute, Route};
use crate::theme::Token;
use crate::widgets::form::{Form, Row};
use crate::world::World;
use shared::key::EnvironmentKey;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("profile.next", &["tab", "enter"], "next field", "To the next field."),
    Action::reads("profile.previous", &["backtab"], "previous field", "To the field before."),
    Action::reads(
        "profile.save",
        &["ctrl-x", "ctrl-s"],
        "save",
        "Write the profile to config.toml, and its token to a file only you can read.",
    )
    .cli("flagstaff profile add NAME URL"),
    Action::reads("profile.cancel", &["esc"], "cancel", "Back without saving."),
];

/// A profile that is edited.
#[derive(Debug)]
pub struct Profile {
    name: Option<String>,
    form: Form,
}

impl Profile {
    /// The form of a new profile, or of the one of that name.
    #[must_use]
    pub fn new(name: Option<String>, world: &World) -> Self {
        let line = name.as_ref().and_then(|name| world.profiles.iter().find(|line| line.name == *name));
        let server = line.map_or("", |line| line.server.as_str());
        let (way, address) = match server.split_once(':') {
            Some(("unix", path)) => ("socket", path),
            Some(("ssh", _)) => ("ssh", server),
            _ => ("url", server),
        };
        let read_only = line.map_or("protected", |line| line.read_only.as_str());
        let environment = line.and_then(|line| line.environment.as_deref()).unwrap_or_default();
        let first = match &name {
            Some(name) => Row::fixed("name", "Name", name),
            None => Row::text("name", "Name", "What you call it: letters, digits, - and _", ""),
        };
        let form = Form::new(vec![
            first,
            Row::choice(
                "way",
                "Reached by",
                "An address, a Unix socket on this host, or through ssh.",
                &["url", "socket", "ssh"],
                way,
            ),
            Row::text(
                "address",
                "Address",
                "https://host, http://127.0.0.1:3001, /run/flagstaff/flagstaffd.sock, ssh://user@host",
                address,
            ),
            Row::text(
                "environment",
                "Environment",
                "The one to open; empty: the first one that is not protected.",
                environment,
            ),
            Row::choice(
                "read_only",
                "Read-only",
                "protected: writes are closed where an environment is protected, ! opens them. always: until ! opens them.",
                &["protected", "always", "never"],
                read_only,
            ),
            Row::hidden("token", "Token", "Kept in a file of its own (0600); empty leaves what is there."),
        ]);
        Self { name, form }
    }

    fn save(&mut self) -> Vec<Do> {
        let name = self.form.get("name").trim().to_owned();
        let (way, address) = (self.form.get("way").to_owned(), self.form.get("address").trim().to_owned());
        let environment = self.form.get("environment").trim();
        let fault = match way.as_str() {
            _ if name.is_empty() => Some(("name", "a profile needs a name")),
            _ if address.is_empty() => Some(("address", "an address is needed")),
            "url" if !address.starts_with("http://") && !address.starts_with("https://") => {
                Some(("address", "an address begins with https:// or http://"))
            }
            "socket" if !address.starts_with('/') => Some(("address", "a socket's path begins with /")),
            "ssh" if address.contains("://") && !address.starts_with("ssh://") => {
                Some(("address", "an address over ssh begins with ssh://"))
            }
            _ if !environment.is_empty() && environment.parse::<EnvironmentKey>().is_err() => {
                Some(("environment", "this cannot be an environment's key"))
            }
            _ => None,
        };
        if let Some((row, detail)) = fault {
            self.form.focus_on(row);
            self.form.fault = Some(detail.to_owned());
            return Vec::new();
        }
        let mut members = vec![(way, address)];
        for member in ["environment", "read_only", "token"] {
            let value = self.form.get(member).trim();
            if !value.is_empty() {
                members.push((member.to_owned(), value.to_owned()));
            }
        }
        vec![Do::Effect(Effect::SaveProfile { name, members }), Do::Back]
    }
}

impl Screen for Profile {
    fn route(&self) -> Route {
        Route::Form(FormRoute::Profile { name: self.name.clone() })
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn on(&mut self, _world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Key(press) => self.form.key(*press),
            Event::Paste(pasted) => self.form.paste(pasted),
            Event::Action("profile.next") => self.form.go(true),
            Event::Action("profile.previous") => self.form.go(false),
            Event::Action("profile.save") => return self.save(),
            Event::Action("profile.cancel" | "global.escape") => return vec![Do::Back],
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, _world: &World, canvas: &mut Canvas<'_>) {
        let title = self.name.as_ref().map_or("New profile".to_owned(), |name| format!("Profile {name}"));
        canvas.put_fit(1, 0, canvas.width().saturating_sub(2), &title, Token::Title);
        self.form.view(canvas, 2);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["profile.save", "profile.next", "profile.previous", "profile.cancel"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::message::ProfileLine;

    use time::macros::datetime;

    fn world() -> World {
        let now = datetime!(2026-11-22 03:00 UTC);
        crate::scenery::bare(now, (80, 24), Policy::Never)
    }

    #[test]
    fn a_new_profile_is_saved_with_what_was_typed_and_its_token_is_never_drawn() {
        let world = world();
        let mut screen = Profile::new(None, &world);
        for (name, value) in [("name", "acme"), ("address", "https://flags.acme"), ("token", "fs_secret")] {
            screen.form.set(name, value);
        }
        let text = crate::widgets::drawn::text(80, 21, |canvas| screen.view(&world, canvas));
        assert!(!text.contains("secret"), "{text}");
        let members = [("url", "https://flags.acme"), ("read_only", "protected"), ("token", "fs_secret")];
        let members = members.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let name = "acme".to_owned();
        let wanted = screen.on(&world, &Event::Action("profile.save"));
        assert_eq!(wanted, [Do::Effect(Effect::SaveProfile { name, members }), Do::Back]);
    }

    #[test]
    fn what_cannot_be_an_address_is_said_at_its_field() {
        let world = world();
        let mut screen = Profile::new(None, &world);
        screen.form.set("name", "acme");
        screen.form.set("address", "flags.acme");
        assert!(screen.on(&world, &Event::Action("profile.save")).is_empty());
        assert_eq!(screen.form.focus(), "address");
        assert!(screen.form.fault.is_some());
    }

    #[test]
    fn a_profile_is_edited_from_what_it_is() {
        let mut world = world();
        world.profiles.push(ProfileLine {
            name: "host".into(),
            server: "unix:/run/f.sock".into(),
            environment: Some("staging".into()),
            read_only: "never".into(),
            ..ProfileLine::default()
        });
        let screen = Profile::new(Some("host".into()), &world);
        let shown = ["name", "way", "address", "environment", "read_only"].map(|name| screen.form.get(name));
        assert_eq!(shown, ["host", "socket", "/run/f.sock", "staging", "never"]);
    }
}
