//! Runs the full screen until somebody leaves: the loop around `App`.

use super::connection::Connection;
use super::draft_writer::DraftWriter;
use super::theme_file::ThemeFile;
use super::{Post, RunError, Wish, crash, editor};
use crate::app::{App, Start, registry};
use crate::client::Client;
use crate::clock::Clock;
use crate::config::{Chosen, Places, ReadOnly, Settings, Wanted, Where, choose};
use crate::effect::{Effect, Exit};
use crate::guard::{Guard, Policy};
use crate::keymap::Keymap;
use crate::message::{Edited, Message, ProfileLine};
use crate::route::Route;
use crate::screens::Tone;
use crate::terminal::clipboard::{self, Copied, Place};
use crate::terminal::guard::{Stop, TerminalGuard};
use crate::terminal::input::{InputEvent, Mouse, MouseDid};
use crate::terminal::pace::{Line, Pace};
use crate::terminal::reader::Reader;
use crate::terminal::screen::{Screen, ScreenOptions};
use crate::terminal::signals::{Heard, Signals};
use crate::terminal::size::{Sizes, size};
use crate::terminal::tty;
use crate::theme::Depth;
use crate::{request, world};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long late answers of the terminal are waited for after an editor.
const LATE: Duration = Duration::from_millis(50);

/// Everything the full screen is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where the daemon is.
    pub chosen: Chosen,
    /// The settings.
    pub settings: Settings,
    /// Where files lie.
    pub places: Places,
    /// What this start wants.
    pub wish: Wish,
}

/// Runs the full screen. The answer is the program's exit status.
///
/// # Errors
/// Before anything is drawn: no terminal, no daemon where one usually is, a wrong theme.
pub fn run(setup: Setup, clock: &dyn Clock) -> Result<u8, RunError> {
    if let Some(why) = tty::refusal(variable("TERM").as_deref()) {
        return Err(RunError::NoTerminal(why.to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        reachable(&setup).await?;
        crash::report_to(setup.places.state.clone());
        let mut session = Session::start(setup, clock)?;
        let exit = session.follow().await;
        session.end();
        Ok(match exit? {
            Exit::Left => 0,
            Exit::Signal(number) => 128 + number,
        })
    })
}

/// Where nobody chose a daemon and none is there, says so before the screen is taken.
async fn reachable(setup: &Setup) -> Result<(), RunError> {
    if setup.chosen.because != Where::Usual || setup.wish.pick {
        return Ok(());
    }
    let client = Client::new(setup.chosen.target.clone(), setup.chosen.credential.clone());
    match client.send(request::Request::get("/health/live")).await {
        Err(request::Failure::Unreachable(why)) => {
            Err(RunError::NoDaemon { at: setup.chosen.target.to_string(), why })
        }
        _ => Ok(()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// One session on a terminal.
struct Session<'c> {
    app: App,
    clock: &'c dyn Clock,
    setup: Setup,
    screen: Screen<File>,
    guard: TerminalGuard,
    reader: Option<Reader>,
    theme: ThemeFile,
    connection: Option<Connection>,
    drafts: DraftWriter,
    post: Post,
    messages: UnboundedReceiver<Message>,
    todo: VecDeque<Effect>,
    exit: Option<Exit>,
    /// Whether the SIGCONT of a stop that was made here is still to be heard; everything that it
    /// asks for is done by then, and done again would show the shell's screen for a moment.
    resumed: bool,
    /// Told whenever nothing is on its way and the frame is drawn, for tests.
    idle: Option<File>,
    /// Bytes of the keyboard whose meaning is among the messages, or was.
    taken: watch::Sender<u64>,
    /// Whether a window that loses the focus makes it panic: for tests, in debug builds.
    brittle: bool,
    pace: Pace,
}

impl<'c> Session<'c> {
    fn start(setup: Setup, clock: &'c dyn Clock) -> Result<Self, RunError> {
        let ui = &setup.settings.ui;
        let color = setup.wish.color.as_deref().unwrap_or(&ui.color);
        let depth = Depth::choose(color, variable("NO_COLOR").as_deref(), variable("TERM").as_deref());
        let theme =
            ThemeFile::find(&ui.theme, &setup.places.config.join("themes"), depth.unwrap_or(Depth::Ansi16))?;
        let lite = setup.wish.lite || ui.lite;
        let (post, messages) = mpsc::unbounded_channel();
        let idle =
            variable("FLAGSTAFF_TEST_IDLE").and_then(|path| File::options().write(true).open(path).ok());
        let actions = registry::actions();
        let mut keymap = Keymap::new(&actions);
        let keys = std::fs::read_to_string(setup.places.config.join("keys.toml")).unwrap_or_default();
        let faults = keymap.load(&keys, &actions);
        let now = clock.now();
        let policy = policy(setup.chosen.read_only);
        let minutes = time::Duration::minutes(i64::from(ui.writes_minutes));
        let (app, effects) = App::new(Start {
            now,
            size: size(),
            guard: Guard::new(policy, setup.wish.read_only, minutes, now),
            settings: world::Settings {
                a11y: setup.wish.a11y || ui.a11y,
                lite,
                calm: !ui.motion || variable("NO_MOTION").is_some(),
                unicode: ui.glyphs == "unicode",
                editor_keys: ui.editor_keys.clone(),
            },
            keymap,
            seed: clock.uuid().as_u128() ^ (u128::from(rand::random::<u64>()) << 32),
            route: first(&setup.wish),
            environment: setup
                .wish
                .environment
                .clone()
                .or(setup.chosen.environment.clone())
                .unwrap_or_default(),
        });
        let options = ScreenOptions { sync: ui.sync, scroll: ui.scroll, lite };
        let (columns, rows) = size();
        let display = tty::display()?;
        let mut guard = TerminalGuard::new(display.try_clone()?)?;
        if ui.mouse {
            guard.set_mouse(true)?;
        }
        let mut session = Self {
            app,
            clock,
            screen: Screen::new(display, columns, rows, options),
            guard,
            reader: None,
            theme,
            connection: None,
            drafts: DraftWriter::start(&setup.places.state, post.clone())?,
            post,
            messages,
            todo: effects.into(),
            exit: None,
            resumed: false,
            idle,
            taken: watch::Sender::new(0),
            brittle: cfg!(debug_assertions) && variable("FLAGSTAFF_TEST_PANIC").is_some(),
            pace: Pace::new(if lite { Line::Slow } else { Line::Measured }),
            setup,
        };
        // Something is on the screen before anything is waited for.
        session.paint()?;
        session.read_keys()?;
        if let Some(fault) = faults.first() {
            let more =
                if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
            session.app.say(Tone::Warn, format!("keys.toml {fault}{more}"));
        }
        session.profiles();
        if !session.setup.wish.pick {
            session.connect(session.setup.chosen.clone(), session.setup.wish.read_only);
        }
        Ok(session)
    }

    fn read_keys(&mut self) -> std::io::Result<()> {
        let post = self.post.clone();
        let taken = self.taken.clone();
        self.reader = Some(Reader::start_telling(
            tty::keyboard()?,
            move |events| events.into_iter().all(|event| post.send(message(event)).is_ok()),
            move |bytes| taken.send_modify(|all| *all += bytes),
        )?);
        Ok(())
    }

    async fn follow(&mut self) -> Result<Exit, RunError> {
        let mut sizes = Sizes::listen()?;
        let mut signals = Signals::listen()?;
        let mut taken = self.taken.subscribe();
        let mut dirty = true;
        loop {
            self.effects().await?;
            if let Some(exit) = self.exit {
                return Ok(exit);
            }
            let now = std::time::Instant::now();
            let due = self.pace.next(now);
            if dirty && due <= now && self.messages.is_empty() {
                self.paint()?;
                dirty = false;
            }
            // Read before the messages are looked at, since they come before it is raised.
            let read = *taken.borrow_and_update();
            if !dirty && self.messages.is_empty() && self.app.idle() {
                self.tell_idle(read);
            }
            let wake = self.wake(if dirty { Some(due.into()) } else { None });
            tokio::select! {
                biased;
                heard = signals.next() => match heard {
                    Heard::End(number) => return Ok(Exit::Signal(number)),
                    Heard::Stop => self.todo.push_back(Effect::Suspend),
                    Heard::Continue if std::mem::take(&mut self.resumed) => {}
                    Heard::Continue => {
                        self.guard.retake()?;
                        self.screen.forget();
                        self.take(Message::Resumed);
                    }
                },
                message = self.messages.recv() => {
                    let Some(message) = message else { return Ok(Exit::Left) };
                    self.take(message);
                    while let Ok(message) = self.messages.try_recv() {
                        self.take(message);
                        self.effects().await?;
                    }
                }
                (columns, rows) = sizes.next() => {
                    self.screen.resize(columns, rows);
                    self.take(Message::Resize(columns, rows));
                }
                _ = taken.changed(), if self.idle.is_some() => {}
                () = sleep(wake) => {
                    if let Some(said) = self.theme.look() {
                        self.app.say(Tone::Info, said);
                    }
                    self.tick();
                }
            }
            dirty = true;
        }
    }

    fn wake(&self, frame: Option<Instant>) -> Option<Instant> {
        let now = self.clock.now();
        let own = self.app.next_wake().map(|at| {
            let wait = (at - now).max(time::Duration::milliseconds(1));
            Instant::now() + wait.try_into().unwrap_or(Duration::from_secs(1))
        });
        let theme = self.theme.watched().then(|| Instant::now() + Duration::from_secs(1));
        [frame, own, theme].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        let effects = self.app.update(Message::Tick(self.clock.now()));
        self.todo.extend(effects);
    }

    fn take(&mut self, message: Message) {
        if self.brittle && message == Message::Focus(false) {
            #[allow(clippy::panic, reason = "the only way to try what a panic leaves behind")]
            std::panic::panic_any("a test has asked for it");
        }
        self.tick();
        let effects = self.app.update(message);
        self.todo.extend(effects);
    }

    fn paint(&mut self) -> std::io::Result<()> {
        let (app, theme) = (&self.app, self.theme.theme());
        self.screen.set_title(&app.title());
        let mut drawn = std::time::Instant::now();
        let painted = self.screen.paint(|buffer| {
            let finish = app.view(buffer, theme);
            drawn = std::time::Instant::now();
            finish
        })?;
        let took = drawn.elapsed();
        if self.pace.painted(std::time::Instant::now(), painted.bytes, took) {
            let lite = self.pace.lite();
            self.screen.set_lite(lite);
            self.app.world.settings.lite = lite;
        }
        if painted.bytes > 0 {
            self.app.update(Message::Painted { bytes: painted.bytes, took });
        }
        Ok(())
    }

    /// Says how many bytes of the keyboard were dealt with, and how many the terminal was sent so far.
    fn tell_idle(&mut self, read: u64) {
        let sent = self.screen.sent() + self.guard.sent();
        if let Some(idle) = &mut self.idle {
            let _ = idle.write_all(format!("{read} {sent}\n").as_bytes());
        }
    }

    async fn effects(&mut self) -> Result<(), RunError> {
        while let Some(effect) = self.todo.pop_front() {
            self.effect(effect).await?;
        }
        Ok(())
    }

    async fn effect(&mut self, effect: Effect) -> Result<(), RunError> {
        match effect {
            Effect::Read { id, read } => self.send(id, read.request().clone()),
            Effect::Write { id, apply } => self.send(id, apply.request().clone()),
            Effect::Cancel(id) => {
                if let Some(connection) = &mut self.connection {
                    connection.cancel(id);
                }
            }
            Effect::Subscribe { topics, since } => {
                if let Some(connection) = &mut self.connection {
                    connection.subscribe(topics, since);
                }
            }
            Effect::Reconnect => {
                if let Some(connection) = &self.connection {
                    connection.reconnect();
                }
            }
            Effect::Connect { profile, read_only } => {
                let wanted = Wanted { profile: Some(profile), ..Wanted::default() };
                let chosen = choose::choose(
                    &wanted,
                    &self.setup.settings,
                    &self.setup.places,
                    &variable,
                    &choose::listens,
                );
                match chosen {
                    Ok(chosen) => self.connect(chosen, read_only),
                    Err(error) => self.app.say(Tone::Error, error.to_string()),
                }
            }
            Effect::SaveProfile { name, members } => self.save_profile(&name, &members),
            Effect::SaveDraft(draft) => self.drafts.save(draft),
            Effect::DropDraft(document) => self.drafts.forget(document),
            Effect::Copy { text, what } => {
                self.copy(&text, &what).await;
            }
            Effect::Edit { document, text } => {
                let edited = self.edit(&document.title(), &text)?;
                self.take(Message::Edited(document, edited));
            }
            Effect::EditText { name, text } => {
                let edited = self.edit(&name, &text)?;
                self.take(Message::EditedText(edited));
            }
            Effect::Mouse(on) => self.guard.set_mouse(on)?,
            Effect::Suspend if variable("FLAGSTAFF_NO_SUSPEND").is_some() => {
                self.app.say(Tone::Warn, "no shell waits for this program: q leaves".to_owned());
            }
            Effect::Suspend => {
                self.keep_drafts();
                self.reader = None;
                let stopped = self.guard.stop()?;
                self.screen.forget();
                self.read_keys()?;
                match stopped {
                    Stop::Resumed => {
                        self.resumed = true;
                        self.take(Message::Resumed);
                    }
                    Stop::NoShell => self.app.say(Tone::Warn, "no shell waits for this program".to_owned()),
                }
            }
            Effect::Redraw => self.screen.forget(),
            Effect::Quit(exit) => self.exit = Some(exit),
        }
        Ok(())
    }

    /// Gives the terminal to `$EDITOR` until it ends.
    fn edit(&mut self, name: &str, text: &str) -> std::io::Result<Edited> {
        let command = editor::command(self.setup.settings.ui.editor.as_deref(), &variable);
        let folder = self.setup.places.state.join("editing");
        self.reader = None;
        self.guard.leave()?;
        let edited = editor::edit(&command, &folder, name, text);
        self.guard.enter()?;
        // Answers of the terminal to the editor's questions come late, and are not for us.
        std::thread::sleep(LATE);
        self.screen.forget();
        self.read_keys()?;
        Ok(edited)
    }

    async fn copy(&mut self, text: &str, what: &str) {
        let copied = clipboard::copy(text.as_bytes(), Place::from_env(|name| std::env::var_os(name))).await;
        let said = match copied {
            Copied::ForTerminal => match self.screen.copy_osc52(text.as_bytes()) {
                Ok(()) => copied.sentence(what),
                Err(fault) => format!("{what} not copied: {fault}"),
            },
            _ => copied.sentence(what),
        };
        self.take(Message::Copied(said));
    }

    fn send(&mut self, id: u64, request: request::Request) {
        match &mut self.connection {
            Some(connection) => connection.send(id, request),
            None => {
                let outcome = Err(request::Failure::Unreachable("no profile is connected".to_owned()));
                let _ = self.post.send(Message::Answered { id, outcome, took: Duration::ZERO });
            }
        }
    }

    fn connect(&mut self, chosen: Chosen, held: bool) {
        self.connection = Some(Connection::begin(
            chosen.target.clone(),
            chosen.credential.clone(),
            chosen.project.clone(),
            self.post.clone(),
        ));
        let kept = self.setup.settings.ui.drafts.then(|| (chosen.name(), chosen.project.clone()));
        self.take(Message::Connected {
            profile: chosen.name(),
            project: chosen.project.clone(),
            server: chosen.target.to_string(),
            environment: self.setup.wish.environment.clone().or(chosen.environment),
            read_only: policy(chosen.read_only),
            held: held || self.setup.wish.read_only,
        });
        self.drafts.turn_to(kept.as_ref().map(|(profile, project)| (profile.as_str(), project.as_str())));
    }

    fn profiles(&mut self) {
        let settings = &self.setup.settings;
        let lines = settings.profiles.iter().map(|profile| ProfileLine {
            name: profile.name.clone(),
            server: profile.target.to_string(),
            environment: profile.environment.clone(),
            read_only: match profile.read_only {
                ReadOnly::Protected => "protected",
                ReadOnly::Always => "always",
                ReadOnly::Never => "never",
            }
            .to_owned(),
            credential: profile.user.as_ref().map_or_else(
                || {
                    if crate::config::token::file(&self.setup.places, &profile.name).exists() {
                        "token"
                    } else {
                        "peer"
                    }
                    .to_owned()
                },
                |user| format!("user {user}"),
            ),
            default: settings.default_profile.as_deref() == Some(profile.name.as_str()),
        });
        let lines = lines.collect();
        self.take(Message::Profiles(lines));
    }

    fn save_profile(&mut self, name: &str, members: &[(String, String)]) {
        let path = self.setup.places.config_file();
        let token = members.iter().find(|(key, value)| key == "token" && !value.is_empty());
        let settings: Vec<(&str, toml::Value)> = members
            .iter()
            .filter(|(key, value)| key != "token" && !value.is_empty())
            .map(|(key, value)| (key.as_str(), toml::Value::String(value.clone())))
            .collect();
        let saved = crate::config::edit::set_profile(&path, name, &settings)
            .and_then(|()| match token {
                Some((_, token)) => crate::config::token::save(&self.setup.places, name, token).map(|_| ()),
                None => Ok(()),
            })
            .and_then(|()| crate::config::read::settings(&path));
        match saved {
            Ok(settings) => {
                self.setup.settings = settings;
                self.app.say(Tone::Info, format!("profile {name} is kept"));
                self.profiles();
            }
            Err(error) => self.app.say(Tone::Error, error.to_string()),
        }
    }

    /// Asks the screens for what they have not given to be kept yet.
    fn keep_drafts(&mut self) {
        for effect in self.app.update(Message::Leaving) {
            match effect {
                Effect::SaveDraft(draft) => self.drafts.save(draft),
                Effect::DropDraft(document) => self.drafts.forget(document),
                _ => {}
            }
        }
    }

    fn end(&mut self) {
        self.keep_drafts();
        self.reader = None;
        let _ = self.guard.leave();
        if let Some(farewell) = &self.setup.wish.farewell {
            eprintln!("{farewell}");
        }
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn policy(read_only: ReadOnly) -> Policy {
    match read_only {
        ReadOnly::Protected => Policy::Protected,
        ReadOnly::Always => Policy::Always,
        ReadOnly::Never => Policy::Never,
    }
}

fn first(wish: &Wish) -> Route {
    let environment = wish.environment.clone().unwrap_or_default();
    match wish.screen.as_deref() {
        _ if wish.pick => Route::Connect,
        Some("audit") => Route::Audit { filter: wish.filter.clone() },
        Some("health") => Route::Health,
        Some("environments") => Route::Environments,
        Some("segments") => Route::Segments { environment, key: None },
        Some("drafts") => Route::Drafts,
        Some("connect") => Route::Connect,
        _ => Route::Flags { filter: wish.filter.clone() },
    }
}

fn message(event: InputEvent) -> Message {
    match event {
        InputEvent::Key(press) => Message::Key(press),
        InputEvent::Paste(text) => Message::Paste(text),
        InputEvent::Resize(columns, rows) => Message::Resize(columns, rows),
        InputEvent::FocusGained => Message::Focus(true),
        InputEvent::FocusLost => Message::Focus(false),
        InputEvent::Mouse(Mouse { column, row, did: MouseDid::Click }) => Message::Mouse(column, row, 0),
        InputEvent::Mouse(Mouse { column, row, did: MouseDid::Wheel(by) }) => Message::Mouse(column, row, by),
        InputEvent::Closed => Message::Closed,
    }
}
