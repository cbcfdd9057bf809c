//! The bytes of everyday frames, on a list of flags at three sizes.

use crate::terminal::Terminal;
use flagstaff::canvas::{Canvas, Finish};
use flagstaff::terminal::screen::ScreenOptions;
use flagstaff::text;
use flagstaff::theme::{Depth, Theme, Token};
use ratatui::buffer::Buffer;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 50)];
const AREAS: [&str; 8] = ["pay", "search", "checkout", "mobile", "growth", "infra", "ml", "legal"];
const THINGS: [&str; 6] = ["new-flow", "retry-limit", "dark-mode", "cache-v2", "fast-path", "banner"];

/// A list of 10,000 flags as a reader sees it.
#[derive(Clone, Debug)]
struct List {
    top: usize,
    selected: usize,
    toggled: Option<usize>,
    lite: bool,
    events: usize,
}

fn list() -> List {
    List { top: 0, selected: 5, toggled: None, lite: false, events: 0 }
}

fn key(flag: usize) -> String {
    format!("{}.{}-{}", AREAS[flag * 7 % 8], THINGS[flag * 5 % 6], flag)
}

impl List {
    fn state(&self, flag: usize, environment: usize) -> (&'static str, Token) {
        if self.toggled == Some(flag) && environment == 2 {
            return ("on", Token::On);
        }
        match (flag * 31 + environment * 17) % 7 {
            0 | 3 => ("off", Token::Off),
            1 => ("25%", Token::Part),
            5 if environment == 2 => ("off", Token::Off),
            _ => ("on", Token::On),
        }
    }

    fn row(&self, canvas: &mut Canvas<'_>, y: u16, flag: usize) {
        let chosen = flag == self.selected;
        canvas.put(0, y, if chosen { ">" } else { " " }, Token::Plain);
        let look = if chosen && !self.lite { Token::Selected } else { Token::Plain };
        canvas.put(2, y, &text::fit(&key(flag), 28), look);
        for environment in 0..3_u16 {
            let (word, token) = self.state(flag, usize::from(environment));
            canvas.put(32 + environment * 8, y, word, token);
        }
        canvas.put(57, y, &format!("{:>3}d", flag * 13 % 90), Token::Dim);
        canvas.put_fit(
            64,
            y,
            canvas.width().saturating_sub(64),
            "alice rollout to beta users of team payments, then all",
            Token::Plain,
        );
    }

    fn draw(&self, buffer: &mut Buffer, theme: &Theme, scrolled: i16) -> Finish {
        let area = *buffer.area();
        let mut canvas = Canvas::new(buffer, theme, area);
        let (width, height) = (canvas.width(), canvas.height());
        canvas.fill(ratatui::layout::Rect::new(0, 0, width, 1), Token::Protected);
        canvas.put(1, 0, "PRODUCTION  prod-eu   READ-ONLY   LIVE 12ms", Token::Protected);
        canvas.put(0, 1, "Flags  10,000 of 10,000", Token::Title);
        canvas.put(
            0,
            2,
            "  key                           dev     staging prod-eu   age  last change",
            Token::Heading,
        );
        for line in 0..height - 5 {
            self.row(&mut canvas, 3 + line, self.top + usize::from(line));
        }
        canvas.put(0, height - 2, &format!("{} events", self.events), Token::Dim);
        canvas.put(0, height - 1, "space toggle  enter open  e edit  / filter  ? help", Token::Key);
        canvas.cursor(2, 3 + u16::try_from(self.selected - self.top).unwrap());
        canvas.scrolled(3, height - 5, scrolled);
        canvas.finish()
    }
}

struct Shown {
    terminal: Terminal,
    theme: Theme,
    first: usize,
}

fn shown(size: (u16, u16), list: &List) -> Shown {
    let theme = Theme::standard(Depth::Ansi16);
    let mut terminal = Terminal::new(size.0, size.1, ScreenOptions::default());
    let first = terminal.paint(|buffer| list.draw(buffer, &theme, 0)).bytes;
    Shown { terminal, theme, first }
}

impl Shown {
    fn cost(&mut self, list: &List, scrolled: i16) -> usize {
        let painted = self.terminal.paint(|buffer| list.draw(buffer, &self.theme, scrolled));
        assert!(painted.writes <= 1);
        painted.bytes
    }
}

#[track_caller]
fn within(what: &str, cost: [usize; 3], most: [usize; 3]) {
    println!("{what}: {cost:?}");
    for (cost, most) in cost.into_iter().zip(most) {
        assert!(cost <= most, "{what}: {cost} bytes; {most} are allowed");
    }
}

fn costs(from: &List, to: &List, scrolled: i16) -> [usize; 3] {
    SIZES.map(|size| shown(size, from).cost(to, scrolled))
}

#[test]
fn a_frame_with_nothing_new_costs_nothing() {
    assert_eq!(costs(&list(), &list(), 0), [0; 3]);
}

#[test]
fn a_move_of_the_cursor_is_small_at_every_size() {
    let down = List { selected: 6, ..list() };
    within("cursor", costs(&list(), &down, 0), [110; 3]);
    let lite = List { lite: true, ..list() };
    within("cursor, lite", costs(&lite, &List { selected: 6, ..lite.clone() }, 0), [40; 3]);
}

#[test]
fn a_scroll_by_one_row_costs_about_one_row() {
    let most = [330, 350, 450];
    let cost = SIZES.map(|size| {
        let bottom = usize::from(size.1) - 6;
        let mut shown = shown(size, &List { selected: bottom, ..list() });
        let down = shown.cost(&List { top: 1, selected: bottom + 1, ..list() }, 1);
        let back = shown.cost(&List { top: 0, selected: 1, ..list() }, -1);
        down.max(back)
    });
    within("scroll", cost, most);
}

#[test]
fn an_answered_toggle_costs_a_word() {
    within("toggle", costs(&list(), &List { toggled: Some(5), ..list() }, 0), [80; 3]);
}

#[test]
fn an_event_costs_about_its_own_line() {
    within("event", costs(&list(), &List { events: 1, toggled: Some(9), ..list() }, 0), [150; 3]);
}

#[test]
fn a_page_and_a_first_paint_stay_small() {
    let cost = SIZES.map(|size| {
        let page = usize::from(size.1) - 5;
        shown(size, &list()).cost(&List { top: page, selected: page + 5, ..list() }, 0)
    });
    within("page", cost, [1_800, 2_200, 4_000]);
    within("first", SIZES.map(|size| shown(size, &list()).first), [2_800, 3_500, 6_200]);
}
