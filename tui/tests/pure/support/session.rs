//! The application, driven by messages; what it asks is answered from a recording.

use super::answers;
use flagstaff::app::{App, Start, registry};
use flagstaff::effect::{Effect, Exit, Read};
use flagstaff::guard::{Guard, Policy};
use flagstaff::key::Press;
use flagstaff::keymap::{Keymap, chord};
use flagstaff::message::Message;
use flagstaff::plan::Apply;
use flagstaff::request::{Answer, Failure, FeedEvent, Request};
use flagstaff::route::Route;
use flagstaff::world::Settings;
use shared::json::Json;
use std::fmt;
use std::time::Duration;

/// What answers a request.
pub type Oracle = fn(&Request) -> Result<Answer, Failure>;

/// The application and what it wants.
pub struct Session {
    pub app: App,
    oracle: Oracle,
    /// Reads that wait for their answers.
    pub asked: Vec<(u64, Read)>,
    /// Writes that were sent.
    pub wrote: Vec<(u64, Box<Apply>)>,
    /// Everything else that it wanted.
    pub others: Vec<Effect>,
    pub left: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.app.fmt(f)
    }
}

impl Session {
    /// A program that has just started and knows no daemon.
    pub fn new(size: (u16, u16), settings: Settings, route: Route, oracle: Oracle) -> Self {
        let now = answers::at();
        let (app, effects) = App::new(Start {
            now,
            size,
            guard: Guard::new(Policy::Protected, false, time::Duration::minutes(10), now),
            settings,
            keymap: Keymap::new(&registry::actions()),
            seed: 7,
            route,
            environment: String::new(),
        });
        let mut session =
            Self { app, oracle, asked: Vec::new(), wrote: Vec::new(), others: Vec::new(), left: false };
        session.keep(effects);
        session
    }

    /// A program that is connected and has read everything.
    pub fn live(size: (u16, u16), settings: Settings, oracle: Oracle) -> Self {
        let mut session = Self::new(size, settings, Route::Flags { filter: String::new() }, oracle);
        session.connect();
        session
    }

    /// From now on another one answers.
    pub fn oracle(&mut self, oracle: Oracle) {
        self.oracle = oracle;
    }

    /// Connects, reads everything, and hears the feed.
    pub fn connect(&mut self) {
        self.tell(Message::Connected {
            profile: "acme".to_owned(),
            project: "default".to_owned(),
            server: "unix:///run/flagstaff/flagstaffd.sock".to_owned(),
            environment: None,
            read_only: Policy::Protected,
            held: false,
        });
        self.settle();
        self.tell(Message::Feed(FeedEvent::Up));
        self.tell(Message::Feed(FeedEvent::RoundTrip(Duration::from_millis(12))));
        self.settle();
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Read { id, read } => self.asked.push((id, read)),
                Effect::Write { id, apply } => self.wrote.push((id, apply)),
                Effect::Cancel(id) => self.asked.retain(|(asked, _)| *asked != id),
                Effect::Quit(Exit::Left) => self.left = true,
                other => self.others.push(other),
            }
        }
    }

    /// Something happens.
    pub fn tell(&mut self, message: Message) {
        let effects = self.app.update(message);
        self.keep(effects);
    }

    /// A request is answered.
    pub fn answer(&mut self, id: u64, outcome: Result<Answer, Failure>) {
        self.tell(Message::Answered { id, outcome, took: Duration::from_millis(4) });
    }

    /// All reads are answered, and those that follow from them.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            let Some((id, read)) = (!self.asked.is_empty()).then(|| self.asked.remove(0)) else { return };
            let outcome = (self.oracle)(read.request());
            if let Err(Failure::Lost(why)) = &outcome {
                println!("{why}");
            }
            self.answer(id, outcome);
        }
        panic!("the program never has enough of reading");
    }

    /// Keys as key files name them, a chord at a time: `["g f", "space"]`. Each is answered before the next.
    pub fn keys(&mut self, keys: &[&str]) {
        for keys in keys {
            for press in chord(keys).unwrap() {
                self.tell(Message::Key(press));
            }
            self.settle();
        }
    }

    /// One key or chord, of which nothing is answered yet.
    pub fn press(&mut self, keys: &str) {
        for press in chord(keys).unwrap() {
            self.tell(Message::Key(press));
        }
    }

    /// Text, a key for each character.
    pub fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.tell(Message::Key(Press::char(c)));
        }
        self.settle();
    }

    /// One message of the feed.
    pub fn hears_json(&mut self, message: Json) {
        self.tell(Message::Feed(FeedEvent::Message(message)));
        self.settle();
    }
}
