//! The profiles, the steps of the connection that is being made, and what to do when it fails.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::effect::Effect;
use crate::message::ProfileLine;
use crate::route::{Form, Route};
use crate::text;
use crate::theme::Token;
use crate::widgets::list::List;
use crate::world::{Link, World};
use std::time::Duration;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::reads("connect.open", &["enter"], "connect", "Connect to the daemon of the profile."),
    Action::reads("connect.read-only", &["R"], "connect read-only", "Connect, and let nothing open writes.")
        .cli("flagstaff --profile NAME --read-only"),
    Action::reads("connect.add", &["a"], "add..", "A new profile: where a daemon is, and how it is opened.")
        .cli("flagstaff profile add NAME URL"),
    Action::reads("connect.edit", &["e"], "edit..", "Change the profile."),
    Action::reads("connect.drafts", &["d"], "drafts", "Edits that were not sent yet."),
];

/// The profiles, and the steps of a connection.
#[derive(Debug, Default)]
pub struct Connect {
    list: List,
    /// The profile that a connection was asked to.
    connecting: Option<String>,
}

impl Connect {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn profile<'w>(&self, world: &'w World) -> Option<&'w ProfileLine> {
        world.profiles.get(self.list.at)
    }

    fn connect(&mut self, world: &World, read_only: bool) -> Vec<Do> {
        let Some(profile) = self.profile(world).map(|profile| profile.name.clone()) else {
            return vec![Do::Open(Route::Form(Form::Profile { name: None }))];
        };
        self.connecting = Some(profile.clone());
        vec![Do::Effect(Effect::Connect { profile, read_only })]
    }

    /// Why there is no connection, as a sentence; none while there is one, or none was tried.
    fn failure(world: &World) -> Option<String> {
        match &world.link {
            Link::Live => None,
            Link::Shut(reason) => Some(format!("not allowed: {reason}")),
            Link::Down { reason, .. } => Some(reason.clone()),
            Link::Connecting { .. } => world.steps.iter().rev().find_map(|step| step.failed.clone()),
        }
    }

    fn steps(world: &World) -> Vec<(String, Token)> {
        let mut lines = Vec::new();
        let word = |what: &str| what.split(' ').next().unwrap_or_default().to_owned();
        for (n, step) in world.steps.iter().enumerate() {
            // A step that ended under another name than it began with is told once.
            let ended = world.steps.iter().skip(n + 1).any(|later| word(&later.what) == word(&step.what));
            if step.took.is_none() && step.failed.is_none() && ended {
                continue;
            }
            let took = |took: Option<Duration>| {
                took.map_or_else(String::new, |took| format!("{} ms", took.as_millis().max(1)))
            };
            let line = match (&step.failed, step.took) {
                (Some(why), took_so) => {
                    // Why stands below in full.
                    let what = step.what.strip_suffix(why.as_str()).unwrap_or(&step.what);
                    (format!("[failed] {}   {}", what.trim_end(), took(took_so)), Token::Error)
                }
                (None, Some(so)) => (format!("[ok]     {}   {}", step.what, took(Some(so))), Token::Plain),
                (None, None) => (format!("[..]     {}", step.what), Token::Pending),
            };
            lines.push(line);
        }
        lines
    }

    /// What to do about a failure.
    fn advice(world: &World) -> &'static [&'static str] {
        match &world.link {
            Link::Shut(_) => &["e sets a token; `flagstaff whoami` shows who the daemon takes you for"],
            Link::Live => &[],
            _ if world.cache.loaded => &["ctrl-r tries again now; what was read stays to be looked at"],
            _ => &[
                "nothing answers there. Start a daemon with `flagstaffd serve`,",
                "or a demonstration with `./scripts/demo`; ctrl-r tries again now",
            ],
        }
    }

    fn details(&self, world: &World) -> Vec<(String, Token)> {
        let mut lines = Vec::new();
        if let Some(profile) = self.profile(world) {
            let opens = match profile.read_only.as_str() {
                "always" => "opens READ-ONLY",
                "never" => "opens with writes",
                _ => "opens read-only where an environment is protected",
            };
            let environment = profile.environment.as_deref().unwrap_or("the first one that is not protected");
            lines.push((format!("{}   {opens}", profile.name), Token::Plain));
            lines.push((
                format!("environment {environment}   signs in by {}", profile.credential),
                Token::Dim,
            ));
        } else {
            lines
                .push(("no profile yet: a makes one, or start with --host ADDRESS".to_owned(), Token::Plain));
        }
        let drafts: Vec<String> = world.drafts.keys().take(3).map(crate::route::Document::title).collect();
        if !drafts.is_empty() {
            let more = if world.drafts.len() > 3 { ", .." } else { "" };
            let n = world.drafts.len();
            let word = if n == 1 { "draft" } else { "drafts" };
            lines.push((format!("{n} unsent {word}: {}{more}", drafts.join(", ")), Token::Warn));
        }
        lines
    }
}

/// How many profiles are seen in a body of that height.
fn seen(height: u16) -> usize {
    usize::from(height / 3).max(3)
}

impl Screen for Connect {
    fn route(&self) -> Route {
        Route::Connect
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => {
                let wanted = |line: &ProfileLine| line.name == world.profile;
                let default = || world.profiles.iter().position(|line| line.default);
                self.list.at = world.profiles.iter().position(wanted).or_else(default).unwrap_or(0);
            }
            Event::Resynced => {
                self.list.at = self.list.at.min(world.profiles.len().saturating_sub(1));
                let there = world.cache.loaded && self.connecting.as_ref() == Some(&world.profile);
                if there {
                    self.connecting = None;
                    return vec![Do::Run("go.flags")];
                }
            }
            Event::Action("connect.open") => return self.connect(world, false),
            Event::Action("connect.read-only") => return self.connect(world, true),
            Event::Action("connect.add") => return vec![Do::Open(Route::Form(Form::Profile { name: None }))],
            Event::Action("connect.edit") => {
                let name = self.profile(world).map(|profile| profile.name.clone());
                return vec![Do::Open(Route::Form(Form::Profile { name }))];
            }
            Event::Action("connect.drafts") => return vec![Do::Open(Route::Drafts)],
            Event::Action("global.escape") => return vec![Do::Back],
            Event::Action(id) => {
                self.list.act(id, world.profiles.len(), seen(world.body().1));
            }
            Event::Mouse(_, row, 0) => {
                self.list.click(row.checked_sub(2), world.profiles.len(), seen(world.body().1));
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        canvas.put(1, 0, "Connect", Token::Title);
        let now = if world.profile.is_empty() {
            "not connected".to_owned()
        } else {
            format!("now {}", world.profile)
        };
        canvas.put_right(0, &format!("{now} "), Token::Dim);
        let name = (width / 5).clamp(12, 28);
        let (server, place, mode) = (3 + name, width.saturating_sub(30), width.saturating_sub(15));
        for (x, title) in [(3, "PROFILE"), (server, "SERVER"), (place, "ENVIRONMENT"), (mode, "READ-ONLY")] {
            canvas.put(x, 1, title, Token::Heading);
        }
        let rows = seen(height);
        let mut list = self.list.clone();
        list.settle(world.profiles.len(), rows);
        let window = list.window(world.profiles.len(), rows);
        let mut y = 2;
        for (n, profile) in world.profiles.iter().enumerate().take(window.end).skip(window.start) {
            let at = n == list.at;
            canvas.put(1, y, if at { ">" } else { " " }, Token::Strong);
            let default = if profile.default { " (default)" } else { "" };
            let said = format!("{}{default}", profile.name);
            canvas.put_fit(3, y, name - 1, &said, if at { Token::Selected } else { Token::Plain });
            if at {
                canvas.cursor(3, y);
            }
            canvas.put_fit(server, y, place.saturating_sub(server + 1), &profile.server, Token::Plain);
            canvas.put_fit(place, y, 14, profile.environment.as_deref().unwrap_or("-"), Token::Plain);
            canvas.put_fit(mode, y, 14, &profile.read_only, Token::Dim);
            y += 1;
        }
        if world.profiles.is_empty() {
            canvas.put(3, y, "none yet", Token::Dim);
            y += 1;
        }
        y += 1;
        canvas.rule(y, "", "");
        y += 1;
        let mut lines = self.details(world);
        let steps = Self::steps(world);
        if !steps.is_empty() || !world.server.is_empty() {
            lines.push((String::new(), Token::Plain));
            let to = if world.server.is_empty() { "..".to_owned() } else { world.server.clone() };
            let said = match &world.link {
                Link::Live => format!("connected to {to}"),
                Link::Connecting { attempt } if *attempt > 1 => {
                    format!("connecting to {to}, attempt {attempt}")
                }
                Link::Connecting { .. } => format!("connecting to {to}"),
                Link::Down { retry_at, .. } => {
                    let wait = (*retry_at - world.now).whole_seconds().max(0);
                    format!("no connection to {to}; tried again in {wait} s")
                }
                Link::Shut(_) => format!("{to} lets nobody in with this credential"),
            };
            lines.push((said, Token::Strong));
            lines.extend(steps);
        }
        if let Some(failure) = Self::failure(world) {
            for line in text::wrap(&failure, usize::from(width.saturating_sub(4))).into_iter().take(3) {
                lines.push((line, Token::Error));
            }
            lines.extend(Self::advice(world).iter().map(|line| ((*line).to_owned(), Token::Plain)));
        }
        let room = usize::from(height.saturating_sub(y));
        for (y, (said, token)) in (y..).zip(lines.iter().take(room)) {
            canvas.put_fit(3, y, width.saturating_sub(4), said, *token);
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec![
            "connect.open",
            "connect.read-only",
            "connect.add",
            "connect.edit",
            "connect.drafts",
            "global.resync",
        ]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        let needs = matches!(action, "connect.open" | "connect.read-only" | "connect.edit");
        if needs && self.profile(world).is_none() {
            Err("there is no profile: a makes one".to_owned())
        } else {
            Ok(())
        }
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let profile = self.profile(world)?;
        match what {
            "key" => Some(profile.name.clone()),
            "row" | "link" | "value" => Some(profile.server.clone()),
            "cli" => Some(format!("flagstaff --profile {}", profile.name)),
            "report" => {
                let mut lines: Vec<String> = Self::steps(world).into_iter().map(|(line, _)| line).collect();
                lines.extend(Self::failure(world));
                Some(format!("# Connection to {}\n\n    {}\n", world.server, lines.join("\n    ")))
            }
            _ => None,
        }
    }

    fn ticks(&self, world: &World) -> Option<Duration> {
        // The wait until the next attempt is counted down.
        (!world.live()).then_some(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::message::ConnectStep;

    use time::macros::datetime;

    fn world() -> World {
        let now = datetime!(2026-11-22 03:00 UTC);
        let mut world = crate::scenery::bare(now, (80, 24), Policy::Never);
        let line = |name: &str, server: &str, default: bool| ProfileLine {
            name: name.to_owned(),
            server: server.to_owned(),
            environment: Some("production".to_owned()),
            read_only: "protected".to_owned(),
            credential: "token".to_owned(),
            default,
        };
        world.profiles = vec![
            line("acme", "https://flags.acme.internal", false),
            line("local", "http://127.0.0.1:3001", true),
        ];
        world
    }

    fn drawn(screen: &Connect, world: &World, columns: u16, rows: u16) -> String {
        crate::widgets::drawn::text(columns, rows, |canvas| screen.view(world, canvas))
    }

    #[test]
    fn the_default_profile_is_selected_and_enter_connects_to_it() {
        let world = world();
        let mut screen = Connect::new();
        screen.on(&world, &Event::Opened);
        for (columns, rows) in [(60, 12), (80, 21), (100, 27)] {
            let text = drawn(&screen, &world, columns, rows);
            for said in ["> local", "acme", "production", "protected", "not connected"] {
                assert!(text.contains(said), "{columns} lacks {said}\n{text}");
            }
        }
        let profile = "local".to_owned();
        assert_eq!(
            screen.on(&world, &Event::Action("connect.read-only")),
            [Do::Effect(Effect::Connect { profile, read_only: true })]
        );
    }

    #[test]
    fn when_nothing_listens_it_says_what_to_start() {
        let mut world = world();
        world.server = "http://127.0.0.1:3001".to_owned();
        world.steps = vec![
            ConnectStep {
                what: "resolving 127.0.0.1".into(),
                took: Some(Duration::from_millis(3)),
                failed: None,
            },
            ConnectStep { what: "connecting".into(), took: None, failed: Some("connection refused".into()) },
        ];
        let text = drawn(&Connect::new(), &world, 80, 21);
        for said in [
            "[ok]     resolving 127.0.0.1   3 ms",
            "[failed] connecting",
            "flagstaffd serve",
            "./scripts/demo",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
    }

    #[test]
    fn the_flags_are_shown_when_the_connection_that_was_asked_for_is_there() {
        let mut world = world();
        let mut screen = Connect::new();
        screen.on(&world, &Event::Opened);
        screen.on(&world, &Event::Action("connect.open"));
        assert!(screen.on(&world, &Event::Resynced).is_empty());
        world.profile = "local".to_owned();
        world.cache.loaded = true;
        assert_eq!(screen.on(&world, &Event::Resynced), [Do::Run("go.flags")]);
        assert!(screen.on(&world, &Event::Resynced).is_empty());
    }
}
