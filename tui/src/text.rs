//! Text for cells: made harmless, measured and cut by what a reader sees.

use std::borrow::Cow;
use std::fmt::Write as _;
use time::OffsetDateTime;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands at the end of text that was cut.
const CUT: &str = "..";
/// The count of marks at which the next one is escaped.
const NO_BASE: u8 = 4;

/// Whether a character would act on the terminal, on the order of reading, or not be seen at all.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A mark that is drawn onto the character before it.
fn combines(c: char) -> bool {
    c.width() == Some(0)
}

fn plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Text from outside with everything escaped that could act on the terminal or hide: control
/// characters, changes of the reading direction, characters without width, and marks that would
/// be drawn onto what stands before the text.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    // Marks since the last base. A mark needs a base; after the third, more only smear the rows above.
    let mut marks = NO_BASE;
    for part in graphemes(text) {
        let seen = part.width() > 0;
        for c in part.chars() {
            marks = match c {
                c if hidden(c) || !seen => NO_BASE,
                c if !combines(c) => 0,
                _ => (marks + 1).min(NO_BASE),
            };
            match c {
                c if marks < NO_BASE => out.push(c),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
            }
        }
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The parts of text that a reader takes for one character. Not escaped: see [`shown`].
pub fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.graphemes(true)
}

/// The columns of one grapheme: 1, or 2 for a wide one; 0 only for text that [`shown`] escapes.
#[must_use]
pub fn columns(grapheme: &str) -> usize {
    if plain(grapheme) { grapheme.len() } else { grapheme.width().min(2) }
}

/// The columns that text takes, once it is [`shown`].
#[must_use]
pub fn width(text: &str) -> usize {
    let text = shown(text);
    if plain(&text) { text.len() } else { graphemes(&text).map(columns).sum() }
}

/// The longest beginning of shown text in at most this many columns.
fn beginning(text: &str, most: usize) -> (&str, usize) {
    let mut used = 0;
    let mut end = 0;
    for part in graphemes(text) {
        let next = used + columns(part);
        if next > most {
            break;
        }
        used = next;
        end += part.len();
    }
    (text.get(..end).unwrap_or(text), used)
}

/// Text, [`shown`], cut to at most `columns`; `..` at the end says that it was cut.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let text = shown(text);
    let (whole, _) = beginning(&text, columns);
    if whole.len() == text.len() {
        return text.into_owned();
    }
    if columns <= CUT.len() {
        return CUT.chars().take(columns).collect();
    }
    let (part, _) = beginning(&text, columns - CUT.len());
    format!("{part}{CUT}")
}

/// Text as by [`fit`], filled up with spaces to exactly `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// Text as by [`fit`], with the spaces before it: for numbers in a column.
#[must_use]
pub fn pad_left(text: &str, columns: usize) -> String {
    let out = fit(text, columns);
    let missing = columns.saturating_sub(width(&out));
    let mut padded = " ".repeat(missing);
    padded.push_str(&out);
    padded
}

/// Lines of at most `columns`, broken at spaces, or within a word that is longer than a line.
/// The line breaks of the text stay; everything else is [`shown`].
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let paragraph = shown(paragraph.trim_end_matches('\r'));
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ') {
            let wide = width(word);
            if used > 0 && used + 1 + wide > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if used > 0 || !line.is_empty() {
                line.push(' ');
                used += 1;
            }
            let mut rest = word;
            while used + width(rest) > columns {
                let (part, taken) = beginning(rest, columns - used);
                if taken == 0 && used == 0 {
                    break;
                }
                line.push_str(part);
                lines.push(std::mem::take(&mut line));
                used = 0;
                rest = rest.get(part.len()..).unwrap_or_default();
            }
            line.push_str(rest);
            used += width(rest);
        }
        lines.push(line);
    }
    lines
}

/// How long ago, in the largest whole unit up to days: `2s`, `14m`, `3h`, `94d`. What lies ahead
/// (a clock that goes wrong) is `0s`.
#[must_use]
pub fn age(then: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - then).whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A number with commas between thousands: `10,214`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds as minutes and seconds, `09:41`, with hours only when there are any, `1:00:00`.
/// Nothing below zero.
#[must_use]
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes:02}:{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn nothing_that_acts_on_the_terminal_or_hides_is_shown_as_it_is() {
        assert_eq!(shown("plain words"), "plain words");
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown("two\nlines\tand\r"), "two\\nlines\\tand\\r");
        assert_eq!(shown("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(shown("user\u{202e}gpj.exe"), "user\\u{202e}gpj.exe");
        assert_eq!(shown("pay\u{200b}ment"), "pay\\u{200b}ment");
        assert_eq!(shown("a\u{fe0f}\u{200d}"), "a\\u{fe0f}\\u{200d}");
        assert_eq!(shown("\u{e0041}"), "\\u{e0041}");
    }

    #[test]
    fn letters_of_all_languages_are_shown_as_they_are() {
        for text in ["größe", "e\u{301}té", "漢字", "עברית", "ไทย", "😀"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_mark_without_a_base_or_a_tower_of_marks_is_escaped() {
        assert_eq!(shown("\u{301}a"), "\\u{301}a");
        assert_eq!(shown("\n\u{301}"), "\\n\\u{301}");
        assert_eq!(shown("a\u{301}\u{301}\u{301}\u{301}"), "a\u{301}\u{301}\u{301}\\u{301}");
    }

    #[test]
    fn text_is_measured_in_columns_and_cut_at_whole_characters() {
        assert_eq!(width("漢字"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("\u{1b}"), 6);
        assert_eq!(fit("pay.new-checkout", 10), "pay.new-..");
        assert_eq!(fit("pay", 3), "pay");
        assert_eq!(fit("漢字漢字", 7), "漢字..");
        assert_eq!(fit("漢字漢字", 5), "漢..");
        assert_eq!(fit("abc", 2), "..");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(pad("漢字漢字", 5), "漢.. ");
        assert_eq!(pad_left("7", 3), "  7");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("a\n\nb\u{7}", 20), ["a", "", "b\\u{7}"]);
        assert_eq!(wrap("漢字", 1), ["漢字"]);
    }

    #[test]
    fn times_and_numbers_are_short() {
        let now = datetime!(2026-01-05 12:00 UTC);
        let ago = |seconds| age(now - time::Duration::seconds(seconds), now);
        assert_eq!(
            [ago(2), ago(14 * 60), ago(3 * 3600 + 5), ago(86_400), ago(94 * 86_400), ago(-5)],
            ["2s", "14m", "3h", "1d", "94d", "0s"]
        );
        assert_eq!(
            [count(0), count(999), count(10_214), count(1_000_000)],
            ["0", "999", "10,214", "1,000,000"]
        );
        assert_eq!([clock(581), clock(-3), clock(3_600)], ["09:41", "00:00", "1:00:00"]);
    }

    proptest! {
        #[test]
        fn any_text_becomes_harmless_fits_and_fills_exactly(text in any::<String>(), most in 0_usize..40) {
            let safe = shown(&text);
            prop_assert!(!safe.chars().any(hidden));
            prop_assert_eq!(shown(&safe), safe.clone());
            prop_assert!(width(&fit(&text, most)) <= most);
            prop_assert_eq!(width(&pad(&text, most)), most);
            for part in graphemes(&safe) {
                prop_assert!((1..=2).contains(&columns(part)), "{:?}", part);
            }
        }
    }
}
