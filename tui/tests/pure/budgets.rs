//! The bytes and writes of everyday frames, with ten thousand flags, at three sizes.

use crate::support::many;
use crate::support::session::Session;
use crate::terminal::Terminal;
use flagstaff::message::Message;
use flagstaff::request::Answer;
use flagstaff::terminal::screen::ScreenOptions;
use flagstaff::theme::{Depth, Theme};
use flagstaff::world::Settings;
use shared::json::parse;
use std::time::Duration;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 50)];

/// A session and the terminal that shows it.
struct Shown {
    session: Session,
    terminal: Terminal,
    theme: Theme,
    first: usize,
}

fn shown(size: (u16, u16), lite: bool) -> Shown {
    let settings = Settings { lite, ..Settings::default() };
    let session = Session::live(size, settings, many::answer);
    let terminal = Terminal::new(size.0, size.1, ScreenOptions { lite, ..ScreenOptions::default() });
    let mut shown = Shown { session, terminal, theme: Theme::standard(Depth::Ansi16), first: 0 };
    shown.first = shown.frame();
    shown
}

impl Shown {
    /// Paints a frame as the program does; its bytes.
    fn frame(&mut self) -> usize {
        let app = &self.session.app;
        let painted = self.terminal.paint(|buffer| app.view(buffer, &self.theme));
        assert!(painted.writes <= 1, "{} writes", painted.writes);
        if painted.bytes > 0 {
            self.session.tell(Message::Painted { bytes: painted.bytes, took: Duration::ZERO });
        }
        painted.bytes
    }

    fn keys(&mut self, keys: &[&str]) -> usize {
        self.session.keys(keys);
        self.frame()
    }
}

/// What is measured at each size, in order, in one session.
#[derive(Default)]
struct Costs {
    lines: Vec<(String, usize, [usize; 3], String)>,
}

impl Costs {
    fn note(&mut self, what: &str, most: [usize; 3], shown: &mut Shown, bytes: usize) {
        let sent = shown.terminal.last(bytes);
        self.lines.push((what.to_owned(), bytes, most, sent));
    }

    /// All of them are looked at before one fails, so that a change of the encoder shows all its sides.
    fn check(self, size: usize) {
        let (columns, rows) = SIZES[size];
        let mut over = String::new();
        for (what, bytes, most, sent) in self.lines {
            println!("{what} at {columns}x{rows}: {bytes} of {} bytes", most[size]);
            if bytes > most[size] {
                over.push_str(&format!("\n{what}: {bytes} bytes, {} are allowed: {sent}", most[size]));
            }
        }
        assert!(over.is_empty(), "at {columns}x{rows}{over}");
    }
}

fn everyday(at: usize) {
    let mut costs = Costs::default();
    let mut shown = shown(SIZES[at], false);
    let s = &mut shown;
    let first = s.first;
    costs.note("first paint", [2_800, 3_500, 6_200], s, first);
    let nothing = s.frame();
    costs.note("nothing new", [0; 3], s, nothing);
    let down = s.keys(&["j"]);
    costs.note("cursor down, with a preview", [230; 3], s, down);
    s.keys(&["k"]);
    let out_of_sight = {
        s.session.hears_json(many::turned(9_000, false, 51));
        s.frame()
    };
    costs.note("change out of sight", [60; 3], s, out_of_sight);
    let preview = 4;
    let rows = usize::from(SIZES[at].1) - 3 - 2;
    for _ in 0..rows - preview - 1 {
        s.session.keys(&["j"]);
    }
    s.frame();
    let scroll = s.keys(&["j"]);
    costs.note("scroll by one, with a preview", [450, 480, 580], s, scroll);
    // From here on without the preview, as the list alone.
    s.keys(&["g g"]);
    s.keys(&["i"]);
    let down = s.keys(&["j"]);
    costs.note("cursor down", [110; 3], s, down);
    for _ in 0..rows - 2 {
        s.session.keys(&["j"]);
    }
    s.frame();
    let scroll = s.keys(&["j"]);
    costs.note("scroll down by one", [330, 350, 450], s, scroll);
    s.keys(&["g g"]);
    let page = s.keys(&["pagedown"]);
    costs.note("page down", [1_800, 2_200, 4_000], s, page);
    let scroll = s.keys(&["k"]);
    costs.note("scroll up by one", [330, 350, 450], s, scroll);
    s.keys(&["g g"]);
    s.session.hears_json(many::turned(first_by_key(2), false, 52));
    let event = s.frame();
    costs.note("change that is seen", [150; 3], s, event);
    let sent = s.keys(&["space"]);
    costs.note("toggle sent", [80; 3], s, sent);
    let (id, _) = s.session.wrote.pop().expect("a toggle is sent without a review in dev");
    let body = parse(r#"{"revision":53}"#).unwrap();
    s.session.answer(id, Ok(Answer { status: 200, etag: None, revision: Some(53), stale: false, body }));
    let acknowledged = s.frame();
    // The sentence about it is as long as the key of the flag; the rest is what the budget is about.
    let said = s.terminal.rows()[usize::from(SIZES[at].1) - 2].trim().len();
    assert!(said > 20, "nothing is said about the toggle");
    costs.note("toggle acknowledged, beside the sentence", [80; 3], s, acknowledged - said);
    let help = s.keys(&["?"]);
    costs.note("help opened", [2_800, 3_500, 6_200], s, help);
    let help = s.keys(&["esc"]);
    costs.note("help closed", [2_800, 3_500, 6_200], s, help);
    s.keys(&["/"]);
    s.session.types("p");
    let filter = s.frame();
    costs.note("filter key", [2_000, 2_500, 4_500], s, filter);
    costs.check(at);
}

/// The number of the flag that is so far down in the list, by the order of keys.
fn first_by_key(at: usize) -> usize {
    let mut keys: Vec<(String, usize)> = (0..many::FLAGS).map(|n| (many::key(n), n)).collect();
    keys.sort();
    keys[at].1
}

#[test]
fn everyday_frames_stay_small_at_80x24() {
    everyday(0);
}

#[test]
fn everyday_frames_stay_small_at_100x30() {
    everyday(1);
}

#[test]
fn everyday_frames_stay_small_at_200x50() {
    everyday(2);
}

#[test]
fn on_a_slow_line_the_cursor_is_only_a_marker() {
    let mut shown = shown(SIZES[0], true);
    shown.keys(&["i"]);
    let cost = shown.keys(&["j"]);
    assert!(cost <= 40, "{cost} bytes, 40 are allowed: {}", shown.terminal.last(cost));
}
