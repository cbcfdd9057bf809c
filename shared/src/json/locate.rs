//! Where in a text the value of a pointer stands, and which value stands at an offset.

use std::ops::Range;

use super::lex::{Token, TokenKind, tokens, unquoted};
use super::pointer::{Pointer, array_index};

/// The span of the value at a pointer, in bytes; `None` when the text has none there. Works on text
/// that is broken elsewhere; the first of two equal members counts.
pub fn locate(text: &str, pointer: &Pointer) -> Option<Range<usize>> {
    let steps: Vec<_> = pointer.tokens().collect();
    let mut found = None;
    walk(text, |frames, _, value| {
        let here = frames.len() == steps.len()
            && frames.iter().zip(&steps).rev().all(|(frame, step)| frame.is_at(step));
        if here {
            found = Some(value);
        }
        !here
    });
    found
}

/// The span of the value at a pointer or, if there is none, of the nearest value that should hold it:
/// where to show that a member is missing.
pub fn locate_nearest(text: &str, pointer: &Pointer) -> Option<Range<usize>> {
    let steps: Vec<_> = pointer.tokens().collect();
    let mut nearest: Option<(usize, Range<usize>)> = None;
    walk(text, |frames, _, value| {
        let deeper = nearest.as_ref().is_none_or(|(depth, _)| frames.len() > *depth);
        if deeper
            && frames.len() <= steps.len()
            && frames.iter().zip(&steps).all(|(frame, step)| frame.is_at(step))
        {
            nearest = Some((frames.len(), value));
        }
        true
    });
    nearest.map(|(_, range)| range)
}

/// The pointer to the innermost value whose text, or whose member's name, holds the byte at `offset`;
/// `None` outside of the document.
pub fn pointer_at(text: &str, offset: usize) -> Option<Pointer> {
    let mut found = None;
    walk(text, |frames, name, value| {
        let start = name.map_or(value.start, |name| name.start);
        if (start..value.end).contains(&offset) {
            let mut pointer = Pointer::root();
            for frame in frames {
                frame.step(&mut pointer);
            }
            found = Some(pointer);
        }
        found.is_none()
    });
    found
}

/// An open container and the place in it where the walk is.
struct Frame {
    start: usize,
    place: Place,
}

enum Place {
    Member(Option<(String, Range<usize>)>),
    Element(usize),
}

impl Frame {
    fn is_at(&self, step: &str) -> bool {
        match &self.place {
            Place::Member(name) => name.as_ref().is_some_and(|(name, _)| name == step),
            Place::Element(index) => array_index(step) == Some(*index),
        }
    }

    fn step(&self, pointer: &mut Pointer) {
        match &self.place {
            Place::Member(name) => pointer.push(name.as_ref().map_or("", |(name, _)| name)),
            Place::Element(index) => pointer.push(&index.to_string()),
        }
    }

    const fn is_object(&self) -> bool {
        matches!(self.place, Place::Member(_))
    }
}

/// Shows each value once it is complete, so inner ones first: the containers around it, the span of its
/// member's name, its own span. Stops when `visit` says false. Keeps its own stack: any depth is fine.
fn walk(text: &str, mut visit: impl FnMut(&[Frame], Option<Range<usize>>, Range<usize>) -> bool) {
    let mut frames: Vec<Frame> = Vec::new();
    let mut show = |frames: &[Frame], value: Range<usize>| match frames.last().map(|frame| &frame.place) {
        // A value without a name in an object has no pointer.
        Some(Place::Member(None)) => true,
        Some(Place::Member(Some((_, name)))) => visit(frames, Some(name.clone()), value),
        _ => visit(frames, None, value),
    };
    let mut end = 0;
    let mut open = [0_usize; 2];
    for Token { kind, range } in tokens(text).into_iter().filter(|t| t.kind != TokenKind::Whitespace) {
        let literal = text.get(range.clone()).unwrap_or("");
        let before = std::mem::replace(&mut end, range.end);
        match (kind, literal) {
            (TokenKind::Brace | TokenKind::Bracket, "{" | "[") => {
                let object = literal == "{";
                let place = if object { Place::Member(None) } else { Place::Element(0) };
                frames.push(Frame { start: range.start, place });
                *of(&mut open, object) += 1;
            }
            (TokenKind::Brace | TokenKind::Bracket, _) => {
                let object = literal == "}";
                if *of(&mut open, object) == 0 {
                    continue;
                }
                // Containers of the other sort that were left open end here.
                while let Some(frame) = frames.pop() {
                    let matches = frame.is_object() == object;
                    *of(&mut open, frame.is_object()) -= 1;
                    if !show(&frames, frame.start..if matches { range.end } else { before }) {
                        return;
                    }
                    if matches {
                        break;
                    }
                }
            }
            (TokenKind::Comma, _) => match frames.last_mut().map(|frame| &mut frame.place) {
                Some(Place::Member(name)) => *name = None,
                Some(Place::Element(index)) => *index += 1,
                None => {}
            },
            (TokenKind::Colon, _) => {}
            (TokenKind::Key, _) if frames.last().is_some_and(Frame::is_object) => {
                if let Some(frame) = frames.last_mut() {
                    frame.place = Place::Member(Some((unquoted(literal), range)));
                }
            }
            _ => {
                if !show(&frames, range) {
                    return;
                }
            }
        }
    }
    while let Some(frame) = frames.pop() {
        if !show(&frames, frame.start..end) {
            return;
        }
    }
}

const fn of(open: &mut [usize; 2], object: bool) -> &mut usize {
    let [arrays, objects] = open;
    if object { objects } else { arrays }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, pointer: &str) -> Option<&'a str> {
        locate(text, &Pointer::parse(pointer).unwrap()).map(|range| &text[range])
    }

    const TEXT: &str = "{ \"a\": [1, {\"b/c\": \"é\"}],\n  \"on\" : true }";

    #[test]
    fn each_value_is_found_by_its_pointer() {
        assert_eq!(at(TEXT, ""), Some(TEXT));
        assert_eq!(at(TEXT, "/a"), Some("[1, {\"b/c\": \"é\"}]"));
        assert_eq!(at(TEXT, "/a/0"), Some("1"));
        assert_eq!(at(TEXT, "/a/1/b~1c"), Some("\"é\""));
        assert_eq!(at(TEXT, "/on"), Some("true"));
        for absent in ["/b", "/a/2", "/a/0/x", "/a/00"] {
            assert_eq!(at(TEXT, absent), None, "{absent}");
        }
    }

    #[test]
    fn a_missing_member_is_shown_at_its_holder() {
        let nearest = |pointer: &str| &TEXT[locate_nearest(TEXT, &Pointer::parse(pointer).unwrap()).unwrap()];
        assert_eq!(nearest("/a/1/missing/deep"), "{\"b/c\": \"é\"}");
        assert_eq!(nearest("/a/0"), "1");
        assert_eq!(nearest("/nothing"), TEXT);
    }

    #[test]
    fn broken_text_is_located_as_far_as_it_goes() {
        assert_eq!(at(r#"{"a": tru, "b": [1, {"c": 2"#, "/a"), Some("tru"));
        assert_eq!(at(r#"{"a": tru, "b": [1, {"c": 2"#, "/b/1/c"), Some("2"));
        assert_eq!(at(r#"{"a": tru, "b": [1, {"c": 2"#, "/b/1"), Some(r#"{"c": 2"#));
        assert_eq!(at(r#"{"a": [1, 2}, 3"#, "/a"), Some("[1, 2"));
        assert_eq!(at(r#"] {"a": 1}"#, "/a"), Some("1"));
        assert_eq!(at("", ""), None);
    }

    #[test]
    fn an_offset_leads_to_the_innermost_value() {
        let pointer = |needle: &str| {
            pointer_at(TEXT, TEXT.find(needle).unwrap()).map_or("none".to_owned(), |p| p.to_string())
        };
        assert_eq!(pointer("1"), "/a/0");
        assert_eq!(pointer("b/c"), "/a/1/b~1c");
        assert_eq!(pointer("on"), "/on");
        assert_eq!(pointer(": true"), "/on");
        assert_eq!(pointer("é"), "/a/1/b~1c");
        assert_eq!(pointer(", {"), "/a");
        assert_eq!(pointer("{ "), "");
        assert_eq!(pointer_at("  1 ", 0), None);
        assert_eq!(pointer_at("  1 ", 3), None);
    }

    #[test]
    fn deep_text_needs_no_deep_stack() {
        let deep = "[".repeat(100_000);
        assert_eq!(locate(&deep, &Pointer::root()), Some(0..100_000));
        let crossed = format!("{}{}", "[".repeat(50_000), "}".repeat(50_000));
        assert_eq!(locate(&crossed, &Pointer::root()), Some(0..100_000));
    }
}
