//! How each screen looks: text, looks and cursor, at three sizes, kept as snapshots.
//!
//! A snapshot holds the text of a screen, then a letter for the look of each cell that has one, then what the
//! letters mean, at sixteen colours; then how the looks of other themes differ in what they tell apart.

use crate::support::places;
use flagstaff::message::Message;
use flagstaff::theme::{Depth, Theme};
use flagstaff::world::Settings;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 50)];
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn look(cell: &Cell) -> String {
    let mut said = Vec::new();
    if cell.fg != ratatui::style::Color::Reset {
        said.push(format!("{:?}", cell.fg));
    }
    if cell.bg != ratatui::style::Color::Reset {
        said.push(format!("on {:?}", cell.bg));
    }
    if !cell.modifier.is_empty() {
        said.push(format!("{:?}", cell.modifier));
    }
    said.join(" ")
}

fn drawn(app: &flagstaff::app::App, theme: &Theme) -> (Buffer, Option<(u16, u16)>) {
    let (width, height) = app.world.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let finish = app.view(&mut buffer, theme);
    (buffer, finish.cursor.map(|at| (at.x, at.y)))
}

fn text(buffer: &Buffer) -> Vec<String> {
    let wide = |x: u16, y: u16| x > 0 && flagstaff::text::columns(buffer[(x - 1, y)].symbol()) > 1;
    (0..buffer.area.height)
        .map(|y| {
            let row: String =
                (0..buffer.area.width).filter(|x| !wide(*x, y)).map(|x| buffer[(x, y)].symbol()).collect();
            row.trim_end().to_owned()
        })
        .collect()
}

/// A letter for each look, and what the letters mean.
fn looks(buffer: &Buffer) -> (Vec<String>, Vec<String>) {
    let mut names: BTreeMap<String, char> = BTreeMap::new();
    let mut letters = LETTERS.chars();
    let mut rows = Vec::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let mut look = look(cell);
            if cell.symbol() == " "
                && cell.bg == ratatui::style::Color::Reset
                && !look.contains("REVERSED")
                && !look.contains("UNDERLINED")
            {
                look.clear();
            }
            let letter = if look.is_empty() {
                ' '
            } else {
                *names.entry(look).or_insert_with(|| letters.next().unwrap_or('?'))
            };
            row.push(letter);
        }
        rows.push(row.trim_end().to_owned());
    }
    let mut meanings: Vec<(char, String)> = names.into_iter().map(|(look, letter)| (letter, look)).collect();
    meanings.sort();
    (rows, meanings.into_iter().map(|(letter, look)| format!("{letter} = {look}")).collect())
}

fn snapshot(place: places::Place, size: (u16, u16)) -> String {
    let mut session = place.open(size, Settings::default());
    session.tell(Message::Painted { bytes: 1, took: Duration::ZERO });
    let (buffer, cursor) = drawn(&session.app, &Theme::builtin("default", Depth::Ansi16).unwrap());
    let mut out = text(&buffer).join("\n");
    let (rows, meanings) = looks(&buffer);
    let cursor = cursor.map_or("hidden".to_owned(), |(x, y)| format!("{x},{y}"));
    let _ = write!(out, "\n==== ansi16, cursor {cursor}\n{}\n{}", rows.join("\n"), meanings.join("; "));
    for (name, depth) in [("mono", Depth::Mono), ("light", Depth::Ansi16)] {
        let (other, _) = drawn(&session.app, &Theme::builtin(name, depth).unwrap());
        assert_eq!(text(&other), text(&buffer), "{name}: another text");
        let (rows, meanings) = looks(&other);
        let _ = write!(out, "\n==== {name}\n{}\n{}", rows.join("\n"), meanings.join("; "));
    }
    let settings = Settings { a11y: true, ..Settings::default() };
    let aloud = place.open(size, settings);
    let (aloud, cursor) = drawn(&aloud.app, &Theme::builtin("mono", Depth::Mono).unwrap());
    if text(&aloud) == text(&buffer) {
        out.push_str("\n==== a11y: the same text\n");
    } else {
        let cursor = cursor.map_or("hidden".to_owned(), |(x, y)| format!("{x},{y}"));
        let _ = write!(out, "\n==== a11y, cursor {cursor}\n{}\n", text(&aloud).join("\n"));
    }
    out
}

#[test]
fn every_screen_looks_as_it_did() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("fixtures/screens");
    let _bound = settings.bind_to_scope();
    for place in places::all() {
        for size in SIZES {
            let name = format!("{}-{}x{}", place.name, size.0, size.1);
            insta::assert_snapshot!(name, snapshot(place, size));
        }
    }
}

#[test]
fn no_text_is_lost_at_the_edge_of_a_small_terminal() {
    for place in places::all() {
        let session = place.open((60, 15), Settings::default());
        let (buffer, _) = drawn(&session.app, &Theme::builtin("mono", Depth::Mono).unwrap());
        let rows = text(&buffer);
        assert!(!rows.iter().any(|row| row.contains("too small")), "{}: {rows:?}", place.name);
        assert!(rows[1].trim().len() > 2, "{}: no title at 60x15: {rows:#?}", place.name);
        assert!(rows[14].contains("all") || rows[14].contains("help"), "{}: {:?}", place.name, rows[14]);
    }
}

#[test]
fn a_production_screen_says_so_in_words_and_without_colours() {
    let place = places::all().into_iter().find(|place| place.name == "flags-production").unwrap();
    let session = place.open((80, 24), Settings::default());
    let (buffer, _) = drawn(&session.app, &Theme::builtin("mono", Depth::Mono).unwrap());
    let rows = text(&buffer);
    assert!(rows[0].contains("PRODUCTION") && rows[0].contains("READ-ONLY"), "{}", rows[0]);
    assert!(buffer[(1, 0)].modifier.contains(ratatui::style::Modifier::REVERSED));
}
