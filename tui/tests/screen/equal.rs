//! A frame drawn over another shows the same as the frame drawn on an empty screen.

use crate::terminal::Terminal;
use flagstaff::canvas::{Finish, Scroll};
use flagstaff::terminal::screen::ScreenOptions;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

/// One thing that is drawn.
#[derive(Clone, Debug)]
enum Stroke {
    Text(u16, u16, String, Style),
    Fill(u16, u16, u16, Style),
    /// The rows of a part move up or down.
    Shift(Scroll),
}

#[derive(Clone, Debug)]
struct Frame {
    strokes: Vec<Stroke>,
    clean: bool,
    cursor: Option<Position>,
}

fn colour() -> impl Strategy<Value = Color> {
    prop_oneof![
        4 => Just(Color::Reset),
        2 => Just(Color::Red),
        1 => Just(Color::LightCyan),
        1 => any::<u8>().prop_map(Color::Indexed),
        1 => any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    let weights = [Modifier::BOLD, Modifier::DIM, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED];
    (colour(), colour(), proptest::collection::vec(proptest::sample::select(weights.to_vec()), 0..3))
        .prop_map(|(fg, bg, weights)| {
            weights.into_iter().fold(Style::new().fg(fg).bg(bg), Style::add_modifier)
        })
}

fn words() -> impl Strategy<Value = String> {
    let letters =
        ["a", "b", "x", " ", "  ", "          ", "-", "0", "é", "e\u{301}", "漢", "字", "😀", "─", "│"];
    proptest::collection::vec(proptest::sample::select(letters.to_vec()), 0..14).prop_map(|all| all.concat())
}

fn stroke(width: u16, height: u16) -> impl Strategy<Value = Stroke> {
    prop_oneof![
        5 => (0..width, 0..height, words(), style()).prop_map(|(x, y, text, style)| Stroke::Text(x, y, text, style)),
        2 => (0..width, 0..height, 0..width, style()).prop_map(|(x, y, wide, style)| Stroke::Fill(x, y, wide, style)),
        1 => (0..height, 1..=height, -4_i16..5).prop_map(move |(top, rows, by)| Stroke::Shift(Scroll { top, rows, by })),
    ]
}

fn frames() -> impl Strategy<Value = (u16, u16, Vec<Frame>)> {
    (1_u16..40, 1_u16..9).prop_flat_map(|(width, height)| {
        let cursor = proptest::option::of((0..width, 0..height).prop_map(|(x, y)| Position { x, y }));
        let strokes = proptest::collection::vec(stroke(width, height), 0..8);
        let frame = (strokes, proptest::bool::weighted(0.2), cursor)
            .prop_map(|(strokes, clean, cursor)| Frame { strokes, clean, cursor });
        (Just(width), Just(height), proptest::collection::vec(frame, 1..5))
    })
}

fn shift(buffer: &mut Buffer, scroll: Scroll) {
    let before = buffer.clone();
    let area = *buffer.area();
    let bottom = (scroll.top + scroll.rows).min(area.height);
    for y in scroll.top..bottom {
        let from = y.checked_add_signed(scroll.by).filter(|from| (scroll.top..bottom).contains(from));
        for x in 0..area.width {
            buffer[(x, y)] = from.map_or_else(Default::default, |from| before[(x, from)].clone());
        }
    }
}

/// Draws what the frame adds; returns the rows that moved last.
fn draw(buffer: &mut Buffer, frame: &Frame) -> Option<Scroll> {
    if frame.clean {
        buffer.reset();
    }
    let mut moved = None;
    for stroke in &frame.strokes {
        match stroke {
            Stroke::Text(x, y, text, style) => {
                buffer.set_string(*x, *y, text, *style);
            }
            Stroke::Fill(x, y, wide, style) => {
                let area = Rect::new(*x, *y, *wide, 1).intersection(*buffer.area());
                buffer.set_style(area, *style);
            }
            Stroke::Shift(scroll) => {
                shift(buffer, *scroll);
                moved = Some(*scroll);
            }
        }
    }
    moved
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_frame_over_another_shows_what_it_shows_alone((width, height, frames) in frames()) {
        let mut terminal = Terminal::new(width, height, ScreenOptions::default());
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        for frame in &frames {
            let scroll = draw(&mut buffer, frame);
            let painted = terminal.paint(|next| {
                next.clone_from(&buffer);
                Finish { cursor: frame.cursor, scroll }
            });
            prop_assert!(painted.writes <= 1);
            let mut alone = Terminal::new(width, height, ScreenOptions { sync: false, scroll: false, lite: false });
            alone.paint(|next| {
                next.clone_from(&buffer);
                Finish { cursor: frame.cursor, scroll: None }
            });
            prop_assert_eq!(terminal.seen(), alone.seen());
            prop_assert_eq!(terminal.cursor(), frame.cursor.map(|at| (at.x, at.y)));
            prop_assert_eq!(alone.cursor(), terminal.cursor());
        }
        let again = terminal.paint(|next| {
            next.clone_from(&buffer);
            Finish { cursor: frames.last().and_then(|frame| frame.cursor), scroll: None }
        });
        prop_assert_eq!((again.bytes, again.writes), (0, 0));
    }

    #[test]
    fn what_is_painted_alone_is_what_the_buffer_holds((width, height, frames) in frames()) {
        let mut terminal = Terminal::new(width, height, ScreenOptions::default());
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        for frame in &frames {
            draw(&mut buffer, frame);
        }
        terminal.paint(|next| {
            next.clone_from(&buffer);
            Finish::default()
        });
        for (y, row) in terminal.seen().iter().enumerate() {
            let mut x = 0;
            while x < row.len() {
                let cell = &buffer[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())];
                let columns = flagstaff::text::columns(cell.symbol());
                let wanted = if x + columns > row.len() { " " } else { cell.symbol() };
                prop_assert_eq!(&row[x].0, wanted, "column {} of row {}", x, y);
                x += columns.max(1);
            }
        }
    }
}

#[test]
fn a_cell_that_holds_an_escape_sequence_does_not_act() {
    let mut terminal = Terminal::new(10, 2, ScreenOptions::default());
    terminal.paint(|buffer| {
        buffer.set_string(0, 0, "safe", Style::new());
        buffer[(5, 0)].set_symbol("\u{1b}[2J");
        buffer[(6, 0)].set_symbol("\u{9b}");
        buffer[(7, 0)].set_symbol("");
        Finish::default()
    });
    assert_eq!(terminal.rows(), ["safe ??", ""]);
}

#[test]
fn half_a_wide_character_at_the_edge_is_a_blank() {
    let mut terminal = Terminal::new(3, 1, ScreenOptions::default());
    let painted = terminal.paint(|buffer| {
        buffer[(2, 0)].set_symbol("漢");
        buffer.set_string(0, 0, "ab", Style::new());
        Finish::default()
    });
    assert_eq!(terminal.rows(), ["ab"]);
    assert!(!terminal.last(painted.bytes).contains('漢'));
}

#[test]
fn behind_the_last_column_and_behind_doubtful_widths_no_move_is_relative() {
    let mut terminal = Terminal::new(12, 3, ScreenOptions { sync: false, ..ScreenOptions::default() });
    terminal.paint(|_| Finish::default());
    // Terminals differ about where the cursor is after the last column.
    let painted = terminal.paint(|buffer| {
        buffer.set_string(11, 1, "x", Style::new());
        Finish { cursor: Some(Position { x: 10, y: 1 }), scroll: None }
    });
    let sent = terminal.last(painted.bytes);
    assert!(sent.contains("xE[2;11H") || sent.contains("x\rE[10C"), "{sent}");
    // And about the columns of an emoji.
    let painted = terminal.paint(|buffer| {
        buffer.set_string(11, 1, "x", Style::new());
        buffer.set_string(2, 0, "😀ab", Style::new());
        Finish { cursor: Some(Position { x: 0, y: 0 }), scroll: None }
    });
    let sent = terminal.last(painted.bytes);
    assert!(sent.contains("😀E[;5Hab"), "{sent}");
}

#[test]
fn a_wrong_word_about_moved_rows_costs_nothing() {
    let mut terminal = Terminal::new(20, 6, ScreenOptions::default());
    let write = |scroll| {
        move |buffer: &mut Buffer| {
            for y in 0..6 {
                buffer.set_string(0, y, format!("row {y} of the list"), Style::new());
            }
            Finish { cursor: None, scroll }
        }
    };
    terminal.paint(write(None));
    for (top, rows, by) in [(0, 6, 1), (0, 6, -3), (2, 4, 2), (4, 9, 1), (0, 2, 5), (u16::MAX, 2, 1)] {
        assert_eq!(terminal.paint(write(Some(Scroll { top, rows, by }))).bytes, 0);
    }
}

#[test]
fn after_another_size_or_a_foreign_hand_the_whole_screen_is_painted() {
    let mut terminal = Terminal::new(6, 2, ScreenOptions::default());
    let write = |buffer: &mut Buffer| {
        buffer.set_string(0, 0, "abc", Style::new());
        Finish::default()
    };
    terminal.paint(write);
    terminal.parser.process(b"\x1b[1;1Hgarbage\x1b[31;7m");
    assert_eq!(terminal.paint(write).bytes, 0);
    terminal.screen.forget();
    terminal.paint(write);
    assert_eq!(terminal.rows(), ["abc", ""]);
    let size = |n| std::num::NonZeroU16::new(n).unwrap();
    terminal.parser.screen_mut().set_size(size(3), size(4));
    terminal.screen.resize(4, 3);
    terminal.paint(write);
    assert_eq!(terminal.rows(), ["abc", "", ""]);
    assert_eq!(terminal.screen.size(), (4, 3));
}

#[test]
fn a_title_is_sent_when_it_changes_and_cannot_end_itself() {
    let mut terminal = Terminal::new(4, 1, ScreenOptions::default());
    terminal.paint(|_| Finish::default());
    terminal.screen.set_title("prod\u{7}\u{1b}]52;c;x");
    let painted = terminal.paint(|_| Finish::default());
    assert_eq!(terminal.last(painted.bytes), "E]2;prod\\u{7}\\u{1b}]52;c;x\u{7}");
    assert_eq!(terminal.paint(|_| Finish::default()).bytes, 0);
}

#[test]
fn a_copy_is_sent_whole_or_refused() {
    let mut terminal = Terminal::new(4, 1, ScreenOptions::default());
    terminal.screen.copy_osc52(b"flag.key").unwrap();
    assert_eq!(terminal.last(20), "E]52;c;ZmxhZy5rZXk=\u{7}");
    let longest = vec![b'x'; flagstaff::terminal::screen::LONGEST_COPY];
    terminal.screen.copy_osc52(&longest).unwrap();
    let more = vec![b'x'; longest.len() + 1];
    assert!(terminal.screen.copy_osc52(&more).unwrap_err().to_string().contains("56245 bytes"));
}
