//! What becomes a key, and what never does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use flagstaff::key::Press;
use flagstaff::terminal::input::{Input, InputEvent, Mouse, MouseDid};
use flagstaff::terminal::reader::Reader;
use proptest::prelude::*;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What terminals send without being asked for a key: colours, modes, names, sizes, capabilities.
const ANSWERS: [&[u8]; 24] = [
    b"\x1b]11;rgb:ffff/eeee/dddd\x1b\\",
    b"\x1b]11;rgb:ffff/eeee/dddd\x07",
    b"\x1b]4;1;rgb:cdcd/0000/0000\x1b\\",
    b"\x1b]52;c;ZGRkZA==\x07",
    b"\x1b]lqD title\x1b\\",
    b"\x1b]99;nonsense that no one knows: jjkkdd\x1b\\",
    b"\x1bP>|tmux 3.3a\x1b\\",
    b"\x1bP1$r0 q\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP!|7E565445\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^private\x1b\\",
    b"\x1bXstart of string\x1b\\",
    b"\x1b[?2026;2$y",
    b"\x1b[4;2$y",
    b"\x1b[?997;1n",
    b"\x1b[0n",
    b"\x1b[?62;22c",
    b"\x1b[>41;330;0c",
    b"\x1b[=1;2c",
    b"\x1b[24;80R",
    b"\x1b[8;24;80t",
    b"\x1b[?1u",
    b"\x1b[>1;2;29 q",
];

fn key(name: &str) -> InputEvent {
    InputEvent::Key(name.parse().unwrap())
}

fn keys(names: &[&str]) -> Vec<InputEvent> {
    names.iter().map(|name| key(name)).collect()
}

/// All events of reads that come so far apart, and of the silence after them.
fn read(reads: &[&[u8]], gap: Duration) -> Vec<InputEvent> {
    let mut input = Input::new();
    let mut now = Instant::now();
    let mut events = Vec::new();
    for bytes in reads {
        let next = now + gap;
        while let Some(due) = input.due().filter(|due| *due < next) {
            events.extend(input.feed(b"", due));
        }
        now = next;
        events.extend(input.feed(bytes, now));
    }
    while let Some(due) = input.due() {
        events.extend(input.feed(b"", due));
    }
    events
}

fn at_once(bytes: &[u8]) -> Vec<InputEvent> {
    read(&[bytes], Duration::ZERO)
}

#[test]
fn no_answer_of_a_terminal_becomes_a_key_wherever_it_is_cut() {
    for answer in ANSWERS {
        for cut in 0..=answer.len() {
            let (one, two) = answer.split_at(cut);
            let two = [two, b"jd"].concat();
            let events = read(&[one, &two], Duration::from_millis(5));
            assert_eq!(events, keys(&["j", "d"]), "{:?} cut at {cut}", String::from_utf8_lossy(answer));
        }
        let bytes: Vec<&[u8]> = answer.chunks(1).chain([&b"j"[..]]).collect();
        assert_eq!(read(&bytes, Duration::from_millis(5)), keys(&["j"]));
    }
}

#[test]
fn on_a_slow_line_an_answer_is_at_worst_an_esc() {
    for answer in ANSWERS {
        for cut in 2..answer.len() {
            let (one, two) = answer.split_at(cut);
            let two = [two, b"j"].concat();
            let events = read(&[one, &two], Duration::from_millis(400));
            assert_eq!(events, keys(&["j"]), "{:?} cut at {cut}", String::from_utf8_lossy(answer));
        }
    }
    for answer in [&ANSWERS[0], &ANSWERS[6], &ANSWERS[13], &ANSWERS[15]] {
        let (one, two) = answer.split_at(1);
        let events = read(&[one, two, b"j"], Duration::from_millis(400));
        assert_eq!(events, keys(&["esc", "j"]), "{:?}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn keys_are_known_by_their_sequences() {
    for (bytes, name) in [
        (&b"a"[..], "a"),
        (b"G", "G"),
        (b" ", "space"),
        ("é".as_bytes(), "é"),
        ("漢".as_bytes(), "漢"),
        (b"\r", "enter"),
        (b"\t", "tab"),
        (b"\x1b[Z", "shift-tab"),
        (b"\x7f", "backspace"),
        (b"\x08", "backspace"),
        (b"\x18", "ctrl-x"),
        (b"\x1b", "esc"),
        (b"\x1b[A", "up"),
        (b"\x1bOB", "down"),
        (b"\x1b[1;5C", "ctrl-right"),
        (b"\x1b[1;2D", "shift-left"),
        (b"\x1b[5~", "pgup"),
        (b"\x1b[6~", "pgdn"),
        (b"\x1b[3~", "delete"),
        (b"\x1b[H", "home"),
        (b"\x1b[4~", "end"),
        (b"\x1bOP", "f1"),
        (b"\x1b[[A", "f1"),
        (b"\x1b[24~", "f12"),
        (b"\x1bx", "alt-x"),
        ("\u{1b}é".as_bytes(), "alt-é"),
        (b"\x1b[27u", "esc"),
        (b"\x1b[120;5u", "ctrl-x"),
        (b"\x1b[120;6u", "ctrl-x"),
        (b"\x1b[97;2u", "A"),
        (b"\x1b[9;2u", "shift-tab"),
    ] {
        assert_eq!(at_once(bytes), [key(name)], "{name}");
        let cut: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&cut, Duration::from_millis(5)), [key(name)], "{name}, byte by byte");
    }
    // Released, and held with a key that is for the window.
    assert_eq!(at_once(b"\x1b[97;1:3u\x1b[100;9u"), []);
}

#[test]
fn esc_acts_when_nothing_follows_it_in_time() {
    let mut input = Input::new();
    let now = Instant::now();
    assert_eq!(input.feed(b"\x1b", now), []);
    let due = input.due().unwrap();
    assert_eq!(due - now, Duration::from_millis(30));
    assert_eq!(input.feed(b"", due - Duration::from_millis(1)), []);
    assert_eq!(input.feed(b"", due), keys(&["esc"]));
    assert_eq!(input.due(), None);
    assert_eq!(read(&[b"\x1b", b"q"], Duration::from_millis(400)), keys(&["esc", "q"]));
    assert_eq!(read(&[b"\x1b", b"[", b"j"], Duration::from_millis(400)), keys(&["esc", "[", "j"]));
    assert_eq!(at_once(b"\x1b\x1b"), keys(&["esc", "esc"]));
}

#[test]
fn a_beginning_that_nothing_follows_does_not_hold_the_keyboard_for_long() {
    for begun in [&b"\x1b]"[..], b"\x1b[", b"\x1bP", b"\x1bO", b"\x1b_", b"\x1b[M", b"\xe6\xbc"] {
        let events = read(&[begun, b"j"], Duration::from_millis(1_500));
        assert_eq!(events, keys(&["j"]), "{begun:?}");
    }
    // Whoever waits presses Enter, or ^C.
    assert_eq!(read(&[b"\x1b]", b"q", b"\x03"], Duration::from_millis(200)), keys(&["ctrl-c"]));
}

#[test]
fn a_paste_is_one_event_whatever_is_in_it() {
    let pasted = |text: &str| vec![InputEvent::Paste(text.to_owned())];
    assert_eq!(at_once(b"\x1b[200~ddd\r\nD\ry\x1b[201~"), pasted("ddd\nD\ny"));
    let hostile = b"\x1b[200~a\x1b[A\x1b[20\x1b]11;x\x07 \xff\x1b[201~j";
    let cut: Vec<&[u8]> = hostile.chunks(1).collect();
    let mut wanted = pasted("a\u{1b}[A\u{1b}[20\u{1b}]11;x\u{7} \u{fffd}");
    wanted.extend(keys(&["j"]));
    assert_eq!(read(&cut, Duration::from_millis(5)), wanted);
    let long = [b"\x1b[200~".to_vec(), vec![b'd'; 3 << 20], b"\x1b[201~".to_vec()].concat();
    let events = at_once(&long);
    assert!(matches!(&events[..], [InputEvent::Paste(text)] if text.len() == 1 << 20));
}

#[test]
fn the_focus_and_the_mouse_are_told() {
    assert_eq!(at_once(b"\x1b[I\x1b[O"), [InputEvent::FocusGained, InputEvent::FocusLost]);
    let did = |did| InputEvent::Mouse(Mouse { column: 299, row: 4, did });
    assert_eq!(at_once(b"\x1b[<0;300;5M\x1b[<0;300;5m"), [did(MouseDid::Click)]);
    assert_eq!(
        at_once(b"\x1b[<64;300;5M\x1b[<65;300;5M"),
        [did(MouseDid::Wheel(-1)), did(MouseDid::Wheel(1))]
    );
}

fn bursts(events: &[InputEvent]) -> Vec<(String, bool)> {
    let burst = |event: &InputEvent| match event {
        InputEvent::Key(press) => (press.to_string(), press.burst),
        other => panic!("{other:?}"),
    };
    events.iter().map(burst).collect()
}

#[test]
fn keys_that_come_all_at_once_are_marked() {
    let marked = |bytes: &[u8]| bursts(&at_once(bytes)).iter().all(|(_, burst)| *burst);
    assert!(marked(b"dpsD"));
    assert_eq!(bursts(&at_once(b"abc\r")).last(), Some(&("enter".to_owned(), true)));
    assert!(!marked(b"gd"));
    assert!(!marked(b"abc"));
    assert!(bursts(&at_once(b"\x1b[B\x1b[B\x1b[B\x1b[B")).iter().all(|(_, burst)| !burst));
    let apart = |gap| bursts(&read(&[b"a", b"b", b"c", b"D"], Duration::from_millis(gap)));
    assert_eq!(apart(5).last(), Some(&("D".to_owned(), true)));
    assert_eq!(apart(60).last(), Some(&("D".to_owned(), false)));
    // The end of a paste that came in two reads.
    assert!(bursts(&read(&[&[b'x'; 4096], b"D"], Duration::from_millis(10))).iter().all(|(_, burst)| *burst));
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::sample::select(ANSWERS.to_vec()).prop_map(<[u8]>::to_vec),
        proptest::collection::vec(any::<u8>(), 0..6),
        proptest::collection::vec(
            proptest::sample::select(b"\x1b[]P_O?<>;:0123456789~uMRS$ y\\\x07".to_vec()),
            0..8
        ),
        Just(b"\x1b[200~text".to_vec()),
        Just(b"\x1b[201~".to_vec()),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(bytes in noise(), size in 1_usize..9) {
        let whole = at_once(&bytes);
        let cut: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(read(&cut, Duration::ZERO), whole);
    }

    #[test]
    fn answers_between_keys_add_no_key(picked in proptest::collection::vec(0..ANSWERS.len(), 1..6), size in 1_usize..40) {
        let mut bytes = Vec::new();
        for answer in &picked {
            bytes.extend_from_slice(ANSWERS[*answer]);
            bytes.push(b'j');
        }
        let cut: Vec<&[u8]> = bytes.chunks(size).collect();
        let events = read(&cut, Duration::from_millis(1));
        prop_assert_eq!(events, vec![InputEvent::Key(Press::char('j')); picked.len()]);
    }
}

#[test]
fn a_reader_that_is_stopped_leaves_the_next_bytes_for_others() {
    let (mut keyboard, mut hand) = std::io::pipe().unwrap();
    let (sender, events) = mpsc::channel();
    let mut reader =
        Reader::start(keyboard.try_clone().unwrap(), move |events| sender.send(events).is_ok()).unwrap();
    hand.write_all(b"a\x1b").unwrap();
    let mut got = events.recv().unwrap();
    got.extend(events.recv().unwrap());
    assert_eq!(got, keys(&["a", "esc"]));
    reader.stop();
    hand.write_all(b"for the editor").unwrap();
    let mut stolen = [0; 14];
    keyboard.read_exact(&mut stolen).unwrap();
    assert_eq!(&stolen, b"for the editor");
    let (sender, events) = mpsc::channel();
    let _again = Reader::start(keyboard, move |events| sender.send(events).is_ok()).unwrap();
    hand.write_all(b"b").unwrap();
    assert_eq!(events.recv().unwrap(), keys(&["b"]));
    drop(hand);
    assert_eq!(events.recv().unwrap(), [InputEvent::Closed]);
}
